"""Packs segments into chunks."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.notes.chunking.segments import Limit, Segment
from shared.notes.chunking.sizes import EMPTY, Size, TextSizes

_MIN_SHARE = 0.5
"""A chunk with this share of its limit may end before it is full, at a better place."""


@dataclass(frozen=True, slots=True)
class Packer:
    """Packs the segments of one text, each of which fits into a chunk.

    `groups` are spans of the text that are divided only if they are longer than a chunk.
    `overlap_words` is the maximum length of what a chunk repeats of the one before.
    """

    segments: Sequence[Segment]
    groups: Sequence[tuple[int, int]]
    sizes: TextSizes
    limit: Limit
    overlap_words: int

    def pack(self) -> Iterator[Sequence[Segment]]:
        """Yield the segments of each chunk."""
        groups = self._groups_by_segment()
        first = begin = 0  # `begin`: the first segment that is not repeated
        while begin < len(self.segments):
            end = self._fill(first, begin)
            if end < len(self.segments):
                end = self._best_end(first, begin, end, groups[end])
            yield self.segments[first:end]
            first, begin = self._overlap_start(first, end), end

    def _groups_by_segment(self) -> dict[int, list[tuple[int, int]]]:
        """Return the groups of each segment, as ranges of segments, the outer ones first."""
        starts = [segment.start for segment in self.segments]
        groups = defaultdict(list)
        for start, end in sorted(self.groups, key=lambda group: (group[0], -group[1])):
            first, last = max(0, bisect_right(starts, start) - 1), bisect_left(starts, end)
            first += self.segments[first].end <= start
            for number in range(first, last):
                groups[number].append((first, last))
        return groups

    def _fill(self, first: int, begin: int) -> int:
        """Return the end of the longest chunk."""
        limit, end = self.limit(self.segments[first].headings), begin
        used = self.segments[first].before + self._size(first, begin)
        while end < len(self.segments):
            segment = self.segments[end]
            if end > begin and not (used + segment.size + segment.after).fits(limit):
                break
            used += segment.size
            end += 1
        return end

    def _best_end(self, first: int, begin: int, end: int, groups: Sequence[tuple[int, int]]) -> int:
        """Return where to end a chunk that has no room for the segment `end`.

        A group that fits into the next chunk is not divided. Otherwise it is the best place in the
        second half, the last one of several.
        """
        for start, after in groups:
            limit = self.limit(self.segments[start].headings)
            if begin < start < end and self._size(start, after).fits(limit):
                return start
        best, limit = end, self.limit(self.segments[first].headings)
        for place in range(end - 1, begin, -1):
            if self._size(first, place).share(limit) < _MIN_SHARE:
                break
            if self.segments[place].level > self.segments[best].level:
                best = place
        return best

    def _overlap_start(self, first: int, end: int) -> int:
        """Return the first segment that the chunk after `end` repeats; `end` if there is none."""
        if end == len(self.segments) or not self._is_prose(end) or self.segments[end].is_titled:
            return end
        segment, start = self.segments[end], end
        limit = self.limit(segment.headings)
        words = min(self.overlap_words, limit.words - segment.size.words)
        tokens = limit.tokens * self.overlap_words / limit.words
        most = Size(words, min(tokens, limit.tokens - segment.size.tokens))
        while (
            start - 1 > first
            and not self.segments[start].is_titled
            and self._is_prose(start - 1)
            and self._size(start - 1, end).fits(most)
        ):
            start -= 1
        return start

    def _is_prose(self, number: int) -> bool:
        segment = self.segments[number]
        return segment.is_whole and segment.frame is None

    def _size(self, first: int, end: int) -> Size:
        """Return the size of the segments from `first` to before `end`."""
        if first == end:
            return EMPTY
        return self.sizes.of(self.segments[first].start, self.segments[end - 1].end)
