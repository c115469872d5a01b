"""Rule for names: they are compared as written, never stemmed and never as synonyms."""

from shared.matching.rules.content_words import unmatched
from shared.matching.tokens.lexicon import meaning_key
from shared.matching.tokens.tokenize import TokenizedQuestion
from shared.text.case_sensitive_words import CASE_INSENSITIVE_WORDS, CASE_SENSITIVE_WORDS

_MAX_REWORDED = 1


def check_names(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject a name in the place of another, and one name more in questions of equal words."""
    one, other = _missing(a, b), _missing(b, a)
    if not one and not other:
        return None
    is_reworded = max(map(len, unmatched(a, b))) > _MAX_REWORDED
    if is_reworded and not (one and other):
        return None  # "President Lincoln", "Lincoln"
    return f"names: {' '.join(one) or 'none'} / {' '.join(other) or 'none'}"


def _missing(a: TokenizedQuestion, b: TokenizedQuestion) -> list[str]:
    """Return the names of one question that the other lacks.

    "Works" is there in "works", and "TV" in "television".
    """
    lower = b.plain_words - b.names
    return sorted(
        name
        for name in a.names - b.names - b.plain_words
        if (name in CASE_SENSITIVE_WORDS or not {f"{name}s", name.removesuffix("s")} & lower)
        and not (name in CASE_INSENSITIVE_WORDS and meaning_key(name) in b.keys)
    )
