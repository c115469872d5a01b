"""An answer, as it was written once."""

import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """`created` is in milliseconds since 1970 UTC; `cost` in US dollars.

    `answer_id` names this very answer: the same question answered anew has another one.
    """

    answer_id: str
    text: str
    model: str
    created: int
    cost: float


def new_answer_id() -> str:
    """Name an answer: 64 random bits as 11 characters."""
    return secrets.token_urlsafe(8)
