"""Properties of a question's identity, for any Unicode text."""

import random
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.question import MAX_CHARACTERS, Question
from shared.text.canonical_form import canonical_form
from tests.support.data import catechism_questions
from tests.support.fuzzing.hostile_values import HEAVY

texts = st.text(max_size=60)
long_texts = st.lists(
    st.tuples(st.text(min_size=1, max_size=4) | st.sampled_from(HEAVY), st.integers(1, 4_000)),
    min_size=1,
    max_size=3,
).map(lambda runs: "".join(run * times for run, times in runs)[:MAX_CHARACTERS])

_MEANINGFUL = "0123456789+-*/^=<>%$#@&|~\\_()[]{}"
"""Digits, signs, operators, brackets and code symbols."""
_UNITS = (
    ("mW", "MW"),
    ("Mb", "MB"),
    ("mg", "Mg"),
    ("ms", "mS"),
    ("nm", "Nm"),
    ("mm", "Mm"),
    ("kB", "Kb"),
    ("Pa", "pA"),
    ("mHz", "MHz"),
    ("g", "G"),
    ("m", "M"),
)
_EXAMPLES = (
    "Is (2 + 3) * 4 = 20?",
    "Do I take .5 mg of warfarin?",
    "What does rm -rf do in C#?",
    "Is -3.5 % of $100 enough?",
    "What is f'(x) at x = [1, 2]?",
    "What does {a_b} && ~c | d mean?",
    "What does John 3:16 say?",
)
_words = st.sampled_from(
    ["what", "is", "the", "faith", "of", "5", "x", "(3)", "-2", "a+b", "mg", "C++", "1.5", "luther"]
)
_meaningful_questions = st.sampled_from(_EXAMPLES) | st.lists(_words, min_size=1).map(" ".join)


def _typed(text: str, chance: random.Random) -> str:
    """Return a typing variant of an ordinary question."""
    text = text.rstrip("?. ") + chance.choice(["", "?", " ?", "??", ".", "\u2026", "\u3002"])
    if chance.random() < 0.5:
        text = text.replace("'", "\u2019")
    text = re.sub(" ", lambda _: chance.choice([" ", "  ", "\t", "\u00a0"]), text)
    return f" {text}" if chance.random() < 0.5 else text


@given(texts | long_texts)
def test_canonical_form_is_idempotent(text: str) -> None:
    form = canonical_form(text)
    assert canonical_form(form) == form


@given(texts)
def test_canonical_form_has_single_blanks_and_none_at_its_ends(text: str) -> None:
    form = canonical_form(text)
    assert form == " ".join(form.split())
    assert form == unicodedata.normalize("NFC", form)


@given(long_texts)
def test_question_is_used_whole(text: str) -> None:
    question = Question.parse(f"x {text}"[:MAX_CHARACTERS])
    assert question.identity == canonical_form(question.wording)
    assert question.identity.startswith(question.embedded)


@given(_meaningful_questions, st.data())
def test_edit_of_a_digit_sign_operator_bracket_or_symbol_changes_the_identity(
    text: str, data: st.DataObject
) -> None:
    """Insert, delete or replace one character, not only white space."""
    at = data.draw(st.integers(0, len(text) - 1))
    new = data.draw(st.sampled_from(_MEANINGFUL))
    edits = [text[:at] + new + text[at:]]
    if text[at] in _MEANINGFUL:
        edits.append(text[:at] + text[at + 1 :])
        if new != text[at]:
            edits.append(text[:at] + new + text[at + 1 :])
    for edited in edits:
        assert canonical_form(edited) != canonical_form(text), edited


@given(st.sampled_from(_UNITS), st.integers(0, 99), st.sampled_from(["", " "]))
def test_unit_changes_the_identity(units: tuple[str, str], number: int, blank: str) -> None:
    one, other = (f"Is {number}{blank}{unit} enough?" for unit in units)
    assert canonical_form(one) != canonical_form(other)


@given(_meaningful_questions, st.integers(0, 9), st.sampled_from(["not", "never", "no", "n't"]))
def test_negation_changes_the_identity(text: str, at: int, negation: str) -> None:
    words = text.split()
    edited = " ".join([*words[:at], negation, *words[at:]])
    assert canonical_form(edited) != canonical_form(text)


@given(texts, st.integers(0, 59), st.sampled_from("0123456789"), st.sampled_from("0123456789"))
def test_different_digits_change_the_identity(text: str, at: int, one: str, two: str) -> None:
    before, after = text[:at], text[at:]
    same = canonical_form(before + one + after) == canonical_form(before + two + after)
    assert same == (one == two)


@pytest.mark.parametrize("seed", range(3))
def test_typing_variants_of_real_questions_have_one_identity(seed: int) -> None:
    chance = random.Random(seed)
    for text in catechism_questions():
        assert canonical_form(_typed(text, chance)) == canonical_form(text), text


def test_most_real_questions_have_the_identity_of_their_lower_case() -> None:
    questions = catechism_questions()
    same = sum(canonical_form(text.lower()) == canonical_form(text) for text in questions)
    assert same >= 0.9 * len(questions)


@given(st.lists(st.from_regex(r"[a-z]{2,9}", fullmatch=True), min_size=2, max_size=8))
def test_capital_that_begins_a_sentence_does_not_change_the_identity(words: list[str]) -> None:
    text = " ".join(words)
    assert canonical_form(text[0].upper() + text[1:] + "?") in {
        canonical_form(text),
        text[0].upper() + text[1:],  # a unit such as "Mb"
    }
