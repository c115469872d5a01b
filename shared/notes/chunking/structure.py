"""The structure of a note's Markdown: where it may be cut, and what belongs together.

Each line is read once, so the time is linear in the length of any text.
"""

import re
from dataclasses import dataclass, field
from enum import IntEnum

# Possessive quantifiers (`++`, `*+`) keep the time linear in the length of any line.
_END = r"[ \t]*+(?:\n|\Z)"
_HEADING = re.compile(rf"[ ]{{0,3}}(?P<marks>#{{1,6}}+)(?:{_END}|[ \t]++(?P<text>[^\n]++))")
_UNDERLINE = re.compile(rf"[ ]{{0,3}}(?:(?P<first>={{2,}}+)|-{{2,}}+){_END}")
_NO_HEADING = re.compile(r"[ \t]*+(?:[>|#]|[-*+][ \t]|\d{1,9}[.)][ \t])|[ ]{4}|\t")
_FENCE = re.compile(
    r"(?P<indent>[ \t>]*+)(?:[-*+][ \t]++)?(?P<marks>`{3,}+(?=[^`\n]*+(?:\n|\Z))|~{3,}+)"
)
_CLOSING = re.compile(rf"[ \t>]*+(?P<marks>`{{3,}}+|~{{3,}}+){_END}")
_ITEM = re.compile(r"(?P<indent>[ \t]*+)(?:[-*+\u2022]|\d{1,9}[.)])(?:[ \t]|\n|\Z)")
_CELL = r"[ \t]*+:?-++:?[ \t]*+"
_DELIMITER = re.compile(rf"(?=[^\n]*\|)[ \t>]*+\|?{_CELL}(?:\|{_CELL})*+\|?{_END}")
_INDENTED = re.compile(r"[ ]{2}|\t")
_COLON = re.compile(r"[:\uff1a][*_]*+\s*+\Z")


class Level(IntEnum):
    """How good a place is to end a chunk.

    Before a heading of level 6 it is `SECTION`, and 1 more for each higher level.
    """

    WORD = 0
    SENTENCE = 1
    LINE = 2
    ITEM = 3
    PARAGRAPH = 4
    SECTION = 5


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of `level` 1 to 6; `end` is the start of the text after it."""

    start: int
    end: int
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Frame:
    """A table, or a fenced block of code. A part of it is complete with `head` and `tail`."""

    start: int
    end: int
    head: str
    tail: str = ""


@dataclass(slots=True)
class Structure:
    """What `parse_structure` found; all but the groups are in the order of the text.

    `cuts` are the offsets where one chunk may end and the next one begin, with their levels.
    `groups` are lists, tables and blocks of code, as offsets: they are only divided if they are
    longer than a chunk.
    """

    cuts: dict[int, int] = field(default_factory=dict)
    headings: list[Heading] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    groups: list[tuple[int, int]] = field(default_factory=list)


def parse_structure(text: str) -> Structure:
    """Find the headings, paragraphs, lists, tables and blocks of code of Markdown."""
    return _Parser(text).parse()


class _Parser:
    """The methods `_code` to `_list` parse one kind of block at a line.

    They return the number of the line after it; None if another block begins there.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        # The last one is an empty line at the end of the text.
        self._starts = [0, *(found.end() for found in re.finditer("\n", text)), len(text)]
        self._found = Structure()
        self._intro: int | None = None

    def parse(self) -> Structure:
        line, is_new = 0, True  # whether a prose line begins a paragraph
        while line < len(self._starts) - 1:
            if self._is_blank(line):
                line, is_new = line + 1, True
            elif after := self._block(line):
                line, is_new, self._intro = after, True, None
            else:
                if is_new:
                    self._cut(line, Level.PARAGRAPH)
                line, is_new, self._intro = line + 1, False, line
        return self._found

    def _block(self, line: int) -> int | None:
        return self._code(line) or self._table(line) or self._list(line) or self._heading(line)

    def _code(self, line: int, level: Level = Level.PARAGRAPH) -> int | None:
        opening = self._match(_FENCE, line)
        if not opening:
            return None
        marks, last = opening["marks"], line + 1
        while last < len(self._starts) - 1:
            closing = self._match(_CLOSING, last)
            if closing and closing["marks"].startswith(marks):
                break
            last += 1
        self._cut(line, level)
        for inner in range(line + 2, last):
            self._cut(inner, Level.LINE)
        head = self._text[self._starts[line] : self._starts[line + 1]]
        after = min(last + 1, len(self._starts) - 1)  # the closing fence may be missing
        self._add_frame(line, after, head, f"\n{opening['indent']}{marks}")
        return after

    def _table(self, line: int, level: Level = Level.PARAGRAPH) -> int | None:
        if "|" not in self._line(line) or not self._match(_DELIMITER, line + 1):
            return None
        last = line + 2
        while last < len(self._starts) - 1 and "|" in self._line(last):
            if last > line + 2:
                self._cut(last, Level.LINE)
            last += 1
        self._cut(line, level)
        self._add_frame(line, last, self._text[self._starts[line] : self._starts[line + 2]])
        return last

    def _heading(self, line: int) -> int | None:
        last = line + 1
        if found := self._match(_HEADING, line):
            level = len(found["marks"])
            text = (found["text"] or "").strip().rstrip("#")
        elif (found := self._match(_UNDERLINE, last)) and not self._match(_NO_HEADING, line):
            level, last = 1 if found["first"] else 2, last + 1
            text = self._line(line)
        else:
            return None
        self._cut(line, Level.SECTION + 6 - level)
        while last < len(self._starts) - 1 and self._is_blank(last):
            last += 1
        heading = Heading(self._starts[line], self._starts[last], level, " ".join(text.split()))
        self._found.headings.append(heading)
        return last

    def _list(self, line: int) -> int | None:
        first = self._match(_ITEM, line)
        if not first:
            return None
        margin = len(first["indent"].expandtabs(4)) + 1
        # The line before is not separated from the first item, if it introduces the list.
        is_introduced = self._intro is not None and (
            self._intro == line - 1 or _COLON.search(self._line(self._intro)) is not None
        )
        self._cut(line, Level.LINE if is_introduced else Level.PARAGRAPH)
        last = after = line
        while after < len(self._starts) - 1:
            item = self._match(_ITEM, after)
            if item and after > line:
                is_outer = len(item["indent"].expandtabs(4)) <= margin
                self._cut(after, Level.ITEM if is_outer else Level.LINE)
            if self._is_blank(after):
                after += 1
                continue
            is_continued = item or after == last or self._match(_INDENTED, after)
            if not is_continued or self._match(_HEADING, after):
                break
            nested = self._code(after, Level.LINE) or self._table(after, Level.LINE)
            after = last = nested or after + 1
        start = self._starts[line] - is_introduced
        self._found.groups.append((start, self._starts[last]))
        return last

    def _add_frame(self, line: int, after: int, head: str, tail: str = "") -> None:
        start, end = self._starts[line], self._starts[after]
        self._found.frames.append(Frame(start, end, head, tail))
        self._found.groups.append((start, end))

    def _cut(self, line: int, level: int) -> None:
        self._found.cuts.setdefault(self._starts[line], level)

    def _match(self, pattern: re.Pattern[str], line: int) -> re.Match[str] | None:
        return pattern.match(self._text, self._starts[line])

    def _line(self, line: int) -> str:
        return self._text[self._starts[line] : self._starts[line + 1]]

    def _is_blank(self, line: int) -> bool:
        return not self._line(line).strip()
