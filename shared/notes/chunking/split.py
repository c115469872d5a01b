"""Splits a note into passages to embed and to quote.

A passage is a part of the note as it is written, and ends where a section, paragraph, list item,
row, line or sentence ends. A part of a table repeats its header rows, a part of a block of code its
fences. A passage never ends within a reference of a vocabulary pack, or directly after a heading.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Self

from shared.notes.chunking.endless_strings import hide_endless, remove_endless, shorten_endless
from shared.notes.chunking.packing import Packer
from shared.notes.chunking.segments import Headings, Segment, divide
from shared.notes.chunking.sizes import Size, TextSizes
from shared.notes.chunking.structure import parse_structure
from shared.notes.note import locate
from shared.notes.sanitize import normalize_newlines, sanitize_text
from shared.text.token_estimate import SPECIAL_TOKENS, embeddable_beginning, estimate_wordpieces
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack

if TYPE_CHECKING:
    from shared.settings import Settings

_LOCATION_SHARE = 4  # title and headings get at most a quarter of the tokens


@dataclass(frozen=True, slots=True)
class ChunkLimits:
    """The longest chunk: in words, and in tokens of the embedding model with its location.

    `overlap_words` is the maximum length of what a chunk repeats of the one before.
    """

    words: int = 200
    overlap_words: int = 40
    tokens: int = 256

    @classmethod
    def of(cls, settings: "Settings") -> Self:
        """Return the limits of the settings, without the tokens of the passage prefix."""
        return cls(settings.chunk_words, settings.chunk_overlap_words, settings.passage_max_tokens)


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a note.

    `headings` are those over its beginning; further ones are in `content`. `embedded` is what the
    embedding model gets, without its prefix.
    """

    content: str
    headings: str
    embedded: str


def split_note(
    title: str,
    text: str,
    limits: ChunkLimits,
    packs: Sequence[VocabularyPack] = DEFAULT_PACKS,
) -> list[Passage]:
    """Split a note. A blank text has one passage, the title, or none if that is blank too.

    The references of `packs` are not divided, unless one is longer than a chunk.
    """
    title = " ".join(sanitize_text(title).split())
    text = shorten_endless(normalize_newlines(sanitize_text(text)))
    if not text.strip():
        title, text = "", title
    sizes, structure = TextSizes(hide_endless(text)), parse_structure(text)

    @cache
    def limit(headings: Headings) -> Size:
        location = _location(title, _below_title(title, headings), limits)
        tokens = limits.tokens - SPECIAL_TOKENS - estimate_wordpieces(location)
        return Size(limits.words, tokens)

    segments = list(divide(text, structure, sizes, packs, limit))
    packer = Packer(segments, structure.groups, sizes, limit, limits.overlap_words)
    passages = []
    for chunk in packer.pack():
        headings, content = _below_title(title, chunk[0].headings), _content(text, chunk)
        location = _location(title, headings, limits)
        embedded = "\n".join(filter(None, [location, remove_endless(content)]))
        passages.append(Passage(content, " > ".join(headings), embedded))
    return passages


def _location(title: str, headings: Headings, limits: ChunkLimits) -> str:
    """Return the beginning of title and headings that is embedded."""
    location = locate(title, " > ".join(headings))
    return embeddable_beginning(location, limits.tokens // _LOCATION_SHARE)


def _below_title(title: str, headings: Headings) -> Headings:
    """Return the headings without a first one that repeats the title."""
    is_repeated = bool(headings) and headings[0].casefold() == title.casefold()
    return headings[1:] if is_repeated else headings


def _content(text: str, chunk: Sequence[Segment]) -> str:
    """Return the text of a chunk, with the header or the fences of a divided frame."""
    first, last = chunk[0], chunk[-1]
    content = text[first.start : last.end].rstrip()
    if first.frame and first.start > first.frame.start:
        content = first.frame.head + content
    else:
        content = content.lstrip()
    if last.frame and last.end < last.frame.end:
        content += last.frame.tail
    return content
