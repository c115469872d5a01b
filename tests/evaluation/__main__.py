"""`python -m tests.evaluation [PART ...] [--strict]`: measure matching, freshness and answers."""

import sys

from tests.benchmarks.report import BUILD, run

PARTS = (
    "adaptive_ttl",
    "question_pairs",
    "exchanged_words",
    "freshness",
    "freshness_faults",
    "fuzz_inputs",
    "host_replies",
    "invalidation_precision",
    "judged_hits",
    "churn",
    "conversations",
    "labelled_streams",
    "languages",
    "question_mix",
    "outbox",
    "quotations",
    "seed_questions",
    "retrieval",
    "source_overlap",
    "streaming_freshness",
    "vault_titles",
)

if __name__ == "__main__":
    run("tests.evaluation", PARTS, BUILD / "eval.json", sys.argv[1:])
