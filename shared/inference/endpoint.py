"""The URL of a model and the names of its settings."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model at a URL. `str()` names it without the URL, which may hold a password.

    Args:
        purpose: what the model is, for messages.
        prefix: the names of its settings are `<prefix>_URL` and `<prefix>_MODEL`.
        url: where requests are sent.
        model: the model's name.

    Raises:
        ConfigurationError: the URL is not absolute, or its scheme is not http or https.
    """

    purpose: str
    prefix: str
    url: str = field(repr=False)
    model: str

    def __post_init__(self) -> None:
        """Check the URL at start-up, not at the first question."""
        try:
            url = httpx.URL(self.url)
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in {"http", "https"} or not url.host:
            raise ConfigurationError(
                f"{self.prefix}_URL must be an absolute URL that begins with https:// or http://"
            )

    @classmethod
    def for_embeddings(cls, settings: "Settings") -> "Endpoint":
        """Return the endpoint of the embedding model."""
        return cls(
            "embedding model", "HF_EMBEDDING", settings.embedding_url, settings.embedding_model
        )

    @classmethod
    def for_chat(cls, settings: "Settings") -> "Endpoint":
        """Return the endpoint of the chat model."""
        return cls("chat model", "HF_CHAT", settings.chat_url, settings.chat_model)

    @property
    def path(self) -> str:
        """The URL's path, without a trailing slash."""
        return httpx.URL(self.url).path.rstrip("/")

    def __str__(self) -> str:
        """Return the model's purpose, name and host."""
        return f"The {self.purpose} {self.model} at {httpx.URL(self.url).host}"
