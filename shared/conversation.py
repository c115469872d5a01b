"""The turns of a conversation before a question, and how the question was understood with them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

MAX_TURNS = 20
MAX_HISTORY_CHARACTERS = 16_000

HistoryUse: TypeAlias = Literal["not_needed", "rewritten", "unresolved"]


class Turn(NamedTuple):
    """One message of a conversation; `role` is `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class FollowUp:
    """How a question with a history was understood.

    Attributes:
        use: `not_needed`: the question stands alone. `rewritten`: a language model rewrote it to a
            question that stands alone. `unresolved`: it depends on its history and could not be
            rewritten.
        turns: the history of an unresolved question, for the prompt of its answer.
        began: when the request arrived, in the event loop's time, for its latency.
        fence: the user's fence before the rewrite; empty if Redis failed. What is derived from the
            history is stored only under this fence, so that it does not outlive the user. Without
            it the question does not use the cache.
    """

    use: HistoryUse
    turns: tuple[Turn, ...] = ()
    began: float | None = None
    fence: str = ""

    @property
    def has_lost_fence(self) -> bool:
        """Whether the question was rewritten while Redis failed."""
        return self.use == "rewritten" and not self.fence


def last_user_turn(turns: Iterable[Turn]) -> list[str]:
    """Return the content of the user's last turn, or nothing."""
    return [turn.content for turn in turns if turn.role == "user"][-1:]


def latest_turns(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Return the latest turns within the limits, in their order.

    Older turns are dropped as a whole. Of a latest turn that exceeds `MAX_HISTORY_CHARACTERS` alone
    its end remains: a question may depend on it.
    """
    kept: list[Turn] = []
    available = MAX_HISTORY_CHARACTERS
    for role, content in reversed(list(turns)[-MAX_TURNS:]):
        if kept and len(content) > available:
            break
        kept.append(Turn(role, content[-available:]))
        available -= len(kept[-1].content)
        if not available:
            break
    return tuple(reversed(kept))
