"""Makes `shared/text/word_relations.txt.gz` from the database files of WordNet 3.0.

    python -m infra.word_relations FOLDER

FOLDER holds `data.noun`, `index.noun`, `noun.exc` and those of the other parts of speech, as in
Debian's package `wordnet-base`. Their format: https://wordnet.princeton.edu/documentation/wndb5wn
"""

import argparse
import gzip
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from infra.exit_codes import exit_on_error
from shared.text import word_relations

_FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
_WORD = re.compile(r"[a-z]{2,}")
_COMMON_SENSES = 3
"""Senses of a noun, the most frequent first, that make it a kind of something."""

_HYPERNYMS, _SIMILAR, _DERIVED, _ANTONYM = ("@", "@i"), ("&",), ("+", "\\", "<"), ("!",)


@dataclass
class Synset:
    """Words of one meaning.

    Attributes:
        words: in lower case.
        pointers: the symbol, the target's key, and the number of the word that it starts at, from
            1 on, or 0 for all.
        is_satellite: whether it is an adjective that is similar to another one.
    """

    words: list[str]
    pointers: list[tuple[str, str, int]]
    is_satellite: bool

    def targets(self, symbols: Iterable[str], word: str = "") -> set[str]:
        """Return the keys of the targets of pointers, of one word or of all."""
        return {
            target
            for symbol, target, number in self.pointers
            if symbol in symbols and (not word or not number or self.words[number - 1] == word)
        }


@dataclass
class WordNet:
    """The database. A key is the letter of the part of speech and the synset's offset."""

    synsets: dict[str, Synset] = field(default_factory=dict)
    senses: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Keys of the synsets by word; of each part of speech the most frequent first."""

    bases: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The base forms of irregular forms."""

    @classmethod
    def read(cls, folder: Path) -> "WordNet":
        """Read the database's files."""
        found = cls()
        for letter, name in _FILES.items():
            for words in _lines(folder / f"data.{name}"):
                found.synsets[letter + words[0]] = _synset(words)
            for word, _, _, pointers, *rest in _lines(folder / f"index.{name}"):
                if _WORD.fullmatch(word):
                    found.senses[word] += [letter + each for each in rest[int(pointers) + 2 :]]
            for form, *bases in _lines(folder / f"{name}.exc"):
                if _WORD.fullmatch(form):
                    found.bases[form].update(filter(_WORD.fullmatch, bases))
        return found

    def relations(self, word: str) -> tuple[set[str], set[str], set[str], set[str]]:
        """Return the fields of `word_relations.Relations` of one word and of its base forms."""
        senses: set[str] = set()
        kinds: set[str] = set()
        related: set[str] = set()
        opposites: set[str] = set()
        for form in (word, *self.bases.get(word, ())):
            found = self.senses.get(form, [])
            senses.update(found)
            for noun in [each for each in found if each[0] == "n"][:_COMMON_SENSES]:
                kinds |= self.synsets[noun].targets(_HYPERNYMS)
            for synset in map(self.synsets.__getitem__, found):
                heads = synset.targets(_SIMILAR) if synset.is_satellite else set[str]()
                related |= synset.targets(_HYPERNYMS) | heads | synset.targets(_DERIVED, form)
                opposites |= synset.targets(_ANTONYM, form)
                for head in heads:
                    opposites |= self.synsets[head].targets(_ANTONYM)
        return senses, kinds, related, opposites


def _lines(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="latin-1") as lines:
        for line in lines:
            if not line.startswith("  "):  # the licence
                yield line.partition("|")[0].split()


def _synset(words: list[str]) -> Synset:
    kind, count = words[2], int(words[3], 16)
    names = [re.sub(r"\(.*\)", "", each).lower() for each in words[4 : 4 + 2 * count : 2]]
    rest = words[5 + 2 * count :]
    pointers = [
        (symbol, ("a" if letter == "s" else letter) + offset, int(place[:2], 16))
        for symbol, offset, letter, place in zip(*(rest[at::4] for at in range(4)), strict=False)
        if re.fullmatch(r"\d{8}", offset)
    ]
    return Synset(names, pointers, kind == "s")


def render(wordnet: WordNet) -> str:
    """Return the lines of the file, sorted by word."""
    keys = sorted(wordnet.synsets)
    numbers = {key: key[0] + np.base_repr(number, 36).lower() for number, key in enumerate(keys)}
    lines = {
        word: " ".join(
            ",".join(sorted(numbers[key] for key in keys)) or "-"
            for keys in wordnet.relations(word)
        )
        for word in wordnet.senses
    }
    bases = {
        word: f"={','.join(sorted(found))}"
        for word, found in wordnet.bases.items()
        if word not in lines and found
    }
    return "".join(f"{word} {line}\n" for word, line in sorted((lines | bases).items()))


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser("python -m infra.word_relations", description=__doc__)
    parser.add_argument("folder", type=Path)
    with exit_on_error("cannot read WordNet", "FOLDER must hold its data, index and exc files."):
        text = render(WordNet.read(parser.parse_args().folder))
    word_relations.FILE.write_bytes(gzip.compress(text.encode("ascii"), 9, mtime=0))


if __name__ == "__main__":
    main()
