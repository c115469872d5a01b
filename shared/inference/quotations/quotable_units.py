"""Finds what can be quoted from a passage of Markdown: sentences, list items, rows, code.

The passage may be raw Markdown, since notes also arrive as change messages.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from shared.notes.files.front_matter import remove_front_matter
from shared.notes.files.markdown import plain_text, reduce_markup
from shared.text.sentences import split_sentences

_MAX_CHARACTERS = 500  # of a quotation
_MAX_LIST = 240  # characters of a list that is quoted as a whole
_MAX_CODE = 240  # characters of a block of code that is quoted as a whole
_SHORT_LINE = 60  # characters; a paragraph of shorter lines is not wrapped prose

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]+(.*?))?[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r"[ \t]*(?:=+|-+)[ \t]*$")
_ITEM = re.compile(r"[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[.\][ \t]+)?")
_DELIMITERS = re.compile(r"[ \t>]*\|?(?:[ \t]*:?-+:?[ \t]*\|)+(?:[ \t]*:?-+:?)?[ \t]*$")
_CELL_END = re.compile(r"(?<!\\)\|")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]{1,60}\](?::[ \t]*)?")


class Unit(NamedTuple):
    """A text to quote, and the headings and the introduction above it."""

    text: str
    context: str


def find_units(passage: str) -> list[Unit]:
    """Return the units of a passage in order, without markup.

    A heading is a unit only if the passage has nothing else.
    """
    units: list[Unit] = []
    headings: list[str] = []
    intro = ""
    for kind, lines in _blocks(reduce_markup(remove_front_matter(passage)).split("\n")):
        if kind == "heading":
            headings.append(_plain(" ".join(lines)))
            intro = ""
            continue
        texts = [text for text in _QUOTED[kind](lines) if any(map(str.isalnum, text))]
        heading = headings[-1] if headings else ""
        if kind in {"list", "code"}:
            whole = f"{intro} {'; '.join(texts)}".strip()
            if intro:
                units.pop()  # alone it says nothing
            if len(texts) + bool(intro) > 1 and len(whole) <= _MAX_LIST:
                units.append(Unit(whole, heading))
        units += [Unit(shorten(text), f"{heading} {intro}".strip()) for text in texts]
        intro = texts[-1] if kind == "prose" and texts and texts[-1].endswith(":") else ""
    return units or [Unit(heading, "") for heading in headings if heading]


def _blocks(lines: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the kind and the lines of each block, without its markup lines."""
    start = 0
    while start < len(lines):
        line, end = lines[start], start + 1
        if fence := _FENCE.match(line):
            while end < len(lines) and not lines[end].lstrip(" \t>").startswith(fence[1]):
                end += 1
            yield "code", lines[start + 1 : end]
            end += 1
        elif heading := _HEADING.match(line):
            yield "heading", [heading[1] or ""]
        elif (has_header := _is_header(lines, start)) or _is_row(line):
            while end < len(lines) and "|" in lines[end]:
                end += 1
            rows = [line, *lines[start + 2 : end]] if has_header else ["", *lines[start:end]]
            yield "table", rows
        elif _ITEM.match(line):
            while end < len(lines) and (_ITEM.match(lines[end]) or lines[end][:1] in {" ", "\t"}):
                end += 1
            yield "list", lines[start:end]
        elif line.strip(" \t>") and not _UNDERLINE.match(line):
            while end < len(lines) and _is_prose(lines[end]) and not _is_header(lines, end):
                end += 1
            if _UNDERLINE.match("".join(lines[end : end + 1])):
                yield "heading", lines[start:end]
            else:
                yield "prose", lines[start:end]
        start = end


def _is_prose(line: str) -> bool:
    is_markup = any(each.match(line) for each in (_FENCE, _HEADING, _ITEM, _UNDERLINE))
    return bool(line.strip(" \t>")) and not is_markup and not _is_row(line)


def _is_header(lines: Sequence[str], number: int) -> bool:
    """Whether a line is the header of a table: delimiters follow."""
    following = "".join(lines[number + 1 : number + 2])
    return "|" in lines[number] and bool(_DELIMITERS.match(following))


def _is_row(line: str) -> bool:
    """Whether a line is a row, also without a header; the formula |x| = |y| is none."""
    text = line.strip(" \t>")
    return text.startswith("| ") and text.endswith(" |")


def _quote_prose(lines: Sequence[str]) -> Iterator[str]:
    is_wrapped = max(map(len, lines)) > _SHORT_LINE
    for text in [" ".join(line.strip(" \t>") for line in lines)] if is_wrapped else lines:
        yield from map(_plain, split_sentences(text.strip(" \t>")))


def _quote_items(lines: Sequence[str]) -> Iterator[str]:
    starts = [number for number, line in enumerate(lines) if _ITEM.match(line)]
    for start, end in pairwise([*starts, len(lines)]):
        item = " ".join(_ITEM.sub("", line, count=1).strip(" \t>") for line in lines[start:end])
        yield from [_plain(item)] if len(item) <= _MAX_LIST else map(_plain, split_sentences(item))


def _quote_rows(lines: Sequence[str]) -> Iterator[str]:
    header, *rows = ([_plain(cell) for cell in _cells(line)] for line in lines)
    for row in rows:
        named = zip([*header, *[""] * len(row)], row, strict=False)
        yield "; ".join(f"{name}: {cell}" if name else cell for name, cell in named if cell)


def _cells(line: str) -> list[str]:
    return _CELL_END.split(line.strip(" \t>").removeprefix("|").removesuffix("|"))


def _quote_code(lines: Sequence[str]) -> Iterator[str]:
    code = "\n".join(lines).strip("\n")
    yield from [code] if len(code) <= _MAX_CODE else (line.strip() for line in lines)


_QUOTED = {
    "prose": _quote_prose,
    "list": _quote_items,
    "table": _quote_rows,
    "code": _quote_code,
}


def _plain(text: str) -> str:
    return " ".join(plain_text(_FOOTNOTE.sub("", text)).split())


def shorten(text: str) -> str:
    """Cut a text to `_MAX_CHARACTERS`, at the end of a word if it has one."""
    if len(text) <= _MAX_CHARACTERS:
        return text
    return text[: max(text.rfind(" ", 0, _MAX_CHARACTERS), 0) or _MAX_CHARACTERS] + "\u2026"
