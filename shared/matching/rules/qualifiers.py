"""Rules for words that change the answer where only one of two questions has them."""

from shared.matching.tokens.tokenize import TokenizedQuestion
from shared.text import word_set

_QUALIFIERS = word_set(
    """average median maximum max highest minimum min lowest least total overall net gross estimated
    approximate half quarter double partial partly full fully mostly mainly remaining outstanding
    unpaid overdue annual yearly monthly weekly daily hourly percent %
    last final next previous former future original provisional temporary permanent new old early
    late mid still again always sometimes often rarely seldom hardly barely scarcely nearly almost
    once twice
    official legal local international national foreign regional spare extended joint private
    personal business public shared raw free
    only also alone else other another all every each both except besides non self ex
    stop stopped avoid refuse refused fail failed forget forgot pretend prevent lack impossible"""
)
_SAME = {"max": "maximum", "highest": "maximum", "min": "minimum", "lowest": "minimum"} | {
    "yearly": "annual",
    "overall": "total",
    "each": "every",
    "barely": "hardly",
}


def check_qualifiers(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "the average price" and "the price"."""
    one, other = _find(a), _find(b)
    if one == other:
        return None
    return f"qualifiers: {' '.join(sorted(one)) or 'none'} / {' '.join(sorted(other)) or 'none'}"


def _find(question: TokenizedQuestion) -> set[str]:
    found = question.plain_words & _QUALIFIERS
    return {_SAME.get(word, word) for word in found}
