"""Two releases with different index entries run side by side: no answer is stale."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from redis import Redis

from infra.local.valkey import start_valkey
from shared.cache.keyspace import UserKeys
from tests.support.release import Release, other_release
from tests.support.waiting import repeated

Call = Callable[[str, str], Awaitable[str]]
QUESTIONS = ["What is faith?", "What is hope?", "What is love?"]


@dataclass(frozen=True)
class Deploy:
    """The present and the other release, and their Redis."""

    present: Call
    other: Call
    redis: "Redis"


@pytest.fixture
async def deploy(tmp_path: Path) -> AsyncIterator[Deploy]:
    server = start_valkey()
    notes = tmp_path / "notes.db"
    present = Release(server.url, notes)

    async def call(method: str, argument: str) -> str:
        result: str = await getattr(present, method)(argument)
        return result

    async with other_release(tmp_path / "other", server.url, notes) as other:
        with Redis.from_url(server.url) as redis:
            yield Deploy(call, other.call, redis)
    await present.aclose()
    server.stop()


async def test_each_release_drops_what_the_other_stored(deploy: Deploy) -> None:
    versions = set()
    for number, (storing, changing) in enumerate(
        [(deploy.present, deploy.other), (deploy.other, deploy.present)] * 5
    ):
        former, text = f"Faith is trust {number}.", f"Faith is a gift {number}."
        await storing("change", former)
        for query in QUESTIONS:
            assert (await storing("ask", query)).endswith(former)
            assert (await storing("ask", query)).startswith("l1 "), "it is cached"
        index: dict[bytes, bytes] = deploy.redis.hgetall(UserKeys.of("ann").questions)  # type: ignore[assignment]  # typed for both of redis-py's clients
        versions |= {value[:1] for field, value in index.items() if field != b"fence"}
        await changing("change", text)
        for query in QUESTIONS:
            assert (await storing("ask", query)).endswith(text)
            assert (await changing("ask", query)).endswith(text)
    assert len(versions) == 2, "the releases store entries of two versions"


async def test_no_answer_is_stale_in_any_order_of_two_releases(deploy: Deploy) -> None:
    rng, releases, text = Random(3), (deploy.present, deploy.other), "Faith is trust."
    await deploy.other("change", text)
    for number in range(300):
        if rng.random() < 0.25:
            text = f"Faith is edition {number}."
            await rng.choice(releases)("change", text)
        assert (await rng.choice(releases)("ask", rng.choice(QUESTIONS))).endswith(text)


@pytest.mark.parametrize("generating", ["present", "other"])
async def test_change_by_one_release_refuses_what_the_other_generates(
    deploy: Deploy, generating: str
) -> None:
    releases = {"present": deploy.present, "other": deploy.other}
    slow = releases.pop(generating)
    (changing,) = releases.values()
    await slow("change", "Faith is trust.")
    await slow("hold", "yes")
    asking = asyncio.ensure_future(slow("ask", QUESTIONS[0]))

    async def has_begun() -> bool:
        return await slow("begun", "") == "1"

    await repeated(has_begun)
    await changing("change", "Faith is a gift.")
    await slow("hold", "")
    assert (await asking).endswith("Faith is trust."), "it began before the change"
    assert (await slow("ask", QUESTIONS[0])).endswith("Faith is a gift.")
    assert (await changing("ask", QUESTIONS[0])).endswith("Faith is a gift.")
