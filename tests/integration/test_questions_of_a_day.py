"""Questions that depend on the day: no answer of one day is served on another."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, date, datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest

from functions.ask.serializers import serialize_reply
from infra.local.valkey import start_valkey
from shared.cache.index_entries import Entry, decode_index
from shared.cache.keyspace import UserKeys
from shared.cache.parse_replies import hash_items
from shared.cache.pipeline_id import PipelineId
from shared.cache.redis.commands import Command
from shared.errors import CircuitOpenError
from shared.inference.ports import Completion
from shared.notes.note import Source
from shared.question import Question, Request
from shared.question_resolver import QuestionResolver
from shared.reply import Reply
from shared.vectors import Vector
from tests.support.clock import Clock
from tests.support.fakes import HashingEmbedder, create_container
from tests.support.full_stack import ask, updated

ZONES = ("UTC", "Pacific/Auckland", "America/Los_Angeles")
QUESTIONS = (
    *("What is hope today?", "Define hope today", "What was said of hope yesterday?"),
    *("What is hope?", "Define hope"),
)
MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
HOUR = 3_600
TTL = 3 * HOUR


class SynonymEmbedder(HashingEmbedder):
    """Embeds "define" and "what is" as the same."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return await super().embed([text.replace("define", "what is") for text in texts])


class DatedAnswerer:
    """Answers with the date of its prompt and takes `seconds`. It fails while `is_down`."""

    model = "dated"

    def __init__(self, clock: Clock) -> None:
        self.is_down = False
        self.seconds = 0.0
        self._clock = clock

    async def answer(
        self, question: str, sources: Sequence[Source], *, today: date | None = None, **_: object
    ) -> Completion:
        if self.is_down:
            raise CircuitOpenError("down")
        self._clock.ahead += self.seconds
        return Completion(str(today), self.model, cited=(1,))


