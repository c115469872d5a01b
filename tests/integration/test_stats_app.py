"""`GET /assistant/cache-stats` and its access control."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import TypeAdapter

from functions.http.gateway import GatewayHandler
from functions.http.problems import Problem
from functions.stats.app import create_app
from functions.stats.schemas import CacheStats
from infra.local.valkey import ValkeyProcess, start_valkey
from shared.container import Container
from shared.health import Health
from shared.settings import Settings
from tests.support.counter_history import write_counter_history
from tests.support.full_stack import ask, updated
from tests.support.stats_app import COST, STATS, client_of, get, of, use
from tests.support.tokens import Issuer, issuing, token
from tests.support.utc_day import stay_within_a_day

VALIDATE = TypeAdapter(CacheStats).validate_python


async def test_cache_stats_has_the_specified_fields(counted: Container) -> None:
    await use(counted)
    response = await get(counted)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    VALIDATE(body)
    expected: dict[str, dict[str, Any]] = {
        "l1_query": {
            "layer": "L1_query_result",
            "total_entries": 3,
            "total_hits": 2,
            "total_cost_saved": 0.00052,
            "avg_hits_per_entry": 0.67,
            "entries_by_hits": {"0": 2, "1": 0, "2-4": 1, "5-9": 0, "10+": 0},
            "ttl": 86_400,
            "ttl_max": 604_800,
        },
        "l2_embedding": {"layer": "L2_embedding", "total_entries": 3, "ttl": 604_800},
        "l3_context": {"layer": "L3_context", "total_entries": 3, "ttl": 3_600},
        "combined": {"total_cost_saved": 0.00052, "cache_enabled": True},
    }
    for part, fields in expected.items():
        assert {name: body[part][name] for name in fields} == fields
    assert "days" not in body


async def test_cache_stats_has_outcomes_tiers_and_note_changes(counted: Container) -> None:
    await use(counted)
    await counted.freshness.note_changed(updated("ann", "b", "Hope is an anchor."))
    body = (await get(counted)).json()
    assert body["combined"]["total_requests"] == 5
    assert body["combined"]["answer_hit_rate"] == 0.4
    assert body["combined"]["combined_hit_rate"] == 0.6
    assert body["combined"]["total_cost_spent"] == pytest.approx(3 * COST)
    assert body["tiers"] == {
        "l1": {"hits": 1, "misses": 4, "stores": 3, "drops": 2},
        "l2": {"hits": 1, "misses": 3, "stores": 3, "drops": 0},
        "l3": {"hits": 0, "misses": 4, "stores": 3, "drops": 2},
    }
    outcomes = {"exact": 1, "semantic": 1, "l2": 1, "none": 2}
    assert body["outcomes"] == dict.fromkeys(body["outcomes"], 0) | outcomes
    assert body["note_changes"]["acknowledged"] == 3
    assert body["note_changes"]["answers_dropped"] == 3
    assert 0 <= body["note_changes"]["avg_lag_ms"] < 5_000
    assert body["memory_mb"] > 0


async def test_day_record_of_a_replay_has_the_expected_totals(counted: Container) -> None:
    """Two users ask ten questions three times; the second user's embeddings are cached."""
    stay_within_a_day(30)
    for user in ("ann", "bob"):
        await counted.freshness.note_changed(updated(user, "a", "Faith is trust in the unseen."))
    questions = [f"What is chapter {number} about?" for number in range(10)]
    for user, times in (("ann", 3), ("bob", 3)):
        for _ in range(times):
            for question in questions:
                await ask(counted, user, question)
    await counted.pending_counters.flush(counted.redis_client)  # type: ignore[arg-type]  # the cache is on
    (day,) = (await get(counted, f"{STATS}?days=1")).json()["days"]
    generated = 20
    assert day["date"] == time.strftime("%Y-%m-%d", time.gmtime())
    assert day["total_requests"] == 60
    assert day["cache_hits"] == {"l1": 40, "l2": 10, "l3": 0}
    assert day["combined_hit_rate"] == pytest.approx(50 / 60, abs=1e-4)
    assert day["cost_baseline"] == pytest.approx(60 * COST)
    assert day["cost_actual"] == pytest.approx(generated * COST)
    assert day["cost_saved"] == pytest.approx(40 * COST)
    assert 0 < day["avg_latency_cached_ms"] < day["avg_latency_uncached_ms"]
    assert day["avg_latency_uncached_ms"] >= 50
    assert day["redis_memory_mb"] > 0


async def test_each_requested_day_has_a_record_and_today_is_the_last(
    counted: Container,
) -> None:
    stay_within_a_day(10)
    days = (await get(counted, f"{STATS}?days=30")).json()["days"]
    assert len({day["date"] for day in days}) == 30
    assert days == sorted(days, key=lambda day: day["date"])
    assert days[-1]["date"] == time.strftime("%Y-%m-%d", time.gmtime())
    empty = days[0]
    assert empty["total_requests"] == 0
    assert (empty["combined_hit_rate"], empty["avg_latency_cached_ms"]) == (None, None)


