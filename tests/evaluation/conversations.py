"""Follow-ups of conversations through the pipeline: `python -m tests.evaluation conversations`.

A stand-in for the language model returns rewrites that people wrote. So the figures show what the
pipeline does with good rewrites, and not how well a model rewrites.

Pairs: the last turns of 60 pairs of conversations look alike. 30 pairs ask different things; 30 ask
the same. Rewrites of the follow-ups are in `conversation_rewrites.tsv`. Questions that stand alone
come after an unrelated conversation: English ones without a pronoun or demonstrative of the third
person, since those may depend on a conversation. The share of all questions is printed, too.
"""

import csv
import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.container import Container
from shared.conversation import Turn
from shared.errors import UnusableCompletionError
from shared.inference.ports import Completion
from shared.text.languages import ENGLISH, detect_language
from shared.text.standalone import stands_alone
from tests.benchmarks.report import BUILD, Metric, run
from tests.evaluation.datasets import AVAILABLE, rows
from tests.evaluation.evaluation_container import import_notes, open_container
from tests.support.data import DATA, catechism_questions
from tests.support.full_stack import ask

_FILE = Path(__file__).with_name("conversation_rewrites.tsv")
_MATCHERS = ("rules", "model")
_ALONE = ("support", "notes", "catechisms", "human_rewrites")
_POINTS = re.compile(
    r"\b(?:s?he|it|they|him|hers?|them|his|its|theirs?|th(?:is|at|ese|ose)|ones?|t?here)\b",
    re.IGNORECASE,
)
_SAME, _DIFFERENT, _IRRELEVANT = "same", "different", "irrelevant_history"

