"""Cuts a note into passages small enough to embed and to quote whole.

Every chunk is a slice of the text as it stands. It ends where a paragraph ends, or a sentence,
or, where one sentence is longer than a chunk, a word; never within a reference to the Bible.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING

from shared.notes.note import Chunk
from shared.notes.sanitize import sanitize_text
from shared.text.sentences import find_sentence_breaks
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack

if TYPE_CHECKING:
    from shared.vectors import Vector

# Kana and Han, whose words no spaces part.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"

# What counts as a word. The bound is for what has no spaces either: pictures in Base64.
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]{{1,200}}")

# The patterns below never go back over what they have read (`++`, `*+`), so that no text, however
# odd, takes more time than its length.

# Headings of Markdown, with a # before or a line below, and the space up to what they head.
_HEADING = re.compile(
    r"^(?:#{1,6}[^\S\n]++[^\n]*+|[^\S\n]*+\S[^\n]*+\n(?:={2,}+|-{2,}+)[^\S\n]*+$)\s*+",
    re.MULTILINE,
)
_BLANK_LINE = re.compile(r"\n[^\S\n]*+\n\s*+")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence, or a piece of one that is too long: `text[start:end]`."""

    start: int
    end: int
    words: int
    whole: bool


class _Spans:
    """Stretches of the text that must not be cut."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(spans)
        self._starts = [start for start, _ in ordered]
        self._ends = list(accumulate((end for _, end in ordered), max))

    def hold(self, cut: int) -> bool:
        before = bisect_left(self._starts, cut) - 1
        return before >= 0 and cut < self._ends[before]


def split_into_chunks(
    text: str,
    *,
    max_words: int = 200,
    overlap_words: int = 40,
    packs: Sequence[VocabularyPack] = DEFAULT_PACKS,
) -> list[str]:
    """Cut a text into chunks of at most `max_words` words.

    Each chunk but the first begins with the last sentences of the one before: as many as have
    at most `overlap_words` words together, and leave room for what follows. A heading stays with
    what it heads. A reference to the Bible is never cut, even where it has more words than a chunk.
    A blank text has no chunks.
    """
    text = sanitize_text(text).replace("\r\n", "\n").replace("\r", "\n")
    paragraphs = list(_paragraphs(text, max_words, packs))
    return [
        text[units[0].start : units[-1].end].strip()
        for units in _pack(paragraphs, max_words, overlap_words)
    ]


def build_chunks(
    note_id: str, contents: Sequence[str], embeddings: Sequence["Vector"]
) -> list[Chunk]:
    """Build a note's chunks from texts and embeddings, with ids `note#0`, `note#1` and so on."""
    return [
        Chunk(f"{note_id}#{ordinal}", note_id, content, embedding)
        for ordinal, (content, embedding) in enumerate(zip(contents, embeddings, strict=True))
    ]


def _paragraphs(text: str, words: int, packs: Sequence[VocabularyPack]) -> Iterator[list[_Unit]]:
    """The text's sentences, in order and without a gap, by paragraph."""
    references = _Spans(
        (found.start, found.end) for pack in packs for found in pack.find_references(text)
    )
    headings = [found.span() for found in _HEADING.finditer(text)]
    headed = _Spans((start, end + 1) for start, end in headings)

    paragraph_ends = {found.end() for found in _BLANK_LINE.finditer(text)}
    paragraph_ends |= {start for start, _ in headings}
    cuts = sorted(
        cut
        for cut in paragraph_ends | {found.next_start for found in find_sentence_breaks(text)}
        if 0 < cut < len(text) and not references.hold(cut) and not headed.hold(cut)
    )
    paragraph: list[_Unit] = []
    for start, end in pairwise([0, *cuts, len(text)]):
        paragraph += _pieces(text, start, end, words, references)
        if paragraph and (end in paragraph_ends or end == len(text)):
            yield paragraph
            paragraph = []


def _pieces(text: str, start: int, end: int, words: int, references: _Spans) -> Iterator[_Unit]:
    """One sentence, cut between words where it has more than `words` of them."""
    places = [found.start() for found in _WORD.finditer(text, start, end)]
    first = 0
    while len(places) - first > words:
        free = (
            last
            for last in chain(
                range(first + words, first, -1), range(first + words + 1, len(places))
            )
            if not references.hold(places[last])
        )
        last = next(free, None)
        if last is None:
            break
        yield _Unit(start, places[last], last - first, whole=False)
        start, first = places[last], last
    if places:
        yield _Unit(start, end, len(places) - first, whole=first == 0)


def _pack(paragraphs: list[list[_Unit]], words: int, overlap: int) -> Iterator[list[_Unit]]:
    """Fill one chunk after another, ending it with a paragraph where it is half full by then."""
    repeated: list[_Unit] = []
    fresh: list[_Unit] = []
    for paragraph in paragraphs:
        for unit in paragraph:
            keep_whole = unit is paragraph[0] and 2 * _size(fresh) >= words
            wanted = _size(paragraph) if keep_whole else unit.words
            if fresh and _size(repeated) + _size(fresh) + wanted > words:
                yield repeated + fresh
                repeated, fresh = _tail(repeated + fresh, overlap), []
            while repeated and _size(repeated) + _size(fresh) + unit.words > words:
                repeated.pop(0)
            fresh.append(unit)
    if fresh:
        yield repeated + fresh


def _tail(units: list[_Unit], overlap: int) -> list[_Unit]:
    count = 0
    for unit in reversed(units):
        overlap -= unit.words
        if overlap < 0 or not unit.whole:
            break
        count += 1
    return units[len(units) - count :]


def _size(units: Iterable[_Unit]) -> int:
    return sum(unit.words for unit in units)
