"""Latency of an exact hit through the ask handler, relative to a bare handler with one GET.

Both handlers run in a child process, because `asyncio.run` removes the event loop of Mangum.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from types import SimpleNamespace
from typing import Any

from redis.asyncio import Redis

from infra.local.valkey import start_valkey
from shared.container import Container
from shared.question import Question, Request
from tests.benchmarks import bare_function
from tests.benchmarks.hit_profile import Share, print_table, profile
from tests.benchmarks.report import ROOT, Metric
from tests.benchmarks.timing import Stopwatch
from tests.benchmarks.workload import WorkloadItem, workload

METRICS = {
    "ask_hit_vs_bare": Metric(unit="times bare", budget=1.5),
    "ask_hit_calls": Metric(unit="Python calls"),
}
_PROFILED = 300
_ROUNDS, _EACH = 40, 25


def collect_metrics() -> Mapping[str, Metric]:
    """Measure in a child process."""
    if not workload(1):
        return METRICS
    # The handlers write their log lines to a file, as part of the measurement.
    with start_valkey() as server, TemporaryDirectory() as folder, TemporaryFile("w+") as log:
        environment = os.environ | {
            "REDIS_CACHE_URL": server.url,
            "REDIS_CACHE_TIMEOUT": "5",
            "DATABASE_URL": f"sqlite:///{Path(folder) / 'notes.db'}",
        }
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            env=environment,
            cwd=ROOT,
            check=False,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        if done.returncode:
            log.seek(0)
            raise RuntimeError(f"the handlers failed: {log.read()[-4_000:]}")
    measured = json.loads(done.stdout.splitlines()[-1])
    ours, bare = (
        {layer: Share(*share) for layer, share in measured[side].items()}
        for side in ("Tercet", "bare")
    )
    print_table(ours, bare)
    calls = [sum(share.calls for share in shares.values()) for shares in (ours, bare)]
    return {
        "ask_hit_vs_bare": METRICS["ask_hit_vs_bare"].with_value(measured["ratio"]),
        "ask_hit_calls": METRICS["ask_hit_calls"].with_value(*calls),
    }


def _measure() -> dict[str, Any]:
    """Send the same question to both handlers in turns.

    Returns the ratio of their latencies and the profiles of both.
    """
    from functions.ask.handler import handler  # noqa: PLC0415  # needs the environment

    (item,) = workload(1)
    asyncio.new_event_loop().run_until_complete(_store(item))
    event, context = _event(item), SimpleNamespace(aws_request_id="1")
    hit: Any = handler(event, context)
    if json.loads(hit["body"])["metadata"]["tier"] != "l1":
        raise RuntimeError("expected a hit")
    asyncio.new_event_loop().run_until_complete(_store_for_bare(item, hit["body"]))
    watch = Stopwatch()
    for _ in range(_ROUNDS):
        for side, invoke in (("Tercet", handler), ("bare", bare_function.handler)):
            for _ in range(_EACH):
                with watch.timing(side):
                    response = invoke(event, context)
                if response["statusCode"] != 200:
                    raise RuntimeError(f"{side} returned {response}")
        watch.next_round()
    sides = {"Tercet": handler, "bare": bare_function.handler}
    profiles = {
        side: profile(partial(invoke, event, context), _PROFILED) for side, invoke in sides.items()
    }
    return {"ratio": watch.ratio("Tercet", "bare"), **profiles}


async def _store(item: WorkloadItem) -> None:
    container = Container.from_env()
    request = Request(item.user_id, item.question)
    session = container._open_session(request, Question.parse(item.question))
    await session.lookup()
    await session.store(item.vector, item.sources, item.to_answer())
    await container.aclose()


async def _store_for_bare(item: WorkloadItem, body: str) -> None:
    client = Redis.from_url(os.environ["REDIS_CACHE_URL"])
    await client.set(item.question, body)
    await client.aclose()


def _event(item: WorkloadItem) -> dict[str, Any]:
    """Return an event of an HTTP API with a JWT authorizer (payload format 2.0)."""
    return {
        "version": "2.0",
        "rawPath": "/assistant/query",
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "example.org"},
        "requestContext": {
            "http": {"method": "POST", "path": "/assistant/query", "sourceIp": "203.0.113.1"},
            "authorizer": {"jwt": {"claims": {"sub": item.user_id}, "scopes": None}},
            "stage": "$default",
        },
        "body": json.dumps({"query": item.question}),
        "isBase64Encoded": False,
    }


if __name__ == "__main__":
    print(json.dumps(_measure()))
