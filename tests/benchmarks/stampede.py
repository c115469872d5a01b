"""500 concurrent equal requests in 8 processes.

They are sent three times: once plainly, once with the lock's holder killed during its generation,
and once with a generation that takes longer than a lock without renewal.
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
from tests.support.servers import send_command
from tests.support.stampede import NOTE, REQUEST, start_stampede

PROCESSES, REQUESTS = 8, 500
SECONDS, LONG_SECONDS = 1.5, 5.0
_ANSWER = f"{REQUEST.query}: {NOTE}"


@dataclass(frozen=True, slots=True)
class _Stampede:
    """The result of one stampede."""

    generations: int
    failed: int
    round_trips_per_second: float
    """Of each request."""


def collect_metrics() -> Mapping[str, Metric]:
    """Run the three stampedes."""
    found: dict[str, Metric] = {}
    for name, seconds, kill in (
        ("", SECONDS, False),
        ("_holder_killed", SECONDS, True),
        ("_long", LONG_SECONDS, False),
    ):
        result = _run(seconds, kill_holder=kill)
        unit = f"of {REQUESTS} requests"
        generations = Metric(unit=unit, value=result.generations, budget=2 if kill else 1)
        found[f"stampede_generations{name}"] = generations
        found[f"stampede_failed{name}"] = Metric(unit=unit, value=result.failed, budget=0)
        if not kill:
            rate = Metric(
                unit="per request; a request that waits alone makes 4",
                value=result.round_trips_per_second,
            )
            found[f"stampede_round_trips_a_second{name}"] = rate
    return found


def _run(seconds: float, *, kill_holder: bool) -> _Stampede:
    with (
        tempfile.TemporaryDirectory() as folder,
        start_valkey() as valkey,
        start_stampede(
            valkey.url,
            Path(folder, "log"),
            processes=PROCESSES,
            requests=REQUESTS,
            seconds=seconds,
            how="hangs" if kill_holder else "answers",
            redis_timeout=Settings().redis_timeout,
        ) as stampede,
    ):
        before, began = _reads(valkey), time.monotonic()
        stampede.ask()
        expected = REQUESTS
        if kill_holder:
            holder = stampede.wait_for_holder()
            place = [process.pid for process in stampede.processes].index(holder)
            os.kill(holder, signal.SIGKILL)
            expected -= REQUESTS // PROCESSES + (place < REQUESTS % PROCESSES)
        replies = stampede.replies()
        passed = time.monotonic() - began
        reads = _reads(valkey) - before
        generations = len(stampede.generations())
    failed = expected - replies.count(_ANSWER)
    return _Stampede(generations, failed, reads / REQUESTS / passed)


def _reads(valkey: ValkeyProcess) -> int:
    """Return how often the server has read from a socket: once for each round trip."""
    info = send_command(valkey.port, "INFO stats")
    return int(info.split("total_reads_processed:")[1].split()[0])
