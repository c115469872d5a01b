"""Where a model is served, and what the operator calls it in the settings."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One model at one URL; `variable` begins the names of the two settings that say so.

    Raises:
        ConfigurationError: the URL is not one that a request can be sent to.
    """

    purpose: str
    variable: str
    url: str = field(repr=False)  # it may hold a password
    model: str

    def __post_init__(self) -> None:
        """Find out now, not at the first question."""
        try:
            url = httpx.URL(self.url)
            usable = url.scheme in {"http", "https"} and bool(url.host)
        except httpx.InvalidURL:
            usable = False
        if not usable:
            raise ConfigurationError(
                f"{self.variable}_URL must be a whole URL that begins with https:// or http://"
            )

    @classmethod
    def of_embeddings(cls, settings: "Settings") -> "Endpoint":
        """The embedding model that the settings name."""
        return cls(
            "embedding model", "HF_EMBEDDING", settings.embedding_url, settings.embedding_model
        )

    @classmethod
    def of_chat(cls, settings: "Settings") -> "Endpoint":
        """The language model that the settings name."""
        return cls("chat model", "HF_CHAT", settings.chat_url, settings.chat_model)

    @property
    def path(self) -> str:
        """The URL's path, without a slash at its end."""
        return httpx.URL(self.url).path.rstrip("/")

    def __str__(self) -> str:
        """Name it without the URL, which may hold a password."""
        return f"The {self.purpose} {self.model} at {httpx.URL(self.url).host}"
