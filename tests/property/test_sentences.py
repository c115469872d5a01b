"""Properties of the sentences of any text."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.text.sentences import find_sentence_breaks, split_sentences
from tests.support.growth import assert_linear

PARTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from([". ", "? ", "...", "\u3002", "\u300d", "\n\n", "\n- ", "[^1]", " #tag", '"']),
    st.sampled_from(["Dr.", "z. B.", "J.-C.", "3.", " Mai", "U.S.", "am", "He", "e.g."]),
)
TEXTS = st.lists(PARTS, max_size=30).map("".join)


@given(TEXTS)
def test_breaks_are_ordered_and_lie_within_the_text(text: str) -> None:
    breaks = list(find_sentence_breaks(text))
    offsets = list(chain.from_iterable(breaks))
    assert offsets == sorted(offsets)
    assert all(0 <= offset <= len(text) for offset in offsets)
    assert all(not text[end:start].strip() for end, start in breaks)


@given(TEXTS)
def test_sentences_lose_only_whitespace(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        *("a", ". ", "A. ", "e. g. ", "1. ", "\n1.", "[^", ".[^1] #a", ". #", ".[^" + "x" * 50),
        *("\u3002", ".*_", "\n- ", "Am 3. Mai ", "Dr. J. R. "),
    ],
)
def test_time_is_linear_in_the_length_of_hostile_text(piece: str) -> None:
    assert_linear(lambda text: list(find_sentence_breaks(text)), piece, 300_000)
