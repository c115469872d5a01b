"""Decides whether one answer serves two questions.

Vetoes are rules for what a model gets wrong; no rule and no model overrules them. Then questions of
the same words match, and the pair model decides on the others. The decision is pure and symmetric.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from shared.matching.rules.attributes import check_attributes
from shared.matching.rules.content_words import (
    check_antonyms,
    check_content_words,
    check_synonyms,
    unmatched,
)
from shared.matching.rules.contrasts import (
    check_actions,
    check_contrasts,
    check_exchanged_words,
    check_unknown_words,
)
from shared.matching.rules.function_words import (
    check_conjunctions,
    check_degree,
    check_exchanged_units,
    check_prepositions,
    check_verbs,
)
from shared.matching.rules.grammar import check_kind, check_question_type, check_tense
from shared.matching.rules.minimal_pairs import check_function_words, check_letters
from shared.matching.rules.modals import check_modals
from shared.matching.rules.names import check_names
from shared.matching.rules.negation import check_negation
from shared.matching.rules.notation import check_notation
from shared.matching.rules.persons import check_objects, check_persons
from shared.matching.rules.qualifiers import check_qualifiers
from shared.matching.rules.values import check_bible_references, check_dates, check_quantities
from shared.matching.rules.word_order import check_same_words_order, check_word_order
from shared.matching.tokens.clause_order import move_clause
from shared.matching.tokens.noise import remove_noise
from shared.matching.tokens.phrases import name_notes
from shared.matching.tokens.tokenize import TokenizedQuestion, tokenize
from shared.matching.tokens.typos import correct_typos, is_respelled
from shared.text.canonical_form import canonical_form
from shared.text.languages import are_english, split_words
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack

MatchingRule = Callable[[TokenizedQuestion, TokenizedQuestion], str | None]
"""Returns the reason why two questions are not the same, or None."""

_ALWAYS = 1_000
VETOES: dict[str, tuple[MatchingRule, int]] = {
    "bible_references": (check_bible_references, _ALWAYS),
    "quantities": (check_quantities, _ALWAYS),
    "units": (check_exchanged_units, _ALWAYS),
    "dates": (check_dates, _ALWAYS),
    "notation": (check_notation, _ALWAYS),
    "names": (check_names, _ALWAYS),
    "negation": (check_negation, _ALWAYS),
    "antonyms": (check_antonyms, _ALWAYS),
    "actions": (check_actions, 2),
    "contrasts": (check_contrasts, 2),
    "qualifiers": (check_qualifiers, 1),
    "attributes": (check_attributes, 1),
    "conjunctions": (check_conjunctions, 1),
    "degree": (check_degree, 1),
    "prepositions": (check_prepositions, 1),
    "modals": (check_modals, 1),
    "question_type": (check_kind, 1),
    "tense": (check_tense, 0),
    "pronouns": (check_persons, 0),
    "objects": (check_objects, 0),
    "verbs": (check_verbs, 1),
    "word_order": (check_same_words_order, 0),
    "function_words": (check_function_words, 1),
    "letters": (check_letters, 1),
    "exchanged_words": (check_exchanged_words, 1),
}
"""Every veto by name, and the most content words of a question without a counterpart in the other.

Models miss one different word among equal ones. In a question that is worded differently, another
modal or preposition says little. The first veto is the reason shown, so specific ones come first.
"""

_SAME_WORDS: tuple[MatchingRule, ...] = (
    check_question_type,
    check_content_words,
    check_synonyms,
    check_word_order,
)
SAME_WORDS_PROBABILITY = 0.35
"""The least probability where both questions have the same type, words and order.

