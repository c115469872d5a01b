"""Whether something is denied, and what."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.matching.wording import Wording

_DENIALS = frozenset("not no never nor neither none nobody nothing nowhere without".split())


def refuse_negation(a: "Wording", b: "Wording") -> str | None:
    """Refuse where one side denies more than the other, or something else."""
    one, other = _denials(a), _denials(b)
    if one != other:
        return f"negation: {one} / {other}"
    denied, others = _denied(a), _denied(b)
    if denied != others:
        return f"negation: of {' '.join(denied) or 'none'} / of {' '.join(others) or 'none'}"
    return None


def _denials(wording: "Wording") -> int:
    words = wording.words
    # "Is it true or not?" denies nothing.
    tag = len(words) > 1 and words[-2:] == ("or", "not")
    return sum(word in _DENIALS for word in words) - tag


def _denied(wording: "Wording") -> list[str]:
    return sorted(token.key for token in wording.tokens if token.negated)
