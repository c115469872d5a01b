"""L1: generated answers, in a hash of each user, by question."""

from shared.answer import Answer
from shared.cache import codec


def encode(answer: Answer) -> bytes:
    """Encode an answer."""
    return codec.pack_text(answer.answer_id, answer.text, answer.model, answer.created, answer.cost)


def decode(answer_id: str, data: bytes) -> Answer | None:
    """Decode an answer; None if it is corrupt or another answer than the index entry names."""
    values = codec.unpack_text(answer_id, data, str, str, int, float)
    return Answer(answer_id, *values) if values else None
