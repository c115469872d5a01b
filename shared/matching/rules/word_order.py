"""Rule for word order and voice, which show who did what to whom.

A rewording has its content words in the same order, with two exceptions: the words around "and" or
"or" can be swapped, and a phrase with a preposition can move as a whole ("In India, what is ...").
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shared.matching.rules.content_words import significant_tokens
from shared.matching.tokens.lexicon import CONJUNCTIONS, PREPOSITIONS, have_same_role
from shared.matching.tokens.tokenize import Token, TokenizedQuestion
from shared.text import word_set
from shared.text.word_relations import can_be_noun

_BOUND = frozenset({"of", "than", "as"})
"""Prepositions that belong to the word before them, so their phrase cannot move."""
_GENITIVE = frozenset({"of", "for", "at", "in", "on"})
_AGENT = frozenset({"by", "through", "via", "with", "using"})
_NEVER_OMITTED = frozenset({"from", "than"})
_PASSIVE = word_set("be am is are was were been being get gets got getting")
_MAX_PASSIVE = 40
"""Content words of a question in the passive: the search for its parts takes cubic time."""
_DETERMINERS = word_set("the a an this that my our your his her its their")
_PARTICIPLE = re.compile(r"(?:ed|en|wn|pt|ght|lt|nt|ost|old|und|ade|ept)$")


def check_word_order(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject questions where the same words have other roles."""
    one, other = significant_tokens(a, b), significant_tokens(b, a)
    orders = list(_find_orders(one, other))
    if not orders:
        if _is_passive_of(a, b) or _is_passive_of(b, a):
            return None
        return f"word order: {_describe_difference(one, other)}"
    rejections = [_check_prepositions(one, order) for order in orders]
    return rejections[0] if all(rejections) else _check_voice(a, b)


def check_same_words_order(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject the same content words in another order or voice."""
    one, other = significant_tokens(a, b), significant_tokens(b, a)
    same = sorted(token.key for token in one) == sorted(token.key for token in other)
    return check_word_order(a, b) if same else None


def _check_prepositions(one: Sequence[Token], other: Sequence[Token]) -> str | None:
    """Reject questions of the same order with opposed prepositions."""
    for ours, theirs in zip(one, other, strict=True):
        if _are_opposed(ours.lead, theirs.lead):
            return f"word order: {ours.lead} {ours.text} / {theirs.lead} {theirs.text}".replace(
                "|", ""
            )
    return None


def _are_opposed(left: str, right: str) -> bool:
    """Whether the words before two tokens give them different roles."""
    if left == right:
        return False
    if "by" in (left, right):
        return not {left, right} <= _AGENT
    if {left, right} <= PREPOSITIONS:
        return not have_same_role(left, right)
    return not _NEVER_OMITTED.isdisjoint((left, right))


class _Move(NamedTuple):
    """A swap: `one[start:cut]` is `other[back:end]`, and `one[cut:end]` is `other[start:back]`."""

    start: int
    cut: int
    back: int
    end: int


def _find_orders(one: Sequence[Token], other: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Yield `other` in the order of `one`, for each way with at most one harmless move."""
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
        if keys[cut:end] + keys[start:cut] == target[start:end] and _is_harmless(one, other, move):
            back = move.back
            yield [*other[:start], *other[back:end], *other[start:back], *other[end:]]


def _is_harmless(one: Sequence[Token], other: Sequence[Token], move: _Move) -> bool:
    start, cut, back, end = move
    if _is_genitive(one, other, move) or _is_genitive(other, one, _Move(start, back, cut, end)):
        return True
    if not (_phrase_ends(one, end) and _phrase_ends(other, end)):
        return False
    if _get_lead(one[cut]) in CONJUNCTIONS and _get_lead(other[back]) in CONJUNCTIONS:
        return True
    first = _is_movable(one, other, start, back) and _phrase_ends(one, cut)
    second = _is_movable(one, other, cut, start) and _phrase_ends(other, back)
    return first or second


def _is_genitive(one: Sequence[Token], other: Sequence[Token], move: _Move) -> bool:
    """Whether a noun before another became a phrase after it: "wifi key", "key of the wifi"."""
    is_phrase = not _get_lead(one[move.cut]) and _get_lead(other[move.back]) in _GENITIVE
    moved = one[move.cut - 1]
    return is_phrase and (moved.kind != "word" or can_be_noun(moved.text))


def _is_movable(one: Sequence[Token], other: Sequence[Token], place: int, other_place: int) -> bool:
    """Whether both phrases start with the same preposition, and no other phrase does."""
    lead = _get_lead(one[place])
    if lead != _get_lead(other[other_place]) or lead not in PREPOSITIONS or lead in _BOUND:
        return False
    return all(sum(_get_lead(token) == lead for token in tokens) == 1 for tokens in (one, other))


def _phrase_ends(tokens: Sequence[Token], place: int) -> bool:
    """Whether a phrase ends before `place`."""
    return place >= len(tokens) or bool(_get_lead(tokens[place]))


def _get_lead(token: Token) -> str:
    return token.key if token.key in PREPOSITIONS else token.lead


def _describe_difference(one: Sequence[Token], other: Sequence[Token]) -> str:
    """Return the first words that differ."""
    pairs = zip(one, other, strict=False)
    place = next((n for n, (x, y) in enumerate(pairs) if x.key != y.key), min(len(one), len(other)))
    left, right = (" ".join(t.text for t in side[place : place + 3]) for side in (one, other))
    return f"{left or 'none'} / {right or 'none'}"


def _check_voice(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "was hired" and "hired" in questions that are otherwise the same."""
    passives, others = _find_passives(a), _find_passives(b)
    for key in passives.keys() ^ others.keys():
        active = b if key in passives else a
        surface = next((token.text for token in active.tokens if token.key == key), None)
        if surface and ("who" in a.types or not _PARTICIPLE.search(surface)):
            return f"voice: {passives.get(key) or others.get(key)} / {surface}"
    return None


def _is_passive_of(a: TokenizedQuestion, b: TokenizedQuestion) -> bool:
    """Whether `a` is `b` in the passive: "was David rebuked by Nathan", "did Nathan rebuke David".

    Only one with "by": without it the roles do not show.
    """
    if _PASSIVE.isdisjoint(a.words) or "by" not in a.words or "by" in b.words:
        return False
    tokens = significant_tokens(a, b)
    keys, target = [[token.key for token in each] for each in (tokens, significant_tokens(b, a))]
    if len(keys) > _MAX_PASSIVE or sorted(keys) != sorted(target):
        return False
    agent = next((at for at, token in enumerate(tokens) if token.lead == "by"), len(keys))
    ends = range(agent + 1, len(keys) + 1)
    if agent == len(keys):  # "by whom"
        ends = range(agent, agent + ("who" in a.types))
    before = range(max(0, agent - 2), agent)  # "was broken down by"
    return any(
        keys[:begin] + keys[agent:end] + keys[verb:agent] + keys[begin:verb] + keys[end:] == target
        for verb in before
        if _PARTICIPLE.search(tokens[verb].text)
        for begin in range(verb + 1)
        for end in ends
    )


def _find_passives(question: TokenizedQuestion) -> dict[str, str]:
    surfaces = {token.text: token.key for token in question.tokens if token.kind == "word"}
    return {
        surfaces[word]: word
        for place, word in enumerate(question.words)
        if word in surfaces
        and _PARTICIPLE.search(word)
        and question.words[place - 1] not in _DETERMINERS  # "was the result"
        and not _PASSIVE.isdisjoint(question.words[max(0, place - 3) : place])
    }
