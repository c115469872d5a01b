"""Properties of the decision on any two questions."""

import csv
import random
import re
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.matching.decision import VETOES, decide
from shared.text.canonical_form import canonical_form
from tests.support.data import catechism_questions, real_data
from tests.support.fixed_pair_model import FixedPairModel
from tests.support.question_mutations import KINDS, mutations

_PAIR_FILES = (
    "paws_wiki_dev.tsv",
    "catechism_hard_negatives.tsv",
    "catechism_cross_positives.tsv",
)
_PHRASINGS = ("clinc150_test.tsv", "banking77_test.csv")
_VERSES = ("John 3:16", "1 Cor 13:4-7", "Psalm 23:1", "Rom. 8:28", "Genesis 1:1", "2 Tim. 3:16")

_NEGATIONS = ("not", "never", "no", "without")
_AUXILIARY = re.compile(r"\b(is|are|was|were|do|does|did|has|have|could|should|would)\b(?!')")

_WORDS = (
    "what who when how is does the a not never faith grace paul timothy write to from by in of"
    " and or before after 3 third three may 25 december john 3:16 cor 1 first was given giving"
)
SURE = FixedPairModel(1.0)
"""A model that accepts everything: what remains are the vetoes."""
_questions = st.lists(st.sampled_from(_WORDS.split()), min_size=1, max_size=9).map(" ".join)


def _rows(name: str) -> list[dict[str, str]]:
    with real_data(f"pairs/{name}").open(encoding="utf-8", newline="") as lines:
        if name.endswith(".csv"):
            return list(csv.DictReader(lines))
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def _real_questions() -> list[str]:
    pairs = [text for name in _PAIR_FILES for row in _rows(name) for text in (row["a"], row["b"])]
    phrasings = [row["text"] for name in _PHRASINGS for row in _rows(name)]
    return list(dict.fromkeys(catechism_questions() + pairs + phrasings))


def _mutations(seed: int) -> Iterator[tuple[str, str]]:
    """Yield real questions with a changed digit, a changed verse or an added negation."""
    chance = random.Random(seed)
    questions = _real_questions()
    while True:
        question = chance.choice(questions)
        places = [found.start() for found in re.finditer(r"[0-9]", question)]
        kind = chance.choice(("digit", "verse", "negation")) if places else "negation"
        kind = "verse" if chance.random() < 0.2 else kind
        if kind == "digit":
            place = chance.choice(places)
            digit = chance.choice([digit for digit in "0123456789" if digit != question[place]])
            yield question, question[:place] + digit + question[place + 1 :]
        elif kind == "verse":
            verse = chance.choice(_VERSES)
            stem, last = verse[:-1], int(verse[-1])
            asked = f"{question.rstrip(' ?.!')} in {{}}?"
            yield (
                asked.format(verse),
                asked.format(f"{stem}{(last - 1 + chance.randint(1, 8)) % 9 + 1}"),
            )
        elif chance.random() < 0.5 and _AUXILIARY.search(question):
            yield question, _AUXILIARY.sub(r"\1n't", question, count=1)
        else:
            words = question.split()
            words.insert(chance.randint(0, len(words)), chance.choice(_NEGATIONS))
            yield question, " ".join(words)


@given(_questions, _questions)
def test_decision_is_symmetric(a: str, b: str) -> None:
    assert decide(a, b, model=SURE).is_match == decide(b, a, model=SURE).is_match
    assert decide(a, b).is_match == decide(b, a).is_match


@pytest.mark.slow
def test_decision_is_symmetric_on_real_pairs() -> None:
    for name in _PAIR_FILES:
        for row in _rows(name)[:1_500]:
            one, other = row["a"], row["b"]
            match = decide(one, other, model=SURE).is_match
            assert decide(other, one, model=SURE).is_match == match


@given(st.text(max_size=80), st.text(max_size=80))
def test_decision_on_any_texts_is_symmetric(a: str, b: str) -> None:
    assert decide(a, b).is_match == decide(b, a).is_match


@given(_questions)
def test_identical_canonical_forms_always_match(question: str) -> None:
    assert decide(canonical_form(question), canonical_form(f"  {question} ?")).is_match


@pytest.mark.slow
def test_every_real_question_matches_itself() -> None:
    for question in _real_questions():
        assert decide(canonical_form(question), canonical_form(question)).is_match


@pytest.mark.parametrize(
    ("seed", "count"),
    [
        (1, 500),
        pytest.param(2, 5_000, marks=pytest.mark.slow),
        pytest.param(3, 5_000, marks=pytest.mark.slow),
    ],
)
def test_changed_digit_verse_or_negation_never_matches(seed: int, count: int) -> None:
    mutations = _mutations(seed)
    matched = []
    for _ in range(count):
        original, mutated = map(canonical_form, next(mutations))
        if decide(original, mutated, model=SURE).is_match:
            matched.append((original, mutated))
    assert matched == []


def test_every_veto_has_mutations() -> None:
    assert {*KINDS} == {*VETOES, "unknown_words"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [100, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_mutation_of_a_veto_kind_matches(kind: str, count: int) -> None:
    pairs = islice(mutations(kind, 5), count)
    matched = set()
    for one, other in pairs:
        decisions = decide(one, other, model=SURE), decide(other, one, model=SURE)
        if any(decision.is_match for decision in decisions):
            matched.add((one, other))
        assert decide(one, one, model=SURE).is_match
    assert matched == set()
