"""Properties of the chunks of any text."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.notes.chunking import split_into_chunks
from shared.notes.sanitize import sanitize_text
from shared.text.bible_references import find_bible_references

REFERENCES = ["John 3:16", "1 Cor. 13:4-7", "Ps. 23", "Rom. 8:28", "verse 4 of Jude", "II Kings 2"]
PARTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(REFERENCES),
    st.sampled_from(["\n\n", "\r\n", "\n# Heading\n", ". ", "? ", "\n- ", "\0", "\ud800", "。"]),
    st.from_regex(r"[A-Z]?[a-z]{1,8}", fullmatch=True),
)
TEXTS = st.lists(st.tuples(PARTS, st.sampled_from(["", " ", "\n"])), max_size=60).map(
    lambda parts: "".join(part + space for part, space in parts)
)
SIZES = st.tuples(st.integers(1, 30), st.integers(0, 29)).filter(lambda sizes: sizes[1] < sizes[0])


@given(TEXTS, SIZES)
def test_chunks_without_overlap_have_all_of_the_text(text: str, sizes: tuple[int, int]) -> None:
    """Nothing except whitespace is lost, added or moved."""
    chunks = split_into_chunks(text, max_words=sizes[0], overlap_words=0)
    assert "".join("".join(chunks).split()) == "".join(sanitize_text(text).split())
    assert all(chunk == chunk.strip() != "" for chunk in chunks)


@given(TEXTS, SIZES)
def test_every_chunk_is_a_slice_that_splits_no_reference(text: str, sizes: tuple[int, int]) -> None:
    """Each chunk starts after the start of the chunk before, and not after its end."""
    # A number after each word makes every slice of two words unique.
    whole = sanitize_text(" ".join(f"{word} n{n:03}\n" for n, word in enumerate(text.split())))
    spans = [(found.start, found.end) for found in find_bible_references(whole)]
    begin, end = -1, 0
    for chunk in split_into_chunks(whole, max_words=sizes[0], overlap_words=sizes[1]):
        latest = end + len(whole[end:]) - len(whole[end:].lstrip())
        begin = whole.rindex(chunk, begin + 1, latest + len(chunk))
        end = begin + len(chunk)
        assert not any(start < cut < stop for start, stop in spans for cut in (begin, end))
    assert not whole[end:].strip()


@given(st.lists(st.integers(1, 12), min_size=1, max_size=40), SIZES)
def test_chunks_respect_the_size_and_overlap(lengths: list[int], sizes: tuple[int, int]) -> None:
    words, overlap = sizes
    text = " ".join(
        " ".join(f"W{n}x{i}" for i in range(length)) + "." for n, length in enumerate(lengths)
    )
    chunks = [
        chunk.split() for chunk in split_into_chunks(text, max_words=words, overlap_words=overlap)
    ]
    assert all(len(chunk) <= words for chunk in chunks)
    for before, after in pairwise(chunks):
        assert len(set(before) & set(after)) <= overlap


@given(TEXTS)
def test_chunking_is_deterministic(text: str) -> None:
    assert split_into_chunks(text, max_words=10, overlap_words=4) == split_into_chunks(
        text, max_words=10, overlap_words=4
    )
