"""How much of each limit the busiest hour uses, and what raises the limit."""

import math
from collections.abc import Mapping, Sequence
from random import Random
from statistics import mean
from typing import NamedTuple

import numpy as np

from shared.cache.keyspace import PARTITIONS
from tests.scale.inputs import (
    API_REQUESTS_PER_SECOND,
    CHANGES_PER_DAY,
    DATABASE_CONNECTIONS,
    FIRST_UNITS_PER_SECOND,
    QUESTIONS_PER_DAY,
    REDIS_CLIENTS,
    SLOT_GB,
    SLOT_UNITS_PER_SECOND,
    Deployment,
    MeasuredCosts,
    parameter,
    peak,
)
from tests.scale.model_host import lognormal
from tests.scale.simulation import JITTER, Result

_NODE_GB = 10.0  # for data, of a cluster node with 13 GB


class Limit(NamedTuple):
    """A limit as deployed by default.

    Attributes:
        name: what is limited, with its unit.
        value: the default.
        turn: what to raise, or what to change where it cannot be raised.
    """

    name: str
    value: float
    turn: str


def changes_per_second(deployment: Deployment, costs: MeasuredCosts) -> float:
    """Return how many changes of different users `invalidate` applies in full batches."""
    random = Random(1)
    batches = [
        max(lognormal(random, costs.change_seconds, JITTER) for _ in range(deployment.batch_size))
        for _ in range(1_000)
    ]
    return deployment.invalidate_concurrency * deployment.batch_size / mean(batches)


def usage(users: int, result: Result, costs: MeasuredCosts) -> dict[Limit, float]:
    """Return how much of each default limit a steady peak needs.

    Args:
        users: the number of users.
        result: of a simulation in which no limit was reached.
        costs: of the simulation.
    """
    default = Deployment.default()
    gb, seconds = users * costs.cached_gb_per_user, len(result.counts.running)
    questions, changes = peak(QUESTIONS_PER_DAY, users), peak(CHANGES_PER_DAY, users)
    return {
        Limit("requests/s to the API", default.rate_limit, "`RateLimit`, `BurstLimit`"): questions,
        Limit("requests/s to the API, quota", API_REQUESTS_PER_SECOND, "quota"): questions,
        Limit("Lambda concurrency, quota", default.lambda_concurrency, "quota"): (
            result.counts.most_in_account
        ),
        Limit(
            "note changes/s of `invalidate`",
            changes_per_second(default, costs),
            "`InvalidateMaxConcurrency`",
        ): changes,
        Limit(
            "warmed answers/s of `WarmFunction`",
            default.warm_concurrency / costs.miss_seconds,
            "`WarmMaxConcurrency`, or `CacheWarming=off`",
        ): changes * costs.warmed_per_change,
        Limit("GB in the cache", parameter("CacheStorageLimitGB"), "`CacheStorageLimitGB`"): gb,
        Limit("GB per slot", SLOT_GB, "`PARTITIONS` of keyspace.py"): gb / PARTITIONS,
        Limit("ECPU/s of a slot", SLOT_UNITS_PER_SECOND, "`PARTITIONS` of keyspace.py"): (
            result.counts.slot_units
        ),
        Limit("ECPU/s of an empty cache", FIRST_UNITS_PER_SECOND, "minimum ECPU/s, in advance"): (
            result.counts.units / seconds
        ),
        Limit("connections to the cache", REDIS_CLIENTS, "a second cache"): result.environments,
        Limit("connections to PostgreSQL", DATABASE_CONNECTIONS, "`max_connections`, a pooler"): (
            result.connections
        ),
    }


def limits_table(used: Mapping[int, Mapping[Limit, float]]) -> str:
    """Format the share of each limit; the limit that is reached first comes first.

    Args:
        used: the usage by number of users, from few to many users.
    """
    shares = {
        limit: {users: amounts[limit] / limit.value for users, amounts in used.items()}
        for limit in next(iter(used.values()))
    }
    reached = {limit: users_at_limit(of_limit) for limit, of_limit in shares.items()}
    rows = [
        [
            limit.name,
            number(limit.value),
            *(f"{share:,.0%}" for share in shares[limit].values()),
            f"{float(f'{reached[limit]:.2g}'):,.0f}",
            limit.turn,
        ]
        for limit in sorted(reached, key=lambda limit: reached[limit])
    ]
    sizes = [f"{users:,} users" for users in used]
    return table(["limit", "default", *sizes, "reached at users", "what to raise"], rows)


def users_at_limit(shares: Mapping[int, float]) -> float:
    """Return the number of users that use a limit fully.

    It is interpolated on logarithmic scales; below and above, the use is proportional.

    Args:
        shares: the used share of the limit by number of users, from few to many users.
    """
    smallest, largest = min(shares), max(shares)
    if shares[smallest] >= 1 or shares[largest] <= 1:
        nearest = smallest if shares[smallest] >= 1 else largest
        return nearest / shares[nearest]
    return math.exp(np.interp(0, np.log([*shares.values()]), np.log([*shares])))


def demand_table(results: Mapping[int, Result], costs: MeasuredCosts) -> str:
    """Format what the busiest hour needs, by number of users."""
    rows: dict[str, list[str]] = {}
    for users, result in results.items():
        gb = users * costs.cached_gb_per_user
        p50, p99 = percentiles(result.counts.running, 50, 99)
        seconds = len(result.counts.running)
        for name, value in {
            "questions/s": peak(QUESTIONS_PER_DAY, users),
            "generated answers/s": result.counts.generations / seconds,
            "note changes/s": peak(CHANGES_PER_DAY, users),
            "concurrency of `ask`: P50": p50,
            "P99": p99,
            "maximum": result.counts.most_running,
            "concurrency of all functions, maximum": result.counts.most_in_account,
            "connections to PostgreSQL": result.connections,
            "ECPU/s": result.counts.units / seconds,
            "ECPU/s, busiest partition and second": result.counts.slot_units,
            "GB in the cache": gb,
            f"shards of a cluster with {_NODE_GB:.0f} GB each": math.ceil(gb / _NODE_GB),
        }.items():
            rows.setdefault(name, []).append(number(value))
    return table(
        ["", *(f"{users:,} users" for users in results)],
        [[name, *cells] for name, cells in rows.items()],
    )


def percentiles(values: Sequence[float], *ranks: int) -> tuple[float, ...]:
    """Return percentiles; zeros if there is no value."""
    return tuple(map(float, np.percentile(values, ranks))) if len(values) else (0.0,) * len(ranks)


def number(value: float) -> str:
    """Format with three significant digits."""
    return f"{float(f'{value:.3g}'):,.10g}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Format a Markdown table."""
    rule = ["---", *("--:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))
