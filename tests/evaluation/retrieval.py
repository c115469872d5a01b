"""How often the right passage is among the first five, and how many tokens are never embedded.

The baseline are chunks of 200 words without titles and headings. Readings are found by their title,
and by one of their sentences, which is removed from the notes; the vault by 44 questions.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from shared.notes.chunking.split import ChunkLimits, Passage, split_note
from shared.notes.files.file_import import ImportedNote, read_note_files
from shared.notes.note import Chunk, Source
from shared.text.sentences import split_sentences
from tests.benchmarks.report import BUILD, Metric, run
from tests.evaluation.embedding_cache import EMBEDDER
from tests.evaluation.evaluation_container import ExactSearch
from tests.support.data import DATA, devotionals
from tests.support.minilm_tokens import MAX_TOKENS, count_tokens

_K = 5
_MIN_WORDS = 8  # of a sentence that is a question
_QUESTIONS = Path(__file__).with_name("vault_questions.tsv")
_HIT_RATE = "share of questions whose passage is among the first five"

METRICS = {
    "retrieval_readings_by_title": Metric(unit=_HIT_RATE, budget=0.95, floor=True),
    "retrieval_readings_by_sentence": Metric(unit=_HIT_RATE),
    "retrieval_vault": Metric(unit=_HIT_RATE, budget=0.9, floor=True),
    "retrieval_tokens_lost": Metric(unit="tokens that are not embedded", budget=0),
}


class Asked(NamedTuple):
    """A question, the note that answers it, and a phrase of the right passage."""

    question: str
    note_id: str
    phrase: str = ""

    def is_found(self, sources: Iterable[Source]) -> bool:
        """Whether one of the sources is the right passage."""
        return any(
            source.note_id == self.note_id and self.phrase in source.content for source in sources
        )


def split(note: ImportedNote) -> list[Passage]:
    """Split a note as the pipeline does."""
    return split_note(note.title, note.text, ChunkLimits())


def split_by_words(note: ImportedNote) -> list[Passage]:
    """Split a note by words alone, and embed neither title nor headings."""
    passages = split_note("", note.text, ChunkLimits(tokens=10**6))
    return [Passage(each.content, "", each.content) for each in passages]


def readings() -> tuple[list[ImportedNote], list[Asked], list[Asked]]:
    """Return the readings, each without one sentence, and questions by title and by sentence."""
    chance, notes, by_sentence = Random(7), [], []
    for reading in devotionals():
        note_id, title, text = reading["note_id"], reading["title"], reading["text"]
        sentences = [each for each in split_sentences(text) if len(each.split()) >= _MIN_WORDS]
        sentence = chance.choice(sentences[1:])  # the first one has the title
        by_sentence.append(Asked(sentence, note_id))
        notes.append(ImportedNote(note_id, title, text.replace(sentence, "")))
    return notes, [Asked(note.title, note.note_id) for note in notes], by_sentence


def vault() -> tuple[list[ImportedNote], list[Asked]]:
    """Return the notes of the vault, and the questions about them."""
    lines = _QUESTIONS.read_text(encoding="utf-8").splitlines()[1:]
    notes = read_note_files(DATA / "notes" / "vault").notes
    return notes, [Asked(*line.split("\t")) for line in lines]


async def hit_rates(
    notes: Sequence[ImportedNote],
    asked: Sequence[Sequence[Asked]],
    split_one: Callable[[ImportedNote], list[Passage]],
) -> tuple[list[float], int]:
    """Return the hit rate of each group of questions, and the tokens that are not embedded."""
    passages = [(note.note_id, passage) for note in notes for passage in split_one(note)]
    texts = [passage.embedded for _, passage in passages]
    chunks = [
        Chunk(f"{note_id}#{number}", note_id, passage.content, vector)
        for number, ((note_id, passage), vector) in enumerate(
            zip(passages, await EMBEDDER.embed(texts), strict=True)
        )
    ]
    rates = []
    for group in asked:
        vectors = await EMBEDDER.questions(each.question for each in group)
        questions = [each.question for each in group]
        found = ExactSearch(dict(zip(questions, vectors, strict=True)), _K)(chunks)
        rates.append(sum(each.is_found(found[each.question]) for each in group) / len(group))
        if len(group) < 100:
            for each in group:
                if not each.is_found(found[each.question]):
                    print(f"  {split_one.__name__}: {each.question} not in {each.note_id}")
    return rates, sum(max(0, tokens - MAX_TOKENS) for tokens in count_tokens(texts))


async def collect_metrics() -> dict[str, Metric]:
    """Search the readings and the vault, if this machine has them."""
    if not (DATA / "notes").is_dir():
        return METRICS
    measured: list[list[float]] = []
    for split_one in (split, split_by_words):
        reading_notes, *reading_questions = readings()
        vault_notes, vault_questions = vault()
        rates, lost = await hit_rates(reading_notes, reading_questions, split_one)
        more_rates, more_lost = await hit_rates(vault_notes, [vault_questions], split_one)
        measured.append([*rates, *more_rates, lost + more_lost])
    return {
        name: metric.with_value(value, baseline)
        for (name, metric), value, baseline in zip(METRICS.items(), *measured, strict=True)
    }


if __name__ == "__main__":
    run("tests.evaluation", ("retrieval",), BUILD / "eval.json", [])
