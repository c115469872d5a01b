"""Invalid inputs of every kind: `python -m tests.evaluation fuzz_inputs`.

Each input must get a response that names the error, and must not change stored data. Each run
prints its random seed; the environment variable FUZZ_SEED repeats a run.
"""

import logging
import os
import random
import time
from collections.abc import Callable
from typing import TypeVar

from hypothesis import strategies as st

from tests.benchmarks.report import Metric
from tests.support.fuzzing import gateway_events, sqs_batches
from tests.support.fuzzing.handlers import running_handlers
from tests.support.fuzzing.openapi_requests import openapi_client
from tests.support.fuzzing.runner import run_property

# Number of inputs of each kind.
_EVENTS, _BROKEN_EVENTS, _OTHER_EVENTS, _REQUESTS = 8_000, 4_000, 1_000, 4_000
_BATCHES, _BROKEN_BATCHES = 3_000, 2_000
_SHOWN = 10

Input = TypeVar("Input")


class _Tally:
    """Counts inputs and collects failures."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.sent = 0
        self.failures: list[str] = []

    def run(
        self, name: str, inputs: st.SearchStrategy[Input], send: Callable[[Input], None], count: int
    ) -> None:
        def send_and_record(drawn: Input) -> None:
            try:
                send(drawn)
            except Exception as error:
                self.failures.append(f"{name}: {type(error).__name__} {error}\n  {drawn!r:.5000}")

        began = time.monotonic()
        sent = run_property(inputs, send_and_record, count, seed_number=self.seed)
        self.sent += sent
        print(f"{name}: {sent:,}, {sent / (time.monotonic() - began):.0f} a second", flush=True)


def collect_metrics() -> dict[str, Metric]:
    """Send all inputs and print the first failures."""
    tally = _Tally(int(os.environ.get("FUZZ_SEED") or random.randrange(10**6)))
    print(f"FUZZ_SEED={tally.seed}", flush=True)
    logging.disable()  # every rejected input would log a line
    with running_handlers() as handlers:
        for name, inputs, check, count in (
            ("HTTP events", gateway_events.hostile_events(), handlers.check_event, _EVENTS),
            (
                "malformed HTTP events",
                gateway_events.malformed_events(),
                handlers.check_event,
                _BROKEN_EVENTS,
            ),
            ("other events", gateway_events.non_http_events, handlers.check_event, _OTHER_EVENTS),
            ("queue batches", sqs_batches.messages, handlers.check_messages, _BATCHES),
            (
                "malformed queue batches",
                sqs_batches.malformed_batches(),
                handlers.check_malformed_batch,
                _BROKEN_BATCHES,
            ),
        ):
            tally.run(name, inputs, check, count)
    with openapi_client() as client:
        tally.run("requests from the OpenAPI document", client.cases(), client.check, _REQUESTS)
    logging.disable(logging.NOTSET)
    for failure in tally.failures[:_SHOWN]:
        print(failure)
    if tally.failures:
        print(f"repeat with: FUZZ_SEED={tally.seed} python -m tests.evaluation fuzz_inputs")
    return {
        "fuzzed_inputs": Metric(unit="inputs", value=tally.sent, budget=20_000, floor=True),
        "fuzz_seed": Metric(unit="FUZZ_SEED", value=tally.seed),
        "fuzzed_server_errors": Metric(unit="inputs", value=len(tally.failures), budget=0),
    }