METRICS = {
    **{
        f"conversations_{kind}_shared_{matcher}": Metric(
            unit=f"pairs of {kind} meaning; naive: the last turn alone",
            budget=None if (kind, matcher) == (_SAME, "rules") else budget,
            floor=floor,
        )
        for matcher in _MATCHERS
        for kind, budget, floor in ((_SAME, 0.85, True), (_DIFFERENT, 0.03, False))
    },
    **{
        f"conversations_rewritten_{name}": Metric(
            unit="English questions that point to nothing", budget=0.1
        )
        for name in _ALONE
    },
    "conversations_dependent_found": Metric(unit="follow-ups that people rewrote", budget=None),
    "conversations_replies_found": Metric(unit="last turns that need their history", budget=None),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two conversations, and whether one answer serves their last turns."""

    pair_id: str
    same_answer: bool
    is_dependent: bool
    sides: tuple[tuple[Turn, ...], tuple[Turn, ...]]


class HumanRewriter:
    """A `QuestionRewriter` that returns what people wrote for a conversation."""

    version = "people"

    def __init__(self) -> None:
        self.rewrites: dict[tuple[Turn, ...], str] = {}
        self.rewritten = 0

    async def rewrite(self, question: str, history: Sequence[Turn]) -> Completion:
        self.rewritten += 1
        turns = (*history, Turn("user", question))
        text = next(
            (new for each, new in self.rewrites.items() if each[-len(turns) :] == turns), None
        )
        if text is None:
            raise UnusableCompletionError("nobody rewrote this question")
        return Completion(text, self.version)


def read_pairs() -> list[Pair]:
    """Read the pairs of conversations; the last turn of each is the question."""
    return [
        Pair(
            row["id"],
            row["same_answer"],
            row["subtype"] != _IRRELEVANT,
            (_turns(row["a"]), _turns(row["b"])),
        )
        for row in _lines("support_dev")
    ]


def _turns(row: list[dict[str, str]]) -> tuple[Turn, ...]:
    return tuple(Turn(turn["role"], turn["content"]) for turn in row)


def _lines(name: str) -> Iterator[dict[str, Any]]:
    path = DATA / "conversations" / f"{name}.jsonl"
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())


def human_rewriter(pairs: Sequence[Pair]) -> HumanRewriter:
    """Create the stand-in for the language model."""
    with _FILE.open(encoding="utf-8", newline="") as lines:
        written = {row["id"]: row for row in csv.DictReader(lines, delimiter="\t")}
    rewriter = HumanRewriter()
    for pair in pairs:
        if pair.is_dependent:
            for side, turns in zip("ab", pair.sides, strict=True):
                rewriter.rewrites[turns] = written[pair.pair_id][side]
    return rewriter


def notes_of(pairs: Sequence[Pair]) -> dict[str, str]:
    """Return a note for each conversation: its turns, so that each question has a source."""
    return {
        f"{pair.pair_id}{side}": "\n".join(turn.content for turn in turns)
        for pair in pairs
        for side, turns in zip("ab", pair.sides, strict=True)
    }


async def share_answers(
    container: Container, pairs: Sequence[Pair], *, with_history: bool
) -> dict[str, float]:
    """Ask both sides of each pair as one user; return the share of pairs with one answer."""
    shared: dict[str, list[bool]] = {_SAME: [], _DIFFERENT: []}
    for pair in pairs:
        user = f"{pair.pair_id} {with_history}"
        await import_notes(container, user, notes_of([pair]))
        ids = []
        for turns in pair.sides:
            history = turns[:-1] if with_history else ()
            reply = await ask(container, user, turns[-1].content, history=history)
            assert reply.answer
            ids.append(reply.answer.answer_id)
        is_shared = ids[0] == ids[1]
        shared[_SAME if pair.same_answer else _DIFFERENT].append(is_shared)
        if with_history and is_shared != pair.same_answer:
            print(f"    {pair.pair_id}: {'shared' if is_shared else 'not shared'}")
    return {kind: sum(each) / len(each) for kind, each in shared.items()}


def rewritten_shares(pairs: Sequence[Pair]) -> dict[str, float]:
    """Return which share of questions that stand alone is rewritten, by data set."""
    generator = random.Random(5)
    histories = [[turn.content for turn in turns[:-1]] for pair in pairs for turns in pair.sides]
    questions = {
        "support": [row[side] for row in rows("pairs/support_dev.tsv") for side in "ab"],
        "notes": [row[side] for row in rows("pairs/note_questions_dev.tsv") for side in "ab"],
        "catechisms": catechism_questions(),
        "human_rewrites": [row["standalone"] for row in _lines("mtrag_dev")],
    }
    shares = {}
    for name, texts in questions.items():
        rewritten = {text: not stands_alone(text, generator.choice(histories)) for text in texts}
        alone = [text for text in rewritten if not _POINTS.search(text) and _is_english(text)]
        of_all = sum(rewritten.values()) / len(rewritten)
        print(f"    {name}: {of_all:.3f} of all {len(rewritten)}; {len(alone)} stand alone")
        share = sum(rewritten[text] for text in alone) / len(alone)
        shares[f"conversations_rewritten_{name}"] = share
    return shares


def _is_english(text: str) -> bool:
    return text.isascii() and detect_language(text) in {ENGLISH, ""}


def found_shares(pairs: Sequence[Pair]) -> dict[str, float]:
    """Return which share of the questions that need their history is found."""
    follow_ups = [
        (row["question"], row["history"])
        for row in _lines("mtrag_dev")
        if row["question"] != row["standalone"]
    ]
    replies = [
        (turns[-1].content, [turn.content for turn in turns[:-1]])
        for pair in pairs
        if pair.is_dependent
        for turns in pair.sides
    ]
    return {
        f"conversations_{name}_found": sum(not stands_alone(*each) for each in asked) / len(asked)
        for name, asked in (("dependent", follow_ups), ("replies", replies))
    }


async def collect_metrics() -> dict[str, Metric]:
    """Ask all pairs with both matchers, and count what is rewritten."""
    if not AVAILABLE:
        return METRICS
    pairs = read_pairs()
    measured = dict(METRICS)
    print(
        "  a stand-in returns rewrites by people: this shows the pipeline, not a model's judgement"
    )
    for matcher in _MATCHERS:
        print(f"  {matcher}")
        async with open_container(matcher) as container:
            rewriter = human_rewriter(pairs)
            container.override(question_rewriter=rewriter)
            with_history = await share_answers(container, pairs, with_history=True)
            without = await share_answers(container, pairs, with_history=False)
            print(f"    rewrites: {rewriter.rewritten}")
        for kind, share in with_history.items():
            name = f"conversations_{kind}_shared_{matcher}"
            measured[name] = METRICS[name].with_value(share, without[kind])
    for name, share in (rewritten_shares(pairs) | found_shares(pairs)).items():
        measured[name] = METRICS[name].with_value(share)
    return measured


if __name__ == "__main__":
    run("tests.evaluation", ("conversations",), BUILD / "eval.json", ())
