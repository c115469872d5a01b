"""Tokenizes a question: its type, and its content words, numbers, dates and references in order."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from shared.matching.tokens.dates import merge_dates
from shared.matching.tokens.lexicon import (
    CONJUNCTIONS,
    FILLER_WORDS,
    FUNCTION_WORDS,
    GENERIC_NOUNS,
    PREPOSITIONS,
    meaning_key,
)
from shared.matching.tokens.names import find_names, find_words
from shared.matching.tokens.notation import find_spellings, find_symbols
from shared.matching.tokens.phrases import replace_phrases
from shared.matching.tokens.quantities import Piece, merge_numbers
from shared.matching.tokens.question_type import parse_question_type
from shared.text import word_set
from shared.text.canonical_form import canonical_form
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack

NEGATIONS = word_set("not no never nor neither none nobody nothing nowhere without")

# Words, numbers, and symbols that can carry meaning.
_WORD = re.compile(
    r"\u00a7\d+|(?:(?<![^\s(\[{])-)?(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+|(?<![\w.])\.\d+)(?:[.:/^]\d+)*(?:st|nd|rd|th|k|m|bn)?(?![^\W\d_])"
    r"|\d+|[^\W\d_]+(?:'[^\W\d_]+)*|[^\w\s.,;:!?\"'()\[\]{}`-]"
)

_NEGATED = word_set("do does did is are was could should would have has")
_CONTRACTIONS = {word + "nt": f"{word} not" for word in _NEGATED} | {
    "can't": "can not",
    "cannot": "can not",
    "cant": "can not",
    "won't": "will not",
    "wont": "will not",
    "shan't": "shall not",
    "ain't": "is not",
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
_USA = re.compile(
    r"\bUS\b|\b[Uu]\.[Ss]\b\.?(?:[Aa]\b\.?)?|\b[Uu]nited [Ss]tates\b(?: of [Aa]merica\b)?"
)
_CAPITAL_OPENING = re.compile(
    r"(?:WHAT|WHICH|WHO|HOW|WHY|WHEN|WHERE|WHEREIN|IS|ARE|WAS|WERE|DO|DOES|DID|INTO|IN|OF|TO)\s"
)
_ADVERBS = frozenset({"how", "why", "where", "when"})  # "how'd it end" is "how did it end"
_IS = word_set("what who how where when why that it he she there here which")


class Token(NamedTuple):
    """A content word, number, date or reference.

    Args:
        text: the token as written.
        key: equal for tokens of the same meaning.
        kind: `word`, `number`, `date` or `bible_reference`.
        lead: the preposition or conjunction before the token, or "|" where the question starts.
        negated: whether a negation is before the token.
        optional: whether a rewording can omit the token.
    """

    text: str
    key: str
    kind: str
    lead: str = ""
    negated: bool = False
    optional: bool = False


@dataclass(frozen=True)
class TokenizedQuestion:
    """A question as the rules compare it.

    Args:
        words: all words except polite phrases.
        types: the possible question types, as in `QuestionType`.
        tokens: the content words, numbers, dates and references, in order.
        symbols: the symbols of code and formulas, in order.
        spellings: each word with its capitals, by its lower-case form.
        text: the canonical form.
        names: the names, in lower case.
        plain_words: all words in lower case, as written and as a pack rewrites them.
        remainder: the words without the opening, as in `QuestionType`.
    """

    words: tuple[str, ...]
    types: frozenset[str]
    tokens: tuple[Token, ...]
    symbols: tuple[str, ...]
    spellings: Mapping[str, frozenset[str]]
    text: str
    names: frozenset[str]
    plain_words: frozenset[str]
    remainder: tuple[str, ...]

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The tokens' keys, in order."""
        return tuple(token.key for token in self.tokens)

    def keys_of_kind(self, kind: str) -> list[str]:
        """Return the keys of all tokens of one kind, sorted."""
        return sorted(token.key for token in self.tokens if token.kind == kind)


@lru_cache(maxsize=1_024)
def tokenize(wording: str, packs: tuple[VocabularyPack, ...] = DEFAULT_PACKS) -> TokenizedQuestion:
    """Tokenize a question as written."""
    if found := _CAPITAL_OPENING.match(wording):
        wording = found[0].lower() + wording[found.end() :]
    canonical = canonical_form(wording)
    text = _USA.sub("usa", canonical).replace("\u2019", "'").replace("\u00a7", " ")
    symbols, spellings = find_symbols(text), find_spellings(text)
    text = text.lower()  # not folded: "Ma\u00dfen" is not "Massen"
    references = [
        (text[found.start : found.end], found.key, found.start, found.end)
        for pack in packs
        for found in pack.find_references(text)
    ]
    for place, (_, _, start, end) in reversed(list(enumerate(references))):
        text = f"{text[:start]} \u00a7{place} {text[end:]}"
    text = " ".join(_split_words(text))
    special = set(text.split())
    for pack in packs:
        text = pack.rewrite(text)
    common = set(text.split())
    referring = find_words(" ".join(reference[0] for reference in references))
    parsed = parse_question_type(replace_phrases(text))
    pieces = [
        (*references[int(piece[1:])][:2], "bible_reference")
        if isinstance(piece, str) and piece.startswith("\u00a7")
        else piece
        for piece in merge_dates(merge_numbers(parsed.remainder.split()))
    ]
    return TokenizedQuestion(
        tuple(parsed.words),
        parsed.types,
        tuple(_tokens(pieces)),
        symbols,
        spellings,
        canonical,
        find_names(_USA.sub("USA", wording)) - referring - (special - common),
        find_words(wording) | common,
        tuple(parsed.remainder.split()),
    )


def _tokens(pieces: Sequence[Piece]) -> Iterator[Token]:
    """Yield a token for each piece that is no function word."""
    lead, outer_lead, negated = "", "", False
    for piece, following in zip(pieces, [*pieces[1:], ""], strict=False):
        text, key, kind = piece if isinstance(piece, tuple) else (piece, "", "word")
        negated = negated or text in NEGATIONS
        if kind == "word" and text in FUNCTION_WORDS:
            if (
                text in PREPOSITIONS
                or text in CONJUNCTIONS
                or (text == "|" and lead not in PREPOSITIONS)
            ):
                # "of" after an omitted noun: "in the city of Rome" is "in Rome".
                lead, outer_lead = outer_lead or text, ""
            continue
        generic = text in GENERIC_NOUNS and lead in PREPOSITIONS and following == "of"
        varied = text == "different" and following not in PREPOSITIONS
        optional = kind == "word" and (generic or varied or text in FILLER_WORDS)
        yield Token(text, key or meaning_key(text), kind, lead, negated, optional)
        lead, outer_lead, negated = "", lead if generic else "", False


def _split_words(text: str) -> list[str]:
    words: list[str] = []
    for word in _WORD.findall(text):
        if word in _CONTRACTIONS:
            words += _CONTRACTIONS[word].split()
        elif "'" in word:
            words += _split_contraction(word)
        else:
            words.append(word)
    return words


def _split_contraction(word: str) -> list[str]:
    """Split "doesn't" and "who's", and drop the possessive s of "Adam's"."""
    base, _, ending = word.partition("'")
    if ending == "t" and base.endswith("n"):
        return [base[:-1], "not"]
    if ending == "d" and base in _ADVERBS:
        return [base, "did"]
    if ending == "s":
        return [base, "is"] if base in _IS else [base]
    return [base, _ENDINGS["'" + ending]] if "'" + ending in _ENDINGS else [word.replace("'", "")]
