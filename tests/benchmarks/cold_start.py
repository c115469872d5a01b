"""Cold starts on Lambda's emulator, compared with a bare FastAPI app behind Mangum.

The bare function has the same layer and sends one GET to Redis.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from redis.asyncio import Redis

from shared.container import Container
from shared.errors import ConfigurationError
from shared.notes.postgres.store import PostgresNoteStore
from shared.settings import Settings
from tests.benchmarks import bare_function
from tests.benchmarks.report import Metric
from tests.lambda_emulator.function import EmulatedFunction, Invocation
from tests.lambda_emulator.runtime import Runtime, build
from tests.support.emulator import ask_event, event
from tests.support.local_environment import NOTES, start_local_environment, write_notes
from tests.support.postgres import PostgresServer

_KNOWN = "What is faith?"
_ROUNDS = 7

# The function of each measurement, and its handler if it is not Tercet's.
_SIDES = {
    "bare": ("bare", "bare_function.handler"),
    "ask": ("ask", None),
    "ask_miss": ("ask", None),
    "stats": ("stats", None),
    "invalidate": ("invalidate", None),
}
_BUDGETS = {"ask": 1.25}
METRICS = {f"cold_start_{side}_ms": Metric(unit="ms") for side in _SIDES} | {
    f"cold_start_{side}_vs_bare": Metric(unit="times bare", budget=_BUDGETS.get(side))
    for side in _SIDES
    if side != "bare"
}


async def collect_metrics() -> Mapping[str, Metric]:
    """Start each function once per round; the first round only warms the disk cache."""
    try:
        runtime = Runtime.prepare()
        build_folder = build()
    except ConfigurationError:
        return METRICS
    rounds = []
    with _folder() as folder, _database() as server, start_local_environment(folder) as local:
        environ = local.environ | {"DATABASE_URL": await server.new_database()}
        functions = _with_bare(build_folder, folder / "functions")
        await _prepare(environ)
        # Cached by the built function, because the cache key depends on its code.
        with EmulatedFunction(runtime, build_folder, "ask", environ) as ask:
            ask.invoke(ask_event(_KNOWN))
        for number in range(1 + _ROUNDS):
            durations = {}
            for side, (name, handler) in _SIDES.items():
                with EmulatedFunction(
                    runtime, functions, name, environ, handler=handler
                ) as function:
                    invocation = function.invoke(_event(side, number))
                _check(side, invocation)
                durations[side] = invocation.duration
            rounds.append(durations)
    return {name: metric.with_value(_value(name, rounds[1:])) for name, metric in METRICS.items()}


def _value(metric: str, rounds: list[dict[str, float]]) -> float:
    side = metric.removeprefix("cold_start_").removesuffix("_ms").removesuffix("_vs_bare")
    if metric.endswith("_ms"):
        return median(durations[side] for durations in rounds)
    return median(durations[side] / durations["bare"] for durations in rounds)


def _event(side: str, number: int) -> Any:
    """The first event of a function; the question of `ask_miss` is new in each round."""
    match side:
        case "stats":
            return event("stats")
        case "invalidate":
            # For another user, so that Ann's cached answers are not invalidated.
            return json.loads(json.dumps(event("sqs_batch")).replace("ann", "ben"))
        case "ask_miss":
            return ask_event(f"What is hope in chapter {number}?")
        case _:
            return ask_event(_KNOWN)


def _check(side: str, invocation: Invocation) -> None:
    """Check that an invocation was a cold start with the required result.

    Raises:
        RuntimeError: it was not.
    """
    response = invocation.response
    good = invocation.init is not None and (
        response == {"batchItemFailures": []}
        if side == "invalidate"
        else response.get("statusCode") == 200
    )
    if side in {"ask", "ask_miss"}:
        good = good and json.loads(response["body"])["metadata"]["cached"] is (side == "ask")
    if not good:
        raise RuntimeError(f"{side}: {response}")


async def _prepare(environ: Mapping[str, str]) -> None:
    """Write Ann's notes and the value that the bare function reads."""
    settings = Settings.from_env(environ)
    container = Container(settings)
    store = PostgresNoteStore(settings.database_url, container.embedding_profile)
    await store.migrate()
    container.override(store=store)
    await write_notes(container, "ann")
    await container.aclose()
    async with Redis.from_url(settings.redis_url) as client:
        await client.set(_KNOWN, json.dumps({"answer": NOTES["hebrews"]}))


def _with_bare(build_folder: Path, folder: Path) -> Path:
    """Link the built functions and the bare function into one folder."""
    folder.mkdir()
    for built in build_folder.iterdir():
        (folder / built.name).symlink_to(built)
    (folder / "BareFunction").mkdir()
    shutil.copy(bare_function.__file__, folder / "BareFunction")
    return folder


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tercet-") as folder:
        yield Path(folder)


@contextmanager
def _database() -> Iterator[PostgresServer]:
    with _folder() as folder:
        server = PostgresServer(folder / "database")
        try:
            yield server
        finally:
            server.stop()
