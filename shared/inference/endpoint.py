"""The URL of a model and the names of its settings."""

from dataclasses import dataclass, field

import httpx

from shared.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model at a URL. `str()` names it without the URL, which may hold a password.

    Args:
        operation: `chat` or `embeddings`.
        prefix: the names of its settings are `<prefix>_URL` and `<prefix>_MODEL`.
        url: where requests are sent.
        model: the model's name.

    Raises:
        ConfigurationError: the URL is not absolute, or its scheme is not http or https.
    """

    operation: str
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

    @property
    def path(self) -> str:
        """The URL's path, without a trailing slash."""
        return httpx.URL(self.url).path.rstrip("/")

    def __str__(self) -> str:
        """Return the model's operation, name and host."""
        return f"The {self.operation} model {self.model} at {httpx.URL(self.url).host}"
