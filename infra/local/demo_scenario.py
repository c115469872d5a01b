"""The questions that `tercet demo` asks, and the result that each must have."""

from typing import NamedTuple

from infra.local.sample_notes import SampleSet
from shared.notes.files.file_import import ImportedNote

ANN, BEN = "ann", "ben"


class Step(NamedTuple):
    """A question, a description of the required result, and its match type: None for a miss."""

    user: str
    query: str
    result: str
    match: str | None = None


class Scenario(NamedTuple):
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
            Step(ANN, self.question, "a miss"),
            Step(ANN, self.question, "an exact hit", "exact"),
            Step(ANN, self.spelling, "another spelling", "exact"),
            Step(ANN, self.wording, "another wording", "semantic"),
            Step(BEN, self.question, "another user's miss"),
            Step(ANN, self.other_question, "a miss"),
        ]

    def after_edit(self) -> list[Step]:
        """List the questions that show what the edit invalidates."""
        return [
            Step(ANN, self.question, "a new answer"),
            Step(ANN, self.other_question, "still an exact hit", "exact"),
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
