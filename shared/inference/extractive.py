"""Answers without a language model: the sentences of the notes that answer best."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from shared import vectors
from shared.errors import InferenceError
from shared.inference.ports import Completion
from shared.text.sentences import split_sentences

if TYPE_CHECKING:
    from shared.inference.ports import Embedder
    from shared.notes.note import Source

NOT_IN_NOTES = "Your notes do not tell."

_QUOTED = 3
_LEAST_COSINE = 0.35  # below it a sentence seldom has to do with the question
_NEAR_BEST = 0.8  # of the best score: a further sentence is quoted only if it is as good
_LEAST_SHARE = 0.5  # of the question's words, where only they can tell
_OVERLAP = 0.2  # what sharing all of the question's words adds to the cosine
_LEAST_WORDS = 5

_CLOSING = "\"'\N{RIGHT SINGLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK})*_"
_HEADING = re.compile(r"^ {0,3}#{1,6}\s.*$", re.MULTILINE)
_BREAK = re.compile(r"\n\s*\n|^\s*(?:[-*+>]|\d+[.)])\s+", re.MULTILINE)  # or a list's item
_WORD = re.compile(r"\w{4,}")
_ASKING = frozenset(
    [
        *("what", "when", "where", "which", "whom", "whose", "does", "mean", "means", "tell"),
        *("that", "this", "these", "there", "their", "they", "your", "some", "with", "from"),
        *("have", "about", "should", "would", "could"),
    ]
)


class ExtractiveAnswerer:
    """Implements `shared.inference.ports.Answerer` by quoting.

    Each sentence stands as it is in the notes, followed by the number of its source, best
    first. Where no sentence comes near the question, the answer is `NOT_IN_NOTES`. It costs
    nothing, and the same input gives the same bytes.
    """

    model = "extractive"

    def __init__(self, embedder: "Embedder") -> None:
        self._embedder = embedder

    async def answer(self, question: str, sources: Sequence["Source"]) -> Completion:
        """Quote one to three sentences of the sources.

        Where the embedder fails, the words that a sentence shares with the question must do.
        """
        # A sentence that overlapping passages share is quoted from the first of them.
        found: dict[str, int] = {}
        for number, source in enumerate(sources, start=1):
            for sentence in _sentences(source.content):
                found.setdefault(sentence, number)
        best = await self._best(question, list(found))
        text = " ".join(f"{sentence} [{found[sentence]}]" for sentence in best)
        return Completion(text=text or NOT_IN_NOTES, model=self.model)

    async def _best(self, question: str, sentences: list[str]) -> list[str]:
        if not sentences:
            return []
        words = _words(question)
        shares = [len(words & _words(sentence)) / max(1, len(words)) for sentence in sentences]
        try:
            asked, *rows = await self._embedder.embed([question, *sentences])
        except InferenceError:
            near = zip(sentences, shares, strict=True)
            scores = {sentence: share for sentence, share in near if share >= _LEAST_SHARE}
        else:
            cosines = vectors.cosines(asked, vectors.stack(rows))
            scores = {
                sentence: float(cosine) + _OVERLAP * share
                for sentence, cosine, share in zip(sentences, cosines, shares, strict=True)
                if cosine >= _LEAST_COSINE
            }
        ranked = sorted(scores, key=lambda sentence: -scores[sentence])[:_QUOTED]
        return [each for each in ranked if scores[each] >= _NEAR_BEST * scores[ranked[0]]]


def _sentences(passage: str) -> Iterator[str]:
    """Whole sentences of a passage of Markdown; headings and fragments are left out."""
    for block in _BREAK.split(_HEADING.sub("\n\n", passage)):
        for sentence in split_sentences(" ".join(block.split())):
            if len(sentence.split()) >= _LEAST_WORDS and sentence.rstrip(_CLOSING)[-1:] in ".!?":
                yield sentence


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold())) - _ASKING
