"""Fixtures for every suite; each lives beside what it is about, in `tests/support`."""

pytest_plugins = [f"tests.support.{name}" for name in ("caches", "command", "counted", "postgres")]
