"""Recognising notes that are not English."""

import json
from pathlib import Path

import pytest

from infra.local.english import is_mostly_english
from infra.local.sample_notes import SampleSet, read_sample_notes
from shared.notes.file_import import read_note_files
from tests.support.data import real_data

TRANSLATIONS = Path(__file__).parents[1] / "evaluation" / "translations"


@pytest.mark.parametrize("language", ["de", "es", "fr", "ru", "zh"])
def test_notes_of_another_language_are_not_english(language: str) -> None:
    lines = (TRANSLATIONS / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()
    assert not is_mostly_english(json.loads(line)["text"] for line in lines)


@pytest.mark.parametrize("name", SampleSet)
def test_each_sample_note_is_english(name: SampleSet) -> None:
    assert all(is_mostly_english([note.text]) for note in read_sample_notes(name))


@pytest.mark.parametrize("folder", ["vault", "sermons"])
def test_notes_of_a_real_folder_are_english(folder: str) -> None:
    notes = read_note_files(real_data(f"notes/{folder}")).notes
    assert is_mostly_english(note.text for note in notes)


def test_short_texts_count_as_english() -> None:
    assert is_mostly_english(["Milch, Eier, Mehl", "12:30", ""])
