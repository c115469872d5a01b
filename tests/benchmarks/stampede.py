"""500 ask the same at once, in 8 processes; and again, while the first to answer is killed midway.

A last crowd waits for longer than a flight lasts unless it is renewed.
"""

import os
import signal
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local.valkey import ValkeyProcess, start_valkey
from shared.settings import Settings
from tests.benchmarks.report import Metric
from tests.support.crowd import NOTE, crowd
from tests.support.servers import send_command

PROCESSES, ASKERS = 8, 500
SECONDS, LONG_SECONDS = 1.5, 5.0
_ANSWER = f"what is faith: {NOTE}"


@dataclass(frozen=True, slots=True)
class _Asked:
    """How often an answer was generated, how many got none, and what each took of Redis."""

    generations: int
    failed: int
    a_second: float
    """Round trips of each asker."""


def collect_metrics() -> Mapping[str, Metric]:
    """Let the crowds ask, one after another."""
    found: dict[str, Metric] = {}
    for name, seconds, kill in (
        ("", SECONDS, False),
        ("_owner_killed", SECONDS, True),
        ("_long", LONG_SECONDS, False),
    ):
        asked = _ask(seconds, kill_owner=kill)
        unit = f"of {ASKERS} askers"
        generations = Metric(unit=unit, value=asked.generations, budget=2 if kill else 1)
        found[f"stampede_generations{name}"] = generations
        found[f"stampede_failed{name}"] = Metric(unit=unit, value=asked.failed, budget=0)
        if not kill:
            rate = Metric(unit="each asker; 4 while waiting alone", value=asked.a_second)
            found[f"stampede_round_trips_a_second{name}"] = rate
    return found


def _ask(seconds: float, *, kill_owner: bool) -> _Asked:
    with (
        tempfile.TemporaryDirectory() as folder,
        start_valkey() as valkey,
        crowd(
            valkey.url,
            Path(folder, "log"),
            processes=PROCESSES,
            askers=ASKERS,
            seconds=seconds,
            how="hangs" if kill_owner else "answers",
            redis_timeout=Settings().redis_timeout,
        ) as asking,
    ):
        before, began = _reads(valkey), time.monotonic()
        asking.ask()
        expected = ASKERS
        if kill_owner:
            owner = asking.owner()
            place = [process.pid for process in asking.processes].index(owner)
            os.kill(owner, signal.SIGKILL)
            expected -= ASKERS // PROCESSES + (place < ASKERS % PROCESSES)
        replies = asking.replies()
        passed = time.monotonic() - began
        reads = _reads(valkey) - before
        generations = len(asking.generations())
    failed = expected - replies.count(_ANSWER)
    return _Asked(generations, failed, reads / ASKERS / passed)


def _reads(valkey: ValkeyProcess) -> int:
    """How often the server has read from a socket: once a round trip, however many commands."""
    told = send_command(valkey.port, "INFO stats")
    return int(told.split("total_reads_processed:")[1].split()[0])
