"""Freshness while Redis restarts at random and loses replies to commands that it executed.

A failure names its seed; `python -m tests.evaluation.freshness --restarts --seed SEED` repeats it.
"""

import os

from tests.benchmarks.report import Metric
from tests.evaluation.freshness import violations
from tests.support.interleaving.scenarios import REDIS_RESTARTS

INTERLEAVINGS = 20_000
"""Number of worlds; the environment variable FRESHNESS_FAULTS_INTERLEAVINGS overrides it."""


def collect_metrics() -> dict[str, Metric]:
    """Run the worlds of the first seeds."""
    count = int(os.environ.get("FRESHNESS_FAULTS_INTERLEAVINGS", INTERLEAVINGS))
    broken = violations(count, REDIS_RESTARTS)
    return {
        "freshness_faults_interleavings": Metric(unit="worlds", value=count),
        "freshness_faults_violations": Metric(unit="worlds", value=broken, budget=0),
    }
