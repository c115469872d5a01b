"""Time from the model's first token to the first byte of the answer, over real connections.

The model host writes 60 words, one each 10 ms. The baseline is the same without streaming: its
first byte comes when the answer is complete.
"""

import time
from collections.abc import Mapping
from statistics import median
from typing import Any

import httpx

from functions.ask.app import create_app
from tests.benchmarks.report import Metric
from tests.support.event_stream import container_before
from tests.support.full_stack import updated
from tests.support.huggingface import FakeHuggingFace, serving

METRICS = {"first_byte_after_first_token_ms": Metric(unit="ms", budget=50)}

_ROUNDS = 20
_WORDS = 60
_TOKEN_SECONDS = 0.01
_USER = "ann"


async def collect_metrics() -> Mapping[str, Metric]:
    """Ask new questions, with and without streaming in turn."""
    first_tokens: list[float] = []

    def write(_: Any) -> str:
        first_tokens.append(time.perf_counter())
        return "Faith is trust. " * (_WORDS // 3)

    host = FakeHuggingFace(answer=write, token_latency=_TOKEN_SECONDS)
    seconds: dict[str, list[float]] = {"text/event-stream": [], "application/json": []}
    with container_before(host, semantic_matcher="off") as container:
        await container.freshness.note_changed(updated(_USER, "faith", "Faith is trust."))
        await container.aclose()
        with serving(create_app(container)) as served:
            async with httpx.AsyncClient(base_url=served, timeout=60) as client:
                for number in range(_ROUNDS):
                    for accept, measured in seconds.items():
                        query = f"What is faith {number} in {accept}?"
                        first_byte = await _first_byte(client, query, accept)
                        measured.append(first_byte - first_tokens[-1])
    streamed, whole = (median(values[1:]) * 1e3 for values in seconds.values())
    (name,) = METRICS
    return {name: METRICS[name].with_value(streamed, whole)}


async def _first_byte(client: httpx.AsyncClient, query: str, accept: str) -> float:
    """Ask, and return when the first byte of the body arrived."""
    headers = {"X-Tercet-User": _USER, "Accept": accept}
    first_byte = 0.0
    async with client.stream(
        "POST", "/assistant/query", json={"query": query}, headers=headers
    ) as response:
        response.raise_for_status()
        async for _ in response.aiter_bytes():
            first_byte = first_byte or time.perf_counter()
    return first_byte
