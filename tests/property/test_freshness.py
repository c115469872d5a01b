"""No answer from before: asks, changes, evictions and faults in every order a seed can draw.

What a response may be is written in `tests/support/interleaving/history.py`. A failure names its
seed: `python -m tests.evaluation.freshness --seed SEED` runs that world again.
"""

import re
from itertools import product
from random import Random

import numpy as np
import pytest

from shared.assistant import Assistant
from shared.notes.note import Chunk
from shared.question import Request
from shared.reply import Reply
from tests.support.interleaving.climates import PAUSES, Climate, seeds
from tests.support.interleaving.history import StaleError, Version, explain, rank
from tests.support.interleaving.mutations import MUTATIONS, Mutation
from tests.support.interleaving.ports import Wire, found
from tests.support.interleaving.world import run

pytestmark = pytest.mark.no_cover  # coverage would double the time; other tests cover this code

FAST_WORLDS, WORLDS = 400, 2_000
"""Worlds of the fast suite, and of both suites; `make eval` runs 200,000."""
PARTS = 4
FAST = [range(part, FAST_WORLDS, PARTS) for part in range(PARTS)]
SLOW = [range(FAST_WORLDS + part, WORLDS, PARTS) for part in range(PARTS)]
ENOUGH = 10_000  # worlds; most mutations are detected within a few hundred

SLOW_MUTATIONS = {
    "acknowledged_undone",
    "no_epsilon",
    "alias_outlives_its_answer",
    "fence_before_the_store",
    "lookup_from_before_is_shared",
    "lookup_in_progress_is_shared",
}
"""Mutations that are detected only after several hundred worlds."""


@pytest.mark.parametrize(
    "seeds_of_part",
    [*FAST, *(pytest.param(part, marks=pytest.mark.slow) for part in SLOW)],
    ids=str,
)
def test_every_response_is_what_the_uncached_pipeline_could_have_given(
    wire: Wire, seeds_of_part: range
) -> None:
    for seed in seeds_of_part:
        run(seed, wire)


@pytest.mark.parametrize(
    ("mutation", "climate"),
    [
        pytest.param(
            mutation,
            climate,
            id=mutation.__name__,
            marks=[pytest.mark.slow] if mutation.__name__ in SLOW_MUTATIONS else [],
        )
        for mutation, climate in MUTATIONS.items()
    ],
)
def test_a_pipeline_broken_on_purpose_is_caught(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, mutation: Mutation, climate: Climate
) -> None:
    mutation(monkeypatch)

    def search() -> None:
        for seed in seeds(climate, ENOUGH):
            run(seed, wire)

    with pytest.raises(StaleError):
        search()


def test_a_seed_is_the_same_world_each_time(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[object, ...]] = []
    send = Wire.send

    def noted(self: Wire, *commands: tuple[object, ...]) -> list[object]:
        sent.extend(commands)
        return send(self, *commands)

    run(6, wire)  # for a server that knows no scripts yet is sent them
    monkeypatch.setattr(Wire, "send", noted)
    run(6, wire)
    first = sent.copy()
    sent.clear()
    run(6, wire)
    assert list(map(untimed, sent)) == list(map(untimed, first))


def untimed(command: tuple[object, ...]) -> list[str]:
    """A command without the server's own time, which is a part of each fence."""
    return [re.sub(r"(?<=[0-9a-f]{16})\d{11,16}", "", str(part)) for part in command]


def test_the_oracle_agrees_with_a_search_over_every_choice_of_versions() -> None:
    for seed in range(300):
        _compare_with_search(Random(seed), k=2)


def _compare_with_search(rng: Random, k: int) -> None:
    query = np.array([1, 2], dtype=np.int8)
    admissible = {
        note_id: [_version(rng, note_id) for _ in range(rng.randint(1, 3))]
        for note_id in ("a", "b", "c")
    }
    answers = [
        sorted((found(query, chunk) for version in choice for chunk in version), key=rank)[:k]
        for choice in product(*admissible.values())
    ]
    other = [found(query, chunk) for note_id in "abc" for chunk in _version(rng, note_id)]
    for sources in [*answers, sorted(other, key=rank)[:k]]:
        explained = explain(sources, admissible, lambda chunk: found(query, chunk), k) is None
        assert explained == (sources in answers)


def _version(rng: Random, note_id: str) -> Version:
    return tuple(
        Chunk(f"{note_id}#{place}", note_id, rng.choice("xy"), np.array(vector, dtype=np.int8))
        for place, vector in enumerate(rng.choices([(1, 1), (2, 2), (1, 0)], k=rng.randint(0, 2)))
    )


def test_answers_whose_time_is_up_are_given_while_the_model_is_left_alone(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without such answers the worlds would not test stale-if-error."""
    stale: list[Reply] = []
    ask = Assistant.ask

    async def noting(self: Assistant, request: Request) -> Reply:
        reply = await ask(self, request)
        stale.extend([reply] if reply.stale else [])
        return reply

    monkeypatch.setattr(Assistant, "ask", noting)
    for seed in seeds(PAUSES, 30):
        run(seed, wire)
    assert len(stale) > 2
