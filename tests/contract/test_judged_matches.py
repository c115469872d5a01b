"""Judged matches and the raised threshold, on each kind of Redis."""

import random
from dataclasses import replace

import pytest

from shared.binomial_interval import clopper_pearson
from shared.cache import keyspace
from shared.cache.counter_reader import CounterReader
from shared.cache.feedback import Feedback
from shared.cache.judged_matches import JudgedMatches, MatchedQuestions
from shared.cache.raised_threshold import ALLOWED, RAISED_SECONDS, RaisedThreshold
from shared.settings import Settings
from tests.contract.test_aliases import FIELD, QUESTION, store_alias
from tests.support.caches import Cache, an_answer

TARGET = 0.1
SETTINGS = Settings(wrong_target=TARGET)


def judged(cache: Cache, settings: Settings = SETTINGS) -> JudgedMatches:
    return JudgedMatches(cache.redis_client, RaisedThreshold(settings))


async def match(cache: Cache) -> str:
    """Store an answer and an alias of it. Return the id of the alias's response."""
    answer = await cache.ask()
    return f"{answer.answer_id}.{await store_alias(cache)}"


async def read_threshold(cache: Cache, threshold: RaisedThreshold | None = None) -> float:
    """Return what a new container reads, or one that has a value already."""
    threshold = threshold or RaisedThreshold(SETTINGS)
    threshold.receive(await cache.redis_client.execute(*threshold.commands()))
    return threshold.value


async def count(cache: Cache, wrong: int, right: int = 0) -> None:
    for each in [False] * right + [True] * wrong:
        await judged(cache).count(wrong=each, cost=0)


async def test_match_is_read_with_both_questions_and_the_answer(cache: Cache) -> None:
    answer_id = await match(cache)
    expected = MatchedQuestions("define faith", QUESTION, an_answer().text)
    assert await judged(cache).read("ann", answer_id) == expected


@pytest.mark.parametrize("event", ["change", "feedback", "new answer", "deletion", "other user"])
async def test_match_that_was_dropped_is_not_read(cache: Cache, event: str) -> None:
    answer_id = await match(cache)
    user_id = "ann"
    match event:
        case "change":
            await cache.invalidation().rotate_fence("ann")
            await cache.invalidation().drop_entries("ann", [FIELD])
        case "feedback":
            await Feedback(cache.redis_client).reject_answer("ann", answer_id)
        case "new answer":
            await cache.ask()
        case "deletion":
            await cache.invalidation().delete_user("ann")
        case _:
            user_id = "bob"
    assert await judged(cache).read(user_id, answer_id) is None


async def test_answer_that_is_no_match_is_not_read(cache: Cache) -> None:
    answer = await cache.ask()
    assert await judged(cache).read("ann", answer.answer_id) is None
    assert await judged(cache).read("ann", f"{answer.answer_id}.{FIELD}") is None


async def test_match_whose_answer_is_corrupt_is_not_read(cache: Cache) -> None:
    answer_id = await match(cache)
    await cache.redis("HSET", keyspace.UserKeys.of("ann").answers, FIELD, b"foreign")
    assert await judged(cache).read("ann", answer_id) is None


async def test_verdicts_and_their_costs_are_counted(cache: Cache) -> None:
    for wrong in (True, False, False, None):
        await judged(cache).count(wrong=wrong, cost=0.00002)
    total = (await CounterReader(cache.redis_client).read_snapshot()).total
    assert (total["matches_judged"], total["matches_judged_wrong"]) == (3, 1)
    assert total["spent_nanodollars"] == 80_000


async def test_threshold_is_raised_by_the_first_wrong_match_beyond_those_allowed(
    cache: Cache,
) -> None:
    await count(cache, wrong=ALLOWED)
    assert await read_threshold(cache) == 0
    await count(cache, wrong=1)
    assert await read_threshold(cache) == pytest.approx(0.925)
    (key,) = [key for key in await cache.scan() if key.endswith(b":state")]
    assert 0 < int(str(await cache.redis("TTL", key))) <= RAISED_SECONDS


