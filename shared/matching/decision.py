"""Decides by rules whether two questions ask the same, without a model.

Each rule can reject a match, and no rule can overrule another. Rules are pure and symmetric. In
doubt they reject: a wrong answer costs more than a second generation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.matching.rules.content_words import check_antonyms, check_content_words
from shared.matching.rules.grammar import check_pronouns, check_question_type, check_tense
from shared.matching.rules.negation import check_negation
from shared.matching.rules.notation import check_notation
from shared.matching.rules.values import check_bible_references, check_dates, check_quantities
from shared.matching.rules.word_order import check_word_order
from shared.matching.tokens.tokenize import TokenizedQuestion, tokenize
from shared.text.canonical_form import canonical_form
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack

MatchingRule = Callable[[TokenizedQuestion, TokenizedQuestion], str | None]
"""Returns the reason why two questions are not the same, or None."""

RULES: dict[str, MatchingRule] = {
    "bible_references": check_bible_references,
    "quantities": check_quantities,
    "dates": check_dates,
    "notation": check_notation,
    "negation": check_negation,
    "antonyms": check_antonyms,
    "question_type": check_question_type,
    "tense": check_tense,
    "pronouns": check_pronouns,
    "content_words": check_content_words,
    "word_order": check_word_order,
}
"""Every rule by name. The first rejection is the reason shown, so specific rules come first."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether two questions match; `reason` is the first rejection.

    `rejections` has one entry for each rule: its reason, or None where the rule passes.
    """

    is_match: bool
    reason: str
    rejections: dict[str, str | None]


def decide(a: str, b: str, packs: tuple[VocabularyPack, ...] = DEFAULT_PACKS) -> Decision:
    """Decide whether one answer serves both questions.

    Args:
        a: one question, in its canonical form or as written: capitals carry meaning.
        b: the other question.
        packs: the vocabulary packs to tokenize with.
    """
    a, b = canonical_form(a), canonical_form(b)
    if a == b:
        return Decision(True, "identical wording", dict.fromkeys(RULES))  # noqa: FBT003 - a field
    one, other = tokenize(a, packs), tokenize(b, packs)
    if not one.tokens or not other.tokens:
        reason = "words: a question has no content words"
        return Decision(False, reason, dict.fromkeys(RULES) | {"content_words": reason})  # noqa: FBT003 - a field
    rejections = {name: check(one, other) for name, check in RULES.items()}
    reason = next((rejection for rejection in rejections.values() if rejection), "")
    return Decision(not reason, reason or "all rules pass", rejections)


def explain_decision(
    a: str,
    b: str,
    cosine: float,
    *,
    threshold: float,
    packs: tuple[VocabularyPack, ...] = DEFAULT_PACKS,
) -> dict[str, Any]:
    """Return the decision for two questions as JSON, with the result of each rule.

    Args:
        a: one question.
        b: the other question.
        cosine: the similarity of their embeddings, from -1 to 1.
        threshold: the cosine from which two questions can match.
        packs: the vocabulary packs to tokenize with.

    Returns:
        `cosine`, `match` and `reason`, as decided before the verifier is called, and `rules`: each
        rule's reason for a rejection, or "passed".
    """
    decision = decide(a, b, packs)
    near = cosine >= threshold
    return {
        "cosine": round(cosine, 4),
        "match": near and decision.is_match,
        "reason": decision.reason if near else f"cosine below {threshold:g}",
        "rules": {name: rejection or "passed" for name, rejection in decision.rejections.items()},
    }
