"""What an import shows while it runs."""

import pytest

from infra.local.commands.import_progress import ShownProgress
from infra.local.note_changes import note_updated
from shared.notes.files.file_import import ImportedNote
from shared.notes.messages.note_changed import NoteChanged


class Clock:
    """A clock that a test moves, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def change(size: int) -> NoteChanged:
    return note_updated("ann", ImportedNote(f"{size}", "", "x" * size))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_line_has_the_stored_notes_and_an_estimate_by_their_characters(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = [change(100), change(300), change(400)]
    with ShownProgress(1_003, quiet=False, clock=clock) as progress:
        progress.start(changes, unchanged=1_000)
        for each in changes:
            clock.seconds += 10
            progress.add_embedded([each])
            progress.advance(each)
    assert capsys.readouterr().err.splitlines() == [
        "tercet: 1,001 of 1,003 notes, about 1 min left",  # 10 s for 100 of 800 characters
        "tercet: 1,002 of 1,003 notes, about 20 s left",
        "tercet: 1,003 of 1,003 notes",
    ]


def test_first_note_of_a_batch_is_not_charged_with_the_embedding_of_all(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    batch, following = [change(10) for _ in range(32)], [change(320)]
    with ShownProgress(33, quiet=False, clock=clock) as progress:
        progress.start(batch + following, unchanged=0)
        clock.seconds += 10
        progress.add_embedded(batch)
        progress.advance(batch[0])
    assert capsys.readouterr().err == "tercet: 1 of 33 notes, about 10 s left\n"


def test_lines_are_ten_seconds_apart(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    changes = [change(10) for _ in range(25)]
    with ShownProgress(25, quiet=False, clock=clock) as progress:
        progress.start(changes, unchanged=0)
        for each in changes:
            clock.seconds += 1
            progress.add_embedded([each])
            progress.advance(each)
    assert capsys.readouterr().err.splitlines() == [
        "tercet: 10 of 25 notes, about 15 s left",
        "tercet: 20 of 25 notes, about 5 s left",
    ]


def test_quiet_progress_prints_nothing_and_counts(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with ShownProgress(3, quiet=True, clock=clock) as progress:
        assert progress.summary == "0 of 3 notes"
        progress.start([change(5), change(5)], unchanged=1)
        clock.seconds += 60
        progress.advance(change(5))
    assert progress.summary == "2 of 3 notes"
    assert capsys.readouterr().err == ""
