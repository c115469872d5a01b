"""Fixtures for every suite; each lives beside what it is about, in `tests/support`."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

_MODULES = ("caches", "clock", "command", "counted", "postgres")
pytest_plugins = [f"tests.support.{name}" for name in _MODULES]

# Tests start some hundred processes: what one of them compiled the others read, and the checkout
# stays clean. Whoever computes in several threads would wait for processors that others have.
_BYTECODE = str(Path(__file__).resolve().parents[1] / "build" / "bytecode")
sys.pycache_prefix, sys.dont_write_bytecode = _BYTECODE, False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ |= {"PYTHONPYCACHEPREFIX": _BYTECODE, "OMP_THREAD_LIMIT": "1"}


@pytest.fixture(autouse=True)
def _closes_its_note_files() -> Iterator[None]:
    """Hold each test to closing what it opened of SQLite.

    Else a later test meets the end of it, whenever Python collects it.
    """
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if "_connection_worker_thread" in thread.name:
            thread.join(5)
            assert not thread.is_alive(), "a note store is left open"
