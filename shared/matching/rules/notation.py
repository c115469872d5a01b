"""Rule for symbols and capitals that carry meaning."""

from shared.matching.tokens.lexicon import FILLER_WORDS, FUNCTION_WORDS
from shared.matching.tokens.tokenize import TokenizedQuestion

_STYLE = 3
"""Words with a capital in one question alone, from which on capitals are a style."""


def check_notation(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject questions with different symbols of code or formulas, or capitals of a word."""
    if a.symbols != b.symbols:
        return f"notation: {' '.join(a.symbols) or 'none'} / {' '.join(b.symbols) or 'none'}"
    if not (_has_other_style(a, b) or _has_other_style(b, a)):
        for word in sorted(a.spellings.keys() & b.spellings.keys()):
            if a.spellings[word] != b.spellings[word]:
                return f"notation: {_join(a.spellings[word])} / {_join(b.spellings[word])}"
    return _check_acronyms(a, b) or _check_acronyms(b, a)


def _has_other_style(a: TokenizedQuestion, b: TokenizedQuestion) -> bool:
    """Whether `a` has capitals for most nouns, as old texts do, and `b` only for names."""
    return len(a.names & b.plain_words - b.names) >= _STYLE


def _check_acronyms(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject an acronym of one question alone that no other rule sees: "IT" is no "it"."""
    for word, spellings in a.spellings.items():
        is_unseen = word in FUNCTION_WORDS or word in FILLER_WORDS
        if is_unseen and word not in b.spellings and spellings != {word}:
            return f"notation: {_join(spellings)} / none"
    return None


def _join(spellings: frozenset[str]) -> str:
    return ", ".join(sorted(spellings))
