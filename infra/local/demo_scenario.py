"""The questions that `tercet demo` asks, and the result that each must have."""

from dataclasses import dataclass

from infra.local.sample_notes import SampleSet
from shared.notes.file_import import ImportedNote

ANN, BEN = "ann", "ben"


@dataclass(frozen=True, slots=True)
class Step:
    """A question, the tiers that may answer it and the required match type."""

    user: str
    query: str
    description: str
    tiers: tuple[str | None, ...]
    match: str | None = None


_MISS = (None, "l2", "l3")


@dataclass(frozen=True, slots=True)
class Scenario:
    """The questions for one set of sample notes.

    Ann has the sample notes, Ben has one note. Ann's note `edited_note` answers `question`; the
    demo replaces the text `before` in it with `after`.
    """

    question: str
    spelling: str
    wording: str
    other_question: str
    bens_note: ImportedNote
    edited_note: str
    before: str
    after: str

    def before_edit(self) -> list[Step]:
        """List the questions that show each kind of hit and miss."""
        return [
            Step(ANN, self.question, "a miss", _MISS),
            Step(ANN, self.question, "an exact hit", ("l1",), "exact"),
            Step(ANN, self.spelling, "another spelling", ("l1",), "exact"),
            Step(ANN, self.wording, "another wording", ("l1",), "semantic"),
            Step(BEN, self.question, "another user's miss", ("l2",)),
            Step(ANN, self.other_question, "a miss", _MISS),
        ]

    def after_edit(self) -> list[Step]:
        """List the questions that show what the edit invalidates."""
        return [
            Step(ANN, self.question, "a new answer", _MISS),
            Step(ANN, self.other_question, "still an exact hit", ("l1",), "exact"),
        ]


SCENARIOS = {
    SampleSet.HANDBOOK: Scenario(
        question="How do I restore the database?",
        spelling="how do i  restore the DATABASE",
        wording="What are the steps to restore the database?",
        other_question="How many days of vacation do we get?",
        bens_note=ImportedNote(
            "bookshop",
            "Bookshop database",
            "To restore the database of the bookshop, copy the file shop.db from the USB stick.",
        ),
        edited_note="database-restore",
        before="To restore the database, create a new instance from the latest snapshot and replay"
        " the transaction log up to the moment before the fault.",
        after='To restore the database, run the job "restore-production", which creates a new'
        " instance and replays the transaction log.",
    ),
    SampleSet.STUDY: Scenario(
        question="What is faith?",
        spelling="what is   FAITH",
        wording="What does faith mean?",
        other_question="Who may be an elder?",
        bens_note=ImportedNote(
            "grandmother",
            "My grandmother's sayings",
            "Faith is lighting the stove before the wood has come, my grandmother used to say.",
        ),
        edited_note="faith-and-trust",
        before="Faith is being sure of what we hope for and certain of what we do not see.",
        after="Faith is to put your whole weight on what God has promised.",
    ),
}
