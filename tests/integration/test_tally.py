"""Counters against an independent tally: many requests at once, from several processes."""

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
from tests.support.stores import MemoryNoteStore

AT_ONCE = 32
USERS = 200
THINGS = ("faith", "hope", "love", "grace", "mercy", "peace", "joy", "truth", "glory", "sin")
COST_NANODOLLARS = 260_000


class Model:
    """Embeds by what is asked about, answers after a moment, and fails now and then.

    It counts what it answered.
    """

    model, dimensions = "tally", 16

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.answered = 0
        self.well = False

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        things = (text.split()[-1].encode() for text in texts)
        draws = (np.random.default_rng(list(thing)).normal(size=16) for thing in things)
        return [canonical(draw) for draw in draws]

    async def answer(self, question: str, sources: object) -> Completion:
        await asyncio.sleep(self._rng.random() / 50)
        luck = 1.0 if self.well else self._rng.random()
        if luck < 0.1:
            raise InferenceUnavailableError("now and then")
        if luck < 0.13:
            raise CircuitOpenError("as if it were left alone")
        self.answered += 1
        return Completion(question, self.model, cost=COST_NANODOLLARS / 1e9)


def watch_contexts(tally: Counter[str]) -> None:
    """Count contexts that are kept without an answer: no reply tells of them."""
    keep: Any = CacheSession.store

    async def watched(session: CacheSession, *given: Any) -> Any:
        stored = await keep(session, *given)
        tally["contexts"] += stored and given[-1] is None
        return stored

    CacheSession.store = watched  # type: ignore[assignment,method-assign]  # of this process alone


async def write(store: MemoryNoteStore, model: Model, user: str) -> None:
    """Give a user a note."""
    (vector,) = await model.embed(["note"])
    note = Note(user, "note", "", "A note.", version=1, changed_at=1)
    await store.replace_note(note, [Chunk("note#0", "note", "A note.", vector)])


