"""Is this question that one? The part that needs no model.

Every guard may refuse and none can overrule another. What they have in common: symmetric, pure,
and in doubt against the match, for a wrong answer costs more than a second one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from shared.matching.rules.content_words import refuse_antonyms, refuse_content
from shared.matching.rules.dates import refuse_dates
from shared.matching.rules.negation import refuse_negation
from shared.matching.rules.quantities import refuse_quantities
from shared.matching.rules.question_type import refuse_persons, refuse_question, refuse_tense
from shared.matching.rules.roles import refuse_roles
from shared.matching.tokens.tokenize import Wording, read

Guard = Callable[[Wording, Wording], str | None]
"""Says why the second question is not the first, or None."""


def refuse_scripture(a: Wording, b: Wording) -> str | None:
    """Refuse where the passages of the Bible differ."""
    one, other = a.of_kind("scripture"), b.of_kind("scripture")
    if one == other:
        return None
    return f"scripture: {'; '.join(_texts(a)) or 'none'} / {'; '.join(_texts(b)) or 'none'}"


def _texts(wording: Wording) -> list[str]:
    return [token.text for token in wording.tokens if token.kind == "scripture"]


GUARDS: dict[str, Guard] = {
    "scripture": refuse_scripture,
    "quantities": refuse_quantities,
    "dates": refuse_dates,
    "negation": refuse_negation,
    "antonyms": refuse_antonyms,
    "question": refuse_question,
    "tense": refuse_tense,
    "persons": refuse_persons,
    "content": refuse_content,
    "roles": refuse_roles,
}
"""Every guard by name, the one that gives the plainest reason first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is the first refusal; `words` has each guard's, None where it has no objection."""

    same: bool
    reason: str
    words: dict[str, str | None]


def judge(a: str, b: str) -> Verdict:
    """Judge whether one answer serves both questions, given in their normal form or raw."""
    if a.casefold().split() == b.casefold().split():
        return Verdict(same=True, reason="the same wording", words=dict.fromkeys(GUARDS))
    one, other = read(a), read(b)
    if not one.tokens or not other.tokens:
        word = "words: nothing to compare by"
        return Verdict(same=False, reason=word, words=dict.fromkeys(GUARDS) | {"content": word})
    words = {name: refuse(one, other) for name, refuse in GUARDS.items()}
    reason = next((word for word in words.values() if word), None)
    return Verdict(same=reason is None, reason=reason or "no guard objects", words=words)
