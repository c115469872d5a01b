"""Fixtures for every suite; each lives beside what it is about, in `tests/support`."""

_MODULES = ("caches", "clock", "command", "counted", "postgres")
pytest_plugins = [f"tests.support.{name}" for name in _MODULES]