Or the same text but for slips: below it the slip is probably a word that is in no list.
"""

_DISTANCE = 0.1
"""How far below the least cosine a question may be if the pair model is almost certain of it."""
DISTANT_PROBABILITY = 0.92
"""The least probability of such a distant question."""


class QuestionPairModel(Protocol):
    """Estimates whether one answer serves two questions."""

    def knows(self, word: str) -> bool:
        """Whether a word in lower case is in the vocabulary."""

    def probability(self, a: str, b: str) -> float:
        """Return the probability, the same for both orders."""


class MatchSettings(Protocol):
    """The thresholds of a match."""

    @property
    def candidate_cosine(self) -> float:
        """The least cosine of a match that is not distant."""

    @property
    def similarity_threshold(self) -> float:
        """The least probability."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether two questions match, and why.

    `rejections` has one entry for each veto: its reason, or None where it passes. The veto
    `unknown_words` depends on the pair model and is absent without one. `probability` is
    the pair model's, or None where it was not needed. `is_certain`: no verifier is needed, because
    of a veto, or because the texts are the same but for noise and slips.
    """

    is_match: bool
    reason: str
    rejections: dict[str, str | None]
    probability: float | None = None
    is_certain: bool = False


def least_cosine(settings: MatchSettings, *, by_model: bool) -> float:
    """Return the least cosine of a match. The pair model also decides on distant questions."""
    return settings.candidate_cosine - _DISTANCE * by_model


def is_distant(cosine: float, settings: MatchSettings) -> bool:
    """Return whether a match of this cosine needs a higher probability."""
    return cosine < settings.candidate_cosine


def decide(
    a: str,
    b: str,
    packs: tuple[VocabularyPack, ...] = DEFAULT_PACKS,
    *,
    model: QuestionPairModel | None = None,
    threshold: float = 0.85,
    distant: bool = False,
) -> Decision:
    """Decide whether one answer serves both questions.

    Args:
        a: one question as written: capitals carry meaning.
        b: the other question.
        packs: the vocabulary packs to tokenize with.
        model: without one, only questions of the same words match.
        threshold: the least probability of a match.
        distant: `is_distant`. Then the model must return `DISTANT_PROBABILITY`, or `threshold` for
            questions of the same words.
    """
    a, b = remove_noise(a, b)
    passed: dict[str, str | None] = dict.fromkeys(VETOES)
    if canonical_form(a) == canonical_form(b):
        return Decision(True, "identical wording", passed, is_certain=True)  # noqa: FBT003 - a field
    if not are_english(a, b):
        return _decide_by_words(tokenize(a, packs), tokenize(b, packs), passed)
    if model:
        written = a, b
        a, b = correct_typos(a, b, model.knows)
        if canonical_form(a) == canonical_form(b):
            probability = model.probability(*written)
            is_match = probability >= min(threshold, SAME_WORDS_PROBABILITY)
            return Decision(is_match, "the same but for slips", passed, probability, True)  # noqa: FBT003 - a field
    a, b = name_notes(a), name_notes(b)
    one, other = (tokenize(move_clause(text), packs) for text in (a, b))
    reworded = max(map(len, unmatched(one, other)))
    rejections = {
        name: check(one, other) if reworded <= limit else None
        for name, (check, limit) in VETOES.items()
    }
    if model:
        rejections["unknown_words"] = check_unknown_words(one, other, model.knows)
    if reason := next(filter(None, rejections.values()), None):
        return Decision(False, reason, rejections, is_certain=True)  # noqa: FBT003 - a field
    difference = next(filter(None, (check(one, other) for check in _SAME_WORDS)), None)
    if not model:
        return Decision(not difference, difference or "the same words", rejections)
    return _decide_by_probability(
        model.probability(a, b),
        rejections,
        threshold=threshold,
        distant=distant,
        same_words=not difference,
    )


def _decide_by_probability(
    probability: float,
    rejections: dict[str, str | None],
    *,
    threshold: float,
    distant: bool,
    same_words: bool,
) -> Decision:
    of_same_words = threshold if distant else min(threshold, SAME_WORDS_PROBABILITY)
    if same_words and probability >= of_same_words:
        return Decision(True, "the same words", rejections, probability)  # noqa: FBT003 - a field
    least = max(threshold, DISTANT_PROBABILITY) if distant else threshold
    reason = f"pair model: probability {probability:.2f}"
    if threshold <= probability < least:
        reason += f", and a distant question needs {least:g}"
    return Decision(probability >= least, reason, rejections, probability)


def _decide_by_words(
    one: TokenizedQuestion, other: TokenizedQuestion, rejections: dict[str, str | None]
) -> Decision:
    """Decide on questions that are not clearly English: every word must be the same."""
    rejections["notation"] = check_notation(one, other)
    same = split_words(one.text) == split_words(other.text) and not rejections["notation"]
    reason = "the same words" if same else "language: not clearly English, and words differ"
    return Decision(same, reason, rejections, is_certain=True)


def explain_decision(
    a: str,
    b: str,
    cosine: float,
    *,
    settings: MatchSettings,
    packs: tuple[VocabularyPack, ...] = DEFAULT_PACKS,
    model: QuestionPairModel | None = None,
) -> dict[str, Any]:
    """Return the decision for two questions as JSON, with the result of each veto.

    Args:
        a: one question.
        b: the other question.
        cosine: the similarity of their embeddings, from -1 to 1.
        settings: the least cosine and the least probability of a match.
        packs: the vocabulary packs to tokenize with.
        model: as for `decide`.

    Returns:
        `cosine`, `probability`, `match` and `reason`, as decided before the verifier is called, and
        `rules`: each veto's reason, or "passed".
    """
    least = least_cosine(settings, by_model=model is not None)
    distant = is_distant(cosine, settings)
    threshold = settings.similarity_threshold
    decision = decide(a, b, packs, model=model, threshold=threshold, distant=distant)
    probability = decision.probability
    if model and probability is None:
        probability = model.probability(a, b)
    near = cosine >= least or is_respelled(a, b)
    return {
        "cosine": round(cosine, 4),
        "probability": None if probability is None else round(probability, 4),
        "match": near and decision.is_match,
        "reason": decision.reason if near else f"cosine below {least:g}",
        "rules": {name: rejection or "passed" for name, rejection in decision.rejections.items()},
    }
