"""The order of embedding and storing in an import."""

from collections.abc import Sequence

import pytest

from infra.local.note_changes import ImportProgress, import_notes, note_updated
from shared.container import Container
from shared.errors import InferenceUnavailableError
from shared.notes.files.file_import import ImportedNote
from shared.notes.messages.note_changed import NoteChanged
from shared.settings import Settings
from shared.vectors import Vector
from tests.support.fakes import DIMENSIONS, HashingEmbedder
from tests.support.memory_note_store import MemoryNoteStore

FIRST, SECOND = "first batch", "second batch"
CHANGES = [
    note_updated("ann", ImportedNote(f"{number:02}", "", FIRST if number < 32 else SECOND))
    for number in range(40)
]


class Recorder(ImportProgress, HashingEmbedder):
    """Records what is embedded and stored; embedding a text that contains `fails` fails."""

    def __init__(self, fails: str = "nothing") -> None:
        self.events: list[str] = []
        self._fails = fails

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        self.events.append(f"embed {texts[0]}")
        if self._fails in texts[0]:
            raise InferenceUnavailableError("no model")
        return await super().embed(texts)

    def advance(self, change: NoteChanged) -> None:
        self.events.append(f"stored {change.note_id}")


def container(recorder: Recorder) -> Container:
    return Container(
        Settings(cache_enabled=False, embedding_dimensions=DIMENSIONS),
        store=MemoryNoteStore(),
        embedder=recorder,
    )


async def test_next_batch_is_embedded_while_one_is_stored() -> None:
    recorder = Recorder()
    result = await import_notes(container(recorder), "ann", CHANGES, recorder)
    assert (result.notes, result.chunks, result.unchanged) == (40, 40, 0)
    assert recorder.events.index(f"embed {SECOND}") < recorder.events.index("stored 31")
    assert [event for event in recorder.events if event.startswith("stored")] == [
        f"stored {number:02}" for number in range(40)
    ]


async def test_failing_embedder_leaves_the_earlier_batches_stored() -> None:
    recorder = Recorder(fails=SECOND)
    opened = container(recorder)
    with pytest.raises(InferenceUnavailableError):
        await import_notes(opened, "ann", CHANGES, recorder)
    assert len(await opened.store.list_notes("ann")) == 32
