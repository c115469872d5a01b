"""A question taken apart: what kind it is, and its words, numbers and passages in order."""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from shared.matching.tokens.dates import merge_dates
from shared.matching.tokens.lexicon import (
    CONJUNCTION,
    FILLER,
    FUNCTION,
    MARKER,
    SHELL,
    meaning,
    without_phrases,
)
from shared.matching.tokens.quantities import merge_numbers
from shared.matching.tokens.question_type import parse_question_type
from shared.text import word_set
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.matching.tokens.quantities import Piece

NEGATION = word_set("not no never nor neither none nobody nothing nowhere without")

# What the normal form leaves: words, numbers, and symbols that may carry meaning.
_WORD = re.compile(
    r"\u00a7\d+|(?:(?<!\S)-)?(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:[.:/^]\d+)*(?:st|nd|rd|th|k|m|bn)?(?![^\W\d_])"
    r"|\d+|[^\W\d_]+(?:'[^\W\d_]+)*|[^\w\s.,;:!?\"'()\[\]{}`-]"
)

_CONTRACTIONS = {
    "can't": "can not",
    "cannot": "can not",
    "cant": "can not",
    "won't": "will not",
    "wont": "will not",
    "shan't": "shall not",
    "ain't": "is not",
    "dont": "do not",
    "doesnt": "does not",
    "didnt": "did not",
    "isnt": "is not",
    "arent": "are not",
    "wasnt": "was not",
    "couldnt": "could not",
    "shouldnt": "should not",
    "wouldnt": "would not",
    "havent": "have not",
    "hasnt": "has not",
    "whats": "what is",
    "hows": "how is",
    "wheres": "where is",
    "whos": "who is",
    "im": "i am",
    "ive": "i have",
    "id": "id",
    "let's": "let us",
    "u": "you",
    "ur": "your",
    "r": "are",
    "wanna": "want to",
    "gonna": "going to",
    "'em": "them",
}
_ENDINGS = {"n't": "not", "'re": "are", "'m": "am", "'ve": "have", "'ll": "will", "'d": "would"}
_IS = word_set("what who how where when why that it he she there here which")


class Token(NamedTuple):
    """A word that counts; `kind` is `word`, `number`, `date` or `scripture`.

    Two tokens mean the same where their keys are equal. `lead` is the preposition, the
    conjunction or the bar (where the question opens) between the token before it and this one.
    A `light` token may be missing from a rewording.
    """

    text: str
    key: str
    kind: str
    lead: str = ""
    negated: bool = False
    light: bool = False


@dataclass(frozen=True)
class TokenizedQuestion:
    """`words` are all its words but courtesies, `tokens` those that count.

    `types` is what it may ask for, as in `QuestionType`.
    """

    words: tuple[str, ...]
    types: frozenset[str]
    tokens: tuple[Token, ...]

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The tokens' meanings, in order."""
        return tuple(token.key for token in self.tokens)

    def keys_of_kind(self, kind: str) -> list[str]:
        """The keys of all tokens of one kind, sorted."""
        return sorted(token.key for token in self.tokens if token.kind == kind)


@lru_cache(maxsize=1_024)
def tokenize(text: str, packs: tuple[VocabularyPack, ...] = DEFAULT_PACKS) -> TokenizedQuestion:
    """Tokenize a question, in its canonical form or as written."""
    text = text.casefold().replace("\u2019", "'").replace("\u00a7", " ")
    references = [
        (text[found.start : found.end], found.key, found.start, found.end)
        for pack in packs
        for found in pack.find_references(text)
    ]
    for place, (_, _, start, end) in reversed(list(enumerate(references))):
        text = f"{text[:start]} \u00a7{place} {text[end:]}"
    text = " ".join(_words(text))
    for pack in packs:
        text = pack.rewrite(text)
    parsed = parse_question_type(without_phrases(text))
    pieces = [
        (*references[int(piece[1:])][:2], "bible_reference")
        if isinstance(piece, str) and piece.startswith("\u00a7")
        else piece
        for piece in merge_dates(merge_numbers(parsed.rest.split()))
    ]
    return TokenizedQuestion(tuple(parsed.words), parsed.types, tuple(_tokens(pieces)))


def _tokens(pieces: "Sequence[Piece]") -> "Iterator[Token]":
    """The pieces that count, each with what the words before it make of it."""
    lead, negated = "", False
    for piece, following in zip(pieces, [*pieces[1:], ""], strict=False):
        text, key, kind = piece if isinstance(piece, tuple) else (piece, "", "word")
        negated = negated or text in NEGATION
        if kind == "word" and text in FUNCTION:
            if text in MARKER or text in CONJUNCTION or (text == "|" and lead not in MARKER):
                lead = text
            continue
        shell = text in SHELL and lead in MARKER and following == "of"
        varied = text == "different" and following not in MARKER
        light = kind == "word" and (shell or varied or text in FILLER)
        yield Token(text, key or meaning(text), kind, lead, negated, light)
        lead, negated = "", False


def _words(text: str) -> list[str]:
    words: list[str] = []
    for word in _WORD.findall(text):
        if word in _CONTRACTIONS:
            words += _CONTRACTIONS[word].split()
        elif "'" in word:
            words += _apart(word)
        else:
            words.append(word)
    return words


def _apart(word: str) -> list[str]:
    """Split "doesn't", "who's" and "Adam's"."""
    base, _, ending = word.partition("'")
    if ending == "t" and base.endswith("n"):
        return [base[:-1], "not"]
    if ending == "s":
        return [base, "is"] if base in _IS else [base]
    return [base, _ENDINGS["'" + ending]] if "'" + ending in _ENDINGS else [word.replace("'", "")]
