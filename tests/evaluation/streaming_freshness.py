"""Freshness while clients read answers as they are generated, disconnect and time out.

Half of the worlds have disconnects and note changes, and each client that stays must get its
answer. The others have faults, time-outs and incomplete answers, too. A failure names its seed.
"""

import os

from tests.benchmarks.report import Metric
from tests.evaluation.freshness import violations
from tests.support.interleaving.scenarios import STREAMING, STREAMING_FAULTS

INTERLEAVINGS = 20_000
"""Number of worlds; the environment variable STREAMING_INTERLEAVINGS overrides it."""


def collect_metrics() -> dict[str, Metric]:
    """Run the worlds of the first seeds, half of them in each scenario."""
    count = int(os.environ.get("STREAMING_INTERLEAVINGS", INTERLEAVINGS))
    broken = sum(violations(count // 2, each) for each in (STREAMING, STREAMING_FAULTS))
    return {
        "streaming_interleavings": Metric(unit="worlds", value=count),
        "streaming_violations": Metric(unit="worlds", value=broken, budget=0),
    }
