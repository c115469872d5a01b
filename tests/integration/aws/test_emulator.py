"""The built functions on Lambda's runtime and interface emulator."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.container import Container
from shared.notes.postgres.store import PostgresNoteStore
from shared.settings import Settings
from tests.lambda_emulator.function import EmulatedFunction
from tests.support.emulator import ask_event, event, function, response_body, runtime
from tests.support.local_environment import LocalEnvironment, start_local_environment, write_notes
from tests.support.servers import CountingProxy
from tests.support.waiting import until

# One process for all tests: they measure times and use ports that were free a moment ago.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.aws,
    pytest.mark.xdist_group("lambda"),
]


@pytest.fixture
async def local(tmp_path: Path, postgres_url: str) -> AsyncIterator[LocalEnvironment]:
    """Models, an empty cache and a database with notes of Ann."""
    runtime()
    with start_local_environment(tmp_path) as environment:
        environment.environ["DATABASE_URL"] = postgres_url
        settings = Settings.from_env(environment.environ)
        container = Container(settings)
        store = PostgresNoteStore(postgres_url, container.embedding_profile)
        await store.migrate()
        container.override(store=store)
        await write_notes(container, "ann")
        await container.aclose()
        yield environment


def test_warm_start_reuses_the_redis_connection_of_the_cold_start(
    local: LocalEnvironment,
) -> None:
    with CountingProxy(local.valkey.port) as proxy:
        environ = local.environ | {"REDIS_CACHE_URL": proxy.url}
        with function("ask", environ) as ask:
            cold = ask.invoke(event("ask"))
            connections = proxy.connections
            warm = ask.invoke(event("ask"))
        first, second = response_body(cold), response_body(warm)
        assert connections == proxy.connections == 1
    assert cold.init is not None
    assert warm.init is None
    assert first["metadata"]["cached"] is False
    assert second["metadata"]["match"] == "exact"
    assert (second["answer"], second["sources"]) == (first["answer"], first["sources"])
    assert local.models.count("/chat/completions") == 1
    assert warm.duration < cold.duration
    assert cold.peak_mb
    assert cold.peak_mb < 256


def test_stats_count_the_requests_of_ask(local: LocalEnvironment) -> None:
    with function("ask", local.environ) as ask:
        for _ in range(3):
            response_body(ask.invoke(event("ask")))
    with function("stats", local.environ) as stats:
        body = response_body(stats.invoke(event("stats")))
        second = stats.invoke(event("stats"))
    assert body["combined"]["total_requests"] == 3
    assert body["l1_query"]["total_hits"] == 2
    assert second.init is None
    assert response_body(second)["combined"] == body["combined"]


def test_only_the_poison_message_of_a_batch_is_returned_as_failed(local: LocalEnvironment) -> None:
    batch = event("invalidate")
    first, poison, last = (record["messageId"] for record in batch["Records"])
    with function("ask", local.environ) as ask, function("invalidate", local.environ) as change:
        before = response_body(ask.invoke(event("ask")))
        invocation = change.invoke(batch)
        after = response_body(ask.invoke(event("ask")))
        second = change.invoke(batch)
    for each in (invocation, second):
        assert each.response == {"batchItemFailures": [{"itemIdentifier": poison}]}
    assert second.init is None
    assert f'"message_id": "{first}"' in invocation.log
    assert f'"message_id": "{last}"' in invocation.log
    assert "mislaid" not in invocation.log
    assert after["metadata"]["cached"] is False
    assert "faith-and-trust" in {source["note_id"] for source in after["sources"]}
    assert "faith-and-trust" not in {source["note_id"] for source in before["sources"]}


def test_slow_model_causes_a_504_before_the_function_times_out(
    local: LocalEnvironment,
) -> None:
    local.models.chat_latency = 30.0
    with function("ask", local.environ, timeout=6) as ask:
        late = ask.invoke(event("ask"))
        local.models.chat_latency = 0.0
        after = ask.invoke(event("ask"))
    assert late.response["statusCode"] == 504
    assert json.loads(late.response["body"])["title"]
    assert late.duration < 6_000
    assert after.init is None
    # Embedding and search were cached by the failed request.
    assert response_body(after)["metadata"]["tier"] == "l3"


def suspend(function: EmulatedFunction) -> None:
    """Send SIGSTOP to the function's process, so that its own timeouts do not fire."""
    for children in Path("/proc", str(function._process.pid), "task").glob("*/children"):
        for child in children.read_text().split():
            program, *arguments = Path("/proc", child, "cmdline").read_bytes().split(b"\0")
            if b"python" in program and b"awslambdaric" in arguments:
                os.kill(int(child), signal.SIGSTOP)


async def test_invocation_after_a_killed_one_has_a_new_process_and_the_same_cache(
    local: LocalEnvironment,
) -> None:
    with function("ask", local.environ) as ask:
        known = response_body(ask.invoke(event("ask")))
    with function("ask", local.environ, timeout=5) as ask, ThreadPoolExecutor() as pool:
        local.models.chat_latency = 30.0
        future = pool.submit(ask.invoke, ask_event("What is hope?"))
        await until(lambda: local.models.count("/chat/completions") == 2)
        suspend(ask)
        killed = await asyncio.wrap_future(future)
        after = await asyncio.to_thread(ask.invoke, event("ask"))
    assert killed.response == "Task timed out after 5.00 seconds"
    assert killed.peak_mb is None
    assert after.init is not None
    assert response_body(after)["metadata"]["match"] == "exact"
    assert response_body(after)["answer"] == known["answer"]


def test_ask_answers_without_redis_and_invalidate_fails_the_batch(local: LocalEnvironment) -> None:
    environ = local.environ | {"REDIS_CACHE_URL": "redis://127.0.0.1:1/0"}
    with function("ask", environ) as ask, function("invalidate", environ) as change:
        for _ in range(2):
            body = response_body(ask.invoke(event("ask")))
            assert body["metadata"]["cache"] == "unavailable"
            assert body["sources"]
        # A change that was not applied to the cache must not be acknowledged.
        batch = event("invalidate")
        failed = change.invoke(batch).response["batchItemFailures"]
    assert {each["itemIdentifier"] for each in failed} == {
        record["messageId"] for record in batch["Records"]
    }
