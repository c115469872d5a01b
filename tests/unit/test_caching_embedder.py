"""The embedder that remembers."""

from collections.abc import Sequence

import pytest

from infra.local import caching_embedder
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


async def test_each_text_is_embedded_once_and_comes_in_its_place() -> None:
    inner = CountingEmbedder()
    embedder = CachingEmbedder(inner)
    await embedder.embed(["a", "bbb", "a"])
    vectors = await embedder.embed(["bbb", "cc", "a", "bbb"])
    assert inner.embedded == ["a", "bbb", "cc"]
    expected = [canonical([length, 1]).tolist() for length in (3, 2, 1, 3)]
    assert [vector.tolist() for vector in vectors] == expected


async def test_what_was_longest_unused_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching_embedder, "_MAX_ENTRIES", 2)
    inner = CountingEmbedder()
    embedder = CachingEmbedder(inner)
    await embedder.embed(["a", "b"])
    await embedder.embed(["a"])
    await embedder.embed(["c"])
    await embedder.embed(["a", "b"])
    assert inner.embedded == ["a", "b", "c", "b"]
