"""A generated answer."""

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from shared.inference.ports import Completion


@dataclass(frozen=True, slots=True)
class Answer:
    """`created` is in milliseconds since 1970 UTC, `cost` in US dollars.

    `answer_id` is unique: a new answer to the same question has another one. `incomplete`: the
    text ends early, so the answer is never stored. `cited` are the positions of the sources that
    the text cites, from 1.
    """

    answer_id: str
    text: str
    model: str
    created: int
    cost: float
    incomplete: bool = False
    cited: tuple[int, ...] = ()

    @classmethod
    def from_completion(cls, completion: "Completion") -> Self:
        """Create an answer from a model's completion."""
        return cls(
            new_answer_id(),
            completion.text,
            completion.model,
            time.time_ns() // 1_000_000,
            completion.cost,
            completion.incomplete,
            completion.cited,
        )


def new_answer_id() -> str:
    """Create an answer id: 64 random bits as 11 characters."""
    return secrets.token_urlsafe(8)
