"""What a judged sample of semantic hits shows: coverage of the interval, and how soon a drift.

The verdicts are planted: what a language model judges wrongly is not measured. Coverage: each
replay judges 2 % of its hits at one share of wrong ones. Drift: the share of wrong hits rises in
the middle of a sample, and each verdict is counted by the script on a Valkey server. Noticed is a
drift that raises the threshold within 500 hits.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from infra.local.valkey import start_valkey
from shared.binomial_interval import clopper_pearson
from shared.cache.raised_threshold import ALLOWED, RaisedThreshold
from shared.cache.redis.client import RedisClient
from shared.cache.redis.commands import Command
from shared.cache.redis.factory import open_redis_client
from shared.settings import Settings
from tests.benchmarks.report import BUILD, Metric, run

REPLAYS = 1_000
SHARES = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3)
HITS = (500, 2_000, 10_000, 50_000)
JUDGED = 0.02
TARGET = 0.01
BEFORE = 0.001
DRIFTS = (0.02, 0.05, 0.1, 0.2, 0.5)
JUDGED_SHARES = (0.02, 0.07, 0.15, 0.3, 1.0)
WITHIN = 500

METRICS = {
    "judged_interval_holds": Metric(unit="share of replays", budget=0.95, floor=True),
    "judged_drift_20_at_7": Metric(unit="share of replays", budget=0.95, floor=True),
    "judged_drift_50_at_7": Metric(unit="share of replays", budget=0.95, floor=True),
    "judged_drift_20_at_2": Metric(unit="share of replays"),
    "judged_raised_without_drift": Metric(unit="share of samples", budget=0.05),
}


def measure_coverage(chosen: np.random.Generator) -> float:
    """Return the share of replays whose interval contains the planted share of wrong hits."""
    held = 0
    for replay in range(REPLAYS):
        share, hits = SHARES[replay % len(SHARES)], HITS[replay // len(SHARES) % len(HITS)]
        judged = int(chosen.binomial(hits, JUDGED))
        low, high = clopper_pearson(int(chosen.binomial(judged, share)), judged)
        held += low <= share <= high
    return held / REPLAYS


async def count_raised(
    redis: RedisClient, verdicts: Sequence[NDArray[np.bool_]], chosen: np.random.Generator
) -> int:
    """Count the verdicts of each replay. Return how many replays raised the threshold.

    Each replay begins at a random place of a sample whose share of wrong matches was `BEFORE`.
    """
    await redis.execute(Command.of("FLUSHALL"))
    settings = Settings(wrong_target=TARGET)
    thresholds = [
        RaisedThreshold(replace(settings, chat_model=f"replay {number}"))
        for number in range(len(verdicts))
    ]
    size = thresholds[0].sample_size
    begun = chosen.integers(0, size, len(verdicts))
    wrong = np.minimum(chosen.binomial(begun, BEFORE), ALLOWED)
    await redis.execute(
        *(
            Command.of("HSET", threshold.sample_key, "judged", int(judged), "wrong", int(already))
            for threshold, judged, already in zip(thresholds, begun, wrong, strict=True)
        )
    )
    pending = dict(enumerate(zip(thresholds, verdicts, strict=True)))
    raised = 0
    for at in range(max(map(len, verdicts))):
        pending = {number: replay for number, replay in pending.items() if at < len(replay[1])}
        commands = [
            threshold.count_commands(wrong=bool(judged[at]))[0]
            for threshold, judged in pending.values()
        ]
        replies = await redis.execute(*commands)
        noticed = [number for number, reply in zip(pending, replies, strict=True) if reply]
        raised += len(noticed)
        for number in noticed:
            del pending[number]
    return raised


async def measure_drift(
    redis: RedisClient, drift: float, share: float, chosen: np.random.Generator
) -> float:
    """Return the share of replays in which a drift is noticed within `WITHIN` hits."""
    numbers = chosen.binomial(WITHIN, share, REPLAYS)
    verdicts = [chosen.random(number) < drift for number in numbers]
    return await count_raised(redis, verdicts, chosen) / REPLAYS


async def collect_metrics() -> dict[str, Metric]:
    """Measure, and print the shares of noticed drifts."""
    chosen = np.random.default_rng(19)
    coverage = measure_coverage(chosen)
    noticed: dict[tuple[float, float], float] = {}
    with start_valkey() as server:
        redis = open_redis_client(Settings(redis_url=server.url), timeout=30)
        size = RaisedThreshold(Settings(wrong_target=TARGET)).sample_size
        print(
            f"  target {TARGET:.0%}: samples of {size} matches, {ALLOWED} wrong ones allowed\n"
            f"  share of wrong hits from {BEFORE:.1%} to ...: noticed within {WITHIN} hits"
        )
        print("  judged  " + "".join(f"{drift:>8.0%}" for drift in DRIFTS))
        for share in JUDGED_SHARES:
            for drift in DRIFTS:
                noticed[drift, share] = await measure_drift(redis, drift, share, chosen)
            row = "".join(f"{noticed[drift, share]:>8.1%}" for drift in DRIFTS)
            print(f"  {share:>6.0%}  {row}")
        unchanged = [chosen.random(size) < BEFORE for _ in range(REPLAYS)]
        without = await count_raised(redis, unchanged, chosen) / REPLAYS
        await redis.aclose()
    values = {
        "judged_interval_holds": coverage,
        "judged_drift_20_at_7": noticed[0.2, 0.07],
        "judged_drift_50_at_7": noticed[0.5, 0.07],
        "judged_drift_20_at_2": noticed[0.2, 0.02],
        "judged_raised_without_drift": without,
    }
    return {name: METRICS[name].with_value(value) for name, value in values.items()}


if __name__ == "__main__":
    run("tests.evaluation", ("judged_hits",), BUILD / "eval.json", ())
