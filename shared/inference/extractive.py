"""The extractive fallback: quotes the sentences of the notes that match a question best."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from shared import vectors
from shared.errors import InferenceError
from shared.inference.ports import Completion
from shared.text.sentences import split_sentences

if TYPE_CHECKING:
    from datetime import date

    from shared.inference.ports import Embedder
    from shared.notes.note import Source

NOT_IN_NOTES = "Your notes do not answer this question."

_MAX_SENTENCES = 3
_MIN_COSINE = 0.35  # sentences below it are seldom about the question
_MIN_RELATIVE_SCORE = 0.8  # of a further sentence, relative to the best one
_MIN_OVERLAP = 0.5  # of the question's words, if there are no embeddings
_OVERLAP_WEIGHT = 0.2  # added to the cosine for an overlap of all words
_MIN_WORDS = 5

_CLOSING = "\"'\N{RIGHT SINGLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK})*_"
_HEADING = re.compile(r"^ {0,3}#{1,6}\s.*$", re.MULTILINE)
_BLOCK_BREAK = re.compile(r"\n\s*\n|^\s*(?:[-*+>]|\d+[.)])\s+", re.MULTILINE)
_WORD = re.compile(r"\w{4,}")
_STOP_WORDS = frozenset(
    [
        *("what", "when", "where", "which", "whom", "whose", "does", "mean", "means", "tell"),
        *("that", "this", "these", "there", "their", "they", "your", "some", "with", "from"),
        *("have", "about", "should", "would", "could"),
    ]
)


class ExtractiveAnswerer:
    """An `Answerer` without a language model.

    The answer quotes sentences, each followed by the number of its source, the best first. If no
    sentence matches the question, it is `NOT_IN_NOTES`. The same input gives the same bytes.
    """

    model = "extractive"

    def __init__(
        self, embedder: "Embedder", query_prefix: str = "", passage_prefix: str = ""
    ) -> None:
        """Embed with `embedder`, which adds no prefix."""
        self._embedder = embedder
        self._query_prefix = query_prefix
        self._passage_prefix = passage_prefix

    async def answer(
        self, question: str, sources: Sequence["Source"], *, today: "date | None" = None
    ) -> Completion:
        """Quote one to three sentences of the sources; `today` is not used.

        If the embedder fails, sentences are compared with the question by their words.
        """
        # Overlapping passages share sentences: the first source is cited.
        numbers: dict[str, int] = {}
        for number, source in enumerate(sources, start=1):
            for sentence in _find_sentences(source.content):
                numbers.setdefault(sentence, number)
        scores = await self._score(question, list(numbers)) if numbers else {}
        best = sorted(scores, key=lambda sentence: -scores[sentence])[:_MAX_SENTENCES]
        quoted = [
            (sentence, numbers[sentence])
            for sentence in best
            if scores[sentence] >= _MIN_RELATIVE_SCORE * scores[best[0]]
        ]
        text = " ".join(f"{sentence} [{number}]" for sentence, number in quoted)
        cited = tuple(sorted({number for _, number in quoted}))
        return Completion(text=text or NOT_IN_NOTES, model=self.model, cited=cited)

    async def _score(self, question: str, sentences: list[str]) -> dict[str, float]:
        """Return the scores of the sentences that match the question."""
        words = _find_words(question)
        overlaps = {
            sentence: len(words & _find_words(sentence)) / max(1, len(words))
            for sentence in sentences
        }
        try:
            vector, *rows = await self._embedder.embed(
                [
                    self._query_prefix + question,
                    *(self._passage_prefix + sentence for sentence in sentences),
                ]
            )
        except InferenceError:
            return {each: overlap for each, overlap in overlaps.items() if overlap >= _MIN_OVERLAP}
        cosines = vectors.cosines(vector, vectors.stack(rows))
        return {
            sentence: float(cosine) + _OVERLAP_WEIGHT * overlaps[sentence]
            for sentence, cosine in zip(sentences, cosines, strict=True)
            if cosine >= _MIN_COSINE
        }


def _find_sentences(passage: str) -> Iterator[str]:
    """Return the complete sentences of Markdown, without headings and fragments."""
    for block in _BLOCK_BREAK.split(_HEADING.sub("\n\n", passage)):
        for sentence in split_sentences(" ".join(block.split())):
            if len(sentence.split()) >= _MIN_WORDS and sentence.rstrip(_CLOSING)[-1:] in ".!?":
                yield sentence


def _find_words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold())) - _STOP_WORDS
