"""What the simulation starts from: measured costs, the deployment's parameters, AWS quotas."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from infra.cost import cached_gb, load_inputs
from tests.benchmarks.report import BUILD
from tests.load import ANSWER_SECONDS
from tests.support.templates import MAIN_TEMPLATE

QUESTIONS_PER_DAY = 10  # of a user; the scenario "300 questions per user" of infra/cost.toml
CHANGES_PER_DAY = 2  # of a user: one note change per five questions
PEAK_FACTOR = 3  # the rate of the busiest hour divided by the mean rate of the day
DAY_SECONDS = 86_400
DAYS_PER_MONTH = 30  # as in infra/cost.py


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCosts:
    """Costs of a question and of a note change; durations are those of the functions, in seconds.

    Attributes:
        exact: share of the questions that are exact hits.
        avoided: share of the questions that are hits, exact or semantic.
        hit_seconds: mean duration of an exact hit.
        match_seconds: mean duration of a semantic hit.
        miss_seconds: mean duration of a miss, with `model_seconds`.
        model_seconds: mean latency of the language model.
        change_seconds: mean duration of a note change.
        hit_units: ECPUs of a hit.
        miss_units: ECPUs of a miss.
        change_units: ECPUs of a note change.
        cached_gb_per_user: GB of Redis memory, with `QUESTIONS_PER_DAY`.
        warmed_per_change: answers that a note change has generated again.
        restores: share of the invocations of a warm function that still start cold.
        ask_cold_seconds: duration of a cold start of `ask`, as of the warming function.
        invalidate_cold_seconds: duration of a cold start of `invalidate`.
    """

    exact: float
    avoided: float
    hit_seconds: float
    match_seconds: float
    miss_seconds: float
    change_seconds: float
    hit_units: float
    miss_units: float
    change_units: float
    cached_gb_per_user: float
    restores: float
    model_seconds: float = ANSWER_SECONDS
    warmed_per_change: float = 92 / 120  # at most: CACHE_WARMING=all in decision 53
    ask_cold_seconds: float = 1.0  # assumed; cold_start_ask_ms
    invalidate_cold_seconds: float = 1.0  # assumed; cold_start_invalidate_ms

    @classmethod
    def load(cls, bench: Path = BUILD / "bench.json") -> Self:
        """Read infra/cost.toml, and the output of `make bench` where it exists."""
        inputs = dict(load_inputs().base)
        rows: Mapping[str, Any] = json.loads(bench.read_text("utf-8")) if bench.exists() else {}
        measured = {name: row["value"] for name, row in rows.items() if row["value"] is not None}
        if "redis_mb_per_10k" in measured:
            inputs["question_kb"] = measured["redis_mb_per_10k"] / 10
        inputs["questions"] = QUESTIONS_PER_DAY * DAYS_PER_MONTH
        same_name = (
            *("exact", "avoided", "hit_seconds", "match_seconds", "miss_seconds"),
            *("change_seconds", "hit_units", "miss_units", "change_units", "restores"),
        )
        cold = {
            f"{name}_cold_seconds": measured[f"cold_start_{name}_ms"] / 1e3
            for name in ("ask", "invalidate")
            if f"cold_start_{name}_ms" in measured
        }
        return cls(
            **{name: inputs[name] for name in same_name},
            **cold,
            cached_gb_per_user=cached_gb(inputs, 1),
        )

    @property
    def mean_seconds(self) -> float:
        """Mean duration of a question."""
        hits = self.exact * self.hit_seconds + (self.avoided - self.exact) * self.match_seconds
        return hits + (1 - self.avoided) * self.miss_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Parameters of template.yaml, and quotas that AWS raises on request.

    Attributes:
        rate_limit: requests per second of the API (`RateLimit`).
        burst_limit: size of the API's token bucket (`BurstLimit`).
        lambda_concurrency: concurrent invocations of all functions of the account.
        invalidate_concurrency: batches of note changes in parallel (`InvalidateMaxConcurrency`).
        warm_concurrency: users that are warmed in parallel (`WarmMaxConcurrency`).
        batch_size: note changes per batch.
    """

    rate_limit: float
    burst_limit: float
    lambda_concurrency: int = 1_000  # page "Lambda quotas"
    invalidate_concurrency: int
    warm_concurrency: int
    batch_size: int

    @classmethod
    def default(cls) -> Self:
        """Return the defaults of template.yaml in an account without raised quotas."""
        changes = _event_source("InvalidateFunction")
        return cls(
            rate_limit=parameter("RateLimit"),
            burst_limit=parameter("BurstLimit"),
            invalidate_concurrency=int(parameter("InvalidateMaxConcurrency")),
            warm_concurrency=int(parameter("WarmMaxConcurrency")),
            batch_size=changes["BatchSize"],
        )


def peak(per_day: float, users: int) -> float:
    """Return the rate per second in the busiest hour."""
    return users * per_day * PEAK_FACTOR / DAY_SECONDS


def parameter(name: str) -> float:
    """Return the default of a numeric parameter of template.yaml."""
    return float(MAIN_TEMPLATE["Parameters"][name]["Default"])


def _event_source(function: str) -> Mapping[str, Any]:
    events = MAIN_TEMPLATE["Resources"][function]["Properties"]["Events"]
    (properties,) = (each["Properties"] for each in events.values() if each["Type"] == "SQS")
    found: Mapping[str, Any] = properties
    return found


# Quotas that no parameter raises. The pages are those of AWS' documentation.
NEW_ENVIRONMENTS = 1_000  # per function and 10 s; page "Lambda scaling behavior"
SCALING_SECONDS = 10
API_REQUESTS_PER_SECOND = 10_000  # page "Amazon API Gateway quotas"
POLLERS_AT_FIRST = 5  # page "Configuring scaling behavior for SQS event source mappings"
MORE_POLLERS_PER_SECOND = 5  # 300 per minute
SLOT_UNITS_PER_SECOND = 30_000  # page "Valkey and Redis OSS configuration and limits"
SLOT_GB = 32 * 1.073741824  # the same page: 32 GiB
REDIS_CLIENTS = 65_000  # the same page
FIRST_UNITS_PER_SECOND = 30_000  # of an empty cache; page "Scaling ElastiCache"
DATABASE_CONNECTIONS = 100  # default of PostgreSQL's max_connections
POOL_CONNECTIONS = 5  # of one container: _MAX_CONNECTIONS of shared/notes/postgres/store.py
