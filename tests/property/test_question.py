"""Laws of the normal form, on any text that Unicode allows."""

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
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(long_texts)
def test_any_question_has_a_bounded_normal_form_which_is_its_own(text: str) -> None:
    normal = normalise(text)
    assert len(normal) <= CUT_CHARACTERS
    assert normalise(normal) == normal


@given(long_texts)
def test_a_questions_normal_form_is_that_of_what_was_taken(text: str) -> None:
    question = Question.parse(f"x {text}"[:MAX_CHARACTERS])
    assert question.normal == normalise(question.asked)


@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1), min_size=1, max_size=8))
def test_case_and_spacing_never_matter(words: list[str]) -> None:
    text = " ".join(words)
    assert normalise("  " + "\t".join(words).upper() + " ?") == normalise(text.upper())


@given(texts)
def test_a_normal_form_has_single_blanks_and_none_at_its_ends(text: str) -> None:
    normal = normalise(text)
    assert normal == " ".join(normal.split())


@given(st.integers(1, 150), st.integers(1, 176), st.integers(1, 150), st.integers(1, 176))
def test_two_verses_share_a_form_only_if_they_are_the_same(a: int, b: int, c: int, d: int) -> None:
    same = (a, b) == (c, d)
    assert (normalise(f"John {a}:{b}?") == normalise(f"john {c}:{d}")) == same


@given(texts, st.integers(0, 59), st.sampled_from("0123456789"), st.sampled_from("0123456789"))
def test_changing_a_digit_always_changes_the_form(text: str, at: int, one: str, two: str) -> None:
    before, after = text[:at], text[at:]
    same = normalise(before + one + after) == normalise(before + two + after)
    assert same == (one == two)
