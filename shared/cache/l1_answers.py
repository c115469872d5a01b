"""L1: generated answers, in a hash of each user, by question."""

from shared.answer import Answer
from shared.cache import codec


def encode(answer: Answer) -> bytes:
    """Encode an answer."""
    values = answer.text, answer.model, answer.created, answer.cost, answer.cited
    return codec.pack_text(answer.answer_id, *values)


def decode(answer_id: str, data: bytes) -> Answer | None:
    """Decode an answer; None if it is corrupt or another answer than the index entry names."""
    values = codec.unpack_text(answer_id, data, str, str, int, float, list)
    if values is None:
        return None
    text, model, created, cost, cited = values
    return Answer(answer_id, text, model, created, cost, cited=tuple(cited))
