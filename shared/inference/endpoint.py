"""The URL of a model and the names of its settings."""

import httpx

from shared.errors import ConfigurationError


class Endpoint:
    """A model at a URL. `str()` names it without the URL, which may hold a password.

    Args:
        operation: `chat` or `embeddings`.
        prefix: the names of its settings are `<prefix>_URL` and `<prefix>_MODEL`.
        url: where requests are sent.
        model: the model's name.

    Raises:
        ConfigurationError: the URL is not valid.
    """

    def __init__(self, operation: str, prefix: str, url: str, model: str) -> None:
        self.operation = operation
        self.prefix = prefix
        self.model = model
        self.refused_parameters: frozenset[str] = frozenset()
        """Optional parameters of requests that the host has refused."""
        try:
            self.url = httpx.URL(url)
        except httpx.InvalidURL:  # stricter than the settings' check, for example about hosts
            raise ConfigurationError(f"{prefix}_URL is not a valid URL") from None

    @property
    def vendor(self) -> str:
        """`HF` or `LLM`: how the names of the settings for all models begin."""
        return self.prefix.partition("_")[0]

    def __str__(self) -> str:
        """Return the model's operation, name and host."""
        return f"The {self.operation} model {self.model} at {self.url.host}"
