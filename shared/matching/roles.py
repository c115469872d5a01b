"""Who did what to whom: the same words in another order, or another voice.

Words that count keep their order in a rewording, but for two harmless moves: what stands around
"and" or "or" may change places, and a phrase that a preposition opens may move as a whole ("In
India, what is ...").
"""

import re
from typing import TYPE_CHECKING

from shared.matching.content import counting
from shared.matching.lexicon import CONJUNCTION, MARKER
from shared.matching.words import word_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.matching.wording import Token, Wording

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


def refuse_roles(a: "Wording", b: "Wording") -> str | None:
    """Refuse where the same words play other parts."""
    one, other = counting(a, b), counting(b, a)
    aligned = _aligned(one, other)
    if aligned is None:
        left, right = _difference(one, other)
        return f"order: {left} / {right}"
    for ours, theirs in zip(one, aligned, strict=True):
        if _opposed(ours.lead, theirs.lead):
            return f"order: {ours.lead} {ours.text} / {theirs.lead} {theirs.text}".replace("|", "")
    return _refuse_voice(a, b)


def _opposed(left: str, right: str) -> bool:
    if left == right:
        return False
    if "by" in (left, right):
        return not {left, right} <= _AGENT
    return any(
        (left in these and right in those) or (right in these and left in those)
        for these, those in _DIFFERENT
    )


def _aligned(one: "Sequence[Token]", other: "Sequence[Token]") -> "Sequence[Token] | None":
    """`other` in the order of `one`, if no or one harmless move leads there."""
    keys, target = [token.key for token in one], [token.key for token in other]
    if keys == target:
        return other
    if sorted(keys) != sorted(target):
        return None
    start = next(place for place, key in enumerate(keys) if key != target[place])
    end = next(place for place in range(len(keys), 0, -1) if keys[place - 1] != target[place - 1])
    for cut in range(start + 1, end):
        back = start + end - cut  # `one[start:cut]` stands in `other[back:end]`
        if keys[cut:end] + keys[start:cut] == target[start:end] and _harmless(
            one, other, start, cut, back, end
        ):
            return [*other[:start], *other[back:end], *other[start:back], *other[end:]]
    return None


def _harmless(
    one: "Sequence[Token]", other: "Sequence[Token]", start: int, cut: int, back: int, end: int
) -> bool:
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


def _difference(one: "Sequence[Token]", other: "Sequence[Token]") -> tuple[str, str]:
    pairs = zip(one, other, strict=False)
    place = next((n for n, (x, y) in enumerate(pairs) if x.key != y.key), 0)
    return tuple(" ".join(t.text for t in side[place : place + 3]) for side in (one, other))  # type: ignore[return-value]


def _refuse_voice(a: "Wording", b: "Wording") -> str | None:
    """Refuse "was hired" for "hired" where the rest is the same."""
    passives, others = _passives(a), _passives(b)
    for key in passives.keys() ^ others.keys():
        active = b if key in passives else a
        surface = next((token.text for token in active.tokens if token.key == key), None)
        if surface and ("who" in a.kinds or not _PARTICIPLE.search(surface)):
            return f"voice: {passives.get(key) or others.get(key)} / {surface}"
    return None


def _passives(wording: "Wording") -> dict[str, str]:
    surfaces = {token.text: token.key for token in wording.tokens if token.kind == "word"}
    return {
        surfaces[word]: word
        for place, word in enumerate(wording.words)
        if word in surfaces
        and _PARTICIPLE.search(word)
        and not _PASSIVE.isdisjoint(wording.words[max(0, place - 3) : place])
    }
