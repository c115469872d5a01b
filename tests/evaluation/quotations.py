"""The answers of the extractive answerer, with the whole pipeline: import, search, quotation.

78 questions are answered by the notes, 43 about their topics are not. Rules and thresholds were
chosen with the first, third, fifth question and so on; the others are held out.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from infra.local.sample_notes import SampleSet, read_sample_notes
from shared.container import Container
from shared.inference.quotations.extractive import ExtractiveAnswerer
from shared.inference.quotations.not_in_notes import finds_nothing
from shared.notes.files.file_import import ImportedNote, read_note_files
from shared.notes.messages.note_changed import NoteChanged, Operation
from shared.reply import Reply
from tests.benchmarks.report import BUILD, Metric, run
from tests.evaluation.embedding_cache import EMBEDDER
from tests.evaluation.evaluation_container import ask_through_cache, open_container
from tests.support.data import DATA

_VAULT = DATA / "notes" / "vault"
_QUESTIONS = Path(__file__).with_name("note_questions.tsv")

METRICS = {
    "quotations_right": Metric(unit="share of answered questions", budget=0.9, floor=True),
    "quotations_wrong": Metric(unit="share of unanswerable questions", budget=0.1),
    "quotations_right_held_out": Metric(unit="share of answered questions that were held out"),
    "quotations_wrong_held_out": Metric(unit="share of unanswerable questions that were held out"),
}


class NoteQuestion(NamedTuple):
    """A question about a set of notes; `phrase` is empty if they do not answer it.

    One of the alternatives of `phrase`, separated by `|`, is in a right answer, which cites
    `note_id`.
    """

    notes: str
    question: str
    note_id: str
    phrase: str

    def is_answered_by(self, reply: Reply) -> bool:
        """Whether a reply quotes a right passage of the right note."""
        text = reply.answer.text if reply.answer else ""
        cited = {
            source.note_id
            for number, source in enumerate(reply.sources, start=1)
            if f"[{number}]" in text
        }
        return self.note_id in cited and any(each in text for each in self.phrase.split("|"))


def note_sets() -> dict[str, list[ImportedNote]]:
    """Read the sets of notes that this machine has."""
    sets = {name.value: read_sample_notes(name) for name in SampleSet}
    return sets | ({"vault": read_note_files(_VAULT).notes} if _VAULT.is_dir() else {})


def questions() -> list[NoteQuestion]:
    """Read the questions."""
    lines = _QUESTIONS.read_text(encoding="utf-8").splitlines()[1:]
    return [NoteQuestion(*line.split("\t")) for line in lines]


@asynccontextmanager
async def open_quoting() -> AsyncIterator[Container]:
    """Open a container with all sets of notes, each of its own user, and quoted answers."""
    async with open_container() as container:
        container.override(answerer=ExtractiveAnswerer(EMBEDDER))
        for user, notes in note_sets().items():
            for note in notes:
                change = NoteChanged(
                    user_id=user,
                    note_id=note.note_id,
                    operation=Operation.UPDATED,
                    occurred_at=datetime.now(UTC),
                    title=note.title,
                    text=note.text,
                )
                await container.freshness.note_changed(change)
        yield container


async def collect_metrics() -> dict[str, Metric]:
    """Ask each question whose notes this machine has."""
    sets = note_sets()
    results: dict[str, list[bool]] = {name: [] for name in METRICS}
    async with open_quoting() as container:
        for number, asked in enumerate(questions()):
            if asked.notes not in sets:
                continue
            reply = await ask_through_cache(container, asked.notes, asked.question, exact=True)
            text = reply.answer.text if reply.answer else ""
            is_right = asked.is_answered_by(reply) if asked.phrase else finds_nothing(text)
            if not is_right:
                print(f"{asked.question}\n    {text}")
            name = "quotations_right" if asked.phrase else "quotations_wrong"
            for each in [name, f"{name}_held_out"][: 1 + number % 2]:
                results[each].append(is_right == bool(asked.phrase))
    return {
        name: metric.with_value(sum(results[name]) / len(results[name]))
        for name, metric in METRICS.items()
    }


if __name__ == "__main__":
    run("tests.evaluation", ("quotations",), BUILD / "eval.json", [])
