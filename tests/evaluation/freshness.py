"""Freshness over many worlds: `python -m tests.evaluation.freshness [--seed SEED] [--restarts]`.

`--seed` runs one world and prints its failure; `--restarts` runs it with Redis restarts.
"""

import argparse
import gc
import logging
import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import repeat
from multiprocessing import get_context
from tempfile import mkdtemp

from infra.local.valkey import ValkeyProcess, start_valkey
from tests.benchmarks.report import Metric
from tests.support.interleaving.adapters import Wire
from tests.support.interleaving.history import StaleError
from tests.support.interleaving.scenarios import REDIS_RESTARTS, Scenario
from tests.support.interleaving.world import run

INTERLEAVINGS = 200_000
"""Number of worlds; the environment variable FRESHNESS_INTERLEAVINGS overrides it."""

_PROCESSES = 2
_BATCH = 500
_SHOWN = 10  # violations


def collect_metrics() -> dict[str, Metric]:
    """Run the worlds of the first seeds."""
    count = int(os.environ.get("FRESHNESS_INTERLEAVINGS", INTERLEAVINGS))
    return {
        "freshness_interleavings": Metric(unit="worlds", value=count),
        "freshness_violations": Metric(unit="worlds", value=violations(count), budget=0),
    }


def violations(count: int, scenario: Scenario | None = None) -> int:
    """Run `count` worlds in two processes with a server each; return the number of violations."""
    batches = [range(first, min(first + _BATCH, count)) for first in range(0, count, _BATCH)]
    began = time.monotonic()
    # A forked process would share the sockets of this one.
    with ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn")) as pool:
        broken = [line for lines in pool.map(_broken, batches, repeat(scenario)) for line in lines]
    for line in broken[:_SHOWN]:
        print(line)
    rate = count / (time.monotonic() - began)
    print(f"{count:,} interleavings, {rate:.0f} a second, {len(broken)} violations")
    return len(broken)


def _broken(seeds: range, scenario: Scenario | None) -> list[str]:
    lines = []
    for seed in seeds:
        try:
            run(seed, _wire()[1], scenario)
        except StaleError as error:
            lines.append(str(error))
    return lines


@cache
def _wire() -> tuple[ValkeyProcess, Wire]:
    """Start this process's server and connect to it."""
    logging.disable(logging.WARNING)  # changes with a time in the future are logged
    gc.freeze()  # a sixth of the time
    path = f"{mkdtemp()}/valkey"
    return start_valkey(unixsocket=path), Wire(f"unix://{path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--restarts", action="store_true")
    arguments = parser.parse_args()
    if arguments.seed is None:
        collect_metrics()
    else:
        run(arguments.seed, _wire()[1], REDIS_RESTARTS if arguments.restarts else None)
