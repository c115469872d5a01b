"""Measures importing notes from files, beside an embedder that computes in float64."""

import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from infra.local import embedded
from infra.local.caching_embedder import CachingEmbedder
from infra.local.embedded import open_embedded
from infra.local.embedder_choice import EmbedderChoice
from infra.local.minilm import MiniLMEmbedder
from infra.local.model_weights import MINILM, weights_folder
from infra.local.note_changes import import_notes, note_updated
from shared.matching.pair_model.bert import Bert, erf_gelu
from shared.matching.pair_model.safetensors import parse_safetensors
from shared.matching.pair_model.wordpieces import CLS, SEP, WordPieces
from shared.notes.files.file_import import read_note_files
from tests.benchmarks.report import Metric
from tests.support.data import DATA

if TYPE_CHECKING:
    from shared.container import Container
    from shared.notes.messages.note_changed import NoteChanged

METRICS = {
    "read_500_notes_ms": Metric(unit="ms"),
    "import_500_notes_s": Metric(unit="s; baseline: float64"),
    "import_60_readings_s": Metric(unit="s; baseline: float64"),
    "import_speedup": Metric(unit="times as fast as float64, 500 notes", budget=5, floor=True),
    "import_500_unchanged_ms": Metric(unit="ms"),
}
_NOTES, _READINGS = 500, 60
_ROUND = 20  # notes
_BATCH_TOKENS = 512  # of the baseline
_READINGS_FILE = DATA / "notes" / "devotionals.jsonl"
_SENTENCE = "the train leaves from Oslo at seven and Ben has the key until Anna pays rent in May"


class _Float64MiniLM(MiniLMEmbedder):
    """Computes in float64, several texts of equal length together."""

    def _open(self) -> tuple[WordPieces, Bert]:
        folder = weights_folder(MINILM) / "model"
        tensors = parse_safetensors((folder / "model.safetensors").read_bytes())
        bert = Bert((folder / "config.json").read_bytes(), tensors, np.float64, erf_gelu)
        return WordPieces((folder / "vocab.txt").read_bytes()), bert

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        pieces, bert = self._load()
        tokens = [[CLS, *pieces.tokenize(text)[:254], SEP] for text in texts]
        embeddings = np.empty((len(tokens), self.dimensions), dtype=np.float32)

        def fill(batch: list[int]) -> None:
            means = bert(np.array([tokens[index] for index in batch])).mean(axis=1)
            embeddings[batch] = means / np.linalg.norm(means, axis=1, keepdims=True)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(fill, _batches(tokens)))
        return embeddings


def _batches(tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Group the indexes of texts of equal length, at most `_BATCH_TOKENS` tokens per group."""
    by_length = defaultdict(list)
    for index, ids in enumerate(tokens):
        by_length[len(ids)].append(index)
    for length, indexes in by_length.items():
        size = max(1, _BATCH_TOKENS // length)
        for start in range(0, len(indexes), size):
            yield indexes[start : start + size]


async def collect_metrics() -> Mapping[str, Metric]:
    """Import into an embedded Valkey and SQLite."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder)
        vault = _write_vault(path / "vault")
        start = time.perf_counter()
        changes = _read_changes(vault, "notes")
        reading = time.perf_counter() - start
        container = stack.enter_context(open_embedded(path / "data", environ={}))
        with patch.object(embedded, "open_embedder", _open_float64):
            former = stack.enter_context(open_embedded(path / "former", environ={}))
        for each in (container, former):
            await each.embedder.embed(["Load the model."])
        imported, baseline = await _time_imports(container, former, changes)
        measured = {
            "read_500_notes_ms": METRICS["read_500_notes_ms"].with_value(reading * 1e3),
            "import_500_notes_s": METRICS["import_500_notes_s"].with_value(imported, baseline),
            "import_speedup": METRICS["import_speedup"].with_value(baseline / imported),
        }
        if _READINGS_FILE.exists():
            readings = _read_changes(_READINGS_FILE, "readings")[:_READINGS]
            times = await _time_imports(container, former, readings)
            measured["import_60_readings_s"] = METRICS["import_60_readings_s"].with_value(*times)
        unchanged = await _time_import(container, changes)
        measured["import_500_unchanged_ms"] = METRICS["import_500_unchanged_ms"].with_value(
            unchanged * 1e3
        )
        for each in (container, former):
            await each.aclose()
    return METRICS | measured


def _open_float64(_choice: EmbedderChoice) -> CachingEmbedder:
    return CachingEmbedder(_Float64MiniLM())


def _write_vault(folder: Path) -> Path:
    """Write 500 notes of about 60 words with front matter, links and a list."""
    draws, words = random.Random(1), _SENTENCE.split()
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


async def _time_imports(
    container: "Container", former: "Container", changes: "list[NoteChanged]"
) -> tuple[float, float]:
    """Import into both in turns, so that background load affects both; return their seconds."""
    seconds, baseline = 0.0, 0.0
    for start in range(0, len(changes), _ROUND):
        part = changes[start : start + _ROUND]
        seconds += await _time_import(container, part)
        baseline += await _time_import(former, part)
    return seconds, baseline


async def _time_import(container: "Container", changes: "list[NoteChanged]") -> float:
    start = time.perf_counter()
    await import_notes(container, changes[0].user_id, changes)
    return time.perf_counter() - start