class World:
    """One Redis, and a container for each time zone."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.clock = clock
        self.answerer = DatedAnswerer(clock)
        self.containers = {
            zone: create_container(
                url,
                answerer=self.answerer,
                time_zone=zone,
                redis_timeout=2,
                answer_ttl=TTL,
                semantic_verifier="none",
                extractive_fallback=False,
            )
            for zone in ZONES
        }
        for container in self.containers.values():
            container.override(embedder=SynonymEmbedder())
        store = self.containers["UTC"].store
        for container in self.containers.values():
            container.override(store=store)
        clock.set(MONDAY_NOON)

    async def ask(self, query: str, zone: str = "UTC", **given: bool) -> Reply:
        return await ask(self.containers[zone], "ann", query, **given)

    async def index(self) -> list[Entry]:
        client = self.containers["UTC"].redis_client
        assert client
        (reply,) = await client.execute(Command.of("HGETALL", UserKeys.of("ann").questions))
        return [entry for entry in decode_index(hash_items(reply)).values() if entry]

    async def check(self, random: Random) -> Counter[str]:
        """Ask at random times and compare each answer with the day of its request."""
        outcomes: Counter[str] = Counter()
        for _ in range(300):
            self.clock.ahead += random.choice((0, 0, 0, 60, HOUR, 7 * HOUR, TTL + HOUR))
            self.answerer.is_down = random.random() < 0.3
            query, zone = random.choice(QUESTIONS), random.choice(ZONES)
            today = datetime.fromtimestamp(time.time(), ZoneInfo(zone)).date()
            try:
                reply = await self.ask(query, zone)
            except CircuitOpenError:
                continue
            assert reply.answer
            expected = today if "day" in query else None
            if reply.answer.text != str(expected):
                raise AssertionError(f"{query!r} on {today} was answered {reply}")
            outcomes[reply.outcome] += 1
        return outcomes


@pytest.fixture
async def world(clock: Clock) -> AsyncIterator[World]:
    server = start_valkey()
    made = World(server.url, clock)
    change = updated("ann", "hope", "Hope is an anchor.")
    await made.containers["UTC"].freshness.note_changed(change)
    yield made
    for container in made.containers.values():
        await container.aclose()
    server.stop()


@pytest.mark.parametrize("seed", range(3))
async def test_every_answer_is_of_the_day_of_its_request(world: World, seed: int) -> None:
    outcomes = await world.check(Random(seed))
    assert min(outcomes[name] for name in ("exact", "semantic", "stale", "l2")) > 2, outcomes


def _drop_the_day_from_the_key(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PipelineId, "on_day", lambda self, day: self)


def _ignore_the_time_zone(patch: pytest.MonkeyPatch) -> None:
    resolve = QuestionResolver.resolve

    async def mutated(self: QuestionResolver, request: Request) -> Question:
        self._time_zone = UTC
        return await resolve(self, request)

    patch.setattr(QuestionResolver, "resolve", mutated)


@pytest.mark.parametrize("mutation", [_drop_the_day_from_the_key, _ignore_the_time_zone])
async def test_mutation_is_detected(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    mutation: Callable[[pytest.MonkeyPatch], None],
) -> None:
    mutation(monkeypatch)
    with pytest.raises(AssertionError, match="was answered"):
        await world.check(Random(0))


async def test_answer_of_yesterday_is_neither_hit_match_nor_stale_answer(world: World) -> None:
    assert (await world.ask("What is hope today?")).stored
    assert (await world.ask("What is hope today?")).match == "exact"
    assert (await world.ask("Define hope today")).match == "semantic"
    world.clock.ahead += 12 * HOUR
    for query in ("What is hope today?", "Define hope today"):
        world.answerer.is_down = True
        with pytest.raises(CircuitOpenError):
            await world.ask(query)
        world.answerer.is_down = False
    reply = await world.ask("Define hope today")
    assert reply.answer
    assert (reply.answer.text, reply.match) == ("2026-11-24", None)


async def test_question_with_a_day_matches_none_without(world: World) -> None:
    """Even where both have one embedding."""
    await world.ask("What is hope?")
    reply = await world.ask("What is hope now?")
    assert reply.match is None
    assert reply.match_rejection is None, "it was no candidate"


@pytest.mark.parametrize(
    ("query", "zone", "hour", "expires"),
    [
        ("What is hope?", "UTC", 22, 25),
        ("What is hope today?", "UTC", 12, 15),
        ("What is hope today?", "UTC", 22, 24),
        ("What is hope today?", "Pacific/Auckland", 10, 11),
    ],
)
async def test_entry_expires_at_midnight_of_the_time_zone_or_before(
    world: World, query: str, zone: str, hour: int, expires: int
) -> None:
    world.clock.set(MONDAY_NOON + (hour - 12) * HOUR)
    await world.ask(query, zone)
    (entry,) = await world.index()
    assert entry.expires == pytest.approx(MONDAY_NOON + (expires - 12) * HOUR, abs=30)


async def test_day_is_that_of_the_beginning_of_a_request(world: World) -> None:
    """An answer that is generated across midnight is not served on the next day."""
    world.clock.ahead += 12 * HOUR - 60
    world.answerer.seconds = 120
    for expected in ("2026-11-23", "2026-11-24"):
        reply = await world.ask("What is hope today?")
        assert reply.answer
        assert reply.answer.text == expected


async def test_concurrent_requests_of_two_days_share_no_answer(world: World) -> None:
    world.clock.ahead += 12 * HOUR - 60
    requests: list[asyncio.Task[Reply]] = []
    for _ in range(3):  # the second and third one wait for the end of the first one's lookup
        if len(requests) == 2:
            world.clock.ahead += 120
        requests.append(asyncio.create_task(world.ask("What is hope today?")))
        await asyncio.sleep(0)
    replies = await asyncio.gather(*requests)
    texts = [reply.answer.text for reply in replies if reply.answer]
    assert texts == ["2026-11-23", "2026-11-23", "2026-11-24"]


async def test_response_states_the_day_and_the_cited_sources_cached_or_not(world: World) -> None:
    bodies = []
    for query in ("What is hope?", "What is hope today?"):
        for _ in range(2):
            request = Request("ann", query)
            bodies.append(json.loads(serialize_reply(request, await world.ask(query))))
    assert [body["metadata"]["valid_on"] for body in bodies] == [None, None, *["2026-11-23"] * 2]
    assert [body["metadata"]["cached"] for body in bodies] == [False, True] * 2
    for body in bodies:
        assert [source["cited"] for source in body["sources"]] == [True]


async def test_note_change_drops_answers_of_a_day(world: World) -> None:
    await world.ask("What is hope today?")
    change = updated("ann", "hope", "Hope is a virtue.")
    await world.containers["UTC"].freshness.note_changed(change)
    reply = await world.ask("What is hope today?")
    assert reply.match is None
    assert reply.sources[0].content == "Hope is a virtue."
