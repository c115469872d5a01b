"""Reduces the Markdown of Obsidian and Logseq to the text that its author wrote.

Front matter, comments, block ids and Logseq's own properties are removed. Wikilinks, embeds,
callouts and HTML tags are replaced by their text. Code, formulas and all other Markdown stay as
they are. What may be either markup or content is kept.
"""

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from shared.notes.files.front_matter import split_front_matter
from shared.notes.files.html_tags import BREAK, REMOVED
from shared.notes.files.markup import LINE_MARKERS, MarkupReducer
from shared.notes.sanitize import normalize_newlines, sanitize_text

_HEADING = re.compile(
    r"^(?:[ ]{0,3}#[ \t]++([^\n]++)|(?![>|#]|[-*+][ \t])(\S[^\n]*+)\n[ ]{0,3}={2,}+[ \t]*+)$",
    re.MULTILINE,
)
_TITLE_MARKUP = re.compile(
    r"`++([^`]++)`++|\\([!-/:-@\[-`{-~])|!?\[([^\[\]]*)\]\([^()\s]*(?:[ ][^()]*)?\)"
    r"|(\*{1,3}|~~|==)(?=\S)(.+?)(?<=\S)\4|(?<!\w)(_{1,3})(?=\S)(.+?)(?<=\S)\6(?!\w)"
)
_REMOVED_SPACE = re.compile(rf"(?<=[ \t]){REMOVED}[ \t]++|{REMOVED}")
_MAX_HEADING = 2_000  # characters; longer titles are cut anyway


class Markdown(NamedTuple):
    """A Markdown note.

    `title` is that of the front matter or the property `title::`, else the first level-1 heading
    outside code; empty if there is none. `tags` are those of the front matter and the property
    `tags::`. Each tag is preceded by those above it: `bible/romans` by `bible`, as in Obsidian.
    """

    title: str
    text: str
    tags: tuple[str, ...] = ()


def parse_markdown(source: str) -> Markdown:
    """Return the title, the text and the tags of a Markdown note; lines end in a line feed."""
    source = normalize_newlines(sanitize_text(source))
    fields, body = split_front_matter(source)
    markup = MarkupReducer(body)
    title = fields.title or markup.title or plain_text(_first_heading(_tidy(markup.prose)))
    tags = (above for tag in (*fields.tags, *markup.tags) for above in _nested_tags(tag))
    return Markdown(" ".join(title.split()), _tidy(markup.text), tuple(tags))


def reduce_markup(source: str) -> str:
    """Return the text of a part of a note, without front matter being removed."""
    return _tidy(MarkupReducer(normalize_newlines(sanitize_text(source))).text)


def _tidy(text: str) -> str:
    """Delete the marks of removed markup, and the lines that consist of it."""
    lines = []
    for line in text.split("\n"):
        if REMOVED in line or BREAK in line:
            rest = _REMOVED_SPACE.sub("", line)
            separator = " " if "|" in rest else "\n"  # a row of a table is one line
            parts = [part.rstrip() for part in rest.split(BREAK)]
            rest = separator.join(part for part in parts if part)
            if rest.strip(LINE_MARKERS):
                lines.append(rest)
        else:
            lines.append(line)
    return "\n".join(lines)


def _nested_tags(tag: str) -> Iterator[str]:
    """Return `a`, `a/b` and `a/b/c` for `a/b/c`."""
    return accumulate(filter(None, tag.split("/")), "{}/{}".format)


def _first_heading(text: str) -> str:
    for found in _HEADING.finditer(text):
        heading = (found[1] or found[2]).strip()
        content = heading.rstrip("#")
        if not content or content[-1].isspace():
            heading = content.rstrip()
        if heading:
            return heading
    return ""


def plain_text(title: str) -> str:
    """Return the first 2,000 characters of a heading without emphasis, links and backticks."""
    title = title[:_MAX_HEADING]
    for _ in range(3):  # emphasis may be nested
        title = _TITLE_MARKUP.sub(lambda found: found[found.lastindex or 0] or "", title)
    return title
