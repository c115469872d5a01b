"""Rule for an attribute of a thing against the thing, or against another attribute."""

from itertools import pairwise

from shared.matching.rules.content_words import unmatched
from shared.matching.tokens.tokenize import Token, TokenizedQuestion


def check_attributes(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "What is the price of a house?" and "What is a house?"."""
    if a.types ^ b.types == {"what", "meaning"}:
        return "attributes: meaning / none"
    one, other = unmatched(a, b)
    if a.types ^ b.types == {"what", "how much"}:
        costs = [token for token in (*one, *other) if token.text == "cost"]
        return "attributes: price / another" if costs else None
    if not a.types & b.types or max(len(one), len(other)) != 1:
        return None
    if one and other:
        same = _find_owned(a, one[0]) & _find_owned(b, other[0])
        return f"attributes: {one[0].text} / {other[0].text}" if same else None
    return _check_added(a, b, one[0]) if one else _check_added(b, a, other[0])


def _find_owned(question: TokenizedQuestion, attribute: Token) -> set[str]:
    """Return the key of the word that an attribute is "of", if there is one."""
    return {
        following.key
        for token, following in pairwise(question.tokens)
        if token is attribute and following.lead == "of"
    }


def _check_added(a: TokenizedQuestion, b: TokenizedQuestion, added: Token) -> str | None:
    """Reject "the roof of the house" and "Anna's roof" if `b` asks for the house and for Anna."""
    leads = {token.key: token.lead for token in b.tokens}
    owned = _find_owned(a, added)
    if any(leads.get(key, "of") != "of" for key in owned):
        return f"attributes: {added.text} / none"
    for owner, token in pairwise(a.tokens):
        marked = f"{owner.text}'"
        if token is added and marked in a.text.lower() and marked not in b.text.lower():
            return f"attributes: {owner.text}'s {added.text} / {owner.text}"
    return None
