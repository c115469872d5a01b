"""Round trips to Redis, counted by a proxy."""

from collections.abc import AsyncIterator, Iterator

import pytest

from shared.container import Container
from shared.settings import Settings
from tests.support.full_stack import MINILM, QuotingAnswerer, ask, updated
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.servers import CountingProxy, ValkeyCluster, valkey_cluster


@pytest.fixture(scope="module")
def counted_cluster() -> Iterator[ValkeyCluster]:
    with valkey_cluster(proxies=True) as cluster:
        yield cluster


@pytest.fixture
def counted_server(valkey_url: str) -> Iterator[CountingProxy]:
    port = int(valkey_url.rsplit(":", 1)[1].split("/", maxsplit=1)[0])
    with CountingProxy(port) as proxy:
        yield proxy


@pytest.fixture(params=["standalone", pytest.param("cluster", marks=pytest.mark.cluster)])
async def counted(
    request: pytest.FixtureRequest,
) -> AsyncIterator[tuple[Container, CountingProxy | ValkeyCluster]]:
    """A container with one note, open connections and loaded scripts."""
    clustered = request.param == "cluster"
    counter = request.getfixturevalue("counted_cluster" if clustered else "counted_server")
    settings = Settings(redis_url=counter.url, redis_cluster=clustered, redis_timeout=2)
    container = Container(
        settings, store=MemoryNoteStore(), embedder=MINILM, answerer=QuotingAnswerer()
    )
    user = request.node.name
    await container.freshness.note_changed(updated(user, "a", "Faith is trust in what is unseen."))
    for question in ("What is hope?", "What is love?", "Define love", "What is peace?"):
        await ask(container, user, question)
    yield container, counter
    await container.aclose()


async def round_trips(
    container: Container,
    counter: CountingProxy | ValkeyCluster,
    question: str,
    request: pytest.FixtureRequest,
) -> tuple[str | None, int]:
    before = counter.round_trips
    reply = await ask(container, request.node.name, question)
    return reply.tier, counter.round_trips - before


async def test_exact_hit_makes_one_round_trip(
    counted: tuple[Container, CountingProxy | ValkeyCluster], request: pytest.FixtureRequest
) -> None:
    assert await round_trips(*counted, "what is HOPE", request) == ("l1", 1)


async def test_miss_makes_three_round_trips(
    counted: tuple[Container, CountingProxy | ValkeyCluster], request: pytest.FixtureRequest
) -> None:
    """On the cluster two of them reach up to three nodes at once, and each node counts."""
    tier, count = await round_trips(*counted, "What did Abraham believe?", request)
    assert tier is None
    assert 3 <= count <= (7 if isinstance(counted[1], ValkeyCluster) else 3)


async def test_semantic_hit_makes_four_round_trips_and_its_alias_one(
    counted: tuple[Container, CountingProxy | ValkeyCluster], request: pytest.FixtureRequest
) -> None:
    """On the cluster one of them reaches up to three nodes at once, and one up to two."""
    tier, count = await round_trips(*counted, "Define hope", request)
    assert tier == "l1"
    assert 4 <= count <= (7 if isinstance(counted[1], ValkeyCluster) else 4)
    assert await round_trips(*counted, "Define hope", request) == ("l1", 1)


async def test_threshold_that_may_be_raised_takes_no_further_round_trip(
    counted_server: CountingProxy, request: pytest.FixtureRequest
) -> None:
    settings = Settings(redis_url=counted_server.url, redis_timeout=2, wrong_target=0.01)
    container = Container(
        settings, store=MemoryNoteStore(), embedder=MINILM, answerer=QuotingAnswerer()
    )
    await container.freshness.note_changed(updated(request.node.name, "a", "Faith is trust."))
    for question in ("What is hope?", "What is love?"):
        await ask(container, request.node.name, question)
    asked = [
        await round_trips(container, counted_server, question, request)
        for question in ("What is HOPE", "Where did Jonah flee to?")
    ]
    await container.aclose()
    assert asked == [("l1", 1), (None, 3)]
