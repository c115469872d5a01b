"""Starts the servers that the ask function needs, on loopback, with its environment variables."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local.valkey import ValkeyProcess, start_valkey
from shared.container import Container
from shared.notes.note import Chunk, Note
from tests.support.huggingface import FakeHuggingFace, serving

NOTES = {
    "catechism": "Man's chief end is to glorify God, and to enjoy him for ever.",
    "hebrews": "Now faith is the substance of things hoped for, the evidence of things not seen.",
    "garden": "The pear tree wants pruning in February, before the sap rises.",
}


@dataclass
class LocalEnvironment:
    """A Valkey server, a fake Hugging Face host, and the environment variables that name them."""

    valkey: ValkeyProcess
    models: FakeHuggingFace
    environ: dict[str, str]


@contextmanager
def start_local_environment(folder: Path) -> Iterator[LocalEnvironment]:
    models = FakeHuggingFace()
    with start_valkey() as valkey, serving(models) as url:
        environ = {
            "REDIS_CACHE_URL": valkey.url,
            "REDIS_CACHE_TIMEOUT": "2",  # the test machine may be busy
            "DATABASE_URL": f"sqlite:///{folder}/notes.db",
            "HF_EMBEDDING_URL": f"{url}/embed",
            "HF_CHAT_URL": f"{url}/v1/chat/completions",
        }
        yield LocalEnvironment(valkey, models, environ)


async def write_notes(container: Container, user_id: str, names: Sequence[str] = ()) -> None:
    """Write notes of `NOTES` for a user, one chunk each: the named ones, or all."""
    for name in names or NOTES:
        text = NOTES[name]
        (vector,) = await container.embedder.embed([text])
        note = Note(user_id, name, name.title(), text, version=1, changed_at=1)
        await container.store.replace_note(note, [Chunk(f"{name}#0", name, text, vector)])
