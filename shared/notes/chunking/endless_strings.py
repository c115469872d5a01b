"""Finds strings that are no words: Base64, hashes, data URIs, endless runs, ruled lines.

They have no meaning for an embedding model, and one of them can have more tokens than a note.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

REPLACEMENT = "\N{HORIZONTAL ELLIPSIS}"

_MAX_QUOTED = 500  # characters; a key or a hash is content that a question may ask for
_CANDIDATE = re.compile(
    r"(?P<uri>\bdata:[\w.+-]{1,80}/[\w.+-]{1,80}(?:;[\w.=+-]{1,80})*+,[^\s\"'<>)\]]*+)"
    r"|(?<![A-Za-z0-9])(?P<hex>(?=[A-Fa-f]*[0-9])(?:0x)?[0-9A-Fa-f]{32,}+)(?![A-Za-z0-9])"
    r"|(?P<run>[A-Za-z0-9]{100,}+)"
    r"|(?P<mark>[^\w\s])(?P=mark){3,}+"
    r"|(?P<base64>(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{40,}+=*+)"
)
_MIN_CHANGES = 0.4  # of the kind of character, per character: 0.6 in Base64, 0.2 in CamelCase


def remove_endless(text: str) -> str:
    """Replace each of the strings by an ellipsis."""
    return _replace(text, _find(text))


def shorten_endless(text: str) -> str:
    """Replace those of the strings that are too long to be quoted."""
    return _replace(text, (span for span in _find(text) if span[1] - span[0] > _MAX_QUOTED))


def hide_endless(text: str) -> str:
    """Replace each of the strings by an ellipsis and spaces, so that all offsets stay the same."""
    return _replace(text, _find(text), fill=" ")


def _replace(text: str, spans: Iterable[tuple[int, int]], fill: str = "") -> str:
    parts: list[str] = []
    position = 0
    for start, end in spans:
        parts += text[position:start], REPLACEMENT, fill * (end - start - 1)
        position = end
    return "".join([*parts, text[position:]])


def _find(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans; lines of one string, as in a PEM file, are one span."""
    start = end = -1
    for found in _CANDIDATE.finditer(text):
        if found["base64"] and not _is_base64(found["base64"]):
            continue
        if start >= 0 and not text[end : found.start()].isspace():
            yield start, end
            start = -1
        start, end = (found.start() if start < 0 else start), found.end()
    if start >= 0:
        yield start, end


def _is_base64(text: str) -> bool:
    """Whether upper case, lower case and digits change too often for a name or a path."""
    kinds = [each.isupper() + 2 * each.isdigit() + 4 * each.islower() for each in text]
    return sum(a != b and a * b > 0 for a, b in pairwise(kinds)) >= _MIN_CHANGES * len(text)
