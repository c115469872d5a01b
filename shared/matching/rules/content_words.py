"""What is asked about: a name or another word that counts must stand on both sides."""

from collections import Counter
from typing import TYPE_CHECKING

from shared.matching.rules.antonyms import are_opposites
from shared.text.stemming import stem

if TYPE_CHECKING:
    from shared.matching.tokens.tokenize import Token, Wording


def refuse_content(a: "Wording", b: "Wording") -> str | None:
    """Refuse where one side has a word that the other lacks or replaces."""
    one, other = unmatched(a, b)
    if not one and not other:
        return None
    return f"words: {_list(one)} / {_list(other)}"


def refuse_antonyms(a: "Wording", b: "Wording") -> str | None:
    """Refuse where one side says the opposite of a word of the other's."""
    one, other = unmatched(a, b)
    for left in one:
        for right in other:
            if are_opposites(left.key, right.key) or are_opposites(
                stem(left.text), stem(right.text)
            ):
                return f"antonyms: {left.text} / {right.text}"
    return None


def unmatched(a: "Wording", b: "Wording") -> tuple[list["Token"], list["Token"]]:
    """Each side's words without a counterpart, but for those that say nothing."""
    return _beyond(a, Counter(b.keys)), _beyond(b, Counter(a.keys))


def counting(wording: "Wording", other: "Wording") -> list["Token"]:
    """The tokens that say something, or that the other side has too."""
    spare = set(other.keys)
    return [token for token in wording.tokens if token.key in spare or not token.light]


def _beyond(wording: "Wording", others: Counter[str]) -> list["Token"]:
    left = []
    for token in wording.tokens:
        if others[token.key] > 0:
            others[token.key] -= 1
        elif not token.light:
            left.append(token)
    return left


def _list(tokens: list["Token"]) -> str:
    return " ".join(token.text for token in tokens) or "none"
