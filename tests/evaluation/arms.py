"""Three ways to find an answer again, to be measured on one stream of questions."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

from shared import semantic_match
from shared.container import Container
from shared.matching.decision import Decision
from shared.reply import Reply
from tests.evaluation.pipeline import ask_through_cache

ARMS = {
    "exact": "the same words alone",
    "cosine": "the nearest question at cosine 0.85 or more, whatever it says",
    "rules": "as Tercet does it: cosine, guard and fitting sources",
}


@contextmanager
def arm(name: str) -> Iterator[None]:
    """Match in one of these ways for as long as this lasts."""
    if name != "cosine":
        yield
        return
    agreed = Decision(is_match=True, reason="cosine alone", refusals={})
    with (
        patch.object(semantic_match, "decide", lambda *_: agreed),
        patch.object(semantic_match, "has_common_sources", lambda _own, _theirs: True),
    ):
        yield


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a user; `means` is what questions with the same answer have in common."""

    user: str
    text: str
    means: str
    kind: str = ""


Wrong = Callable[[Asked, Asked], bool]
"""Whether the answer to the second question is wrong for the first."""


def another_meaning(asked: Asked, matched: Asked) -> bool:
    """What is wrong unless labels know better."""
    return asked.means != matched.means


@dataclass
class Outcome:
    """What one way made of a stream: each question with its reply, and what it was mistaken for."""

    replies: list[tuple[Asked, Reply]] = field(default_factory=list)
    wrong: list[tuple[Asked, Asked]] = field(default_factory=list)

    @property
    def avoided(self) -> float:
        """Share of questions for which nothing was generated."""
        return self._share(reply.tier == "l1" for _, reply in self.replies)

    @property
    def any_tier(self) -> float:
        """Share of questions for which any of the three tiers saved something."""
        return self._share(reply.tier is not None for _, reply in self.replies)

    @property
    def wrong_share(self) -> float:
        """Wrong answers per request."""
        return len(self.wrong) / len(self.replies)

    @property
    def reworded(self) -> int:
        """How many questions had the answer to another wording."""
        return sum(reply.matched_question is not None for _, reply in self.replies)

    def _share(self, saved: Iterable[bool]) -> float:
        return sum(saved) / len(self.replies)


async def replay(
    container: Container, way: str, stream: Sequence[Asked], wrong: Wrong = another_meaning
) -> Outcome:
    """Ask a stream in one way; `wrong` judges every answer that another wording gave."""
    outcome = Outcome()
    first: dict[str, Asked] = {}
    with arm(way):
        for asked in stream:
            reply = await ask_through_cache(container, asked.user, asked.text, exact=way == "exact")
            outcome.replies.append((asked, reply))
            first.setdefault(reply.question.normal, asked)
            if reply.matched_question is not None and wrong(asked, first[reply.matched_question]):
                outcome.wrong.append((asked, first[reply.matched_question]))
    return outcome


def report(outcomes: Mapping[str, Outcome], examples: int = 5) -> None:
    """Print the ways beside each other, and some of what the guard let through."""
    for way, outcome in outcomes.items():
        print(
            f"  {way:<7} avoided {outcome.avoided:7.2%}   any tier {outcome.any_tier:7.2%}"
            f"   by another wording {outcome.reworded:5}   wrong {len(outcome.wrong):5}"
            f"   wrong per request {outcome.wrong_share:.2%}"
        )
    for asked, matched in outcomes["rules"].wrong[:examples]:
        print(f"    wrong: {asked.text!r} had the answer to {matched.text!r}")
