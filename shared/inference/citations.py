"""Corrects the citations of an answer, also while the answer arrives in parts."""

import re
from collections.abc import Sequence

from shared.inference.prompt import MAX_OWN_NUMBER

_NUMBERS = r"\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*"
_LIST = re.compile(rf"(?P<blank>[ \t]*)\[\s*(?P<numbers>{_NUMBERS})\s*\](?!\()")
_CITATION = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`"  # code
    r"|(?<=[\w)])(?P<index>(?:\[[^\[\]\n]{0,80}\])+)"  # arr[0][12]
    rf"|{_LIST.pattern}",
    re.DOTALL,
)
# The end of a text that more text may turn into one of the above, or into a longer one.
_UNDECIDED = (
    r"```(?:(?!```).)*|``|`[^`\n]*"
    r"|(?<=[\w)])(?=\[)(?:\[[^\[\]\n]{0,80}\])*(?:\[[^\[\]\n]{0,80})?"
    r"|[ \t]*\[[\d\s,;\u2013-]*\]?|[ \t]+"
)
_UNDECIDED_OR_CITATION = re.compile(
    rf"(?P<undecided>(?:{_UNDECIDED})\Z)|{_CITATION.pattern}", re.DOTALL
)
_RANGE = re.compile(r"(\d+)(?:\s*[\u2013-]\s*(\d+))?")
_NO_NAME = re.compile(r"\W")
_MAX_NAME = 40  # characters before an index


class CitationResolver:
    """Numbers the citations `[1]`, `[1, 3]`, `[1-3]` from 1, and removes those of no passage.

    Code, numbers above 99, and an index such as `arr[12]` that the passages contain are no
    citations. The result does not depend on how the text is divided into parts.

    Args:
        passages: what the model got.
        first: the number of the first passage.
        own: numbers that the passages or the question contain in brackets.
    """

    def __init__(
        self, passages: Sequence[str], *, first: int = 1, own: frozenset[int] = frozenset()
    ) -> None:
        self._passages = passages
        self._first = first
        self._last = first + len(passages) - 1
        self._own = own
        self._cited: set[int] = set()
        self._text = ""
        self._position = 0  # up to which the text is corrected

    @property
    def cited(self) -> tuple[int, ...]:
        """The positions of the passages that were cited so far, from 1."""
        return tuple(sorted(self._cited))

    def feed(self, part: str) -> str:
        """Add text. Return the corrected text since the last call, as far as it is decided."""
        self._text += part
        return self._correct_all(_UNDECIDED_OR_CITATION)

    def finish(self) -> str:
        """Return the corrected rest: no more text follows."""
        return self._correct_all(_CITATION)

    def _correct_all(self, pattern: re.Pattern[str]) -> str:
        corrected: list[str] = []
        for found in pattern.finditer(self._text, self._position):
            corrected.append(self._text[self._position : found.start()])
            self._position = found.start()
            if pattern is _UNDECIDED_OR_CITATION and found["undecided"]:
                return "".join(corrected)
            corrected.append(self._correct(found))
            self._position = found.end()
        corrected.append(self._text[self._position :])
        self._position = len(self._text)
        return "".join(corrected)

    def _correct(self, found: re.Match[str]) -> str:
        if found["index"]:
            before = self._text[max(0, found.start() - _MAX_NAME) : found.start()]
            quoted = _NO_NAME.split(before)[-1] + found[0]
            is_quoted = any(quoted in passage for passage in self._passages)
            return found[0] if is_quoted else _LIST.sub(self._correct_index, found[0])
        if not found["numbers"]:
            return found[0]
        numbers = _bounds(found)
        is_own = numbers <= self._own or max(numbers) > max(MAX_OWN_NUMBER, self._last)
        return found[0] if is_own else self._cite(found)

    def _correct_index(self, found: re.Match[str]) -> str:
        numbers = _bounds(found)
        is_passage = self._first <= min(numbers) and max(numbers) <= self._last
        return self._cite(found) if is_passage else found[0]

    def _cite(self, found: re.Match[str]) -> str:
        first, last = self._first, self._last
        ranges = _parse_ranges(found["numbers"])
        valid = [(max(first, low), min(last, high)) for low, high in ranges]
        valid = [(low - first + 1, high - first + 1) for low, high in valid if low <= high]
        self._cited.update(number for low, high in valid for number in range(low, high + 1))
        if valid == ranges:
            return found[0]
        parts = (f"{low}-{high}" if high > low else str(low) for low, high in valid)
        return f"{found['blank']}[{', '.join(parts)}]" if valid else ""


def resolve_citations(
    text: str, passages: Sequence[str], *, first: int = 1, own: frozenset[int] = frozenset()
) -> tuple[str, tuple[int, ...]]:
    """Correct the citations of a whole text with a `CitationResolver`.

    Returns:
        The corrected text, and the positions of the cited passages, from 1.
    """
    resolver = CitationResolver(passages, first=first, own=own)
    corrected = resolver.feed(text) + resolver.finish()
    return corrected, resolver.cited


def _bounds(found: re.Match[str]) -> set[int]:
    """Return the first and last numbers of all parts of a list."""
    return {number for each in _parse_ranges(found["numbers"]) for number in each}


def _parse_ranges(numbers: str) -> list[tuple[int, int]]:
    """Return the first and last number of each part of a list such as `1, 3-5`."""
    return [(int(low), int(high or low)) for low, high in _RANGE.findall(numbers)]
