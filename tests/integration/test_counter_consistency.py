"""Counters of many concurrent requests in several processes equal the sum of the replies."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import pytest
from redis.asyncio import Redis, RedisCluster

from shared.cache.counters import OUTCOMES
from shared.cache.session import CacheSession
from shared.cache.stats_snapshot import StatsSnapshot
from shared.container import Container
from shared.errors import CircuitOpenError, InferenceUnavailableError
from shared.inference.ports import Completion
from shared.notes.note import Chunk, Note
from shared.question import Request
from shared.settings import Settings
from shared.vectors import Vector, canonical
from tests.support.memory_note_store import MemoryNoteStore

AT_ONCE = 32
USERS = 200
THINGS = ("faith", "hope", "love", "grace", "mercy", "peace", "joy", "truth", "glory", "sin")
COST_NANODOLLARS = 260_000


class Model:
    """Embeds the last word of a text, answers after a short delay, and sometimes fails."""

    dimensions = 16

    def __init__(self, name: str, rng: Random) -> None:
        self.model = name
        self._rng = rng
        self.answered = 0
        self.healthy = False

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        words = (text.split()[-1].encode() for text in texts)
        draws = (np.random.default_rng(list(word)).normal(size=16) for word in words)
        return [canonical(draw) for draw in draws]

    async def answer(self, question: str, sources: object, **_: object) -> Completion:
        await asyncio.sleep(self._rng.random() / 50)
        luck = 1.0 if self.healthy else self._rng.random()
        if luck < 0.1:
            raise InferenceUnavailableError("simulated")
        if luck < 0.13:
            raise CircuitOpenError("simulated")
        self.answered += 1
        return Completion(question, self.model, cost=COST_NANODOLLARS / 1e9)


def count_stored_contexts(expected: Counter[str]) -> None:
    """Count contexts that are stored without an answer, because no reply shows them."""
    store: Any = CacheSession.store

    async def counting(session: CacheSession, *arguments: Any) -> Any:
        stored = await store(session, *arguments)
        expected["contexts"] += stored and arguments[-1] is None
        return stored

    CacheSession.store = counting  # type: ignore[assignment,method-assign]  # this process only


async def write_note(store: MemoryNoteStore, model: Model, user: str) -> None:
    (vector,) = await model.embed(["note"])
    note = Note(user, "note", "", "A note.", version=1, changed_at=1)
    await store.replace_note(note, [Chunk("note#0", "note", "A note.", vector)])


async def run_process(settings: Settings, name: str, seed: int, requests: int) -> Counter[str]:
    """Send requests as one of several processes. Return the sum of the replies."""
    rng, store = Random(seed), MemoryNoteStore()
    model = Model(name, rng)
    container = Container(settings, store=store, embedder=model, answerer=model)
    for user in range(USERS):
        await write_note(store, model, str(user))
    expected: Counter[str] = Counter()

    count_stored_contexts(expected)

    async def ask(request: Request) -> None:
        try:
            reply = await container.assistant.ask(request)
        except InferenceUnavailableError:
            expected["failed"] += 1
        else:
            assert reply.cache == "ok"
            expected["stored"] += reply.stored
            fallback = "stale" if reply.stale else "extractive" if reply.extractive else None
            expected[fallback or reply.match or f"outcome_{reply.tier or 'none'}"] += 1

    async def send(count: int) -> None:
        while count:
            question = f"{rng.choice(('what is', 'define'))} {rng.choice(THINGS)}"
            no_cache = rng.random() < 0.05
            concurrent = min(rng.choice((1, 1, 1, 1, 4)), count)
            count -= concurrent
            expected["no_cache"] += no_cache * concurrent
            request = Request(str(rng.randrange(USERS)), question, no_cache=no_cache)
            await asyncio.gather(*(ask(request) for _ in range(concurrent)))
            if rng.random() < 0.02:
                user = str(rng.randrange(USERS))
                await container.freshness._invalidation.rotate_fence(user)
                await container.freshness._invalidation.drop_entries(user, [], lag_ms=3)
                expected.update(changes=1, lag_ms=3)

    async def change_note_of_own_user() -> None:
        """Change a note of a user of this process alone: what it drops is known in advance."""
        user, model.healthy = f"{name} {seed}", True
        await write_note(store, model, user)
        for thing in THINGS:
            for question in (f"what is {thing}", f"define {thing}", f"what is not {thing}"):
                expected["own_requests"] += 1
                await ask(Request(user, question))
            expected["rejected_by_rules"] += 1  # similar to the first, but negated
        index = await container.freshness._invalidation.rotate_fence(user)
        dropped = sorted(index)[: len(index) // 3]
        await container.freshness._invalidation.drop_entries(user, dropped, lag_ms=3)
        expected.update(
            changes=1, lag_ms=3, dropped=len(dropped), retained=len(index) - len(dropped)
        )
        answers = sum(entry is not None and entry.kind == "a" for entry in map(index.get, dropped))
        expected["answers_dropped"] += answers

    # The first command of a cluster client loads the slots; then all requests are concurrent.
    await send(requests % AT_ONCE)
    await asyncio.gather(*(send(requests // AT_ONCE) for _ in range(AT_ONCE)))
    await change_note_of_own_user()
    await container.aclose()
    expected["answered"] = model.answered
    return expected


async def stored_entries(url: str, *, clustered: bool) -> Counter[str]:
    """Count what Redis contains: embeddings, and index entries by kind."""
    client: Any = (RedisCluster if clustered else Redis).from_url(url)
    found: Counter[str] = Counter()
    async for key in client.scan_iter(count=1_000):
        if b":embedding:" in key:
            found["embeddings"] += 1
        elif key.endswith(b":questions"):
            entries = (await client.hgetall(key)).items()
            found.update(value[1:2].decode() for field, value in entries if field != b"fence")
    await client.aclose()
    return found


def start(settings: dict[str, Any], name: str, seed: int, requests: int) -> "subprocess.Popen[str]":
    arguments = json.dumps([settings, name, seed, requests])
    return subprocess.Popen(
        [sys.executable, "-m", __name__, arguments],
        stdout=subprocess.PIPE,
        text=True,
    )


@dataclass
class Counted:
    """Counters between two snapshots, the expected counts, and the entries found in Redis."""

    begun: StatsSnapshot
    ended: StatsSnapshot
    expected: Counter[str]
    found: Counter[str]
    requests: int

    def __getitem__(self, name: str) -> int:
        return self.ended.total[name] - self.begun.total[name]

    @property
    def asked(self) -> int:
        return self.requests + self.expected["own_requests"]

    def assert_questions(self) -> None:
        expected, before, after = self.expected, self.begun.total, self.ended.total
        answered = sum(expected[f"outcome_{tier}"] for tier in ("l3", "l2", "none"))
        assert answered == expected["answered"]
        assert after.requests - before.requests == self.asked
        avoided = expected["exact"] + expected["semantic"]
        fallbacks = expected["stale"] + expected["extractive"]
        assert avoided + answered + expected["failed"] + fallbacks == self.asked
        assert after.exact_hits - before.exact_hits == expected["exact"] > 0
        assert self["outcome_semantic"] == expected["semantic"] > 0
        assert self["no_cache"] == expected["no_cache"] > 0
        for tier in ("l3", "l2", "none"):
            assert self[f"outcome_{tier}"] == expected[f"outcome_{tier}"]
        assert self["spent_nanodollars"] == answered * COST_NANODOLLARS
        assert self["saved_nanodollars"] == avoided * COST_NANODOLLARS
        assert self["l1_stores"] + self["stores_refused"] >= answered

    def assert_tiers(self) -> None:
        """Each lookup in a tier is a hit or a miss, and each counted store is in Redis."""
        expected, found = self.expected, self.found
        misses = self.asked - expected["no_cache"] - self["l1_hits"] - self["shared_lookups"]
        assert self["l1_misses"] == misses
        assert self["shared_lookups"] > 0
        assert self["l3_hits"] + self["l3_misses"] == misses
        assert self["l2_hits"] + self["l2_misses"] == misses + expected["no_cache"]
        assert min(self[f"{tier}_hits"] for tier in ("l1", "l2", "l3")) > 0
        assert self["l1_stores"] == expected["stored"] > 0
        assert self["l3_stores"] == expected["stored"] + expected["contexts"]
        assert self["l2_stores"] == found["embeddings"] == 3 * len(THINGS)
        before, after = self.begun.entries, self.ended.entries
        assert after.embeddings - before.embeddings == found["embeddings"]
        assert after.answers - before.answers == found["a"] > 0
        assert after.contexts - before.contexts == found["a"] + found["c"]

    def assert_changes(self) -> None:
        expected = self.expected
        assert (self["note_changes"], self["note_change_lag_ms"]) == (
            expected["changes"],
            expected["lag_ms"],
        )
        assert self["answers_dropped"] == expected["dropped"] > 0
        assert self["answers_retained"] >= expected["retained"] > 0
        assert self["l1_drops"] == self["l3_drops"] == expected["answers_dropped"] > 0
        assert self["rejected_by_rules"] == expected["rejected_by_rules"] > 0
        assert self["rejected_by_verifier"] == self["rejected_by_model"] == 0

    def assert_outcomes(self) -> None:
        expected, before, after = self.expected, self.begun.total, self.ended.total
        outcomes = {
            name: after.latency(name).count - before.latency(name).count for name in OUTCOMES
        }
        ended = {name: number - before.outcomes[name] for name, number in after.outcomes.items()}
        assert outcomes["exact"] + outcomes["coalesced"] == expected["exact"]
        assert outcomes["semantic"] == expected["semantic"]
        assert outcomes["coalesced"] == self["outcome_coalesced"] > 0
        for outcome in ("failed", "stale", "extractive"):
            assert outcomes[outcome] == ended[outcome] == expected[outcome]
        assert min(expected["failed"], expected["extractive"]) > 0
        assert ended["other"] == 0
        assert sum(outcomes.values()) == sum(ended.values()) == self.asked


@pytest.mark.parametrize(
    ("kind", "processes", "requests"),
    [
        ("standalone", 2, 2_000),
        pytest.param("standalone", 4, 20_000, marks=pytest.mark.slow),
        pytest.param("cluster", 4, 20_000, marks=[pytest.mark.slow, pytest.mark.cluster]),
    ],
)
async def test_counters_equal_the_sum_of_all_replies(
    kind: str, processes: int, requests: int, request: pytest.FixtureRequest
) -> None:
    """Hits, semantic hits, coalesced requests, failures and note changes happen concurrently."""
    clustered = kind == "cluster"
    url = request.getfixturevalue("cluster_url" if clustered else "valkey_url")
    given = {"redis_url": url, "redis_cluster": clustered, "redis_timeout": 5}
    settings = Settings(**given)
    each = requests // processes
    container = Container(settings)
    assert container.redis_client
    known = await stored_entries(url, clustered=clustered)
    begun = await container.counter_reader.read_snapshot()
    name = f"model {kind} {requests}"  # other tests may have stored embeddings of other models
    running = [start(given, name, seed, each) for seed in range(processes)]
    expected: Counter[str] = Counter()
    for process in running:
        output, _ = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0
        expected.update(json.loads(output))
    ended = await container.counter_reader.read_snapshot()
    await container.aclose()
    found = await stored_entries(url, clustered=clustered) - known

    counted = Counted(begun, ended, expected, found, requests)
    counted.assert_questions()
    counted.assert_tiers()
    counted.assert_changes()
    counted.assert_outcomes()


if __name__ == "__main__":
    given, *others = json.loads(sys.argv[1])
    print(json.dumps(asyncio.run(run_process(Settings(**given), *others))))  # noqa: T201
