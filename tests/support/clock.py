"""A clock that a test moves."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest


@dataclass
class Clock:
    """`ahead`: seconds by which `time.time` of this process is ahead.

    Entries and embeddings expire by it. The clock of Redis is unchanged.
    """

    ahead: float = 0.0
    true: Callable[[], float] = field(default=time.time, repr=False)

    def set(self, seconds: float) -> None:
        """Set the clock to a time in seconds since 1970. It goes on from there."""
        self.ahead = seconds - self.true()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(true=time.time)
    monkeypatch.setattr(time, "time", lambda: made.true() + made.ahead)
    return made
