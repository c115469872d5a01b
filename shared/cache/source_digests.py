"""Digests of the sources of an answer, to compare them with a note's chunks after a change.

They contain all that is embedded, prompted or shown. A collision of 64 bits would keep an answer
from before a change.
"""

import hashlib
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shared.cache import codec
from shared.cache.keyspace import note_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.notes.note import Chunk, Source

_DECIMALS = 1e6  # of a similarity, as in responses


def text_digest(source: "Chunk | Source") -> bytes:
    """Return a digest of a chunk without its embedding, or of a source without its similarity."""
    return _digest(codec.pack(source.chunk_id, source.title, source.headings, source.content))


def note_digest(sources: Iterable[tuple[bytes, float]]) -> bytes:
    """Return a digest of one note's sources, in any order: their text digests and similarities."""
    rows = (text + struct.pack(">i", round(cosine * _DECIMALS)) for text, cosine in sources)
    return _digest(b"".join(sorted(rows)))


def by_note(sources: "Sequence[Source]") -> dict[bytes, bytes]:
    """Return the digest of each note's sources, by `note_key`."""
    notes: dict[bytes, list[tuple[bytes, float]]] = {}
    for source in sources:
        row = text_digest(source), source.similarity
        notes.setdefault(note_key(source.note_id), []).append(row)
    return {key: note_digest(rows) for key, rows in notes.items()}


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=8).digest()
