"""`python -m tests.benchmarks [PART ...] [--strict]`: measure beside the naive design."""

import sys

from tests.benchmarks.report import BUILD, run

PARTS = (
    "hits",
    "round_trips",
    "misses",
    "matching",
    "pair_model",
    "ask_handler",
    "imports",
    "cli",
    "note_import",
    "layer",
    "cold_start",
    "memory",
    "redis_outages",
    "model_outages",
    "failover",
    "stampede",
    "streaming",
    "stats",
    "large_caches",
)

if __name__ == "__main__":
    run("tests.benchmarks", PARTS, BUILD / "bench.json", sys.argv[1:])
