"""`python -m tests.evaluation [PART ...]`: judge matching, freshness and hit rates.

A part is a module with a function `figures()`, plain or async, that gives each `Figure` by name.
"""

import sys

from tests.benchmarks.report import BUILD, run

PARTS = (
    "pairs",
    "freshness",
    "freshness_faults",
    "inputs",
    "selectivity",
    "churn",
    "replay",
    "mix",
    "seed_questions",
    "fit",
)

if __name__ == "__main__":
    run("tests.evaluation", PARTS, BUILD / "eval.json", sys.argv[1:])
