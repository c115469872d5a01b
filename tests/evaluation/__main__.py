"""`python -m tests.evaluation [PART ...] [--strict]`: measure matching, freshness and hit rates."""

import sys

from tests.benchmarks.report import BUILD, run

PARTS = (
    "pairs",
    "freshness",
    "freshness_faults",
    "fuzz_inputs",
    "selectivity",
    "churn",
    "replay",
    "mix",
    "seed_questions",
    "fit",
)

if __name__ == "__main__":
    run("tests.evaluation", PARTS, BUILD / "eval.json", sys.argv[1:])
