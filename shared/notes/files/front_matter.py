"""Separates YAML front matter from the text of a Markdown note."""

import re

_BLOCK = re.compile(
    r"---[ \t]*\n(?P<yaml>(?:(?!(?:---|\.\.\.)[ \t]*$)[^\n]*\n)*+)(?:---|\.\.\.)[ \t]*(?:\n|\Z)\n*",
    re.MULTILINE,
)
# Lines of front matter that is not valid YAML, such as `title: Notes: a draft`.
_LINES = re.compile(r"(?:[ \t]*\n|[ \t#-][^\n]*\n|[^\s:][^\n:]*:(?:[ \t][^\n]*)?\n)*+\Z")
_TITLE_LINE = re.compile(r"^title:[ \t]*(['\"]?)(\S[^\n]*?)\1[ \t]*$", re.MULTILINE | re.IGNORECASE)

_MAX_DEPTH = 50
"""The time to parse nested YAML grows with the square of its depth."""


def split_front_matter(text: str) -> tuple[str, str]:
    """Return the `title` of the front matter, or an empty text, and the text after it.

    The other fields are metadata and are not part of the note. Lines between `---` that do not look
    like YAML fields are content.
    """
    import yaml  # noqa: PLC0415  # files are imported where the Lambda layer is not used

    found = _BLOCK.match(text)
    if not found:
        return "", text
    block = found["yaml"]
    try:
        title = _read_title(block)
    except yaml.YAMLError:
        if not _LINES.match(block):
            return "", text
        line = _TITLE_LINE.search(block)
        title = line[2] if line else ""
    return ("", text) if title is None else (title, text[found.end() :])


def remove_front_matter(text: str) -> str:
    """Return the text after the front matter, which is recognised by its lines alone."""
    found = _BLOCK.match(text)
    return text[found.end() :] if found and _LINES.match(found["yaml"]) else text


def _read_title(block: str) -> str | None:
    """Return the title, or None if the YAML document is not a mapping.

    `yaml.load` is recursive: deeply nested input ends the process. Scalars stay as written.

    Raises:
        yaml.YAMLError: the block is not valid YAML.
    """
    import yaml  # noqa: PLC0415  # as above

    title: str | None = None if block.strip() else ""
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
            is_key = not is_key
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise yaml.YAMLError(f"more than {_MAX_DEPTH} nested collections")
    return title
