"""Relations of English words: synonyms, opposites, and kinds of one thing.

They are those of WordNet 3.0. Its licence is beside the list, and `infra/word_relations.py` makes
it. The first call decompresses 4 MB.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from shared.text.sorted_lines import find_line

FILE = Path(__file__).with_name("word_relations.txt.gz")
_INFLECTIONS = (
    *(("ies", "y"), ("es", ""), ("s", ""), ("ied", "y"), ("ed", ""), ("ed", "e")),
    *(("ing", ""), ("ing", "e"), ("men", "man")),
)
_COMPARISONS = (*(("ier", "y"), ("er", ""), ("er", "e"), ("iest", "y"), ("est", ""), ("est", "e")),)
_ADJECTIVE, _NOUN = "a", "n"


class Relations(NamedTuple):
    """The relations of one word, as ids of meanings. The first letter is the part of speech.

    Attributes:
        senses: what the word means.
        kinds: what its three most frequent meanings as a noun are kinds of.
        related: what any of its meanings is a kind of, is similar to or is derived from.
        opposites: the opposites of its meanings.
    """

    senses: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    related: frozenset[str] = frozenset()
    opposites: frozenset[str] = frozenset()

    @property
    def adjectives(self) -> frozenset[str]:
        """The adjectives that mean nearly the same: those that it is similar to."""
        return frozenset(each for each in self.related if each[0] == _ADJECTIVE)


def are_opposites(one: str, other: str) -> bool:
    """Whether two words in lower case have opposite meanings: "attached", "detached"."""
    a, b = _relations(one), _relations(other)
    return not (
        a.opposites.isdisjoint(b.senses | b.adjectives)
        and b.opposites.isdisjoint(a.senses | a.adjectives)
    )


def are_kinds_of_one_thing(one: str, other: str) -> bool:
    """Whether two nouns in lower case exclude each other: "violin", "viola".

    A synonym does not, nor does a word for the kind itself: "instrument".
    """
    a, b = _relations(one), _relations(other)
    return not a.kinds.isdisjoint(b.kinds) and not are_related(one, other)


def are_related(one: str, other: str) -> bool:
    """Whether two words in lower case can mean nearly the same: "buy", "purchase"."""
    a, b = _relations(one), _relations(other)
    return not (
        a.senses.isdisjoint(b.senses | b.related)
        and b.senses.isdisjoint(a.related)
        and a.adjectives.isdisjoint(b.adjectives)
    )


def can_be_noun(word: str) -> bool:
    """Whether a word in lower case can be a noun; a word that is not listed can."""
    senses = _relations(word, comparisons=False).senses
    return not senses or any(each[0] == _NOUN for each in senses)


def base_forms(word: str, *, comparisons: bool = False) -> Iterator[str]:
    """Yield a word in lower case and what it can be an inflection of: words or none.

    `comparisons`: also what it can be the comparative or superlative of.
    """
    yield word
    if irregular := (find_line(FILE, word) or "").partition(" =")[2]:
        yield from irregular.split(",")
        return
    for ending, replacement in _INFLECTIONS + (_COMPARISONS if comparisons else ()):
        base = word.removesuffix(ending)
        if base != word and len(base) > 1:
            yield base + replacement
            if not replacement and base[-1] == base[-2]:
                yield base[:-1]  # "running"


@lru_cache(maxsize=1_024)
def _relations(word: str, *, comparisons: bool = True) -> Relations:
    """Return the relations of a word and of its base forms."""
    lines = (find_line(FILE, form) for form in base_forms(word, comparisons=comparisons))
    fields = [line.split()[1:] for line in lines if line]
    columns = zip(*(each for each in fields if len(each) == len(Relations._fields)), strict=True)
    return Relations(*(_ids(column) for column in columns))


def _ids(column: tuple[str, ...]) -> frozenset[str]:
    return frozenset(part for text in column for part in text.split(",")) - {"-"}
