"""Set-up of tracing from OpenTelemetry's variables, in a new process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.huggingface import serving
from tests.support.local_environment import LocalEnvironment, start_local_environment
from tests.support.traces import Collector

# Invokes the Lambda handler; prints the status, the duration, and the loaded OpenTelemetry modules
# before and after.
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
from tests.support.local_environment import write_notes

loop.run_until_complete(write_notes(container, "ann"))
event = json.loads(Path("tests/events/http_api_v2.json").read_text())
started = time.monotonic()
response = handler(event, SimpleNamespace(aws_request_id="1"))
seconds = time.monotonic() - started
print(json.dumps([response["statusCode"], seconds, before, loaded()]), flush=True)
os._exit(0)  # as Lambda ends a process: without a last export
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
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    with start_local_environment(tmp_path_factory.mktemp("notes")) as running:
        yield running


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
    local: LocalEnvironment, program: str = _INVOKE, **environ: str
) -> tuple[float, list[str], list[str]]:
    result = run(program, local.environ | {"REDIS_CACHE_URL": empty_database(local)} | environ)
    assert result.returncode == 0, result.stderr
    status, seconds, before, after = json.loads(result.stdout.splitlines()[-1])
    assert status == 200
    return seconds, before, after


def empty_database(local: LocalEnvironment) -> str:
    """The URL of an empty database of the same server."""
    empty_database.number += 1  # type: ignore[attr-defined]  # a counter
    return f"{local.environ['REDIS_CACHE_URL'].rpartition('/')[0]}/{empty_database.number}"  # type: ignore[attr-defined]  # as above


empty_database.number = 0  # type: ignore[attr-defined]  # as above


@pytest.mark.parametrize(
    "environ", [{}, _LAMBDA | {"OTEL_TRACES_EXPORTER": "none"}], ids=["no variable", "none"]
)
def test_opentelemetry_is_not_loaded_unless_tracing_is_enabled(
    local: LocalEnvironment, environ: dict[str, str]
) -> None:
    """FastAPI and redis-py load parts of it themselves if they are installed."""
    _, before, after = invoke(local, **environ)
    assert "opentelemetry.sdk.trace" not in before
    assert sorted(after) == sorted(before)


def test_handler_works_without_the_sdk_if_tracing_is_disabled(local: LocalEnvironment) -> None:
    hidden = "import sys; sys.modules['opentelemetry.sdk'] = None\n"
    _, _, after = invoke(local, hidden + _INVOKE)
    assert not [name for name in after if name.startswith("opentelemetry.sdk.")]


def test_spans_are_exported_before_an_invocation_ends_on_lambda(
    local: LocalEnvironment,
) -> None:
    collector = Collector()
    with serving(collector) as url:
        _, _, after = invoke(local, OTEL_EXPORTER_OTLP_ENDPOINT=url, **_LAMBDA)
    assert "opentelemetry.sdk.trace" in after
    assert set(_TREE) <= set(collector.spans)
    assert collector.spans.count(_TREE[0]) == 1
    assert not [name for name in collector.spans if name.startswith("fastapi")]
    assert collector.services == {"tercet-ask"}


@pytest.mark.slow
def test_unresponsive_collector_delays_an_invocation_by_one_second(
    local: LocalEnvironment,
) -> None:
    with serving(Collector(seconds=60)) as url:
        seconds, _, _ = invoke(local, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=url, **_LAMBDA)
    # Includes the invocation's own work and imports; the SDK's time limit would be ten seconds.
    assert 1 <= seconds < 10


def test_existing_tracer_provider_is_used(local: LocalEnvironment) -> None:
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
    result = run(program, local.environ | {"OTEL_TRACES_EXPORTER": "xray"})
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].split("|").count("POST /assistant/query") == 1


def test_unsupported_exporter_is_refused_by_name() -> None:
    result = run("import functions.ask.handler", {"OTEL_TRACES_EXPORTER": "zipkin"})
    assert result.returncode == 1
    assert "ConfigurationError: OTEL_TRACES_EXPORTER must be otlp or none" in result.stderr


def test_error_names_the_missing_extra() -> None:
    program = """
import sys
sys.modules["opentelemetry.sdk"] = None
import functions.ask.handler
"""
    result = run(program, {"OTEL_TRACES_EXPORTER": "otlp"})
    assert result.returncode == 1
    assert "install the extra traces" in result.stderr.splitlines()[-1]
