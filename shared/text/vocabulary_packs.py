"""Optional vocabulary of a field, for matching questions and for chunking notes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.text.bible_english import modernize
from shared.text.bible_references import find_bible_references


class Reference(NamedTuple):
    """A reference in a text, between the characters `start` and `end`.

    References to the same passage have equal keys, however they are written.
    """

    start: int
    end: int
    key: str


@dataclass(frozen=True, slots=True)
class VocabularyPack:
    """The vocabulary of one field.

    Args:
        name: as in the setting `VOCABULARY_PACKS`.
        find_references: finds the references in a text, which chunks never cut, in order.
        rewrite: puts common words in the place of special ones, in a lower-case text.
    """

    name: str
    find_references: Callable[[str], Sequence[Reference]]
    rewrite: Callable[[str], str]


def _find_bible_references(text: str) -> list[Reference]:
    found = find_bible_references(text)
    return [Reference(each.start, each.end, str(each.passage)) for each in found]


BIBLE = VocabularyPack("bible", _find_bible_references, modernize)
"""References to the Bible, and the English of old translations."""

DEFAULT_PACKS = (BIBLE,)


def load_packs(name: str) -> tuple[VocabularyPack, ...]:
    """Return the packs of a setting's value: `bible`, or `none` for plain English."""
    return tuple(pack for pack in (BIBLE,) if pack.name == name)
