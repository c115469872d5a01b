"""Embeddings from Hugging Face, or from any host with one of its two APIs."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from shared.errors import ConfigurationError, InferenceError
from shared.inference.endpoint import Endpoint
from shared.vectors import canonical

if TYPE_CHECKING:
    from shared.inference.circuit_breaker import CircuitBreaker
    from shared.inference.http_client import InferenceClient
    from shared.settings import Settings
    from shared.vectors import Vector

_BATCH_SIZE = 32
_HUB_PIPELINE = "/pipeline/feature-extraction"


class HuggingFaceEmbedder:
    """An `Embedder` over HTTP, behind a circuit breaker.

    A URL whose path ends in `/embeddings` gets OpenAI's request (`{"model", "input"}`). Any other
    gets Hugging Face's (`{"inputs", "normalize", "truncate"}`), as the hub and `/embed` of
    text-embeddings-inference accept it. The shape of the reply decides how it is read.

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
        self._endpoint = Endpoint("embeddings", "HF_EMBEDDING", url, self.model)
        path = self._endpoint.url.path.rstrip("/")
        self._is_openai = path.endswith("/embeddings")
        # The model's name is a part of the key of each cached embedding, so it must be right.
        if path.endswith(_HUB_PIPELINE) and not path.endswith(f"/{self.model}{_HUB_PIPELINE}"):
            raise ConfigurationError(
                f"HF_EMBEDDING_URL does not serve HF_EMBEDDING_MODEL ({self.model}):"
                " set both to the same model"
            )

    async def embed(self, texts: Sequence[str]) -> list["Vector"]:
        """Return one canonical embedding for each text, in order; 32 texts a request."""
        vectors: list[Vector] = []
        async with self._breaker.call() if self._breaker else nullcontext():
            for start in range(0, len(texts), _BATCH_SIZE):
                batch = list(texts[start : start + _BATCH_SIZE])
                reply = await self._client.post(self._endpoint, self._body(batch), private=batch)
                vectors += [self._read_vector(row) for row in self._read_rows(reply, len(batch))]
        return vectors

    def _body(self, texts: list[str]) -> dict[str, Any]:
        if self._is_openai:
            return {"model": self.model, "input": texts, "encoding_format": "float"}
        return {"inputs": texts, "normalize": True, "truncate": True}

    def _read_rows(self, reply: Any, count: int) -> list[Any]:
        """Read `[N][dimensions]`, `[dimensions]` for one text, or OpenAI's `{"data": […]}`."""
        rows = _order_by_index(reply.get("data")) if isinstance(reply, dict) else reply
        if not isinstance(rows, list) or not rows:
            raise self._unusable("no list of embeddings")
        if not isinstance(rows[0], list):
            rows = [rows]
        if len(rows) != count:
            raise self._unusable(f"{len(rows)} embeddings for {count} texts")
        return rows

    def _read_vector(self, row: Any) -> "Vector":
        if isinstance(row, list) and row and isinstance(row[0], list):
            raise self._unusable(
                "a vector for each token instead of one for each text;"
                " set HF_EMBEDDING_MODEL to a sentence-transformers model"
            )
        if not isinstance(row, list) or not set(map(type, row)) <= {int, float}:
            raise self._unusable("an embedding that is not a list of numbers")
        if len(row) != self.dimensions:
            raise self._unusable(
                f"{len(row)} dimensions, but HF_EMBEDDING_DIMENSIONS is {self.dimensions}"
            )
        try:
            return canonical(row)
        except (ValueError, OverflowError) as error:
            raise self._unusable(f"an unusable embedding: {error}") from None

    def _unusable(self, what: str) -> InferenceError:
        return InferenceError(f"{self._endpoint} sent {what}.")


def _order_by_index(data: Any) -> list[Any] | None:
    """Order OpenAI's items by `index`; None unless the indexes are 0, 1, 2 and so on."""
    if not isinstance(data, list):
        return None
    by_index = {
        item["index"]: item.get("embedding")
        for item in data
        if isinstance(item, dict) and isinstance(item.get("index"), int)
    }
    indexes = range(len(data))
    return [by_index[index] for index in indexes] if by_index.keys() == set(indexes) else None
