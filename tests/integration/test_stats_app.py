"""The stats app: the naive design's fields, its daily record, Prometheus' format, and who may."""

import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from functions.application import behind_gateway
from functions.forms import HealthBody, Problem
from functions.stats.app import create_app
from functions.stats.forms import CacheStats
from infra.local.valkey import ValkeyProcess, start_valkey
from shared.container import Container
from shared.inference.model import Completion
from shared.notes.note import Source
from shared.settings import Settings
from tests.support.main_job import MINILM, ask, written
from tests.support.servers import call
from tests.support.stores import MemoryNoteStore
from tests.support.tokens import Issuer, issuing, token

ANN = {"X-Tercet-User": "ann"}
STATS = "/assistant/cache-stats"
COST = 0.00026


class SlowAnswerer:
    """Answers in known time at a known price."""

    model = "slow"

    async def answer(
        self, question: str, sources: Sequence[Source], *, deadline: float | None = None
    ) -> Completion:
        time.sleep(0.05)  # noqa: ASYNC251  # known to the millisecond, whatever else runs
        return Completion(f"{question} [1]", self.model, cost=COST)


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyProcess]:
    with start_valkey() as server:
        yield server


@pytest.fixture
async def container(server: ValkeyProcess) -> AsyncIterator[Container]:
    """A container on an empty cache, in local mode."""
    call(server.port, "FLUSHALL")
    made = of(Settings(redis_url=server.url, redis_timeout=5, local_mode=True))
    yield made
    await made.aclose()


def of(settings: Settings) -> Container:
    return Container(
        settings,
        store=MemoryNoteStore(),
        embedder=MINILM,
        answerer=SlowAnswerer(),
    )


def client_of(container: Container, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(container))
    return httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=headers or ANN
    )


async def get(container: Container, path: str = STATS) -> httpx.Response:
    async with client_of(container) as client:
        return await client.get(path)


async def use(container: Container) -> None:
    """Write a note each for two users; ask two questions, one again, one reworded, one of both."""
    for user in ("ann", "bob"):
        await container.freshness.note_changed(written(user, "a", "Faith is trust in the unseen."))
    for user, question in (
        ("ann", "What is hope?"),
        ("ann", "What is love?"),
        ("ann", "what is HOPE"),
        ("ann", "Define hope"),
        ("bob", "What is hope?"),
    ):
        await ask(container, user, question)


async def test_the_naive_designs_fields_are_all_there(container: Container) -> None:
    await use(container)
    response = await get(container)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    CacheStats.model_validate(body)
    expected: dict[str, dict[str, Any]] = {
        "l1_query": {
            "total_entries": 3,
            "total_hits": 2,
            "total_cost_saved": 0.00052,
            "avg_hits_per_entry": 0.67,
        },
        "l2_embedding": {"total_entries": 3, "ttl": 604_800},
        "l3_context": {"total_entries": 3, "ttl": 3_600},
        "combined": {"total_cost_saved": 0.00052, "cache_enabled": True},
    }
    for part, fields in expected.items():
        assert {name: body[part][name] for name in fields} == fields
    assert "days" not in body


async def test_what_became_of_every_question_is_told_beside(container: Container) -> None:
    await use(container)
    await container.freshness.note_changed(written("ann", "b", "Hope is an anchor."))
    body = (await get(container)).json()
    assert body["combined"]["total_requests"] == 5
    assert body["combined"]["answers_avoided"] == 0.4
    assert body["combined"]["any_tier"] == 0.6
    assert body["combined"]["total_cost_spent"] == pytest.approx(3 * COST)
    outcomes = {"exact": 1, "semantic": 1, "joined": 0, "generated": 3}
    assert {name: body["answers"][name] for name in outcomes} == outcomes
    assert body["tiers"]["l2"] == {"hits": 1, "misses": 3, "stores": 3}
    assert body["note_changes"]["acknowledged"] == 3
    assert body["note_changes"]["dropped"] == 3
    assert 0 <= body["note_changes"]["avg_lag_ms"] < 5_000
    assert body["memory_mb"] > 0


async def test_the_daily_record_of_a_replay_has_its_known_totals(container: Container) -> None:
    """Ten questions, three times each by two users: the second's embeddings are known."""
    for user in ("ann", "bob"):
        await container.freshness.note_changed(written(user, "a", "Faith is trust in the unseen."))
    new = [f"What is chapter {number} about?" for number in range(10)]
    for user, times in (("ann", 3), ("bob", 3)):
        for _ in range(times):
            for question in new:
                await ask(container, user, question)
    await container.backlog.flush(container.connection)  # type: ignore[arg-type]  # the cache is on
    (day,) = (await get(container, f"{STATS}?days=1")).json()["days"]
    generated = 20
    assert day["date"] == time.strftime("%Y-%m-%d", time.gmtime())
    assert day["total_requests"] == 60
    assert day["cache_hits"] == {"l1": 40, "l2": 10, "l3": 0}
    assert day["combined_hit_rate"] == pytest.approx(50 / 60, abs=1e-4)
    assert day["cost_baseline"] == pytest.approx(60 * COST)
    assert day["cost_actual"] == pytest.approx(generated * COST)
    assert day["cost_saved"] == pytest.approx(40 * COST)
    assert 0 < day["avg_latency_cached_ms"] < 50 <= day["avg_latency_uncached_ms"]
    assert day["redis_memory_mb"] > 0


