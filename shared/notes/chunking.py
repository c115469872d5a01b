"""Splits a note into chunks to embed and to quote.

Every chunk is a slice of the text. It ends at the end of a paragraph or a sentence, or of a word if
one sentence is longer than a chunk. It never ends within a reference of a vocabulary pack.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from shared.notes.note import Chunk
from shared.notes.sanitize import normalize_newlines, sanitize_text
from shared.text.sentences import find_sentence_breaks
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack

if TYPE_CHECKING:
    from shared.vectors import Vector

# Kana and Han, which have no spaces between words.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"

# The limit of 200 characters splits other text without spaces, such as pictures in Base64.
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]{{1,200}}")

# Possessive quantifiers (`++`, `*+`) keep the time linear in the length of any text.

# Markdown headings, with a # or an underline, and the whitespace after them.
_HEADING = re.compile(
    r"^(?:#{1,6}[^\S\n]++[^\n]*+|[^\S\n]*+\S[^\n]*+\n(?:={2,}+|-{2,}+)[^\S\n]*+$)\s*+",
    re.MULTILINE,
)
_BLANK_LINE = re.compile(r"\n[^\S\n]*+\n\s*+")


@dataclass(frozen=True, slots=True)
class _Segment:
    """A sentence, or a part of one that is too long: `text[start:end]`."""

    start: int
    end: int
    words: int
    whole: bool


def split_into_chunks(
    text: str,
    *,
    max_words: int = 200,
    overlap_words: int = 40,
    packs: Sequence[VocabularyPack] = DEFAULT_PACKS,
) -> list[str]:
    """Split a text into chunks.

    Each chunk except the first starts with the last sentences of the chunk before. A heading is in
    the same chunk as the text after it. A blank text has no chunks.

    Args:
        text: the note's text.
        max_words: the maximum length of a chunk, exceeded only by a long reference.
        overlap_words: the maximum length of the repeated sentences.
        packs: the vocabulary packs whose references are never split.
    """
    text = normalize_newlines(sanitize_text(text))
    paragraphs = list(_paragraphs(text, max_words, packs))
    return [
        text[segments[0].start : segments[-1].end].strip()
        for segments in _pack(paragraphs, max_words, overlap_words)
    ]


def build_chunks(
    note_id: str, contents: Sequence[str], embeddings: Sequence["Vector"]
) -> list[Chunk]:
    """Build a note's chunks from texts and embeddings, with ids `note#0`, `note#1` and so on."""
    return [
        Chunk(f"{note_id}#{ordinal}", note_id, content, embedding)
        for ordinal, (content, embedding) in enumerate(zip(contents, embeddings, strict=True))
    ]


def _paragraphs(text: str, words: int, packs: Sequence[VocabularyPack]) -> Iterator[list[_Segment]]:
    """Yield the segments of each paragraph, in order and without gaps."""
    references = [
        (found.start, found.end) for pack in packs for found in pack.find_references(text)
    ]
    headings = [found.span() for found in _HEADING.finditer(text)]
    in_reference = _mask(references, len(text))
    # The end of a heading is protected too, so that it is not separated from its text.
    in_heading = _mask([(start, end + 1) for start, end in headings], len(text))
    paragraph_ends = {found.end() for found in _BLANK_LINE.finditer(text)}
    paragraph_ends |= {start for start, _ in headings}
    cuts = sorted(
        cut
        for cut in paragraph_ends | {found.next_start for found in find_sentence_breaks(text)}
        if 0 < cut < len(text) and not in_reference[cut] and not in_heading[cut]
    )
    paragraph: list[_Segment] = []
    for start, end in pairwise([0, *cuts, len(text)]):
        paragraph += _split_sentence(text, start, end, words, in_reference)
        if paragraph and (end in paragraph_ends or end == len(text)):
            yield paragraph
            paragraph = []


def _mask(spans: Iterable[tuple[int, int]], length: int) -> bytearray:
    """Return 1 for each offset of the text at which a cut would split one of the spans."""
    mask = bytearray(length + 1)
    for start, end in spans:
        mask[start + 1 : end] = b"\1" * (min(end, length + 1) - start - 1)
    return mask


def _split_sentence(
    text: str, start: int, end: int, words: int, in_reference: bytearray
) -> Iterator[_Segment]:
    """Yield a sentence, split between words if it has more than `words`."""
    word_starts = [found.start() for found in _WORD.finditer(text, start, end)]
    first = 0
    while len(word_starts) - first > words:
        free = (
            last
            for last in chain(
                range(first + words, first, -1), range(first + words + 1, len(word_starts))
            )
            if not in_reference[word_starts[last]]
        )
        last = next(free, None)
        if last is None:
            break
        yield _Segment(start, word_starts[last], last - first, whole=False)
        start, first = word_starts[last], last
    if word_starts:
        yield _Segment(start, end, len(word_starts) - first, whole=first == 0)


def _pack(paragraphs: list[list[_Segment]], words: int, overlap: int) -> Iterator[list[_Segment]]:
    """Yield the segments of each chunk.

    A chunk that is at least half full ends with its paragraph if the next one does not fit.
    """
    repeated: deque[_Segment] = deque()
    added: list[_Segment] = []
    repeated_words = added_words = 0
    for paragraph in paragraphs:
        for segment in paragraph:
            starts_new_chunk = segment is paragraph[0] and 2 * added_words >= words
            wanted = _count_words(paragraph) if starts_new_chunk else segment.words
            if added and repeated_words + added_words + wanted > words:
                chunk = [*repeated, *added]
                yield chunk
                repeated, added = deque(_overlap_segments(chunk, overlap)), []
                repeated_words, added_words = _count_words(repeated), 0
            while repeated and repeated_words + added_words + segment.words > words:
                repeated_words -= repeated.popleft().words
            added.append(segment)
            added_words += segment.words
    if added:
        yield [*repeated, *added]


def _overlap_segments(segments: list[_Segment], overlap: int) -> list[_Segment]:
    count = 0
    for segment in reversed(segments):
        overlap -= segment.words
        if overlap < 0 or not segment.whole:
            break
        count += 1
    return segments[len(segments) - count :]


def _count_words(segments: Iterable[_Segment]) -> int:
    return sum(segment.words for segment in segments)
