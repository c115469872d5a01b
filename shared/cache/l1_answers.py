"""L1: whole answers, a field for each question in the user's hash of answers."""

from shared.answer import Answer
from shared.cache import codec


def encode(answer: Answer) -> bytes:
    """Write an answer."""
    return codec.pack_text(answer.answer_id, answer.text, answer.model, answer.created, answer.cost)


def decode(answer_id: str, data: bytes) -> Answer | None:
    """Read an answer, if it is the one that the index speaks of."""
    values = codec.unpack_text(answer_id, data, str, str, int, float)
    return Answer(answer_id, *values) if values else None
