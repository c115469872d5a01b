"""L1: generated answers with their sources, in a hash of each user, by question.

Both are in one value: a hit reads and decompresses one, and texts that an answer quotes from its
sources are compressed together with them.
"""

from collections.abc import Sequence

from shared.answer import Answer
from shared.cache import codec, l3_contexts
from shared.notes.note import Source


def encode(answer: Answer, sources: Sequence[Source]) -> bytes:
    """Encode an answer and its sources, in the order of the search."""
    values = answer.text, answer.model, answer.created, answer.cost, answer.cited
    return codec.pack_text(answer.answer_id, *values, list(sources))


def decode(answer_id: str, data: bytes) -> tuple[Answer, list[Source]] | None:
    """Decode both; None if they are corrupt or of another answer than the index entry names."""
    values = codec.unpack_text(answer_id, data, str, str, int, float, list, list)
    if values is None:
        return None
    text, model, created, cost, cited, rows = values
    sources = l3_contexts.to_sources(rows)
    if sources is None:
        return None
    return Answer(answer_id, text, model, created, cost, cited=tuple(cited)), sources
