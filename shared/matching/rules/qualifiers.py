"""Rules for words that change the answer where only one of two questions has them."""

from itertools import pairwise

from shared.matching.rules.minimal_pairs import cut_common
from shared.matching.tokens.lexicon import FUNCTION_WORDS
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
    "stopped": "stop",
    "refused": "refuse",
    "failed": "fail",
    "forgot": "forget",
}


_DETERMINERS = word_set("the this that these those my our your his her its their")
_NEUTRAL = word_set(
    """best good main major exact actual correct right proper current whole own famous specific
    particular certain possible"""
)


def check_qualifiers(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "the average price" and "the price"."""
    one, other = _find(a), _find(b)
    if one == other:
        one, other = _find_added(a, b), _find_added(b, a)
    if one == other:
        return None
    return f"qualifiers: {' '.join(sorted(one)) or 'none'} / {' '.join(sorted(other)) or 'none'}"


def _find(question: TokenizedQuestion) -> set[str]:
    found = question.plain_words & _QUALIFIERS
    return {_SAME.get(word, word) for word in found}


def _find_added(a: TokenizedQuestion, b: TokenizedQuestion) -> set[str]:
    """Return the word between an article and a noun that is the only difference of `a` to `b`."""
    added, missing = cut_common(a.remainder, b.remainder)
    if len(added) != 1 or missing or added[0] in FUNCTION_WORDS | _NEUTRAL:
        return set()
    follows_article = (each for each in pairwise(a.remainder) if each[1] == added[0])
    return {*added} if any(article in _DETERMINERS for article, _ in follows_article) else set()
