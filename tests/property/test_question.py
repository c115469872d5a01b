"""Properties of a question's identity, for any Unicode text."""

import random
import re
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.question import MAX_CHARACTERS, Question
from shared.text.canonical_form import canonical_form
from tests.support.data import catechism_questions, varied_questions
from tests.support.fuzzing.hostile_values import HEAVY

texts = st.text(max_size=60)
long_texts = st.lists(
    st.tuples(st.text(min_size=1, max_size=4) | st.sampled_from(HEAVY), st.integers(1, 4_000)),
    min_size=1,
    max_size=3,
).map(lambda runs: "".join(run * times for run, times in runs)[:MAX_CHARACTERS])

_MEANINGFUL = "0123456789+-*/^=<>%$#@&|~\\_()[]{}"
"""Digits, signs, operators, brackets and code symbols."""
_PREFIXES = (("m", "M"), ("p", "P"), ("z", "Z"), ("y", "Y"), ("d", "D"), ("k", "K"))
"""SI prefixes, and capitals that are others, a unit of their own or an error."""
_EXAMPLES = (
    "Is (2 + 3) * 4 = 20?",
    "Do I take .5 mg of warfarin?",
    "What does rm -rf do in C#?",
    "Is -3.5 % of $100 enough?",
    "What is f'(x) at x = [1, 2]?",
    "What does {a_b} && ~c | d mean?",
    "What does John 3:16 say?",
    "Is the rent 1.200,50 \u20ac or 1,200.50 \u20ac?",
    "Did Python 3.10 add `x: int | None`?",
    "Where is C:\\Temp\\a.txt or ~/.ssh/id_rsa?",
    "Is 5! = 120 and x\u00b2 >= 0?",
    "Is my PIN 0042, and is room 4.10 free at 7:05?",
    "Is it 10^-3 mol/L at -40 \u00b0C?",
    "Who is jo+a@x.org on https://x.org/?q=A&b=%20#top?",
    "Liegt der Wert zwischen \u22125 und 3,5?",
    "\u0643\u0645 \u0663\u066b\u0665 + 2\u061f",
    "\u4ef7\u683c\u662f 5.5 - 3 \u5417\uff1f",
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


def _edits(text: str, symbols: str) -> Iterator[str]:
    """Yield each text with one digit or symbol inserted, deleted or replaced."""
    for at, character in enumerate(text):
        yield from (text[:at] + new + text[at:] for new in symbols)
        if character in _MEANINGFUL:
            yield text[:at] + text[at + 1 :]
            yield from (text[:at] + new + text[at + 1 :] for new in symbols if new != character)
        if character.isdigit():
            yield text[:at] + "." + text[at:]
            yield text[: at + 1] + "!" + text[at + 1 :]
        if character == "." and text[at + 1 : at + 2].isdigit():
            yield text[:at] + text[at + 1 :]
        if character == "'":
            yield text[:at] + text[at + 1 :]


def _assert_edits_change_the_identity(text: str, symbols: str) -> None:
    for edited in _edits(text, symbols):
        assert canonical_form(edited) != canonical_form(text), edited


@pytest.mark.parametrize("text", _EXAMPLES)
def test_edit_of_a_digit_sign_operator_bracket_or_symbol_changes_the_identity(text: str) -> None:
    _assert_edits_change_the_identity(text, _MEANINGFUL)


@given(_meaningful_questions, st.sampled_from(_MEANINGFUL))
def test_edit_of_any_question_changes_the_identity(text: str, symbol: str) -> None:
    _assert_edits_change_the_identity(text, symbol)


@pytest.mark.parametrize("seed", range(3))
def test_edit_of_a_real_question_changes_the_identity(seed: int) -> None:
    """At every position, with three of the symbols."""
    chance = random.Random(seed)
    for text in chance.sample(varied_questions(), 60):
        _assert_edits_change_the_identity(text, "".join(chance.sample(_MEANINGFUL, 3)))


@given(
    st.sampled_from(_PREFIXES),
    st.sampled_from(
        ["g", "m", "s", "A", "W", "V", "J", "N", "F", "H", "T", "Pa", "Hz", "eV", "Gy"]
    ),
    st.sampled_from(["Is {} enough?", "is {}", "Was kostet {}?", "5 + {} = ?", "({})"]),
    st.sampled_from(["5", "5 ", ".5 ", "1,5\u00a0", "\u0665 "]),
)
def test_case_of_a_unit_changes_the_identity(
    prefixes: tuple[str, str], unit: str, sentence: str, number: str
) -> None:
    one, other = (sentence.format(number + prefix + unit) for prefix in prefixes)
    assert canonical_form(one) != canonical_form(other)


@pytest.mark.parametrize(
    "negation", ["not", "never", "no", "without", "nicht", "pas", "\u043d\u0435"]
)
def test_negation_changes_the_identity(negation: str) -> None:
    for text in _EXAMPLES:
        words = text.split()
        for at in range(len(words)):
            edited = " ".join([*words[:at], negation, *words[at:]])
            assert canonical_form(edited) != canonical_form(text)


@given(st.sampled_from(["can", "do", "is", "would", "must"]), texts)
def test_contracted_negation_changes_the_identity(verb: str, rest: str) -> None:
    forms = [f"{verb}{end} {rest}" for end in ("", "n't", "nt", " not")]
    assert len(set(map(canonical_form, forms))) == len(forms)


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
