"""Removes or replaces the markup of Obsidian and Logseq, and HTML, in Markdown.

The time is linear in the length of any text: quantifiers are possessive, and an unsuccessful search
for the end of a comment is not repeated.
"""

import re

from shared.notes.files.html_tags import REMOVED, TAG, closing_tags, tag_text

# The properties that Logseq itself writes or interprets; an author's own are content.
_PROPERTY = (
    r"id|collapsed|heading|title|alias|tags|icon|public|filters|file|file-path|template"
    r"|template-including-parent|exclude-from-graph-view|background-(?:color|image)"
    r"|(?:created|updated|last-modified)[-_]at|query-(?:table|properties|sort-by|sort-desc)"
    r"|ls-type|(?:card|hl)-[\w-]++|logseq\.[\w.-]++"
)
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CONTAINER = r"[ \t>]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t>]++)*+"

_TOKEN = re.compile(
    rf"""
      ^(?:
      {_CONTAINER}(?P<fence>`{{3,}}+(?=[^`\n]*$)|~{{3,}}+)[^\n]*
    | (?P<quote>(?=[^\[\n]*>){_CONTAINER})\[!(?P<callout>[\w-]++)(?:\|[^\]\n]*+)?\][+-]?[ \t]*+
      (?P<untitled>$)?
    | {_CONTAINER}(?P<property>{_PROPERTY})::(?:[ \t]++(?P<value>[^\n]*+))?$
    | [ \t]*+(?P<logbook>:LOGBOOK:)[ \t]*+\n(?:[ \t]*+CLOCK:[^\n]*+\n)*+[ \t]*+:END:[ \t]*+$
    )
    | (?=[\\`$<%(\[!{{^]) (?:
      (?P<escape>\\[!-/:-@\[-`{{-~])
    | (?P<ticks>`{{1,8}}+(?!`)) | `++
    | (?P<formula>\$\$)
    | (?P<inline_formula>(?<![\w$])\$(?=[^\s$])[^$\n]*+(?<=\S)\$(?![\d$]))
    | (?P<html_comment><!--)
    | (?P<comment>(?<![A-Za-z0-9_%])%%(?!%))
    | (?:\{{\{{embed[ \t]++)?(?P<reference>\(\({_UUID}\)\))(?:[ \t]*+\}}\}})?
    | (?:^|(?<=[ \t]))\^(?P<block_id>(?=[\d-]*+[A-Za-z])[A-Za-z\d-]{{2,}}+|\d{{6}})[ \t]*+$
    | (?:\{{\{{embed[ \t]++)?(?P<embed>!?)\[\[(?!["'{{]|[-+\d.\s]++,)(?:(?<![\w)\]]\[\[)|(?!\d))
      (?P<link>[^\[\]\n]++)\]\](?:[ \t]*+\}}\}})?
    | <(?P<script>script|style)\b[^<>]*+>
    | <a\s(?>[^<>]*?\bhref=(?P<q>["'])(?P<href>[^"'<>\s]*+)(?P=q))[^<>]*+>(?P<label>[^<>\n]++)</a>
    | {TAG}
    )
    """,
    re.MULTILINE | re.VERBOSE,
)
_END_OF_PARAGRAPH = r"\n[ \t]*+\n"
_COMMENTS = frozenset({"html_comment", "comment", "script"})
_REGIONS = _COMMENTS | {"fence", "ticks", "formula"}
_METADATA = frozenset({"logbook", "reference", "block_id"})

_VIEWS = (".base", ".canvas")  # files that Obsidian displays, without a text of their own
_IMAGE_SIZE = re.compile(r"\d+(?:x\d+)?")
# Lines of four spaces after a blank line and a line that is neither indented nor a list item.
_INDENTED_CODE = re.compile(
    r"(?:\A|^(?![ \t]|[-*+>][ \t]|\d{1,9}[.)][ \t])[^\n]++\n)(?:[ \t]*+\n)++"
    r"(?P<code>(?:(?:[ ]{4}|\t)[^\n]*+(?:\n|\Z))++)",
    re.MULTILINE,
)
LINE_MARKERS = " \t>-*+"
"""The characters of whitespace, quotes and list items at the start of a line."""


