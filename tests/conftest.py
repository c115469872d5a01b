"""Fixtures of every suite; they are defined in `tests/support`."""

import gc
import os
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.unhandled import record_unhandled

_MODULES = ("caches", "clock", "command", "stats_app", "postgres")
pytest_plugins = [f"tests.support.{name}" for name in _MODULES]

# Tests start about a hundred interpreters: they share compiled bytecode outside the checkout.
_TESTS = Path(__file__).resolve().parent
_BYTECODE = str(_TESTS.parent / "build" / "bytecode")
sys.pycache_prefix, sys.dont_write_bytecode = _BYTECODE, False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# One OpenMP thread per process: the workers already use every core.
os.environ |= {"PYTHONPYCACHEPREFIX": _BYTECODE, "OMP_THREAD_LIMIT": "1"}

# A busy machine exceeds Hypothesis' deadline of 200 ms for an example.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


# To measure coverage doubles the time of a test, and these suites execute nearly every line.
_MEASURED = ("unit", "integration")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure the coverage of `_MEASURED`. The marker of pytest-cov has no effect in workers."""
    suite = item.path.relative_to(_TESTS).parts[0]
    if suite in _MEASURED and item.get_closest_marker("unmeasured") is None:
        return (yield)
    tracers = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracers[0])
        threading.settrace(tracers[1])


def pytest_xdist_auto_num_workers() -> int:
    """Start two workers for each core: tests often wait for servers and child processes."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_finish() -> None:
    """Keep the objects of thousands of tests out of each garbage collection that follows."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _sqlite_stores_are_closed() -> Iterator[None]:
    """Fail a test that leaves a SQLite connection open: its thread would disturb later tests."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if "_connection_worker_thread" in thread.name:
            thread.join(5)
            assert not thread.is_alive(), "the test left a note store open"


@pytest.fixture(autouse=True)
def _unhandled_exceptions_are_expected(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test whose product code logged an exception as unhandled, unless it is marked."""
    with record_unhandled() as unhandled:
        yield
    if unhandled and request.node.get_closest_marker("logs_exceptions") is None:
        raise unhandled[0]
