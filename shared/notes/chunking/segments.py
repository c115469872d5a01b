"""Divides a note's text into segments, the parts that are never divided again.

A segment is a sentence, a row of a table or a line of code, or a part of one that is too long for
a chunk. A heading is in one segment with the beginning of its text.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from shared.notes.chunking.sizes import EMPTY, Size, TextSizes
from shared.notes.chunking.structure import Frame, Heading, Level, Structure
from shared.text.sentences import find_sentence_breaks
from shared.text.vocabulary_packs import VocabularyPack

Headings = tuple[str, ...]
"""The headings over a part of a note, the highest first."""

Limit = Callable[[Headings], Size]
"""Returns the size of a chunk below these headings."""

_MAX_HEAD = 2_000  # characters of a header, which may be padded with spaces, in each chunk
_MIN_TOKENS = 24  # more than the longest part of a word that is never divided


@dataclass(frozen=True, slots=True)
class Segment:
    """The part `text[start:end]` of a note.

    Attributes:
        level: of the cut before it.
        size: without what its frame adds.
        headings: over its text.
        is_titled: whether it begins with a heading.
        is_whole: whether it is not a part of a longer sentence.
        frame: the table or code that it belongs to.
        before, after: what the frame adds to a chunk that begins, or ends, with it.
    """

    start: int
    end: int
    level: int
    size: Size
    headings: Headings
    is_titled: bool
    is_whole: bool = True
    frame: Frame | None = None
    before: Size = EMPTY
    after: Size = EMPTY


def divide(
    text: str, structure: Structure, sizes: TextSizes, packs: Sequence[VocabularyPack], limit: Limit
) -> Iterator[Segment]:
    """Yield all segments in order; only whitespace is between them."""
    references = [
        (found.start, found.end) for pack in packs for found in pack.find_references(text)
    ]
    protected = _mask([*references, *_headings_with_text(structure.headings)], len(text))
    cuts = _find_cuts(text, structure, protected)
    frames, headings = deque(structure.frames), deque(structure.headings)
    path: list[Heading] = []
    for start, end, level in _parts(text, cuts):
        is_titled = bool(headings) and headings[0].start == start
        while headings and headings[0].start < end:
            heading = headings.popleft()
            path = [*(each for each in path if each.level < heading.level), heading]
        while frames and frames[0].end <= start:
            frames.popleft()
        frame = frames[0] if frames and frames[0].start <= start else None
        names = tuple(each.text for each in path if each.text)
        segment = Segment(start, end, level, sizes.of(start, end), names, is_titled)
        segment = _with_frame(segment, frame, sizes, limit(names))
        yield from _fit(segment, sizes, limit(names), protected)


def _headings_with_text(headings: Sequence[Heading]) -> Iterator[tuple[int, int]]:
    """Yield the spans in which no cut may be.

    The end of a heading is in them, unless an equal or a higher heading follows.
    """
    levels = {heading.start: heading.level for heading in headings}
    for heading in headings:
        is_empty = levels.get(heading.end, 7) <= heading.level
        yield heading.start, heading.end + (0 if is_empty else 1)


def _mask(spans: Iterable[tuple[int, int]], length: int) -> bytearray:
    """Return 1 for each offset of the text at which a cut would divide one of the spans."""
    mask = bytearray(length + 1)
    for start, end in spans:
        mask[start + 1 : end] = b"\1" * (min(end, length + 1) - start - 1)
    return mask


def _find_cuts(text: str, structure: Structure, protected: bytearray) -> dict[int, int]:
    """Return the cuts between segments, in order."""
    in_frame = _mask(((frame.start, frame.end) for frame in structure.frames), len(text))
    cuts = dict(structure.cuts)
    for found in find_sentence_breaks(text):
        if not in_frame[found.next_start]:
            cuts.setdefault(found.next_start, Level.SENTENCE)
    return {cut: cuts[cut] for cut in sorted(cuts) if not protected[cut]}


def _parts(text: str, cuts: dict[int, int]) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and level of each part that is not blank."""
    best: int = Level.WORD
    for start, end in pairwise([0, *(cut for cut in cuts if cut), len(text)]):
        best = max(best, cuts.get(start, Level.SECTION))
        if not text[start:end].isspace() and start < end:
            yield start, end, best
            best = Level.WORD


def _with_frame(segment: Segment, frame: Frame | None, sizes: TextSizes, limit: Size) -> Segment:
    """Add the frame, unless it leaves less than half of a chunk for the text."""
    if frame is None or len(frame.head) > _MAX_HEAD:
        return segment
    head, tail = _frame_sizes(frame, sizes)
    if (head + tail).share(limit) > 1 / 2 or (limit - head - tail).tokens < _MIN_TOKENS:
        return segment
    return replace(
        segment,
        frame=frame,
        before=head if segment.start > frame.start else EMPTY,
        after=tail if segment.end < frame.end else EMPTY,
    )


def _fit(
    segment: Segment, sizes: TextSizes, limit: Size, protected: bytearray
) -> Iterator[Segment]:
    """Yield the segment, divided between words if it is longer than a chunk."""
    if (segment.before + segment.size + segment.after).fits(limit):
        yield segment
        return
    head, tail = _frame_sizes(segment.frame, sizes)
    part = replace(segment, is_whole=False, after=tail)
    while not (part.before + part.size + tail).fits(limit):
        cut = sizes.fitting_end(part.start, part.end, limit - part.before - tail, protected)
        if cut == part.end:
            break
        yield replace(part, end=cut, size=sizes.of(part.start, cut))
        size = sizes.of(cut, part.end)
        part = replace(part, start=cut, size=size, level=Level.WORD, before=head, is_titled=False)
    yield replace(part, after=segment.after)


def _frame_sizes(frame: Frame | None, sizes: TextSizes) -> tuple[Size, Size]:
    if frame is None:
        return EMPTY, EMPTY
    head = sizes.of(frame.start, frame.start + len(frame.head))
    return head, Size(0, len(frame.tail))
