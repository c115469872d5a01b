"""Laws of the normal form, on any text that Unicode allows."""

from hypothesis import given
from hypothesis import strategies as st

from shared.question import normalise

texts = st.text(max_size=60)


@given(texts)
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


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
