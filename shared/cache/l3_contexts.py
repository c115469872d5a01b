"""L3: contexts (retrieved chunks) without an answer yet, in a hash of each user, by question.

The sources of an answer are stored with it (L1), so a chunk's text is stored once. An answer is
generated from a cached context only while the context is fresh.
"""

from collections.abc import Sequence
from typing import Any

from shared.cache import codec
from shared.notes.note import Source


def encode(context_id: str, sources: Sequence[Source]) -> bytes:
    """Encode the result of a search, in its order."""
    return codec.pack_text(context_id, list(sources))


def decode(context_id: str, data: bytes) -> list[Source] | None:
    """Decode a context; None if it is corrupt or another one than the index entry names."""
    values = codec.unpack_text(context_id, data, list)
    return to_sources(values[0]) if values else None


def to_sources(rows: list[Any]) -> list[Source] | None:
    """Return the sources of decoded rows; None if one is corrupt."""
    try:
        return list(map(Source._make, rows))
    except TypeError:
        return None
