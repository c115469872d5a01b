"""How long the parts of a text are, in words and in tokens."""

import re
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import chain

from shared.text.token_estimate import TokenCounts

# Kana and Han, which have no spaces between words.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]{{1,200}}")


@dataclass(frozen=True, slots=True)
class Size:
    """A number of words, and of tokens by the estimate of `wordpieces`."""

    words: int
    tokens: float

    def __add__(self, other: "Size") -> "Size":
        return Size(self.words + other.words, self.tokens + other.tokens)

    def __sub__(self, other: "Size") -> "Size":
        return Size(self.words - other.words, self.tokens - other.tokens)

    def fits(self, limit: "Size") -> bool:
        """Whether neither number exceeds the limit."""
        return self.words <= limit.words and self.tokens <= limit.tokens + 1e-6

    def share(self, limit: "Size") -> float:
        """Return the share of the limit that is used."""
        return max(self.words / limit.words, self.tokens / limit.tokens)


EMPTY = Size(0, 0.0)


class TextSizes:
    """The sizes of all parts of a text, each in logarithmic time."""

    def __init__(self, text: str) -> None:
        self._tokens = TokenCounts(text)
        self._words = array("q", (found.start() for found in _WORD.finditer(text)))

    def of(self, start: int, end: int) -> Size:
        """Return the size of `text[start:end]`."""
        words = bisect_left(self._words, end) - bisect_left(self._words, start)
        return Size(words, self._tokens.count(start, end))

    def fitting_end(self, start: int, end: int, limit: Size, protected: bytearray) -> int:
        """Return the greatest offset up to which `text[start:end]` fits into the limit.

        It is the start of a word that is not `protected`, for which more words are allowed. If
        there is none within the tokens, it is any start of a word, or within a word.
        """
        furthest = min(end, self._tokens.fit(start, limit.tokens) or end)
        second = bisect_left(self._words, start) + 1
        starts = self._words[second : bisect_right(self._words, furthest)]
        allowed, more = starts[: limit.words], starts[limit.words :]
        free = (each for each in chain(reversed(allowed), more) if not protected[each])
        last = end if furthest == end else allowed[-1] if allowed else furthest
        return next(free, last)
