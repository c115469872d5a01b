"""The extractive fallback: quotes what notes hold about a question, without a language model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

from shared.conversation import last_user_turn
from shared.errors import InferenceError
from shared.inference.ports import Completion
from shared.inference.quotations.evidence import Evidence, QuestionWords, content_words
from shared.inference.quotations.not_in_notes import not_in_notes
from shared.inference.quotations.quotable_units import find_units, shorten

if TYPE_CHECKING:
    from datetime import date

    from shared.conversation import Turn
    from shared.inference.ports import Embedder, OnText
    from shared.notes.note import Source
    from shared.settings import Settings

_MAX_QUOTATIONS = 3
_MIN_RELATIVE_SCORE = 0.8  # of a further quotation, relative to the best one

# Chosen with MiniLM on one half of the questions of `tests/evaluation/note_questions.tsv`.
_MIN_SCORE = 0.71
_CONTEXT_WEIGHT, _PASSAGE_WEIGHT = 0.25, 0.1  # of the question's words, added to the cosine
_MIN_COSINE_WITHOUT_WORDS = 0.45
_NOTHING_NEW = 0.3  # subtracted from a text that only repeats the question

_MIN_PASSAGE_SIMILARITY = 0.5  # of a passage that is shown because nothing in it can be quoted
_MIN_WORDS = 0.5  # of the question's words, if there are no embeddings
_MIN_PASSAGE_WORDS = 0.75


class _Candidate(NamedTuple):
    """A text to quote, the number of its source, the text with its headings, and its evidence."""

    text: str
    source: int
    in_context: str
    evidence: Evidence


class ExtractiveAnswerer:
    """An `Answerer` without a language model.

    The answer quotes sentences, list items, rows or code, each followed by the number of its
    source, the best first. If nothing matches the question, it is `not_in_notes`. The same input
    gives the same bytes.
    """

    model = "extractive"

    def __init__(
        self,
        embedder: "Embedder",
        query_prefix: str = "",
        passage_prefix: str = "",
        *,
        unrelated_cosine: float = 0.0,
        multilingual: bool = False,
    ) -> None:
        """Embed with `embedder`, which adds no prefix.

        The limits of this module are those of a model whose cosines of unrelated texts are about
        0. `unrelated_cosine` is that of the embedder, and `multilingual` whether it knows other
        languages than English.
        """
        self._embedder = embedder
        self._query_prefix = query_prefix
        self._passage_prefix = passage_prefix
        self._unrelated_cosine = unrelated_cosine
        self._multilingual = multilingual

    @classmethod
    def of(cls, embedder: "Embedder", settings: "Settings") -> Self:
        """Return the answerer for an embedder with these settings."""
        return cls(
            embedder,
            settings.query_prefix,
            settings.passage_prefix,
            unrelated_cosine=settings.unrelated_cosine,
            multilingual=settings.embedding_multilingual,
        )

    async def answer(
        self,
        question: str,
        sources: Sequence["Source"],
        *,
        today: "date | None" = None,
        history: Sequence["Turn"] = (),
        on_text: "OnText | None" = None,
    ) -> Completion:
        """Quote one to three texts of the sources; of `history` the user's last turn is used.

        If the embedder fails, texts are compared with the question by their words.
        """
        question = " ".join([*last_user_turn(history), question])
        words = QuestionWords(question, multilingual=self._multilingual)
        candidates = _find_candidates(words, sources)
        scores = await self._score(question, candidates)
        needed = max([_MIN_SCORE, *(_MIN_RELATIVE_SCORE * score for score in scores)])
        scored = sorted(zip(scores, candidates, strict=True), key=lambda each: -each[0])
        good = [candidate for score, candidate in scored if score >= needed]
        quoted = [  # an item is not quoted beside its list
            each
            for each in good
            if not any(each.text in other.text for other in good if other != each)
        ][:_MAX_QUOTATIONS]
        quotations = [(each.text, each.source) for each in quoted] or (
            _quote_passage(words, sources[0])
            if sources and self._relative(sources[0].similarity) >= _MIN_PASSAGE_SIMILARITY
            else []
        )
        text = " ".join(f"{text} [{number}]" for text, number in quotations)
        cited = tuple(sorted({number for _, number in quotations}))
        return Completion(text or not_in_notes(question), self.model, cited=cited)

    async def _score(self, question: str, candidates: Sequence[_Candidate]) -> list[float]:
        """Return the score of each candidate; one from `_MIN_SCORE` answers the question."""
        if not candidates:
            return []
        texts = list(
            dict.fromkeys(text for each in candidates for text in (each.text, each.in_context))
        )
        try:
            vector, *rows = await self._embedder.embed(
                [self._query_prefix + question, *(self._passage_prefix + text for text in texts)]
            )
        except InferenceError:
            evidence = (each.evidence for each in candidates)
            return [
                _MIN_SCORE + each.in_context - _MIN_WORDS if each.in_text else 0.0
                for each in evidence
            ]
        from shared.vectors import cosines, stack  # noqa: PLC0415 - see LAZY_IMPORTS

        relative = {
            text: self._relative(cosine)
            for text, cosine in zip(texts, cosines(vector, stack(rows)).tolist(), strict=True)
        }
        return [
            _combine(relative[each.text], relative[each.in_context], each.evidence)
            for each in candidates
        ]

    def _relative(self, cosine: float) -> float:
        """Return the cosine on a scale on which that of unrelated texts is 0."""
        return (cosine - self._unrelated_cosine) / (1 - self._unrelated_cosine)


def _combine(of_text: float, in_context: float, evidence: Evidence) -> float:
    """Combine the cosines of a text alone and with its context with the words in it."""
    has_words = evidence.in_text or evidence.in_context >= _MIN_WORDS
    if not has_words and of_text < _MIN_COSINE_WITHOUT_WORDS:
        return 0.0
    score = max(of_text, in_context)
    score += _CONTEXT_WEIGHT * evidence.in_context + _PASSAGE_WEIGHT * evidence.in_passage
    return score if evidence.is_new else score - _NOTHING_NEW


def _find_candidates(words: QuestionWords, sources: Sequence["Source"]) -> list[_Candidate]:
    """Return what can be quoted, once each: overlapping passages share sentences."""
    candidates: dict[str, _Candidate] = {}
    for number, source in enumerate(sources, start=1):
        passage_words = content_words(source.content)
        for text, introduction in find_units(source.content):
            context = f"{source.title} {source.headings} {introduction}".strip()
            evidence = words.find_evidence(text, context, passage_words)
            if evidence and text not in candidates:
                in_context = f"{context}. {text}" if context else text
                candidates[text] = _Candidate(text, number, in_context, evidence)
    return list(candidates.values())


def _quote_passage(words: QuestionWords, source: "Source") -> list[tuple[str, int]]:
    """Return the best passage and its number if it is about the question as a whole."""
    text = " ".join(unit.text for unit in find_units(source.content))
    evidence = words.find_evidence(text, source.title, frozenset())
    is_about = evidence and evidence.is_new and evidence.in_context >= _MIN_PASSAGE_WORDS
    return [(shorten(text), 1)] if is_about else []
