"""Freshness: requests, note changes, evictions and faults in random order, checked by an oracle.

`tests/support/interleaving/history.py` defines which responses are correct. A failure names its
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
from shared.semantic_match import SemanticMatcher
from tests.support.interleaving.adapters import Wire, to_source
from tests.support.interleaving.history import StaleError, Version, explain, rank
from tests.support.interleaving.mutations import MUTATIONS, Mutation
from tests.support.interleaving.scenarios import (
    ALIASES,
    CONVERSATIONS,
    OPEN_CIRCUITS,
    REFUSED_TEXTS,
    SEQUENCED,
    STREAMING,
    STREAMING_FAULTS,
    Scenario,
    seeds,
)
from tests.support.interleaving.world import run

FAST_WORLDS, WORLDS = 200, 2_000
"""Worlds of the fast suite, and of both suites; `make eval` runs 200,000."""
PARTS = 4
FAST = [range(part, FAST_WORLDS, PARTS) for part in range(PARTS)]
SLOW = [range(FAST_WORLDS + part, WORLDS, PARTS) for part in range(PARTS)]
ENOUGH = 10_000  # worlds; most mutations are detected within a few hundred

SLOW_MUTATIONS = {
    "aliases_own_search_not_checked",
    "carried_hits_grow",
    "drop_keeps_the_fence",
    "fence_rotated_after_the_index_is_read",
    "unreadable_notes_drop_nothing",
    "failed_drop_is_acknowledged",
    "no_epsilon",
    "alias_outlives_its_answer",
    "context_counts_as_answer",
    "fence_rotated_before_the_store_is_written",
    "lookup_from_before_is_shared",
    "lookup_in_progress_is_shared",
    "used_notes_kept_if_their_sources_exist",
    "refusal_is_not_replicated",
    "evicted_index_is_not_replicated",
    "rotation_is_not_replicated",
    "tags_ignored_by_coalescing",
    "lost_tags_are_ignored",
    "text_of_an_abandoned_generation_is_shared",
    "warming_stores_with_the_fence_of_the_end",
    "circuit_breakers_are_checked_only_before_warming",
    "drop_is_not_replicated",
    "warming_reads_the_fence_again",
    "refusals_are_deleted_when_all_notes_change",
    "warming_has_no_budget",
    "change_that_is_not_stored_drops_nothing",
    "lock_of_another_fence_is_followed",
    "no_rule_for_fewer_than_k",
}
"""Mutations that are detected only after several hundred worlds."""


@pytest.mark.parametrize(
    "seeds_of_part",
    [*FAST, *(pytest.param(part, marks=pytest.mark.slow) for part in SLOW)],
    ids=str,
)
def test_every_response_is_one_of_the_uncached_pipeline(wire: Wire, seeds_of_part: range) -> None:
    for seed in seeds_of_part:
        run(seed, wire)


def test_former_text_is_not_used_after_a_change_that_cannot_be_embedded(wire: Wire) -> None:
    _run_all(REFUSED_TEXTS, 60, wire)


def test_follow_ups_get_the_answers_of_their_own_conversation(wire: Wire) -> None:
    _run_all(CONVERSATIONS, 15, wire)


def test_changes_with_a_sequence_are_fresh_whatever_clocks_say(wire: Wire) -> None:
    _run_all(SEQUENCED, 20, wire)


@pytest.mark.parametrize("scenario", [STREAMING, STREAMING_FAULTS], ids=["calm", "faults"])
def test_stream_is_the_answer_and_no_half_is_stored(wire: Wire, scenario: Scenario) -> None:
    """Also with clients that disconnect or time out."""
    _run_all(scenario, 25, wire)


@pytest.mark.parametrize(
    ("mutation", "scenario"),
    [
        pytest.param(
            mutation,
            scenario,
            id=mutation.__name__,
            marks=[pytest.mark.slow] if mutation.__name__ in SLOW_MUTATIONS else [],
        )
        for mutation, scenario in MUTATIONS.items()
    ],
)
def test_mutation_is_detected(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, mutation: Mutation, scenario: Scenario
) -> None:
    mutation(monkeypatch)
    with pytest.raises(StaleError):
        _run_all(scenario, ENOUGH, wire)


def _run_all(scenario: Scenario, worlds: int, wire: Wire) -> None:
    for seed in seeds(scenario, worlds):
        run(seed, wire, scenario)


@pytest.mark.logs_exceptions
def test_world_fails_with_an_exception_that_the_product_logs(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The product answers without a matcher that fails, so no answer would show the fault."""
    monkeypatch.setattr(SemanticMatcher, "match", "not a function")
    with pytest.raises(TypeError, match="not callable"):
        _run_all(ALIASES, 50, wire)


def test_seed_reproduces_its_world(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[object, ...]] = []
    send = Wire.send

    def record(self: Wire, *commands: tuple[object, ...]) -> list[object]:
        sent.extend(commands)
        return send(self, *commands)

    monkeypatch.setattr(Wire, "send", record)

    def commands_of_world() -> list[list[str]]:
        sent.clear()
        run(6, wire)
        return list(map(without_time, sent))

    commands = commands_of_world()
    while any(command[0] == "EVAL" for command in commands):
        commands = commands_of_world()  # a script that is loaded takes another round trip
    assert commands_of_world() == commands


def without_time(command: tuple[object, ...]) -> list[str]:
    """Return a command without the server's time, which is a part of each fence."""
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
        sorted((to_source(query, chunk) for version in choice for chunk in version), key=rank)[:k]
        for choice in product(*admissible.values())
    ]
    other = [to_source(query, chunk) for note_id in "abc" for chunk in _version(rng, note_id)]
    for sources in [*answers, sorted(other, key=rank)[:k]]:
        explained = explain(sources, admissible, lambda chunk: to_source(query, chunk), k) is None
        assert explained == (sources in answers)


def _version(rng: Random, note_id: str) -> Version:
    return tuple(
        Chunk(f"{note_id}#{place}", note_id, rng.choice("xy"), np.array(vector, dtype=np.int8))
        for place, vector in enumerate(rng.choices([(1, 1), (2, 2), (1, 0)], k=rng.randint(0, 2)))
    )


def test_worlds_serve_stale_answers_while_the_circuit_is_open(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without such answers the worlds would not test stale-if-error."""
    stale: list[Reply] = []
    ask = Assistant.ask

    async def record(self: Assistant, request: Request) -> Reply:
        reply = await ask(self, request)
        stale.extend([reply] if reply.stale else [])
        return reply

    monkeypatch.setattr(Assistant, "ask", record)
    for seed in seeds(OPEN_CIRCUITS, 200):
        run(seed, wire)
        if len(stale) > 2:
            return
    pytest.fail("200 worlds served no three stale answers")
