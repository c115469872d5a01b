"""Measures importing notes from files, beside the same note changes without batches."""

import random
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.embedded import open_embedded
from infra.local.note_changes import import_notes, note_updated
from shared.notes.files.file_import import read_note_files
from tests.benchmarks.report import Metric
from tests.support.data import DATA

if TYPE_CHECKING:
    from shared.container import Container
    from shared.notes.messages.note_changed import NoteChanged

METRICS = {
    "read_500_notes_ms": Metric(unit="ms"),
    "import_500_notes_s": Metric(unit="s"),
    "import_500_unchanged_ms": Metric(unit="ms"),
    "import_732_readings_s": Metric(unit="s"),
}
_NOTES, _ROUND = 500, 50
_BASELINE_SAMPLE = 5  # every fifth note
_READINGS = DATA / "notes" / "devotionals.jsonl"
_SENTENCE = "the train leaves from Oslo at seven and Ben has the key until Anna pays rent in May"


async def collect_metrics() -> Mapping[str, Metric]:
    """Import into an embedded Valkey and SQLite; the baseline embeds each note on its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        changes = _read_changes(_write_vault(path / "vault", seed=1), "batches")
        start = time.perf_counter()
        read_note_files(path / "vault")
        reading = time.perf_counter() - start
        one_by_one = _read_changes(_write_vault(path / "other", seed=2), "one by one")
        with open_embedded(path / "data", environ={}) as container:
            await container.embedder.embed(["Load the model."])
            imported = baseline = 0.0
            for start in range(0, _NOTES, _ROUND):  # in turns: background load affects both
                imported += await _time_import(container, changes[start : start + _ROUND])
                alone = one_by_one[start : start + _ROUND : _BASELINE_SAMPLE]
                baseline += _BASELINE_SAMPLE * await _time_changes(container, alone)
            unchanged = await _time_import(container, changes)
            readings = None
            if _READINGS.exists():
                readings = await _time_import(container, _read_changes(_READINGS, "readings"))
            await container.aclose()
    measured = {
        "read_500_notes_ms": METRICS["read_500_notes_ms"].with_value(reading * 1e3),
        "import_500_notes_s": METRICS["import_500_notes_s"].with_value(imported, baseline),
        "import_500_unchanged_ms": METRICS["import_500_unchanged_ms"].with_value(unchanged * 1e3),
    }
    if readings is not None:
        measured["import_732_readings_s"] = METRICS["import_732_readings_s"].with_value(readings)
    return METRICS | measured


def _write_vault(folder: Path, *, seed: int) -> Path:
    """Write 500 notes of about 60 words with front matter, links and a list."""
    draws, words = random.Random(seed), _SENTENCE.split()
    folder.mkdir()
    for number in range(_NOTES):
        sentences = [" ".join(draws.choices(words, k=12)) for _ in range(4)]
        (folder / f"{number}.md").write_text(
            f"---\ntags: [note]\n---\n# Note {number}\n\n{sentences[0]}, see [[{number + 1}]].\n\n"
            f"- {sentences[1]}\n- {sentences[2]} %%draft%%\n\n{sentences[3]}. ^abc{number:03}\n"
        )
    return folder


def _read_changes(path: Path, user: str) -> "list[NoteChanged]":
    return [note_updated(user, note) for note in read_note_files(path).notes]


async def _time_import(container: "Container", changes: "list[NoteChanged]") -> float:
    start = time.perf_counter()
    await import_notes(container, changes[0].user_id, changes)
    return time.perf_counter() - start


async def _time_changes(container: "Container", changes: "list[NoteChanged]") -> float:
    start = time.perf_counter()
    for change in changes:
        await container.freshness.note_changed(change)
    return time.perf_counter() - start
