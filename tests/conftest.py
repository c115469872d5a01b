"""Fixtures for every suite; each lives beside what it is about, in `tests/support`."""

import os
import sys
from pathlib import Path

_MODULES = ("caches", "clock", "command", "counted", "postgres")
pytest_plugins = [f"tests.support.{name}" for name in _MODULES]

# Tests start some hundred processes: what one of them compiled the others read, and the checkout
# stays clean. Whoever computes in several threads would wait for processors that others have.
_BYTECODE = str(Path(__file__).resolve().parents[1] / "build" / "bytecode")
sys.pycache_prefix, sys.dont_write_bytecode = _BYTECODE, False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ |= {"PYTHONPYCACHEPREFIX": _BYTECODE, "OMP_THREAD_LIMIT": "1"}
