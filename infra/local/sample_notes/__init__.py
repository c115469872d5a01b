"""Two sets of sample notes: `handbook` (a small company) and `study` (sermon and Bible study)."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from shared.notes.files.file_import import read_note_files

if TYPE_CHECKING:
    from shared.notes.files.file_import import ImportedNote


SAMPLE_NOTES = Path(__file__).parent
"""The folder with one folder for each set."""


class SampleSet(StrEnum):
    """The name of a set of sample notes."""

    HANDBOOK = "handbook"
    STUDY = "study"


def read_sample_notes(name: SampleSet) -> "list[ImportedNote]":
    """Read the notes of a set, ordered by file name."""
    return read_note_files(SAMPLE_NOTES / name.value).notes
