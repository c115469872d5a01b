"""Embeddings from Hugging Face, or from any host that speaks one of its two forms."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared.errors import ConfigurationError, InferenceError
from shared.inference.endpoint import Endpoint
from shared.vectors import canonical

if TYPE_CHECKING:
    from shared.inference.http_client import InferenceClient
    from shared.settings import Settings
    from shared.vectors import Vector

_BATCH = 32
_HUB_PIPELINE = "/pipeline/feature-extraction"


class HuggingFaceEmbedder:
    """Embeds texts over HTTP: an `Embedder`.

    The URL's path tells the form of the request: one that ends in `/embeddings` is OpenAI's
    (`{"model", "input"}`), any other is Hugging Face's (`{"inputs", "normalize", "truncate"}`),
    as the hub and text-embeddings-inference's `/embed` take it. Replies are read by their shape.

    Raises:
        ConfigurationError: the URL is unusable, or is the hub's for another model.
    """

    def __init__(self, client: "InferenceClient", settings: "Settings") -> None:
        self.model = settings.embedding_model
        self.dimensions = settings.embedding_dimensions
        self._client = client
        self._endpoint = Endpoint.of_embeddings(settings)
        path = self._endpoint.path
        self._openai = path.endswith("/embeddings")
        # The model's name is in every cached embedding's key: it had better be true.
        if path.endswith(_HUB_PIPELINE) and not path.endswith(f"/{self.model}{_HUB_PIPELINE}"):
            raise ConfigurationError(
                f"HF_EMBEDDING_URL does not serve HF_EMBEDDING_MODEL ({self.model}):"
                " set both to the same model"
            )

    async def embed(self, texts: Sequence[str]) -> list["Vector"]:
        """Embed each text, 32 a request: one canonical vector each, in order.

        Each request has `inference_timeout` seconds, within the deadline.

        Raises:
            InferenceError: the model gave no usable answer.
        """
        vectors: list[Vector] = []
        for start in range(0, len(texts), _BATCH):
            batch = list(texts[start : start + _BATCH])
            reply = await self._client.post(self._endpoint, self._body(batch), private=batch)
            vectors += [self._vector(row) for row in self._rows(reply, len(batch))]
        return vectors

    def _body(self, texts: list[str]) -> dict[str, Any]:
        if self._openai:
            return {"model": self.model, "input": texts, "encoding_format": "float"}
        return {"inputs": texts, "normalize": True, "truncate": True}

    def _rows(self, reply: Any, count: int) -> list[Any]:
        """Read `[N][dimensions]`, `[dimensions]` for one text, or OpenAI's `{"data": […]}`."""
        rows = _by_index(reply.get("data")) if isinstance(reply, dict) else reply
        if not isinstance(rows, list) or not rows:
            raise self._unusable("no list of embeddings")
        if not isinstance(rows[0], list):
            rows = [rows]
        if len(rows) != count:
            raise self._unusable(f"{len(rows)} embeddings for {count} texts")
        return rows

    def _vector(self, row: Any) -> "Vector":
        if isinstance(row, list) and row and isinstance(row[0], list):
            raise self._unusable(
                "a vector for each token instead of one for each text;"
                " set HF_EMBEDDING_MODEL to a sentence-transformers model"
            )
        if not isinstance(row, list) or not set(map(type, row)) <= {int, float}:
            raise self._unusable("an embedding that is not a list of numbers")
        if len(row) != self.dimensions:
            raise self._unusable(
                f"{len(row)} dimensions where HF_EMBEDDING_DIMENSIONS says {self.dimensions}"
            )
        try:
            return canonical(row)
        except (ValueError, OverflowError) as error:
            raise self._unusable(f"an unusable embedding: {error}") from None

    def _unusable(self, what: str) -> InferenceError:
        return InferenceError(f"{self._endpoint} sent {what}.")


def _by_index(data: Any) -> list[Any] | None:
    """Put OpenAI's items in the order of their `index`; None unless they are 0, 1, 2 and so on."""
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        return None
    by_index = {
        item["index"]: item.get("embedding") for item in data if isinstance(item.get("index"), int)
    }
    if set(by_index) != set(range(len(data))):
        return None
    return [by_index[index] for index in range(len(data))]