async def test_each_raise_halves_the_distance_to_1_and_begins_a_new_sample(cache: Cache) -> None:
    expected = 0.85
    for _ in range(4):
        await count(cache, wrong=ALLOWED)
        before = await read_threshold(cache)
        assert before == (pytest.approx(expected) if expected > 0.85 else 0)
        await count(cache, wrong=1)
        expected = (1 + expected) / 2
        assert await read_threshold(cache) == pytest.approx(expected, abs=1e-5)


async def test_complete_sample_shows_the_target_and_its_wrong_matches_are_forgotten(
    cache: Cache,
) -> None:
    size = RaisedThreshold(SETTINGS).sample_size
    assert clopper_pearson(ALLOWED, size).high <= TARGET
    await count(cache, wrong=ALLOWED, right=size - ALLOWED)
    await count(cache, wrong=ALLOWED)
    assert await read_threshold(cache) == 0


async def test_threshold_is_raised_exactly_where_the_sample_exceeds_the_target(
    cache: Cache,
) -> None:
    """A random sequence of verdicts, against a model of the samples."""
    size = RaisedThreshold(SETTINGS).sample_size
    chosen = random.Random(7)  # a reproducible test
    expected, sample = 0.0, [0, 0]
    for _ in range(6 * size):
        wrong = chosen.random() < 0.6 * TARGET
        await judged(cache).count(wrong=wrong, cost=0)
        sample = [sample[0] + 1, sample[1] + wrong]
        if clopper_pearson(sample[1], max(size, sample[0])).high > TARGET:
            expected, sample = (1 + (expected or 0.85)) / 2, [0, 0]
        elif sample[0] == size:
            sample = [0, 0]
        assert await read_threshold(cache) == pytest.approx(expected, abs=1e-5)
    assert expected > 0


async def test_raise_expires(cache: Cache) -> None:
    threshold = RaisedThreshold(SETTINGS)
    await count(cache, wrong=ALLOWED + 1)
    assert await read_threshold(cache, threshold) > 0
    (key,) = [key for key in await cache.scan() if key.endswith(b":state")]
    await cache.redis("PEXPIRE", key, 0)
    assert await read_threshold(cache, threshold) == 0


@pytest.mark.parametrize(
    "change", [{"similarity_threshold": 0.9}, {"wrong_target": 0.2}, {"chat_model": "another"}]
)
async def test_another_threshold_target_or_judge_begins_anew(
    cache: Cache, change: dict[str, float]
) -> None:
    await count(cache, wrong=ALLOWED + 1)
    other = RaisedThreshold(replace(SETTINGS, **change))  # type: ignore[arg-type]  # by name
    assert await read_threshold(cache, other) == 0


async def test_without_a_target_nothing_is_read_or_raised(cache: Cache) -> None:
    settings = Settings()
    for _ in range(10):
        await judged(cache, settings).count(wrong=True, cost=0)
    assert RaisedThreshold(settings).commands() == []
    assert not [key for key in await cache.scan() if b"threshold" in key]


@pytest.mark.parametrize("foreign", [b"nan", b"1.5", b"-1", b"text", b"\xff", b"0.1"])
async def test_foreign_threshold_is_ignored_and_replaced_by_the_next_raise(
    cache: Cache, foreign: bytes
) -> None:
    await count(cache, wrong=ALLOWED + 1)
    (key,) = [key for key in await cache.scan() if key.endswith(b":state")]
    await cache.redis("SET", key, foreign)
    assert await read_threshold(cache) in {0, 0.1}  # 0.1 is below the settings' and has no effect
    await count(cache, wrong=ALLOWED + 1)
    assert await read_threshold(cache) == pytest.approx(0.925)


@pytest.mark.parametrize("suffix", [b":state", b":counters"])
async def test_foreign_type_is_repaired(cache: Cache, suffix: bytes) -> None:
    await count(cache, wrong=ALLOWED + 1)
    await count(cache, wrong=1)
    (key,) = [key for key in await cache.scan() if key.endswith(suffix) and b"threshold" in key]
    await cache.redis("DEL", key)
    await cache.redis("RPUSH", key, "foreign")
    await count(cache, wrong=ALLOWED + 1)
    assert await read_threshold(cache) > 0.9
