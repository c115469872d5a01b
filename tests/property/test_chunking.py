"""Properties of the chunks of any text."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.notes.chunking.endless_strings import remove_endless
from shared.notes.chunking.split import ChunkLimits, split_note
from shared.notes.sanitize import sanitize_text
from shared.text.bible_references import find_bible_references
from tests.support.chunks import split
from tests.support.minilm_tokens import count_tokens

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
    chunks = split(text, max_words=sizes[0], overlap_words=0)
    assert "".join("".join(chunks).split()) == "".join(sanitize_text(text).split())
    assert all(chunk == chunk.strip() != "" for chunk in chunks)


@given(TEXTS, SIZES)
def test_every_chunk_is_a_slice_that_splits_no_reference(text: str, sizes: tuple[int, int]) -> None:
    """Each chunk starts after the start of the chunk before, and not after its end."""
    # A number after each word makes every slice of two words unique.
    whole = sanitize_text(" ".join(f"{word} n{n:03}\n" for n, word in enumerate(text.split())))
    spans = [(found.start, found.end) for found in find_bible_references(whole)]
    begin, end = -1, 0
    for chunk in split(whole, max_words=sizes[0], overlap_words=sizes[1]):
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
    chunks = [chunk.split() for chunk in split(text, max_words=words, overlap_words=overlap)]
    assert all(len(chunk) <= words for chunk in chunks)
    for before, after in pairwise(chunks):
        assert len(set(before) & set(after)) <= overlap


@given(TEXTS)
def test_chunking_is_deterministic(text: str) -> None:
    assert split(text, max_words=10, overlap_words=4) == split(text, max_words=10, overlap_words=4)


FRAMED = ["| a | b |", "|---|---|", "| 1 | 2 |", "a|b", "-|-", "```python", "```", "~~~"]
LINES = st.one_of(
    st.sampled_from(["", "", "# Heading", "## Sub ##", "Setext", "===", "---", "> quoted", "#tag"]),
    st.sampled_from(["Things:", "- item. Next", "  - in", "1. first", "\t- deep", "    indented"]),
    st.sampled_from(FRAMED),
    st.text(max_size=30).filter(lambda line: "|" not in line),
    st.lists(st.sampled_from(["Gott", "\u8d77\u521d", "John 3:16", "sees."]), max_size=20).map(
        " ".join
    ),
)
NOTES = st.lists(LINES, max_size=60)
LIMITS = st.builds(ChunkLimits, st.integers(20, 80), st.integers(0, 19), st.integers(32, 256))


@given(st.text(max_size=80), NOTES, LIMITS)
def test_no_chunk_exceeds_the_tokens(title: str, lines: list[str], limits: ChunkLimits) -> None:
    passages = split_note(title, "\n".join(lines), limits)
    assert all(each.content.strip() for each in passages)
    assert all(each.embedded.endswith(remove_endless(each.content)) for each in passages)
    assert max(count_tokens([each.embedded for each in passages]), default=0) <= limits.tokens


@given(NOTES, LIMITS)
def test_no_text_is_lost_and_no_heading_ends_a_chunk(lines: list[str], limits: ChunkLimits) -> None:
    prose = [line for line in lines if line not in FRAMED]
    text = "\n".join(prose).replace("## Sub ##", "## Sub ##\n\nText below it\n")
    contents = [each.content for each in split_note("", text, replace(limits, overlap_words=0))]
    assert "".join("".join(contents).split()) == "".join(sanitize_text(text).split())
    assert not any(content.endswith("## Sub ##") for content in contents)


@given(NOTES, LIMITS)
def test_no_row_and_no_line_of_code_is_lost(lines: list[str], limits: ChunkLimits) -> None:
    numbered = [f"|{n}|" if line == "| 1 | 2 |" else line for n, line in enumerate(lines)]
    contents = [each.content for each in split_note("", "\n".join(numbered), limits)]
    assert all(
        any(f"|{n}|" in content for content in contents)
        for n, line in enumerate(lines)
        if line == "| 1 | 2 |"
    )
