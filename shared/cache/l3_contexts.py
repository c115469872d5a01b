"""L3: retrieved chunks, a field for each question in the user's hash of contexts.

They are kept as long as the answer that shows them as its sources, so their text is stored once;
a new answer is written from them only while they are fresh.
"""

from collections.abc import Sequence

from shared.cache import codec
from shared.notes.note import Source


def encode(answer_id: str, sources: Sequence[Source]) -> bytes:
    """Write what a search found, in its order."""
    rows = [(s.chunk_id, s.note_id, s.content, s.similarity) for s in sources]
    return codec.pack_text(answer_id, rows)


def decode(answer_id: str, data: bytes) -> list[Source] | None:
    """Read what a search found, if it belongs to the answer that the index speaks of."""
    values = codec.unpack_text(answer_id, data, list)
    if values is None:
        return None
    try:
        return [Source(*row) for row in values[0]]
    except TypeError:
        return None
