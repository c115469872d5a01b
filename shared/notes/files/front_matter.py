"""Separates YAML front matter from the text of a Markdown note."""

import re
from typing import NamedTuple

_BLOCK = re.compile(
    r"---[ \t]*\n(?P<yaml>(?:(?!(?:---|\.\.\.)[ \t]*$)[^\n]*\n)*+)(?:---|\.\.\.)[ \t]*(?:\n|\Z)\n*",
    re.MULTILINE,
)
# Lines of front matter that is not valid YAML, such as `title: Notes: a draft`.
_LINES = re.compile(r"(?:[ \t]*\n|[ \t#-][^\n]*\n|[^\s:][^\n:]*:(?:[ \t][^\n]*)?\n)*+\Z")
_TITLE_LINE = re.compile(r"^title:[ \t]*(['\"]?)(\S[^\n]*?)\1[ \t]*$", re.MULTILINE | re.IGNORECASE)
_TAGS_LINES = re.compile(
    r"^tags?:[ \t]*([^\n]*)\n((?:[ \t]*-[ \t][^\n]*\n)*+)", re.MULTILINE | re.IGNORECASE
)

_TAG_KEYS = frozenset({"tags", "tag"})  # both are Obsidian's
_NULLS = frozenset({"null", "~"})

_MAX_DEPTH = 50
"""The time to parse nested YAML grows with the square of its depth."""


class FrontMatter(NamedTuple):
    """The fields of front matter that a note keeps; the others are metadata of the application.

    `tags` are as the author wrote them: the items of a list, or the words of a text.
    """

    title: str = ""
    tags: tuple[str, ...] = ()


def split_front_matter(text: str) -> tuple[FrontMatter, str]:
    """Return the fields of the front matter and the text after it.

    Lines between `---` that do not look like YAML fields are content.
    """
    import yaml  # noqa: PLC0415  # files are imported where the Lambda layer is not used

    found = _BLOCK.match(text)
    if not found:
        return FrontMatter(), text
    block = found["yaml"]
    try:
        fields = _read_fields(block)
    except yaml.YAMLError:
        fields = _read_lines(block) if _LINES.match(block) else None
    return (FrontMatter(), text) if fields is None else (fields, text[found.end() :])


def remove_front_matter(text: str) -> str:
    """Return the text after the front matter, which is recognised by its lines alone."""
    found = _BLOCK.match(text)
    return text[found.end() :] if found and _LINES.match(found["yaml"]) else text


def _split_words(text: str) -> tuple[str, ...]:
    """Return the tags of a text, which commas or white space separate."""
    return tuple(filter(None, re.split(r"[,\s]+", text)))


def _read_lines(block: str) -> FrontMatter:
    """Read a block that is not valid YAML."""
    title, tags = _TITLE_LINE.search(block), _TAGS_LINES.search(block)
    items = [item.strip("- \t'\"") for item in tags[2].splitlines()] if tags else ()
    words = _split_words(tags[1].strip("[]")) if tags else ()
    return FrontMatter(title[2] if title else "", (*words, *items))


def _read_fields(block: str) -> FrontMatter | None:
    """Return the fields, or None if the YAML document is not a mapping.

    `yaml.load` is recursive: deeply nested input ends the process. Scalars stay as written.

    Raises:
        yaml.YAMLError: the block is not valid YAML.
    """
    import yaml  # noqa: PLC0415  # as above

    title: str | None = None if block.strip() else ""
    tags: list[str] = []
    depth, key, is_key = 0, "", True
    for event in yaml.parse(block, yaml.CBaseLoader):
        if isinstance(event, yaml.NodeEvent) and depth == 0:
            if not isinstance(event, yaml.MappingStartEvent):
                return None
            title = ""
        elif isinstance(event, yaml.NodeEvent) and depth == 1:
            value = event.value if isinstance(event, yaml.ScalarEvent) else ""
            if is_key:
                key = value.lower()
            elif key == "title":
                title = value
            elif key in _TAG_KEYS and value not in _NULLS:
                tags += _split_words(value)
            is_key = not is_key
        elif isinstance(event, yaml.ScalarEvent) and depth == 2 and key in _TAG_KEYS:  # noqa: PLR2004
            tags.append(event.value)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise yaml.YAMLError(f"more than {_MAX_DEPTH} nested collections")
    return None if title is None else FrontMatter(title, tuple(tags))
