"""Replaces HTML tags in Markdown by their text."""

import re

REMOVED, BREAK = "\ud800", "\ud801"
"""Marks of removed markup and of a line break in its place; no sanitized text has them."""

_CELLS = "td|th"
_BLOCKS = (
    "address|article|aside|audio|blockquote|body|br|caption|center|col|colgroup|dd|details|dialog"
    "|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|head|header|hgroup|hr|html|iframe|li"
    "|main|menu|nav|ol|optgroup|option|p|picture|pre|section|source|summary|table|tbody|tfoot"
    "|thead|title|tr|ul|video"
)
_INLINES = (
    "a|abbr|b|bdi|bdo|big|button|cite|code|data|del|dfn|em|embed|font|i|img|input|ins|kbd|label"
    "|legend|link|map|mark|meta|meter|object|output|param|progress|q|rp|rt|ruby|s|samp|select|small"
    "|span|strike|strong|sub|sup|svg|textarea|time|track|tt|u|var|wbr"
)
_KIND = re.compile(f"(?P<cell>{_CELLS})|(?P<block>{_BLOCKS})|(?P<inline>{_INLINES})", re.IGNORECASE)
_LONE = re.compile("br|hr|wbr", re.IGNORECASE)
_CLOSING = re.compile(r"</([A-Za-z][A-Za-z1-6]*+)\s*+>")
_EXPONENT = re.compile(r"[-+\u2212]?(?:\d|[A-Za-z]<)")
_ALT = re.compile(r"""\balt=(?:"([^"]*+)"|'([^']*+)')""")
_ATTRIBUTE = (
    r"""[\w:@.-]++\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'|[^\s"'=<>`]++)"""
    r"|(?:allowfullscreen|async|autoplay|checked|controls|defer|disabled|hidden|loop|muted|open)\b"
)

TAG = (
    r"<(?P<slash>/?)(?P<tag>[A-Za-z][A-Za-z1-6]*+)"
    rf"(?P<attributes>(?:\s++(?:{_ATTRIBUTE}))*+)\s*+/?>"
)
"""The pattern of a tag of any name."""


def closing_tags(text: str) -> frozenset[str]:
    """Return the names of all closing tags of a text, in lower case."""
    return frozenset(name.lower() for name in _CLOSING.findall(text))


def tag_text(found: re.Match[str], closed: frozenset[str]) -> str:
    """Return the replacement of a `TAG`: whitespace, a mark, or the description of an image.

    What may be content is returned as it is: unknown names, as in `List<String>`, and opening tags
    without attributes whose name is not in `closed`, as in `cp <source> <target>`.
    """
    name, attributes = found["tag"], found["attributes"]
    is_tag = found["slash"] or attributes or found[0].endswith("/>") or _LONE.fullmatch(name)
    kind = _KIND.fullmatch(name)
    if kind is None or not (is_tag or name.lower() in closed):
        return found[0]
    if kind["cell"]:
        return " "
    if name.lower() == "sup" and not found["slash"] and _EXPONENT.match(found.string, found.end()):
        return "^"  # 10<sup>6</sup> is not 106
    alt = _ALT.search(attributes)
    description = (alt[1] or alt[2]) if alt else None
    return description or (BREAK if kind["block"] else REMOVED)
