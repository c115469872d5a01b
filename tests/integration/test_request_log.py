"""The request log: one line for each request or message, with CloudWatch metrics on Lambda."""

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.ask.app import create_app
from functions.http.gateway import GatewayHandler
from functions.invalidate.handler import QueueHandler
from shared.cache.stats_snapshot import StatsSnapshot
from shared.container import Container
from shared.observability.json_logging import JsonFormatter
from shared.settings import Settings
from tests.support.http_faults import refuse
from tests.support.local_environment import LocalEnvironment, start_local_environment, write_notes
from tests.support.queues import Context, body, close, record
from tests.support.servers import send_command

EVENT = Path(__file__).parents[1] / "events" / "http_api_v2.json"
FUNCTION = "tercet-ask"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    with start_local_environment(tmp_path_factory.mktemp("notes")) as running:
        yield running


@pytest.fixture
def settings(local: LocalEnvironment, monkeypatch: pytest.MonkeyPatch) -> Settings:
    send_command(local.valkey.port, "FLUSHALL")
    local.models.reset()
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", FUNCTION)
    monkeypatch.setattr("functions.http.emf_metrics.FUNCTION_NAME", FUNCTION)
    return Settings.from_env(local.environ)


@pytest.fixture
def log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Returns the lines that were written since the last call."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(messages=False))
    loggers = [logging.getLogger(name) for name in ("functions", "shared")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)

    def lines() -> list[dict[str, Any]]:
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return [json.loads(line) for line in text.splitlines()]

    yield lines
    for logger in loggers:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


Log = Callable[[], list[dict[str, Any]]]


class Function:
    """The ask function as deployed on Lambda."""

    def __init__(self, settings: Settings) -> None:
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.container = Container(settings)
        self.handler = GatewayHandler(create_app(self.container))
        self.loop.run_until_complete(write_notes(self.container, "ann"))

    def ask(self, query: str, **headers: str) -> dict[str, Any]:
        event = json.loads(EVENT.read_text())
        event["body"] = json.dumps({"query": query})
        event["headers"] |= headers
        return self.handler(event, Context())  # type: ignore[arg-type]  # a part of it

    def close(self) -> None:
        self.loop.run_until_complete(self.container.aclose())
        asyncio.set_event_loop(None)
        self.loop.close()


@pytest.fixture
def function(settings: Settings) -> Iterator[Function]:
    deployed = Function(settings)
    yield deployed
    deployed.close()


def test_question_on_lambda_logs_one_line_with_metrics(function: Function, log: Log) -> None:
    function.ask("What is faith?", **{"x-correlation-id": "order-7"})
    (line,) = log()
    assert line["message"] == "request"
    assert line["request_id"] == Context().aws_request_id
    assert line["correlation_id"] == "order-7"
    assert (
        line["gateway_request_id"] == json.loads(EVENT.read_text())["requestContext"]["requestId"]
    )
    assert (line["path"], line["status"], line["Function"]) == ("/assistant/query", 200, FUNCTION)
    assert (line["Outcome"], line["Latency"]) == ("none", line["duration_ms"])
    assert line["steps"].keys() == {
        "lookup",
        "load_miss_context",
        "embed",
        "search",
        "generate",
        "store",
    }
    assert sum(line["steps"].values()) <= line["duration_ms"]
    assert line["_aws"]["CloudWatchMetrics"]
    assert "faith" not in json.dumps(line).lower()


def test_cost_saved_by_a_hit_is_the_cost_of_its_answer(function: Function, log: Log) -> None:
    for _ in range(2):
        function.ask("What is faith?")
    first, second = log()
    assert first["CostSpent"] == second["CostSaved"] > 0
    assert first["CostSaved"] == second["CostSpent"] == 0
    assert second["steps"].keys() == {"lookup"}


def test_sums_of_log_metrics_equal_the_cache_counters(function: Function, log: Log) -> None:
    for number in range(20):
        function.ask(f"What is the name of star {number % 7}?")
    lines = log()

    async def read() -> StatsSnapshot:
        return await function.container.counter_reader.read_snapshot()

    counters = function.loop.run_until_complete(read()).total
    assert sum(line["Questions"] for line in lines) == counters.requests == 20
    assert sum(line["AnswersAvoided"] for line in lines) == counters.answers_avoided == 13
    assert sum(line["CostSpent"] for line in lines) == pytest.approx(counters.cost_spent, abs=1e-8)
    assert sum(line["CostSaved"] for line in lines) == pytest.approx(counters.cost_saved, abs=1e-8)


def test_failed_question_is_counted_and_invalid_question_is_not(
    function: Function, local: LocalEnvironment, log: Log
) -> None:
    local.models.failing["/v1/chat/completions"] = refuse(400, "no")
    function.ask("What is faith?")
    (failed,) = (line for line in log() if line["message"] == "request")
    assert (failed["Questions"], failed["Outcome"], failed["error"]) == (
        1,
        "failed",
        "InferenceRefusedError",
    )
    function.ask("?!")
    (refused,) = log()
    assert "Questions" not in refused
    assert "_aws" not in refused


def test_every_log_line_of_a_request_has_its_ids(settings: Settings, log: Log) -> None:
    function = Function(replace(settings, redis_url="redis://127.0.0.1:1/0"))
    function.ask("What is faith?", **{"x-correlation-id": "order-7"})
    function.close()
    lines = log()
    assert {"the cache is unavailable", "request"} <= {line["message"] for line in lines}
    for line in lines:
        assert (line["request_id"], line["correlation_id"]) == (Context().aws_request_id, "order-7")
    assert [line["CacheUnavailable"] for line in lines if "Questions" in line] == [1]


def test_each_message_of_a_batch_logs_one_line_with_its_ids_and_metrics(
    settings: Settings, log: Log
) -> None:
    valid = record("m1", body("ann", "n", "updated", 1, "Faith is trust."))
    valid["messageAttributes"]["X-Correlation-Id"] = {
        "stringValue": "order-7",
        "dataType": "String",
    }
    handler = QueueHandler(lambda: Container(settings))
    handler({"Records": [valid, record("m2", "secret")]}, Context())  # type: ignore[arg-type]  # a part of it
    close(handler)
    applied, failed = sorted(log(), key=lambda line: str(line["message_id"]))
    assert (applied["message"], applied["correlation_id"]) == ("note change applied", "order-7")
    assert (applied["NoteChanges"], applied["Failed"]) == (1, 0)
    assert applied["LagMs"] > 0
    assert applied["steps"].keys() == {
        "ingest",
        "write_note",
        "rotate_fence",
        "read_note",
        "drop_entries",
    }
    assert (failed["message"], failed["Failed"]) == ("note change failed", 1)
    assert "correlation_id" not in failed
    assert "secret" not in json.dumps(failed)
    for line in (applied, failed):
        assert line["request_id"] == Context().aws_request_id
        assert line["_aws"]
