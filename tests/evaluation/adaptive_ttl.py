"""Answers avoided and Redis memory over 14 days, with fixed TTLs and with one that grows with hits.

Six users with 10 readings each ask 20 questions a day. As in `question_mix`, 70 % were asked by the
user before, here in the same wording, and the others are about topics drawn by their popularity.
Which question is repeated is drawn by popularity, too. No note changes and no question matches
another one, so that only the TTL decides. The clock is simulated: after each hour the remaining TTL
of every key in Redis is an hour shorter.
"""

import random
import time
from dataclasses import dataclass
from statistics import mean
from typing import Any
from unittest.mock import patch

from redis.asyncio import Redis

from tests.benchmarks.report import BUILD, Metric, run
from tests.evaluation.datasets import AVAILABLE, topics
from tests.evaluation.embedding_cache import EMBEDDER
from tests.evaluation.evaluation_container import ask_through_cache, import_notes, open_container
from tests.evaluation.question_templates import families
from tests.support.data import devotionals

USERS, NOTES, DAYS, ASKED_A_DAY, REPEATED = 6, 10, 14, 20, 0.7
_HOUR, _DAY, _WEEK = 3_600, 86_400, 604_800

TTLS = {
    "a day": {"answer_ttl": _DAY, "answer_ttl_max": 0},
    "growing": {"answer_ttl": _DAY, "answer_ttl_max": _WEEK},
    "a week": {"answer_ttl": _WEEK, "answer_ttl_max": 0},
}

METRICS = {
    "adaptive_ttl_avoided": Metric(
        unit="share of questions; naive: TTL of a day", budget=0.45, floor=True
    ),
    "adaptive_ttl_avoided_to_week": Metric(
        unit="share of questions; naive: TTL of a week", floor=True
    ),
    "adaptive_ttl_mb": Metric(unit="MB of Redis, mean; naive: TTL of a day"),
    "adaptive_ttl_mb_to_week": Metric(unit="MB of Redis, mean; naive: TTL of a week"),
}

_AGE_KEYS = """
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then
    redis.call('PEXPIRE', key, left - ARGV[1])
  end
end
"""


@dataclass(frozen=True)
class Replay:
    """The share of the questions without a generation, and the mean memory of Redis in MB."""

    avoided: float
    megabytes: float


def stream() -> list[tuple[float, str, str]]:
    """Return when each question is asked (s), its user and its text, in order of time."""
    generator = random.Random(19)
    votes = dict(topics())
    asked = []
    for number in range(USERS):
        user, before = f"user-{number}", list[str]()
        times = sorted(generator.uniform(0, DAYS * _DAY) for _ in range(DAYS * ASKED_A_DAY))
        drawn = generator.choices(list(votes), list(votes.values()), k=len(times) * 4)
        new = iter(dict.fromkeys(drawn))
        for at in times:
            if before and generator.random() < REPEATED:
                (topic,) = generator.choices(before, [votes[each] for each in before])
            else:
                topic = next(new)
                before.append(topic)
            asked.append((at, user, families(topic)[0][0].format(topic)))
    return sorted(asked)


async def replay(asked: list[tuple[float, str, str]], **ttls: int) -> Replay:
    """Ask all questions at their simulated times."""
    clock = SimulatedClock()
    async with open_container("off", **ttls) as container:
        redis: Any = Redis.from_url(container.settings.redis_url)
        generator = random.Random(9)
        for number in range(USERS):
            readings = generator.sample(devotionals(), NOTES)
            notes = {reading["note_id"]: reading["text"] for reading in readings}
            await import_notes(container, f"user-{number}", notes)
        empty, avoided, memory = await _used_mb(redis), 0, []
        with patch.object(time, "time", clock.time):
            for at, user, question in asked:
                while clock.elapsed + _HOUR <= at:
                    clock.elapsed += _HOUR
                    await redis.eval(_AGE_KEYS, 0, 1000 * _HOUR)
                    if clock.elapsed % _DAY == 0:
                        memory.append(await _used_mb(redis) - empty)
                reply = await ask_through_cache(container, user, question)
                avoided += reply.tier == "l1"
        await redis.aclose()
    return Replay(avoided / len(asked), mean(memory))


class SimulatedClock:
    """`time.time` plus the elapsed time of the replay, in seconds."""

    def __init__(self) -> None:
        """Start now. The real time that the replay takes does not pass."""
        self._start = time.time()
        self.elapsed = 0

    def time(self) -> float:
        """Return the simulated time in seconds since 1970."""
        return self._start + self.elapsed


async def _used_mb(redis: Any) -> float:
    return float((await redis.info("memory"))["used_memory"]) / 1e6


async def collect_metrics() -> dict[str, Metric]:
    """Measure, and print the three replays."""
    if not AVAILABLE:
        return METRICS
    asked = stream()
    await EMBEDDER.questions(question for _, _, question in asked)
    replays = {name: await replay(asked, **ttls) for name, ttls in TTLS.items()}
    for name, each in replays.items():
        print(f"  TTL {name:<8} avoided {each.avoided:.1%}   Redis {each.megabytes:.2f} MB")
    day, growing, week = replays.values()
    values = {
        "adaptive_ttl_avoided": (growing.avoided, day.avoided),
        "adaptive_ttl_avoided_to_week": (growing.avoided, week.avoided),
        "adaptive_ttl_mb": (growing.megabytes, day.megabytes),
        "adaptive_ttl_mb_to_week": (growing.megabytes, week.megabytes),
    }
    return {name: METRICS[name].with_value(*pair) for name, pair in values.items()}


if __name__ == "__main__":
    run("tests.evaluation", ("adaptive_ttl",), BUILD / "eval.json", ())
