"""The daily budget of a user, with a real Valkey."""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from functions.ask.app import create_app
from shared.cache import keyspace
from shared.cache.parse_replies import hash_items
from shared.cache.redis.commands import Command
from shared.errors import BudgetExceededError, ConfigurationError, InferenceUnavailableError
from shared.inference.ports import Completion
from shared.notes.messages.note_changed import Operation
from shared.question import Request
from shared.settings import Settings
from tests.support.fakes import create_container
from tests.support.full_stack import ask, updated
from tests.support.utc_day import stay_within_a_day

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.container import Container
    from shared.notes.note import Source


class PricedAnswerer:
    """Answers for a price, or raises `error` if it is set."""

    model = "priced"

    def __init__(self) -> None:
        self.generated = 0
        self.error: Exception | None = None

    async def answer(self, question: str, sources: Sequence["Source"], **_: object) -> Completion:
        await asyncio.sleep(0.02)
        if self.error:
            raise self.error
        self.generated += 1
        return Completion(f"{question} {len(sources)}", self.model, cost=0.01)


@pytest.fixture
def answerer() -> PricedAnswerer:
    stay_within_a_day(60)
    return PricedAnswerer()


@asynccontextmanager
async def opened(url: str, answerer: PricedAnswerer, **settings: Any) -> "AsyncIterator[Container]":
    container = create_container(url, answerer=answerer, redis_timeout=2, **settings)
    await container.background_redis_client.execute(Command.of("FLUSHDB"))
    for user in ("ann", "ben"):
        await container.freshness.note_changed(updated(user, "n", f"{user} eats bread."))
    yield container
    await container.aclose()


async def usage(container: "Container", user: str) -> dict[bytes, bytes]:
    command = Command.of("HGETALL", keyspace.UserKeys.of(user).usage)
    (reply,) = await container.background_redis_client.execute(command)
    return dict(hash_items(reply))


async def test_only_generated_answers_count_and_only_their_user_is_limited(
    valkey_url: str, answerer: PricedAnswerer
) -> None:
    async with opened(valkey_url, answerer, user_daily_generations=2) as container:
        for query in ("one?", "one?", "two?", "one?"):
            await ask(container, "ann", query)
        with pytest.raises(BudgetExceededError):
            await ask(container, "ann", "three?")
        assert (await ask(container, "ann", "two?")).tier == "l1"
        assert (await ask(container, "ben", "three?")).answer
        assert answerer.generated == 3


async def test_cost_is_limited_over_all_generations_of_the_day(
    valkey_url: str, answerer: PricedAnswerer
) -> None:
    async with opened(valkey_url, answerer, user_daily_cost=0.025) as container:
        for query in ("one?", "two?", "three?"):
            await ask(container, "ann", query)
        with pytest.raises(BudgetExceededError):
            await ask(container, "ann", "one?", no_cache=True)
        assert (await usage(container, "ann"))[b"nanodollars"] == b"30000000"


async def test_concurrent_questions_do_not_exceed_the_number(
    valkey_url: str, answerer: PricedAnswerer
) -> None:
    async with opened(valkey_url, answerer, user_daily_generations=5) as container:
        replies = await asyncio.gather(
            *(ask(container, "ann", f"question {n}?") for n in range(20)), return_exceptions=True
        )
        assert answerer.generated == 5
        assert sum(isinstance(each, BudgetExceededError) for each in replies) == 15


async def test_the_budget_is_full_again_on_the_next_day(
    valkey_url: str, answerer: PricedAnswerer
) -> None:
    async with opened(valkey_url, answerer, user_daily_generations=1) as container:
        await ask(container, "ann", "one?")
        yesterday = Command.of("HSET", keyspace.UserKeys.of("ann").usage, "day", "20260101")
        await container.background_redis_client.execute(yesterday)
        assert (await ask(container, "ann", "two?")).answer
        with pytest.raises(BudgetExceededError):
            await ask(container, "ann", "three?")


@pytest.mark.parametrize(("cost", "left"), [(0.0, b"0"), (0.01, b"1")])
async def test_a_failed_generation_counts_only_if_it_cost_something(
    valkey_url: str, answerer: PricedAnswerer, cost: float, left: bytes
) -> None:
    async with opened(valkey_url, answerer, user_daily_generations=1) as container:
        answerer.error = InferenceUnavailableError("overloaded", cost=cost)
        with pytest.raises(InferenceUnavailableError):
            await ask(container, "ann", "one?")
        assert (await usage(container, "ann"))[b"generations"] == left


async def test_the_deletion_of_a_user_deletes_their_usage(
    valkey_url: str, answerer: PricedAnswerer
) -> None:
    async with opened(valkey_url, answerer, user_daily_generations=1) as container:
        await ask(container, "ann", "one?")
        assert await usage(container, "ann")
        change = updated("ann", "n", "").model_copy(
            update={"operation": Operation.USER_DELETED, "note_id": None, "text": None}
        )
        await container.freshness.note_changed(change)
        assert not await usage(container, "ann")


async def test_response_is_429_with_the_seconds_until_midnight(
    valkey_url: str, answerer: PricedAnswerer
) -> None:
    settings = {"user_daily_generations": 1, "local_mode": True}
    async with opened(valkey_url, answerer, **settings) as container:
        await ask(container, "ann", "one?")
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(container)), base_url="http://127.0.0.1"
        ) as client:
            response = await client.post(
                "/assistant/query", json={"query": "two?"}, headers={"X-Tercet-User": "ann"}
            )
        assert response.status_code == 429
        assert 0 < int(response.headers["Retry-After"]) <= 86_400
        assert response.json()["type"] == "urn:problem-type:tercet:budget-exceeded"
        assert "cached answers are still returned" in response.json()["detail"]


async def test_without_redis_the_budget_is_not_enforced(answerer: PricedAnswerer) -> None:
    container = create_container("redis://127.0.0.1:1", answerer=answerer, user_daily_generations=1)
    await container.store.replace_note(*await _note(container))
    for query in ("one?", "two?"):
        assert (await container.assistant.ask(Request("ann", query))).answer
    await container.aclose()


async def _note(container: "Container") -> Any:
    from shared.notes.chunking.split import ChunkLimits  # noqa: PLC0415  # only this test
    from shared.notes.ingest import chunk_and_embed  # noqa: PLC0415  # only this test
    from shared.notes.note import Note  # noqa: PLC0415  # only this test

    note = Note("ann", "n", "", "Ann eats bread.", 1, 1)
    return note, await chunk_and_embed(note, container.embedder, limits=ChunkLimits())


def test_a_budget_requires_the_cache() -> None:
    with pytest.raises(ConfigurationError, match="CACHE_ENABLED=true"):
        Settings(user_daily_generations=1, cache_enabled=False)