async def test_window_is_the_sum_of_its_days(
    counted: Container, counting_server: ValkeyProcess
) -> None:
    stay_within_a_day(10)
    write_counter_history(counting_server.port)
    body = (await get(counted, f"{STATS}?days=30")).json()
    window, days = body["window"], body["days"]
    for name in (
        "total_requests",
        "trimmed",
        "redis_outages",
        "stores_refused",
        "cache_unavailable",
    ):
        assert window[name] == sum(day[name] for day in days) > 0
    assert window["cost_saved"] == pytest.approx(sum(day["cost_saved"] for day in days))
    for part in ("outcomes", "matches_rejected", "cache_hits"):
        for name, number in window[part].items():
            assert number == sum(day[part][name] for day in days)
    changes = window["note_changes"]
    assert changes["answers_retained"] == sum(
        day["note_changes"]["answers_retained"] for day in days
    )
    slowest = max(day["note_changes"]["avg_lag_ms"] for day in days)
    assert 0 < changes["avg_lag_ms"] < slowest
    written = window["latency_ms"]["generated"]
    assert written["count"] == sum(day["latency_ms"]["none"]["count"] for day in days)
    assert 0 < written["p50"] < written["p95"]


async def test_judged_hits_have_an_interval_and_the_threshold_in_effect(
    counted: Container,
) -> None:
    """The days are those of the judgements; a raised threshold replaces that of the settings."""
    stay_within_a_day(10)
    none = {"judged": 0, "wrong": 0}
    shares = ("wrong_share", "wrong_share_low", "wrong_share_high")
    before = (await get(counted, f"{STATS}?days=2")).json()
    assert before["similarity_threshold"] == 0.85
    assert before["matches_judged"] == none | dict.fromkeys(shares)
    judging = of(replace(counted.settings, wrong_target=0.2))
    for wrong in [False] * 7 + [True] * 3:
        await judging.match_judging._matches.count(wrong=wrong, cost=0)
    body = (await get(judging, f"{STATS}?days=2")).json()
    await judging.aclose()
    expected = {"judged": 10, "wrong": 3, "wrong_share": 0.3}
    expected |= {"wrong_share_low": 0.0667, "wrong_share_high": 0.6525}
    days = [day["matches_judged"] for day in body["days"]]
    assert days == [none | dict.fromkeys(shares), expected]
    assert body["matches_judged"] == body["window"]["matches_judged"] == expected
    assert body["similarity_threshold"] == 0.925
    VALIDATE(body)


@pytest.mark.parametrize(
    "days",
    [
        *["0", "000", "91", "-1", "1.5", "many", "", "٣", "9" * 400, "0" * 5_000],
        # Valid if only some of the digits were read; int() accepts at most 4,300 digits.
        *["0000000019999999999", "00000000" + "1" * 5_000],
    ],
)
async def test_invalid_number_of_days_is_refused(counted: Container, days: str) -> None:
    response = await get(counted, f"{STATS}?days={days}")
    assert "from 1 to 90" in TypeAdapter(Problem).validate_python(response.json()).detail
    assert response.status_code == 422


async def test_leading_zeros_of_days_are_ignored(counted: Container) -> None:
    response = await get(counted, f"{STATS}?days={'0' * 5_000}3")
    assert len(VALIDATE(response.json())["days"]) == 3


@pytest.mark.parametrize("path", [STATS, f"{STATS}?days=3", "/metrics"])
async def test_unavailable_redis_is_a_problem_document_and_shown_by_health(path: str) -> None:
    with start_valkey() as stopped:
        settings = Settings(redis_url=stopped.url, local_mode=True)
    container = of(settings)
    response = await get(container, path)
    problem = TypeAdapter(Problem).validate_python(response.json())
    assert (response.status_code, problem.title) == (503, "Unavailable")
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["retry-after"]) >= 1
    health = await get(container, "/health")
    assert TypeAdapter(Health).validate_python(health.json()).redis_ping == "unavailable"
    await container.aclose()


async def test_disabled_cache_still_returns_statistics(counted: Container) -> None:
    await use(counted)
    disabled = of(replace(counted.settings, cache_enabled=False))
    body = (await get(disabled)).json()
    assert body["combined"]["cache_enabled"] is False
    assert body["l1_query"]["total_hits"] == 2
    await disabled.aclose()


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.mark.parametrize("path", [STATS, "/metrics"])
@pytest.mark.parametrize(
    ("scope", "status"),
    [("stats:read", 200), ("notes:write stats:read", 200), ("notes:write", 403), (None, 403)],
)
async def test_statistics_need_the_scope(
    issuer: Issuer, counting_server: ValkeyProcess, path: str, scope: str | None, status: int
) -> None:
    container = of(issuer.settings(redis_url=counting_server.url, redis_timeout=5))
    async with client_of(container, Authorization=f"Bearer {token(scope=scope)}") as client:
        response = await client.get(path)
    assert response.status_code == status
    if status == 403:
        assert "stats:read" in response.json()["detail"]
    await container.aclose()


async def test_statistics_need_a_token(issuer: Issuer, counting_server: ValkeyProcess) -> None:
    container = of(issuer.settings(redis_url=counting_server.url))
    async with client_of(container, Accept="*/*") as client:
        assert (await client.get(STATS)).status_code == 401
        assert (await client.get("/health")).status_code == 200
    await container.aclose()


def test_lambda_handler_returns_statistics(counting_server: ValkeyProcess) -> None:
    handler = GatewayHandler(
        create_app(of(Settings(redis_url=counting_server.url, redis_timeout=5)))
    )
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
    assert len(VALIDATE(json.loads(response["body"]))["days"]) == 2


async def test_openapi_document_describes_every_route(counted: Container) -> None:
    document = (await get(counted, "/openapi.json")).json()
    assert set(document["paths"]) == {
        f"/v1{path}" for path in (STATS, "/assistant/dashboard", "/metrics", "/health")
    }
    assert {"CacheStats", "Health", "Problem"} <= set(document["components"]["schemas"])
