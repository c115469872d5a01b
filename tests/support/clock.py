"""Time that passes when a test says so, and not before."""

import time
from dataclasses import dataclass

import pytest


@dataclass
class Clock:
    """How far this process's clock of the day is ahead of the true one, in seconds.

    Answers, contexts and embeddings end by it; Redis' own clock goes on as ever.
    """

    ahead: float = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made, true = Clock(), time.time
    monkeypatch.setattr(time, "time", lambda: true() + made.ahead)
    return made
