"""Traces are set up by OpenTelemetry's own variables, in a process that has just begun."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.asking import Surroundings, surroundings
from tests.support.huggingface import serving
from tests.support.traces import Collector

# Answers a question as Lambda would have it; tells how long that took, and which modules of
# OpenTelemetry were there before and after.
_INVOKE = """
import asyncio, json, os, sys, time
from pathlib import Path
from types import SimpleNamespace
import fastapi, redis.asyncio

def loaded():
    return [name for name in sys.modules if name.partition(".")[0] == "opentelemetry"]

before = loaded()
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
from functions.ask.handler import container, handler
from tests.support.asking import write_notes

loop.run_until_complete(write_notes(container, "ann"))
event = json.loads(Path("tests/events/http_api_v2.json").read_text())
began = time.monotonic()
response = handler(event, SimpleNamespace(aws_request_id="1"))
seconds = time.monotonic() - began
print(json.dumps([response["statusCode"], seconds, before, loaded()]), flush=True)
os._exit(0)  # as a container is ended: nothing is sent off any more
"""
_LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "tercet-ask"}
_TREE = [
    "POST /assistant/query",
    "lookup",
    "load_miss_context",
    "embed",
    "search",
    "generate",
    "store",
]


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with surroundings(tmp_path_factory.mktemp("notes")) as made:
        yield made


def run(program: str, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=clean | environ,
        cwd=Path(__file__).parents[2],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def invoke(
    around: Surroundings, program: str = _INVOKE, **environ: str
) -> tuple[float, list[str], list[str]]:
    done = run(program, around.environ | {"REDIS_CACHE_URL": fresh(around)} | environ)
    assert done.returncode == 0, done.stderr
    status, seconds, before, after = json.loads(done.stdout.splitlines()[-1])
    assert status == 200
    return seconds, before, after


def fresh(around: Surroundings) -> str:
    """Another database of the same server, where nothing is cached yet."""
    fresh.number += 1  # type: ignore[attr-defined]  # a counter with a name
    return f"{around.environ['REDIS_CACHE_URL'].rpartition('/')[0]}/{fresh.number}"  # type: ignore[attr-defined]  # as above


fresh.number = 0  # type: ignore[attr-defined]  # as above


@pytest.mark.parametrize(
    "environ", [{}, _LAMBDA | {"OTEL_TRACES_EXPORTER": "none"}], ids=["nothing said", "none"]
)
def test_nothing_of_opentelemetry_is_loaded_unless_it_is_asked_for(
    around: Surroundings, environ: dict[str, str]
) -> None:
    """Beyond what others load: FastAPI its API, redis-py its metrics, if they are installed."""
    _, before, after = invoke(around, **environ)
    assert "opentelemetry.sdk.trace" not in before
    assert sorted(after) == sorted(before)


def test_without_configuration_the_sdk_need_not_be_there(around: Surroundings) -> None:
    hidden = "import sys; sys.modules['opentelemetry.sdk'] = None\n"
    _, _, after = invoke(around, hidden + _INVOKE)
    assert not [name for name in after if name.startswith("opentelemetry.sdk.")]


def test_on_lambda_spans_are_sent_off_before_the_container_stands_still(
    around: Surroundings,
) -> None:
    collector = Collector()
    with serving(collector) as url:
        _, _, after = invoke(around, OTEL_EXPORTER_OTLP_ENDPOINT=url, **_LAMBDA)
    assert "opentelemetry.sdk.trace" in after
    assert set(_TREE) <= set(collector.spans)
    assert collector.spans.count(_TREE[0]) == 1
    assert not [name for name in collector.spans if name.startswith("fastapi")]
    assert collector.services == {"tercet-ask"}


@pytest.mark.slow
def test_a_collector_that_does_not_answer_holds_an_invocation_up_for_a_second(
    around: Surroundings,
) -> None:
    with serving(Collector(seconds=60)) as url:
        seconds, _, _ = invoke(around, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=url, **_LAMBDA)
    # The invocation's own work and first imports are in it; the SDK would wait for ten more.
    assert 1 <= seconds < 10


def test_a_provider_that_is_set_up_already_is_used(around: Surroundings) -> None:
    before = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
"""
    after = "print(*(s.name for s in exporter.get_finished_spans()), sep='|', flush=True)\n"
    program = before + _INVOKE.replace("os._exit", after + "os._exit")
    done = run(program, around.environ | {"OTEL_TRACES_EXPORTER": "xray"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split("|").count("POST /assistant/query") == 1


def test_an_exporter_that_is_not_ours_is_refused_by_name() -> None:
    done = run("import functions.ask.handler", {"OTEL_TRACES_EXPORTER": "zipkin"})
    assert done.returncode == 1
    assert "ConfigurationError: OTEL_TRACES_EXPORTER must be otlp or none" in done.stderr


def test_without_the_extra_the_error_names_it() -> None:
    program = """
import sys
sys.modules["opentelemetry.sdk"] = None
import functions.ask.handler
"""
    done = run(program, {"OTEL_TRACES_EXPORTER": "otlp"})
    assert done.returncode == 1
    assert "install tercet[traces]" in done.stderr.splitlines()[-1]
