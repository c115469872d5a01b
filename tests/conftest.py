"""Fixtures for every suite; each lives beside what it is about, in `tests/support`."""

pytest_plugins = ["tests.support.caches", "tests.support.command", "tests.support.postgres"]
