"""Inputs that nobody should send: `python -m tests.evaluation inputs`.

Each must get a response that says what was wrong, and leave nothing behind. They are others in
each run, drawn by a number that is told; the environment variable FUZZ_SEED draws its inputs again.
"""

import logging
import os
import random
import time
from collections.abc import Callable
from typing import TypeVar

from hypothesis import strategies as st

from tests.benchmarks.report import Metric
from tests.support.fuzzing import batches, events
from tests.support.fuzzing.document import opened
from tests.support.fuzzing.drawing import send_all
from tests.support.fuzzing.targets import targets

# How many of each kind, above 20,000 in all.
_EVENTS, _DAMAGED, _NO_EVENTS, _REQUESTS = 8_000, 4_000, 1_000, 4_000
_BATCHES, _DAMAGED_BATCHES = 3_000, 2_000
_SHOWN = 10

Input = TypeVar("Input")


class _Tally:
    """Counts what was sent, and what did not hold."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.sent = 0
        self.failures: list[str] = []

    def run(
        self, name: str, inputs: st.SearchStrategy[Input], send: Callable[[Input], None], count: int
    ) -> None:
        def watched(drawn: Input) -> None:
            try:
                send(drawn)
            except Exception as error:
                self.failures.append(f"{name}: {type(error).__name__} {error}\n  {drawn!r:.5000}")

        began = time.monotonic()
        sent = send_all(inputs, watched, count, drawn_by=self.seed)
        self.sent += sent
        print(f"{name}: {sent:,}, {sent / (time.monotonic() - began):.0f} a second", flush=True)


def collect_metrics() -> dict[str, Metric]:
    """Send them all, and print the first that were not answered as they should."""
    tally = _Tally(int(os.environ.get("FUZZ_SEED") or random.randrange(10**6)))
    print(f"drawn by FUZZ_SEED={tally.seed}", flush=True)
    logging.disable()  # each refusal would be told
    with targets() as handlers:
        tally.run("events of gateways", events.events(), handlers.send, _EVENTS)
        tally.run("damaged events", events.broken_events(), handlers.send, _DAMAGED)
        tally.run("no events of HTTP", events.not_of_http, handlers.send, _NO_EVENTS)
        tally.run("batches of a queue", batches.messages, handlers.deliver, _BATCHES)
        tally.run("damaged batches", batches.damaged(), handlers.deliver_damaged, _DAMAGED_BATCHES)
    with opened() as door:
        tally.run("requests by the document", door.cases(), door.send, _REQUESTS)
    logging.disable(logging.NOTSET)
    for failure in tally.failures[:_SHOWN]:
        print(failure)
    if tally.failures:
        print(f"FUZZ_SEED={tally.seed} python -m tests.evaluation inputs sends the same again")
    return {
        "fuzzed_inputs": Metric(unit="inputs", value=tally.sent, budget=20_000, floor=True),
        "fuzzed_by": Metric(unit="FUZZ_SEED", value=tally.seed),
        "fuzzed_server_errors": Metric(unit="inputs", value=len(tally.failures), budget=0),
    }