async def take_part(settings: Settings, seed: int, requests: int) -> Counter[str]:
    """Ask as one process of several: a tally of the replies."""
    rng, store = Random(seed), MemoryNoteStore()
    model = Model(rng)
    container = Container(settings, store=store, embedder=model, answerer=model)
    for user in range(USERS):
        await write(store, model, str(user))
    tally: Counter[str] = Counter()

    watch_contexts(tally)

    async def ask(request: Request) -> None:
        try:
            reply = await container.assistant.ask(request)
        except InferenceUnavailableError:
            tally["failed"] += 1
        else:
            assert reply.cache == "ok"
            tally["stored"] += reply.stored
            made_do = "stale" if reply.stale else "extractive" if reply.extractive else None
            tally[made_do or reply.match or f"outcome_{reply.tier or 'none'}"] += 1

    async def asker(count: int) -> None:
        while count:
            question = f"{rng.choice(('what is', 'define'))} {rng.choice(THINGS)}"
            fresh = rng.random() < 0.05
            crowd = min(rng.choice((1, 1, 1, 1, 4)), count)
            count -= crowd
            tally["fresh"] += fresh * crowd
            request = Request(str(rng.randrange(USERS)), question, no_cache=fresh)
            await asyncio.gather(*(ask(request) for _ in range(crowd)))
            if rng.random() < 0.02:
                user = str(rng.randrange(USERS))
                await container.freshness._invalidation.rotate_fence(user)
                await container.freshness._invalidation.drop_entries(user, [], lag_ms=3)
                tally.update(changes=1, lag_ms=3)

    async def change_of_ones_own() -> None:
        """What nobody else asks can be known before: what a change drops of it and keeps."""
        user, model.well = f"own {seed}", True
        await write(store, model, user)
        for thing in THINGS:
            for question in (f"what is {thing}", f"define {thing}", f"what is not {thing}"):
                tally["asked_alone"] += 1
                await ask(Request(user, question))
            tally["rejected_by_rules"] += 1  # the last one is near, and another
        index = await container.freshness._invalidation.rotate_fence(user)
        gone = sorted(index)[: len(index) // 3]
        await container.freshness._invalidation.drop_entries(user, gone, lag_ms=3)
        tally.update(changes=1, lag_ms=3, dropped=len(gone), kept=len(index) - len(gone))
        answers = sum(entry is not None and entry.kind == "a" for entry in map(index.get, gone))
        tally["answers_dropped"] += answers

    # A cluster's client learns the slots with its first command; then all at once.
    await asker(requests % AT_ONCE)
    await asyncio.gather(*(asker(requests // AT_ONCE) for _ in range(AT_ONCE)))
    await change_of_ones_own()
    await container.aclose()
    tally["answered"] = model.answered
    return tally


async def kept_now(url: str, *, clustered: bool) -> Counter[str]:
    """Look for ourselves what Redis has: embeddings, and entries of indexes by their kind."""
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


def start(settings: dict[str, Any], seed: int, requests: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", __name__, json.dumps(settings), str(seed), str(requests)],
        stdout=subprocess.PIPE,
        text=True,
    )


@dataclass
class Counted:
    """What was counted between two readings, beside the tally and what Redis was found to hold."""

    begun: StatsSnapshot
    ended: StatsSnapshot
    tally: Counter[str]
    found: Counter[str]
    requests: int

    def __getitem__(self, name: str) -> int:
        return self.ended.total[name] - self.begun.total[name]

    @property
    def asked(self) -> int:
        return self.requests + self.tally["asked_alone"]

    def assert_questions(self) -> None:
        tally, before, after = self.tally, self.begun.total, self.ended.total
        answered = sum(tally[f"outcome_{tier}"] for tier in ("l3", "l2", "none"))
        assert answered == tally["answered"]
        assert after.requests - before.requests == self.asked
        avoided = tally["exact"] + tally["semantic"]
        made_do = tally["stale"] + tally["extractive"]
        assert avoided + answered + tally["failed"] + made_do == self.asked
        assert after.exact_hits - before.exact_hits == tally["exact"] > 0
        assert self["outcome_semantic"] == tally["semantic"] > 0
        assert self["no_cache"] == tally["fresh"] > 0
        for tier in ("l3", "l2", "none"):
            assert self[f"outcome_{tier}"] == tally[f"outcome_{tier}"]
        assert self["spent_nanodollars"] == answered * COST_NANODOLLARS
        assert self["saved_nanodollars"] == avoided * COST_NANODOLLARS
        assert self["l1_stores"] + self["stores_refused"] >= answered

    def assert_tiers(self) -> None:
        """Each look into a tier is a hit or a miss; what a store counted is there."""
        tally, found = self.tally, self.found
        misses = self.asked - tally["fresh"] - self["l1_hits"] - self["shared_lookups"]
        assert self["l1_misses"] == misses
        assert self["shared_lookups"] > 0
        assert self["l3_hits"] + self["l3_misses"] == misses
        assert self["l2_hits"] + self["l2_misses"] == misses + tally["fresh"]
        assert min(self[f"{tier}_hits"] for tier in ("l1", "l2", "l3")) > 0
        assert self["l1_stores"] == tally["stored"] > 0
        assert self["l3_stores"] == tally["stored"] + tally["contexts"]
        assert self["l2_stores"] == found["embeddings"] == 3 * len(THINGS)
        before, after = self.begun.entries, self.ended.entries
        assert after.embeddings - before.embeddings == found["embeddings"]
        assert after.answers - before.answers == found["a"] > 0
        assert after.contexts - before.contexts == found["a"] + found["c"]

    def assert_changes(self) -> None:
        tally = self.tally
        assert (self["note_changes"], self["note_change_lag_ms"]) == (
            tally["changes"],
            tally["lag_ms"],
        )
        assert self["answers_dropped"] == tally["dropped"] > 0
        assert self["answers_retained"] >= tally["kept"] > 0
        assert self["l1_drops"] == self["l3_drops"] == tally["answers_dropped"] > 0
        assert self["rejected_by_rules"] == tally["rejected_by_rules"] > 0
        assert self["rejected_by_verifier"] == self["rejected_by_sources"] == 0

    def assert_ways(self) -> None:
        tally, before, after = self.tally, self.begun.total, self.ended.total
        outcomes = {
            name: after.latency(name).count - before.latency(name).count for name in OUTCOMES
        }
        served = {name: number - before.outcomes[name] for name, number in after.outcomes.items()}
        assert outcomes["exact"] + outcomes["coalesced"] == tally["exact"]
        assert outcomes["semantic"] == tally["semantic"]
        assert outcomes["coalesced"] == self["outcome_coalesced"] > 0
        for outcome in ("failed", "stale", "extractive"):
            assert outcomes[outcome] == served[outcome] == tally[outcome]
        assert min(tally["failed"], tally["extractive"]) > 0
        assert served["other"] == 0
        assert sum(outcomes.values()) == sum(served.values()) == self.asked


@pytest.mark.parametrize(
    ("kind", "processes", "requests"),
    [
        ("standalone", 2, 2_000),
        pytest.param("standalone", 4, 20_000, marks=pytest.mark.slow),
        pytest.param("cluster", 4, 20_000, marks=[pytest.mark.slow, pytest.mark.cluster]),
    ],
)
async def test_counters_equal_an_independent_tally_exactly(
    kind: str, processes: int, requests: int, request: pytest.FixtureRequest
) -> None:
    """Hits, other wordings, coalesced flights, failures, changes meanwhile: all at once."""
    clustered = kind == "cluster"
    url = request.getfixturevalue("cluster_url" if clustered else "valkey_url")
    given = {"redis_url": url, "redis_cluster": clustered, "redis_timeout": 5}
    settings = Settings(**given)
    each = requests // processes
    container = Container(settings)
    assert container.redis_client
    known = await kept_now(url, clustered=clustered)
    begun = await container.counter_reader.read_snapshot()
    running = [start(given, seed, each) for seed in range(processes)]
    tally: Counter[str] = Counter()
    for process in running:
        output, _ = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0
        tally.update(json.loads(output))
    ended = await container.counter_reader.read_snapshot()
    await container.aclose()
    found = await kept_now(url, clustered=clustered) - known

    counted = Counted(begun, ended, tally, found, requests)
    counted.assert_questions()
    counted.assert_tiers()
    counted.assert_changes()
    counted.assert_ways()


if __name__ == "__main__":
    made = Settings(**json.loads(sys.argv[1]))
    print(json.dumps(asyncio.run(take_part(made, int(sys.argv[2]), int(sys.argv[3])))))  # noqa: T201
