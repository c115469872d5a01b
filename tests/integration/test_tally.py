"""Counters against an independent tally: many requests at once, from several processes."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest

from shared import statistics
from shared.assistant import Request
from shared.container import Container
from shared.errors import InferenceUnavailableError
from shared.inference.model import Completion
from shared.notes.note import Chunk, Note
from shared.settings import Settings
from shared.vectors import Vector, canonical
from tests.support.stores import MemoryNoteStore

REQUESTS, PROCESSES, AT_ONCE = 20_000, 4, 32
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

    async def embed(self, texts: Sequence[str], *, deadline: float | None = None) -> list[Vector]:
        things = (text.split()[-1].encode() for text in texts)
        draws = (np.random.default_rng(list(thing)).normal(size=16) for thing in things)
        return [canonical(draw) for draw in draws]

    async def answer(
        self, question: str, sources: object, *, deadline: float | None = None
    ) -> Completion:
        await asyncio.sleep(self._rng.random() / 50)
        if self._rng.random() < 0.1:
            raise InferenceUnavailableError("now and then")
        self.answered += 1
        return Completion(question, self.model, cost=COST_NANODOLLARS / 1e9)


async def take_part(settings: Settings, seed: int, requests: int) -> Counter[str]:
    """Ask as one process of several: a tally of the replies."""
    rng, store = Random(seed), MemoryNoteStore()
    model = Model(rng)
    container = Container(settings, store=store, embedder=model, answerer=model)
    (vector,) = await model.embed(["note"])
    for user in range(USERS):
        note = Note(str(user), "note", "", "A note.", version=1, changed_at=1)
        await store.replace(note, [Chunk("note#0", "note", "A note.", vector)])
    tally: Counter[str] = Counter()

    async def ask(request: Request) -> None:
        try:
            reply = await container.assistant.ask(request)
        except InferenceUnavailableError:
            tally["failed"] += 1
        else:
            assert reply.cache == "ok"
            tally[reply.match or f"generated_{reply.tier or 'none'}"] += 1

    async def asker(count: int) -> None:
        for _ in range(count):
            question = f"{rng.choice(('what is', 'define'))} {rng.choice(THINGS)}"
            fresh = rng.random() < 0.05
            tally["fresh"] += fresh
            await ask(Request(str(rng.randrange(USERS)), question, fresh=fresh))
            if rng.random() < 0.02:
                user = str(rng.randrange(USERS))
                await container.freshness._invalidation.raise_fence(user)
                await container.freshness._invalidation.drop(user, [], lag=3)
                tally.update(changes=1, lag_ms=3)

    # A cluster's client learns the slots with its first command; then all at once.
    await asker(requests % AT_ONCE)
    await asyncio.gather(*(asker(requests // AT_ONCE) for _ in range(AT_ONCE)))
    await container.aclose()
    tally["answered"] = model.answered
    return tally


def start(settings: dict[str, Any], seed: int, requests: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", __name__, json.dumps(settings), str(seed), str(requests)],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("kind", ["standalone", "cluster"])
async def test_counters_equal_an_independent_tally_exactly(
    kind: str, request: pytest.FixtureRequest
) -> None:
    """Hits, other wordings, joined flights, failures, changes meanwhile: all at once."""
    clustered = kind == "cluster"
    url = request.getfixturevalue("cluster_url" if clustered else "valkey_url")
    given = {"redis_url": url, "redis_cluster": clustered, "redis_timeout": 5}
    settings = Settings(**given)
    each = REQUESTS // PROCESSES
    container = Container(settings)
    before = (await statistics.read(container.ledger)).total
    running = [start(given, seed, each) for seed in range(PROCESSES)]
    tally: Counter[str] = Counter()
    for process in running:
        output, _ = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0
        tally.update(json.loads(output))
    after = (await statistics.read(container.ledger)).total
    await container.aclose()

    def counted(name: str) -> int:
        return after[name] - before[name]

    asked = PROCESSES * each
    answered = sum(tally[f"generated_{tier}"] for tier in ("l3", "l2", "none"))
    assert answered == tally["answered"]
    assert after.requests - before.requests == asked
    avoided = tally["exact"] + tally["semantic"]
    assert avoided + answered + tally["failed"] == asked == REQUESTS
    assert after.exact - before.exact == tally["exact"] > 0
    assert counted("semantic_hits") == tally["semantic"] > 0
    assert counted("bypassed") == tally["fresh"] > 0
    for tier in ("l3", "l2", "none"):
        assert counted(f"generated_{tier}") == tally[f"generated_{tier}"]
    assert counted("spent_nanodollars") == answered * COST_NANODOLLARS
    assert counted("saved_nanodollars") == avoided * COST_NANODOLLARS
    assert counted("l1_stores") + counted("refused_by_fence") >= answered
    assert (counted("invalidations"), counted("lag_ms")) == (tally["changes"], tally["lag_ms"])
    ways = {way: after.latency[way].count - before.latency[way].count for way in after.latency}
    assert ways["exact"] + ways["joined"] == tally["exact"]
    assert ways["semantic"] == tally["semantic"]
    assert ways["joined"] == counted("flights_joined") > 0
    assert ways["failed"] == tally["failed"] > 0
    assert sum(ways.values()) == asked


if __name__ == "__main__":
    made = Settings(**json.loads(sys.argv[1]))
    print(json.dumps(asyncio.run(take_part(made, int(sys.argv[2]), int(sys.argv[3])))))  # noqa: T201
