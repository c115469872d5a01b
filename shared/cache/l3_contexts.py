"""L3: contexts (retrieved chunks), in a hash of each user, by question.

A context is stored as long as the answer that has it as its sources, so a chunk's text is stored
once. A new answer is generated from a cached context only while the context is fresh.
"""

from collections.abc import Sequence

from shared.cache import codec
from shared.notes.note import Source


def encode(answer_id: str, sources: Sequence[Source]) -> bytes:
    """Encode the result of a search, in its order."""
    return codec.pack_text(answer_id, list(sources))


def decode(answer_id: str, data: bytes) -> list[Source] | None:
    """Decode a context; None if it is corrupt or belongs to another answer."""
    values = codec.unpack_text(answer_id, data, list)
    if values is None:
        return None
    try:
        return [Source._make(row) for row in values[0]]
    except TypeError:
        return None
