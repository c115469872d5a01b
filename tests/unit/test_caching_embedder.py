"""The LRU cache of embeddings in the process."""

from collections.abc import Sequence

from infra.local.caching_embedder import CachingEmbedder
from shared.vectors import Vector, canonical


class CountingEmbedder:
    model = "counting"
    dimensions = 2

    def __init__(self) -> None:
        self.embedded: list[str] = []

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        self.embedded += texts
        return [canonical([len(text), 1]) for text in texts]


async def test_embed_computes_each_text_once_and_returns_vectors_in_order() -> None:
    inner = CountingEmbedder()
    embedder = CachingEmbedder(inner)
    await embedder.embed(["a", "bbb", "a"])
    vectors = await embedder.embed(["bbb", "cc", "a", "bbb"])
    assert inner.embedded == ["a", "bbb", "cc"]
    expected = [canonical([length, 1]).tolist() for length in (3, 2, 1, 3)]
    assert [vector.tolist() for vector in vectors] == expected


async def test_embed_evicts_the_least_recently_used_text() -> None:
    inner = CountingEmbedder()
    embedder = CachingEmbedder(inner, max_entries=2)
    await embedder.embed(["a", "b"])
    await embedder.embed(["a"])
    await embedder.embed(["c"])
    await embedder.embed(["a", "b"])
    assert inner.embedded == ["a", "b", "c", "b"]