class MarkupReducer:
    """Replaces the markup of one text.

    Attributes:
        text: the text without markup; `REMOVED` and `BREAK` mark its places.
        prose: `text` without blocks of code.
        title: the value of the first property `title::`, or an empty text.
        tags: those of the first property `tags::`.
    """

    def __init__(self, source: str) -> None:
        self.title = ""
        self.tags: tuple[str, ...] = ()
        self._source = source
        self._closed_tags = closing_tags(source)
        self._missing: set[str] = set()
        self.text, self.prose = self._reduce()

    def _reduce(self) -> tuple[str, str]:
        source, position = self._source, 0
        reduced: list[str] = []
        prose: list[str] = []
        nowhere = (len(source), len(source))
        code_spans = (found.span("code") for found in _INDENTED_CODE.finditer(source))
        code_start, code_end = next(code_spans, nowhere)
        found = _TOKEN.search(source)
        while position < len(source):
            while code_start < position:
                code_start, code_end = next(code_spans, nowhere)
            if found and found.start() < position:
                found = _TOKEN.search(source, position)
            start = min(found.start() if found else len(source), code_start)
            reduced.append(source[position:start])
            prose.append(source[position:start])
            if found and start < code_start:
                position, replacement = self._replace(found)
                reduced.append(replacement)
                prose.append("" if found["fence"] else replacement)
            else:
                position = code_end
                reduced.append(source[start:position])
        return "".join(reduced), "".join(prose)

    def _replace(self, found: re.Match[str]) -> tuple[int, str]:
        """Return the end of the markup that begins at `found`, and its replacement."""
        kind = found.lastgroup
        replacement = found[0]
        if kind in _REGIONS:
            end = self._find_region_end(found)
            if end is None:
                return found.end(), replacement
            return end, REMOVED if kind in _COMMENTS else self._source[found.start() : end]
        if kind in _METADATA:
            replacement = REMOVED
        elif found["callout"]:
            default_title = found["callout"].capitalize()
            replacement = found["quote"] + (default_title if found["untitled"] is not None else "")
        elif found["property"]:
            replacement = replacement[: found.start("property") - found.start()] + REMOVED
            if found["property"] == "title":
                self.title = self.title or found["value"] or ""
            if found["property"] == "tags":
                tags = (found["value"] or "").split(",")
                self.tags = self.tags or tuple(tag.strip(" \t[]#") for tag in tags)
        elif found["link"]:
            replacement = _link_text(found["link"], is_embed=bool(found["embed"])) or REMOVED
        elif found["href"] is not None:
            is_link = found["label"].strip() and not found["href"].startswith("#")
            replacement = f"[{found['label']}]({found['href']})" if is_link else found["label"]
        elif found["tag"]:
            replacement = tag_text(found, self._closed_tags)
        return found.end(), replacement

    def _find_region_end(self, found: re.Match[str]) -> int | None:
        """Return the end of the code, formula or comment; None if it has no end."""
        kind, start = found.lastgroup, found.end()
        if kind == "fence":
            marker = rf"{found['fence'][0]}{{{len(found['fence'])},}}+"
            return self._find(rf"^[ \t>]*+(?P<end>{marker})[ \t]*+$", start) or len(self._source)
        if kind == "ticks":
            pattern = rf"(?P<end>(?<!`){found['ticks']}(?!`))|{_END_OF_PARAGRAPH}"
        elif kind == "formula":
            pattern = rf"(?P<end>\$\$)|{_END_OF_PARAGRAPH}"
        elif kind == "html_comment":
            pattern = "(?P<end>-->)"
        elif kind == "script":
            pattern = f"(?P<end></{found['script']}>)"
        else:
            pattern = "(?P<end>%%)|$"
        end = self._find(pattern, start)
        if end is None and kind == "comment" and self._is_first_in_line(found.start()):
            end = self._find(r"(?P<end>%%)[ \t]*+$", start)
        return end

    def _find(self, pattern: str, start: int) -> int | None:
        """Return the end of the next match if it has the group `end`."""
        if pattern in self._missing:
            return None
        found = re.compile(pattern, re.MULTILINE).search(self._source, start)
        if not found:
            self._missing.add(pattern)
        return found.end() if found and found["end"] else None

    def _is_first_in_line(self, position: int) -> bool:
        line_start = self._source.rfind("\n", 0, position) + 1
        return not self._source[line_start:position].strip(LINE_MARKERS)


def _link_text(link: str, *, is_embed: bool) -> str:
    """Return the text of `[[link]]`: its alias, or the page and the heading that it points to."""
    page, *aliases = (part.strip() for part in link.replace("\\|", "|").split("|"))
    names = [alias for alias in aliases if not (is_embed and _IMAGE_SIZE.fullmatch(alias))]
    if any(names):
        return " ".join(names)
    if page.endswith("#"):
        return page  # such as C#
    parts = [part.strip() for part in page.split("#")]
    if is_embed and parts[0].endswith(_VIEWS):
        return ""
    return " > ".join(part for part in parts if part and not part.startswith("^"))
