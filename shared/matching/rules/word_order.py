"""Who did what to whom: the same words in another order, or another voice.

Words that count keep their order in a rewording, but for two harmless moves: what stands around
"and" or "or" may change places, and a phrase that a preposition opens may move as a whole ("In
India, what is ...").
"""

import re
from typing import TYPE_CHECKING, NamedTuple

from shared.matching.rules.content_words import significant_tokens
from shared.matching.tokens.lexicon import CONJUNCTION, MARKER
from shared.text import word_set

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.matching.tokens.tokenize import Token, TokenizedQuestion

_BOUND = frozenset({"of", "than", "as"})
"""Prepositions that belong to the word before them: their phrase does not move alone."""
_AGENT = frozenset({"by", "through", "via", "with", "using"})
_DIFFERENT = (
    ({"from"}, {"", "|", "to", "for", "at", "in", "on", "with", "about"}),
    ({"about"}, {"to", "with", "for"}),
    ({"with"}, {"against"}),
    ({"until", "till"}, {"since", "from", "after", "in"}),
    ({"than"}, MARKER - {"than"} | {"", "|", "and", "or"}),
)
"""Prepositions that say different things of the word behind them."""
_PASSIVE = word_set("be am is are was were been being get gets got getting")
_PARTICIPLE = re.compile(r"(?:ed|en|wn|pt|ght|lt|nt|ost|old|und|ade|ept)$")


def check_word_order(a: "TokenizedQuestion", b: "TokenizedQuestion") -> str | None:
    """Refuse where the same words play other parts."""
    one, other = significant_tokens(a, b), significant_tokens(b, a)
    orders = list(_orders(one, other))
    if not orders:
        return f"word order: {_difference(one, other)}"
    refusals = [_check_prepositions(one, order) for order in orders]
    return refusals[0] if all(refusals) else _check_voice(a, b)


def _check_prepositions(one: "Sequence[Token]", other: "Sequence[Token]") -> str | None:
    """Refuse where the same words in the same order stand behind opposed prepositions."""
    for ours, theirs in zip(one, other, strict=True):
        if _opposed(ours.lead, theirs.lead):
            return f"word order: {ours.lead} {ours.text} / {theirs.lead} {theirs.text}".replace(
                "|", ""
            )
    return None


def _opposed(left: str, right: str) -> bool:
    if left == right:
        return False
    if "by" in (left, right):
        return not {left, right} <= _AGENT
    return any(
        (left in these and right in those) or (right in these and left in those)
        for these, those in _DIFFERENT
    )


class _Move(NamedTuple):
    """`one[start:cut]` and `one[cut:end]` stand in `other[back:end]` and `other[start:back]`."""

    start: int
    cut: int
    back: int
    end: int


def _orders(one: "Sequence[Token]", other: "Sequence[Token]") -> "Iterator[Sequence[Token]]":
    """`other` in the order of `one`, for each way of at most one harmless move."""
    keys, target = [token.key for token in one], [token.key for token in other]
    if keys == target:
        yield other
        return
    if sorted(keys) != sorted(target):
        return
    start = next(place for place, key in enumerate(keys) if key != target[place])
    end = next(place for place in range(len(keys), 0, -1) if keys[place - 1] != target[place - 1])
    for cut in range(start + 1, end):
        move = _Move(start, cut, start + end - cut, end)
        if keys[cut:end] + keys[start:cut] == target[start:end] and _harmless(one, other, move):
            back = move.back
            yield [*other[:start], *other[back:end], *other[start:back], *other[end:]]


def _harmless(one: "Sequence[Token]", other: "Sequence[Token]", move: _Move) -> bool:
    start, cut, back, end = move
    if not (_ends(one, end) and _ends(other, end)):
        return False
    if _lead(one[cut]) in CONJUNCTION and _lead(other[back]) in CONJUNCTION:
        return True
    first = _movable(one, other, start, back) and _ends(one, cut)
    second = _movable(one, other, cut, start) and _ends(other, back)
    return first or second


def _movable(
    one: "Sequence[Token]", other: "Sequence[Token]", place: int, other_place: int
) -> bool:
    """Whether the phrases at the two places open with the same preposition, the only one."""
    lead = _lead(one[place])
    if lead != _lead(other[other_place]) or lead not in MARKER or lead in _BOUND:
        return False
    return all(sum(_lead(token) == lead for token in tokens) == 1 for tokens in (one, other))


def _ends(tokens: "Sequence[Token]", place: int) -> bool:
    """Whether a phrase ends before `place`."""
    return place >= len(tokens) or bool(_lead(tokens[place]))


def _lead(token: "Token") -> str:
    return token.key if token.key in MARKER else token.lead


def _difference(one: "Sequence[Token]", other: "Sequence[Token]") -> str:
    """Where the two orders part."""
    pairs = zip(one, other, strict=False)
    place = next((n for n, (x, y) in enumerate(pairs) if x.key != y.key), min(len(one), len(other)))
    left, right = (" ".join(t.text for t in side[place : place + 3]) for side in (one, other))
    return f"{left or 'none'} / {right or 'none'}"


def _check_voice(a: "TokenizedQuestion", b: "TokenizedQuestion") -> str | None:
    """Refuse "was hired" for "hired" where the rest is the same."""
    passives, others = _passives(a), _passives(b)
    for key in passives.keys() ^ others.keys():
        active = b if key in passives else a
        surface = next((token.text for token in active.tokens if token.key == key), None)
        if surface and ("who" in a.types or not _PARTICIPLE.search(surface)):
            return f"voice: {passives.get(key) or others.get(key)} / {surface}"
    return None


def _passives(question: "TokenizedQuestion") -> dict[str, str]:
    surfaces = {token.text: token.key for token in question.tokens if token.kind == "word"}
    return {
        surfaces[word]: word
        for place, word in enumerate(question.words)
        if word in surfaces
        and _PARTICIPLE.search(word)
        and not _PASSIVE.isdisjoint(question.words[max(0, place - 3) : place])
    }
