"""Strategies for matching questions, measured on the same streams."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

from shared import semantic_match
from shared.container import Container
from shared.matching.candidates import find_candidates
from shared.matching.decision import Decision, decide
from shared.reply import Reply
from tests.evaluation.evaluation_container import ask_through_cache

COSINE = 0.85
STRATEGIES = {
    "exact": "exact hits only",
    "cosine": "the nearest question with a cosine of 0.85 or more",
    "rules": "SEMANTIC_MATCHER=rules: vetoes, and the same words",
    "model": "SEMANTIC_MATCHER=model: vetoes and the pair model",
}
PRODUCT = "model"
"""The strategy of the default settings."""


@contextmanager
def use_strategy(name: str) -> Iterator[None]:
    """Use a strategy within the block."""
    if name == "rules":
        with patch.object(semantic_match, "decide", lambda a, b, packs, **_: decide(a, b, packs)):
            yield
        return
    if name != "cosine":
        yield
        return
    match = Decision(is_match=True, reason="cosine alone", rejections={})
    with (
        patch.object(semantic_match, "decide", lambda *_, **__: match),
        patch.object(
            semantic_match,
            "find_candidates",
            lambda similarity, _, **limit: find_candidates(similarity, COSINE, **limit),
        ),
        patch.object(semantic_match, "find_similar_texts", lambda *_: []),
    ):
        yield


@dataclass(frozen=True, slots=True)
class Asked:
    """A user's question; questions with the same answer have the same `meaning`."""

    user: str
    text: str
    meaning: str
    kind: str = ""


Wrong = Callable[[Asked, Asked], bool]
"""Whether the answer to the second question is wrong for the first."""


def differs_in_meaning(asked: Asked, matched: Asked) -> bool:
    """Return whether two questions have different meanings."""
    return asked.meaning != matched.meaning


@dataclass
class Outcome:
    """The replies of a stream, and each wrong match with the question it was taken for."""

    replies: list[tuple[Asked, Reply]] = field(default_factory=list)
    wrong: list[tuple[Asked, Asked]] = field(default_factory=list)

    @property
    def avoided(self) -> float:
        """The share of questions without a generation."""
        return self._share(reply.tier == "l1" for _, reply in self.replies)

    @property
    def any_tier(self) -> float:
        """The share of questions with a hit in any tier."""
        return self._share(reply.tier is not None for _, reply in self.replies)

    @property
    def wrong_share(self) -> float:
        """The number of wrong answers per question."""
        return len(self.wrong) / len(self.replies)

    @property
    def reworded(self) -> int:
        """The number of semantic hits."""
        return sum(reply.matched_question is not None for _, reply in self.replies)

    def _share(self, saved: Iterable[bool]) -> float:
        return sum(saved) / len(self.replies)


async def replay(
    container: Container, strategy: str, stream: Sequence[Asked], wrong: Wrong = differs_in_meaning
) -> Outcome:
    """Ask a stream with a strategy; `wrong` decides on each semantic hit."""
    outcome = Outcome()
    first: dict[str, Asked] = {}
    with use_strategy(strategy):
        for asked in stream:
            reply = await ask_through_cache(
                container, asked.user, asked.text, exact=strategy == "exact"
            )
            outcome.replies.append((asked, reply))
            first.setdefault(reply.question.wording, asked)
            if reply.matched_question is not None and wrong(asked, first[reply.matched_question]):
                outcome.wrong.append((asked, first[reply.matched_question]))
    return outcome


def report(outcomes: Mapping[str, Outcome], examples: int = 5) -> None:
    """Print the strategies, and examples of wrong matches of the product."""
    for strategy, outcome in outcomes.items():
        print(
            f"  {strategy:<7} avoided {outcome.avoided:7.2%}   any tier {outcome.any_tier:7.2%}"
            f"   semantic hits {outcome.reworded:5}   wrong {len(outcome.wrong):5}"
            f"   wrong per request {outcome.wrong_share:.2%}"
        )
    for asked, matched in outcomes["model"].wrong[:examples]:
        print(f"    wrong: {asked.text!r} had the answer to {matched.text!r}")
