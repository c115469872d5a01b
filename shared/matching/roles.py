"""Who did what to whom: the same words in another order, or another voice.

Words that count keep their order in a rewording, but for two harmless moves: what stands around
"and" or "or" may change places, and a phrase that a preposition opens may move as a whole ("In
India, what is ...").
"""

import re
from typing import TYPE_CHECKING

from shared.matching.content import counting
from shared.matching.lexicon import CONJUNCTION, MARKER

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
_PASSIVE = frozenset("be am is are was were been being get gets got getting".split())
_PARTICIPLE = re.compile(r"(?:ed|en|wn|pt|ght|lt|nt|ost|old|und|ade|ept)$")


def refuse_roles(a: "Wording", b: "Wording") -> str | None:
    """Refuse where the same words play other parts."""
    one, other = counting(a, b), counting(b, a)
    keys, others = [token.key for token in one], [token.key for token in other]
    if keys != others and not (sorted(keys) == sorted(others) and _moved(one, other)):
        left, right = _difference(one, other)
        return f"order: {left} / {right}"
    if keys == others:
        for left_token, right_token in zip(one, other, strict=True):
            left, right = left_token.lead, right_token.lead
            if left != right and _opposed(left, right):
                return f"order: {left or '-'} {left_token.text} / {right or '-'} {right_token.text}"
    return _refuse_voice(a, b)


def _opposed(left: str, right: str) -> bool:
    agent = ("by" in (left, right)) and not {left, right} <= _AGENT
    return agent or any(
        (left in these and right in those) or (right in these and left in those)
        for these, those in _DIFFERENT
    )


def _moved(one: "Sequence[Token]", other: "Sequence[Token]") -> bool:
    """Whether one harmless move leads from `one` to `other`."""
    start = 0
    while one[start].key == other[start].key:
        start += 1
    end = len(one)
    while one[end - 1].key == other[end - 1].key:
        end -= 1
    keys = [token.key for token in one[start:end]]
    target = [token.key for token in other[start:end]]
    return any(
        keys[cut:] + keys[:cut] == target
        and _harmless(one, other, start, start + cut, start + len(keys) - cut, end)
        for cut in range(1, len(keys))
    )


def _harmless(
    one: "Sequence[Token]", other: "Sequence[Token]", start: int, cut: int, other_cut: int, end: int
) -> bool:
    """`one[start:cut]` and `one[cut:end]` changed places: `other[other_cut:end]`, `[start:...]`."""
    if not (_ends(one, end) and _ends(other, end)):
        return False
    if _lead(one[cut]) in CONJUNCTION and _lead(other[other_cut]) in CONJUNCTION:
        return True
    first = _movable(one, other, start, other_cut) and _ends(one, cut)
    second = _movable(one, other, cut, start) and _ends(other, other_cut)
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
