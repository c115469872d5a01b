"""A clock that a test moves."""

import time
from dataclasses import dataclass

import pytest


@dataclass
class Clock:
    """`ahead`: seconds by which `time.time` of this process is ahead.

    Entries and embeddings expire by it. The clock of Redis is unchanged.
    """

    ahead: float = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made, true = Clock(), time.time
    monkeypatch.setattr(time, "time", lambda: true() + made.ahead)
    return made
