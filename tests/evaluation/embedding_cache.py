"""Embedders with a cache on disk, so that a text is not embedded in every run."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from infra.local.minilm import MiniLMEmbedder
from shared.inference.ports import Embedder
from shared.text.canonical_form import canonical_form
from shared.vectors import Vector, from_bytes, to_bytes
from tests.benchmarks.report import BUILD

_FILE = BUILD / "vectors" / "cache.db"
_SCHEMA = """CREATE TABLE IF NOT EXISTS vectors
    (model TEXT, text TEXT, vector BLOB NOT NULL, PRIMARY KEY (model, text)) WITHOUT ROWID"""
_BATCH = 256  # the most texts that an interruption loses
_PROBES = 3


class CachingEmbedder:
    """An `Embedder` that caches canonical vectors in a file, by model and text.

    Several processes can share the file. On first use a few cached texts are embedded again. If a
    vector differs, the encoder has changed and the cache is emptied.
    """

    def __init__(self, embedder: Embedder, path: Path = _FILE) -> None:
        self._embedder = embedder
        self.model = embedder.model
        self.dimensions = embedder.dimensions
        self._path = path
        self._known: dict[str, Vector] | None = None

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return a canonical vector for each text, in order."""
        if self._known is None:
            self._known = await self._load()
        known = self._known
        new = [text for text in dict.fromkeys(texts) if text not in known]
        for batch in _batches(new):
            vectors = await self._embedder.embed(batch)
            added = dict(zip(batch, vectors, strict=True))
            with closing(self._open()) as database, database:
                database.executemany(
                    "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
                    [(self.model, text, to_bytes(vector)) for text, vector in added.items()],
                )
            known |= added
        return [known[text] for text in texts]

    async def questions(self, questions: Iterable[str]) -> list[Vector]:
        """Return the vectors of the questions' canonical forms, as the pipeline uses them."""
        return await self.embed([canonical_form(question) for question in questions])

    async def _load(self) -> dict[str, Vector]:
        with closing(self._open()) as database, database:
            rows = database.execute(
                "SELECT text, vector FROM vectors WHERE model = ?", (self.model,)
            ).fetchall()
            known = {text: from_bytes(data) for text, data in rows}
            probes = sorted(known, key=len)[:_PROBES]
            vectors = await self._embedder.embed(probes) if probes else []
            if all(
                (known[text] == vector).all() for text, vector in zip(probes, vectors, strict=True)
            ):
                return known
            database.execute("DELETE FROM vectors WHERE model = ?", (self.model,))
        return {}

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=60)
        database.execute(_SCHEMA)
        return database


EMBEDDER = CachingEmbedder(MiniLMEmbedder())


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH))
