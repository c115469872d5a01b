"""`GET /assistant/cache-stats` by dates, by hours of today, and its recent requests."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from pydantic import TypeAdapter

from functions.stats.schemas import CacheStats
from infra.local.commands.serve import build_local_app
from infra.local.valkey import ValkeyProcess
from shared.container import Container
from tests.support.counter_history import write_counter_history
from tests.support.full_stack import ask, updated
from tests.support.stats_app import ANN, STATS, get
from tests.support.utc_day import stay_within_a_day

VALIDATE = TypeAdapter(CacheStats).validate_python


def days_ago(number: int) -> date:
    return datetime.now(UTC).date() - timedelta(number)


async def test_dates_select_the_days_of_the_response(
    counted: Container, counting_server: ValkeyProcess
) -> None:
    stay_within_a_day(20)
    write_counter_history(counting_server.port)
    month = (await get(counted, f"{STATS}?days=30")).json()["days"]
    body = (await get(counted, f"{STATS}?from={days_ago(9)}&to={days_ago(3)}")).json()
    VALIDATE(body)
    assert body["days"] == month[-10:-3]
    assert body["window"]["total_requests"] == sum(day["total_requests"] for day in month[-10:-3])
    assert body["window"]["latency_ms"]["all"]["p95"] > 0
    assert [day["redis_memory_mb"] for day in body["days"]] == [None] * 7
    today = (await get(counted, f"{STATS}?from={days_ago(0)}&to={days_ago(0)}")).json()
    assert [day["redis_memory_mb"] > 0 for day in today["days"]] == [True]


@pytest.mark.parametrize(
    ("first", "last", "rest", "message"),
    [
        ("2026-11-01", "", "", "must both be dates"),
        ("2026-11-01", "yesterday", "", "must both be dates"),
        ("2026-W48-5", "2026-11-27", "", "must both be dates"),
        ("20261127", "20261127", "", "must both be dates"),
        ("2026-11-27T00:00", "2026-11-27", "", "must both be dates"),
        ("2026-11-27", "2026-11-31", "", "must both be dates"),
        ("2026-11-27", "٢٠٢٦-11-27", "", "must both be dates"),
        (days_ago(2), days_ago(3), "", "must not be after"),
        (days_ago(90), days_ago(3), "", f"from ({days_ago(90)}) must not be after"),
        (days_ago(3), days_ago(-2), "", "must not be after"),
        (days_ago(3), days_ago(2), "&days=7", "either days, or from and to"),
    ],
)
async def test_invalid_dates_are_refused(
    counted: Container, first: object, last: object, rest: str, message: str
) -> None:
    response = await get(counted, f"{STATS}?from={first}&to={last}{rest}")
    assert response.status_code == 422
    assert message in response.json()["detail"]


async def test_only_one_date_is_refused(counted: Container) -> None:
    assert (await get(counted, f"{STATS}?to={days_ago(0)}")).status_code == 422


async def test_requests_are_counted_in_their_hour(counted: Container) -> None:
    stay_within_a_day(30)
    await counted.freshness.note_changed(updated("ann", "a", "Faith is trust in the unseen."))
    first = datetime.now(UTC).hour
    for question in ("What is faith?", "what is FAITH", "what is faith"):
        await ask(counted, "ann", question)
    last = datetime.now(UTC).hour
    await counted.pending_counters.flush(counted.redis_client)  # type: ignore[arg-type]  # the cache is on
    hours = (await get(counted, f"{STATS}?days=1")).json()["today_by_hour"]
    assert [each["hour"] for each in hours] == list(range(24))
    within = [each for each in hours if first <= each["hour"] <= last]
    assert sum(each["total_requests"] for each in within) == 3
    assert sum(each["answers_avoided"] for each in hours) == 2
    assert "today_by_hour" not in (await get(counted)).json()


async def test_recent_requests_have_ids_and_outcomes_but_no_text(counted: Container) -> None:
    await counted.freshness.note_changed(updated("ann", "a", "Faith is trust in the unseen."))
    transport = httpx.ASGITransport(build_local_app(counted))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=ANN, timeout=60
    ) as client:
        for path in ("/assistant/query", "/playground/ask"):
            await client.post(path, json={"query": "What is faith?"})
        await client.post("/assistant/query", json={"query": "?!"})  # not answered
        async with client.stream(
            "POST",
            "/playground/ask",
            json={"query": "What is hope?"},
            headers={"Accept": "text/event-stream"},
        ) as response:
            await response.aread()
        body = (await client.get(STATS)).json()
    VALIDATE(body)
    recent = body["recent_requests"]
    assert [(each["outcome"], each["tier"]) for each in recent] == [
        ("none", None),
        ("exact", "l1"),
        ("none", None),
    ]
    for each in recent:
        assert set(each) == {
            *("request_id", "timestamp", "outcome", "tier", "status", "duration_ms")
        }
        assert datetime.fromisoformat(each["timestamp"]) <= datetime.now(UTC)
        assert (each["status"], len(each["request_id"])) == (200, 36)
    assert 0 < recent[1]["duration_ms"] < recent[0]["duration_ms"]


async def test_recent_requests_are_limited(counted: Container) -> None:
    transport = httpx.ASGITransport(build_local_app(counted))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=ANN, timeout=60
    ) as client:
        asked = [
            client.post("/assistant/query", json={"query": f"What is {n}?"}) for n in range(25)
        ]
        await asyncio.gather(*asked)
        assert len((await client.get(STATS)).json()["recent_requests"]) == 20
