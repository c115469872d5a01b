"""Embeddings from Hugging Face, or from any host with one of its APIs."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from shared.errors import ConfigurationError, InferenceError
from shared.inference.endpoint import Endpoint
from shared.inference.replies.embedding_reply import read_embeddings

if TYPE_CHECKING:
    from shared.inference.circuit_breaker import CircuitBreaker
    from shared.inference.http_client import InferenceClient
    from shared.settings import Settings
    from shared.vectors import Vector

_BATCH_SIZE = 32
_HUB_PIPELINE = "/pipeline/feature-extraction"
_OPENAI_PATHS = ("/embeddings", "/api/embed")  # the latter is Ollama's


class HuggingFaceEmbedder:
    """An `Embedder` over HTTP, behind a circuit breaker.

    A URL whose path ends in `/embeddings` or `/api/embed` gets OpenAI's request (`{"model",
    "input"}`). Any other gets Hugging Face's (`{"inputs", "normalize", "truncate"}`), as the hub
    and `/embed` of text-embeddings-inference accept it. The reply is read in any of their forms.

    Raises:
        ConfigurationError: the URL is invalid, or it is the hub's URL of another model.
    """

    def __init__(
        self,
        client: "InferenceClient",
        settings: "Settings",
        breaker: "CircuitBreaker | None" = None,
    ) -> None:
        self.model = settings.embedding_model
        self.dimensions = settings.embedding_dimensions
        self._client = client
        self._breaker = breaker
        url = settings.embedding_url
        self._endpoint = Endpoint("embeddings", f"{settings.vendor}_EMBEDDING", url, self.model)
        path = self._endpoint.url.path.rstrip("/")
        self._input_name = "inputs"
        self._parameters: dict[str, Any] = {"normalize": True, "truncate": True}
        if path.endswith(_OPENAI_PATHS):
            self._input_name = "input"
            self._parameters = {"model": self.model, "encoding_format": "float"}
            if settings.has_embedding_dimensions:
                self._parameters["dimensions"] = self.dimensions
        # The model's name is a part of the key of each cached embedding, so it must be right.
        if path.endswith(_HUB_PIPELINE) and not path.endswith(f"/{self.model}{_HUB_PIPELINE}"):
            raise ConfigurationError(
                f"{self._endpoint.prefix}_URL does not serve {self._endpoint.prefix}_MODEL"
                f" ({self.model}):"
                " set both to the same model"
            )

    async def embed(self, texts: Sequence[str]) -> list["Vector"]:
        """Return one canonical embedding for each text, in order; 32 texts a request."""
        vectors: list[Vector] = []
        async with self._breaker.call() if self._breaker else nullcontext():
            for start in range(0, len(texts), _BATCH_SIZE):
                vectors += await self._embed_batch(list(texts[start : start + _BATCH_SIZE]))
        return vectors

    async def _embed_batch(self, texts: list[str]) -> list["Vector"]:
        body = {self._input_name: texts, **self._parameters}
        reply = await self._client.post(self._endpoint, body)
        try:
            return read_embeddings(reply, len(texts), self.dimensions, self._endpoint.prefix)
        except ValueError as error:
            raise InferenceError(f"{self._endpoint} sent {error}.") from None