async def test_every_day_asked_for_has_a_record_the_last_one_being_today(
    container: Container,
) -> None:
    days = (await get(container, f"{STATS}?days=30")).json()["days"]
    assert len({day["date"] for day in days}) == 30
    assert days == sorted(days, key=lambda day: day["date"])
    assert days[-1]["date"] == time.strftime("%Y-%m-%d", time.gmtime())
    empty = days[0]
    assert empty["total_requests"] == 0
    assert (empty["combined_hit_rate"], empty["avg_latency_cached_ms"]) == (None, None)


@pytest.mark.parametrize("days", ["0", "91", "-1", "1.5", "many", "", "٣", "9" * 400])
async def test_a_number_of_days_that_cannot_be_is_refused(container: Container, days: str) -> None:
    response = await get(container, f"{STATS}?days={days}")
    assert "from 1 to 90" in Problem.model_validate(response.json()).detail
    assert response.status_code == 422


@pytest.mark.parametrize("path", [STATS, f"{STATS}?days=3", "/metrics"])
async def test_a_cache_that_is_away_is_a_problem_and_the_health_says_so(path: str) -> None:
    with start_valkey() as gone:
        settings = Settings(redis_url=gone.url, local_mode=True)
    container = of(settings)
    response = await get(container, path)
    problem = Problem.model_validate(response.json())
    assert (response.status_code, problem.title) == (503, "Unavailable")
    assert response.headers["content-type"] == "application/problem+json"
    health = await get(container, "/health")
    assert HealthBody.model_validate(health.json()).redis_ping == "unavailable"
    await container.aclose()


async def test_a_cache_that_is_switched_off_still_tells_what_it_did(container: Container) -> None:
    await use(container)
    off = of(replace(container.settings, cache_enabled=False))
    body = (await get(off)).json()
    assert body["combined"]["cache_enabled"] is False
    assert body["l1_query"]["total_hits"] == 2
    await off.aclose()


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.mark.parametrize("path", [STATS, "/metrics"])
@pytest.mark.parametrize(
    ("scope", "status"),
    [("stats:read", 200), ("notes:write stats:read", 200), ("notes:write", 403), (None, 403)],
)
async def test_only_a_token_with_the_scope_may_read(
    issuer: Issuer, server: ValkeyProcess, path: str, scope: str | None, status: int
) -> None:
    container = of(issuer.settings(redis_url=server.url, redis_timeout=5))
    async with client_of(container, Authorization=f"Bearer {token(scope=scope)}") as client:
        response = await client.get(path)
    assert response.status_code == status
    if status == 403:
        assert "stats:read" in response.json()["detail"]
    await container.aclose()


async def test_nobody_is_told_nothing(issuer: Issuer, server: ValkeyProcess) -> None:
    container = of(issuer.settings(redis_url=server.url))
    async with client_of(container, Accept="*/*") as client:
        assert (await client.get(STATS)).status_code == 401
        assert (await client.get("/health")).status_code == 200
    await container.aclose()


def samples_of(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_are_prometheus_text_and_true_across_containers(
    container: Container,
) -> None:
    other = of(container.settings)
    await use(container)
    await use(other)
    response = await get(other, "/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    assert all(family.documentation for family in families.values())
    assert families["tercet_requests"].type == "counter"
    assert families["tercet_request_duration_seconds"].type == "histogram"
    found = samples_of(response.text)
    assert found["tercet_requests_total", ()] == 10
    assert found["tercet_cost_dollars_total", (("kind", "spent"),)] == pytest.approx(6 * COST)
    assert found["tercet_entries", (("tier", "l1"),)] == 3
    buckets = {
        labels: value
        for (name, labels), value in found.items()
        if name == "tercet_request_duration_seconds_bucket" and ("way", "exact") in labels
    }
    assert len(buckets) == 14
    assert list(buckets.values()) == sorted(buckets.values())
    counted = found["tercet_request_duration_seconds_count", (("way", "exact"),)]
    assert counted == max(buckets.values()) > 0
    await other.aclose()


async def test_counters_never_fall_between_scrapes_though_a_container_restarts(
    container: Container,
) -> None:
    await use(container)
    before = samples_of((await get(container, "/metrics")).text)
    await container.aclose()
    again = of(container.settings)
    await use(again)
    after = samples_of((await get(again, "/metrics")).text)
    await again.aclose()
    counters = {
        key: value
        for key, value in before.items()
        if key[0].endswith(("_total", "_count", "_sum", "_bucket"))
    }
    assert len(counters) > 100
    assert {key for key, value in counters.items() if after[key] < value} == set()
    assert after["tercet_requests_total", ()] == before["tercet_requests_total", ()] + 5


def test_the_handler_behind_the_gateway_answers_as_the_app(server: ValkeyProcess) -> None:
    handler = behind_gateway(create_app(of(Settings(redis_url=server.url, redis_timeout=5))))
    event: Any = {
        "version": "2.0",
        "rawPath": STATS,
        "rawQueryString": "days=2",
        "headers": {"host": "example.org"},
        "requestContext": {
            "http": {"method": "GET", "path": STATS, "sourceIp": "203.0.113.1"},
            "authorizer": {"jwt": {"claims": {"sub": "operator", "scope": "stats:read"}}},
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    context: Any = SimpleNamespace(aws_request_id="1")
    response: Any = handler(event, context)
    assert response["statusCode"] == 200
    assert len(CacheStats.model_validate(json.loads(response["body"])).days or []) == 2


async def test_the_document_describes_every_route(container: Container) -> None:
    document = (await get(container, "/openapi.json")).json()
    assert set(document["paths"]) == {STATS, "/metrics", "/health"}
    assert {"CacheStats", "HealthBody", "Problem"} <= set(document["components"]["schemas"])
