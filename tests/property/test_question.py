"""Properties of the normal form, for any Unicode text."""

from hypothesis import given
from hypothesis import strategies as st

from shared.question import CUT_CHARACTERS, MAX_CHARACTERS, Question, normalise
from tests.support.fuzzing.hostile_values import HEAVY

texts = st.text(max_size=60)
long_texts = st.lists(
    st.tuples(st.text(min_size=1, max_size=4) | st.sampled_from(HEAVY), st.integers(1, 4_000)),
    min_size=1,
    max_size=3,
).map(lambda runs: "".join(run * times for run, times in runs)[:MAX_CHARACTERS])


@given(texts)
def test_normalise_is_idempotent(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(long_texts)
def test_normal_form_of_a_long_text_is_bounded_and_idempotent(text: str) -> None:
    normal = normalise(text)
    assert len(normal) <= CUT_CHARACTERS
    assert normalise(normal) == normal


@given(long_texts)
def test_normal_form_is_that_of_the_cut_text(text: str) -> None:
    question = Question.parse(f"x {text}"[:MAX_CHARACTERS])
    assert question.normal == normalise(question.asked)


@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1), min_size=1, max_size=8))
def test_normal_form_ignores_case_and_spacing(words: list[str]) -> None:
    text = " ".join(words)
    assert normalise("  " + "\t".join(words).upper() + " ?") == normalise(text.upper())


@given(texts)
def test_normal_form_has_single_blanks_and_none_at_its_ends(text: str) -> None:
    normal = normalise(text)
    assert normal == " ".join(normal.split())


@given(st.integers(1, 150), st.integers(1, 176), st.integers(1, 150), st.integers(1, 176))
def test_different_verses_have_different_normal_forms(a: int, b: int, c: int, d: int) -> None:
    same = (a, b) == (c, d)
    assert (normalise(f"John {a}:{b}?") == normalise(f"john {c}:{d}")) == same


@given(texts, st.integers(0, 59), st.sampled_from("0123456789"), st.sampled_from("0123456789"))
def test_different_digits_have_different_normal_forms(
    text: str, at: int, one: str, two: str
) -> None:
    before, after = text[:at], text[at:]
    same = normalise(before + one + after) == normalise(before + two + after)
    assert same == (one == two)
