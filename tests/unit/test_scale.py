"""The simulation of docs/scale.md agrees with queueing theory and loses nothing."""

import json
import math
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import mean

import pytest
from simpy import Environment
from simpy.events import ProcessGenerator

from tests.load import SERVERS
from tests.scale.event_source import EventSource
from tests.scale.functions import Account, LambdaFunction, TokenBucket
from tests.scale.inputs import Deployment, MeasuredCosts, peak
from tests.scale.limits import users_at_limit
from tests.scale.model_host import ModelHost
from tests.scale.server_processes import simulate_load
from tests.scale.simulation import Result, Scenario, simulate

COSTS = MeasuredCosts.load(Path("absent.json"))
# Large enough that nothing is refused.
AMPLE = replace(Deployment.default(), rate_limit=1e6, burst_limit=1e6, lambda_concurrency=100_000)
IMPORTER = -1


def large_function(env: Environment) -> LambdaFunction:
    return LambdaFunction(env, Account(1_000), Random(1), cold_seconds=0.0, environments=100)


def erlang_b(load: float, servers: int) -> float:
    """Return the share that a loss system of `servers` refuses; A. K. Erlang, 1917."""
    terms = [load**n / math.factorial(n) for n in range(servers + 1)]
    return terms[-1] / sum(terms)


def is_conserved(result: Result) -> bool:
    counts = result.counts
    ended = counts.refused + counts.throttled + counts.timed_out + len(counts.latencies)
    return counts.asked == ended + result.started


def test_concurrency_is_rate_times_mean_duration() -> None:
    """J. D. C. Little, 1961."""
    counts = simulate(400_000, Scenario(name="steady"), AMPLE, COSTS).counts
    expected = peak(10, 400_000) * (COSTS.mean_seconds + COSTS.restores * COSTS.ask_cold_seconds)
    assert mean(counts.running) == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize(
    ("scenario", "deployment"),
    [
        (Scenario(name="steady"), AMPLE),
        (Scenario(name="rate limit"), Deployment.default()),
        (Scenario(name="concurrency"), replace(AMPLE, lambda_concurrency=100)),
        (Scenario(name="model", silent_seconds=40), AMPLE),
        (Scenario(name="deployment", redeployed=True), AMPLE),
    ],
    ids=lambda value: value.name if isinstance(value, Scenario) else "",
)
def test_no_question_is_lost(scenario: Scenario, deployment: Deployment) -> None:
    assert is_conserved(simulate(200_000, scenario, deployment, COSTS))


def test_throttled_share_is_that_of_a_loss_system() -> None:
    costs = replace(COSTS, warmed_per_change=0, change_seconds=1e-9, restores=0, ask_cold_seconds=0)
    deployment = replace(AMPLE, lambda_concurrency=100)
    counts = simulate(200_000, Scenario(name="", seconds=240), deployment, costs).counts
    expected = erlang_b(peak(10, 200_000) * costs.mean_seconds, 100)
    assert expected > 0.1
    assert counts.throttled / counts.asked == pytest.approx(expected, rel=0.08)


def test_rate_limit_refuses_what_exceeds_it() -> None:
    counts = simulate(1_000_000, Scenario(name="", seconds=20), Deployment.default(), COSTS).counts
    allowed = Deployment.default().rate_limit / peak(10, 1_000_000)
    assert 1 - counts.refused / counts.asked == pytest.approx(allowed, rel=0.05)


def test_token_bucket_allows_its_size_and_then_its_rate() -> None:
    env = Environment()
    bucket = TokenBucket(env, rate=2, size=3)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    env.run(until=1)
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_time_in_the_queue_is_that_of_an_m_m_c_queue() -> None:
    """Poisson arrivals, exponential durations, 4 batches of one message at a time."""
    env, random, servers, rate = Environment(), Random(2), 4, 3.0
    source = EventSource(
        *(env, large_function(env)),
        batch_size=1,
        max_concurrency=servers,
        process=lambda _: random.expovariate(1.0),
    )

    def send() -> ProcessGenerator:
        while True:
            yield env.timeout(random.expovariate(rate))
            source.send(0)

    env.process(send())
    env.run(10_000)
    loss = erlang_b(rate, servers)
    waits = servers * loss / (servers - rate * (1 - loss))  # Erlang C
    age = mean(end - sent for end, sent in zip(source.ended_at, source.sent_at, strict=True))
    assert age == pytest.approx(1 + waits / (servers - rate), rel=0.05)


def test_changes_of_one_user_run_in_order_and_those_of_others_beside_them() -> None:
    env = Environment()
    source = EventSource(
        *(env, large_function(env)), batch_size=3, max_concurrency=1, process=lambda _: 1.0
    )
    for user in (7, 1, 1, 2):
        source.send(user)
    env.run(10)
    assert list(source.users) == [7, 1, 1, 2]
    assert list(source.ended_at) == [1, 2, 3, 2]


def test_fair_queue_delivers_the_changes_of_the_importing_user_last() -> None:
    env = Environment()
    source = EventSource(
        *(env, large_function(env)),
        batch_size=2,
        max_concurrency=1,
        process=lambda _: 1.0,
        noisy_user=IMPORTER,
    )
    for user in (IMPORTER, IMPORTER, IMPORTER, 1):
        source.send(user)
    env.run(10)
    assert list(source.users) == [IMPORTER, 1, IMPORTER, IMPORTER]


def test_every_change_of_an_import_is_applied_or_waits() -> None:
    env = Environment()
    source = EventSource(
        *(env, large_function(env)), batch_size=10, max_concurrency=2, process=lambda _: 0.3
    )
    for _ in range(1_000):
        source.send(IMPORTER)
    env.run(60)
    assert source.waiting
    assert len(source.users) + len(source.waiting) == 1_000


def test_circuit_breaker_opens_when_the_model_hangs_and_closes_with_a_probe() -> None:
    env = Environment()
    host = ModelHost(env, Random(1), 3.5)
    host.silent = True
    calls = [call for _ in range(5) if (call := host.call())]
    env.run(22)
    for call in calls:
        host.end(call)
    assert host.call() is None
    env.run(22 + 15)
    host.silent = False
    probe = host.call()
    assert probe is not None
    assert host.call() is None
    env.run(env.now + probe.seconds)
    host.end(probe)
    assert host.call() is not None


def test_saturated_servers_answer_as_many_questions_as_they_can_compute() -> None:
    computing = dict.fromkeys(("exact", "semantic", "miss"), 0.1)
    latencies = simulate_load(200, 60, computing, {"exact": 1.0})
    assert len(latencies["exact"]) == pytest.approx(60 * SERVERS / 0.1, rel=0.15)


def test_idle_servers_answer_without_waiting() -> None:
    latencies = simulate_load(1, 60, {"miss": 0.03}, {"miss": 1.0})
    assert latencies["miss"] == pytest.approx([0.2 + 3.5 + 0.03] * len(latencies["miss"]))


@pytest.mark.parametrize(
    ("shares", "users"),
    [
        ({10: 0.1, 1_000: 10.0}, 100),
        ({10: 2.0, 1_000: 200.0}, 5),
        ({10: 0.001, 1_000: 0.1}, 10_000),
    ],
)
def test_users_at_a_limit_are_interpolated(shares: dict[int, float], users: float) -> None:
    assert users_at_limit(shares) == pytest.approx(users)


def test_costs_of_the_benchmarks_replace_the_defaults(tmp_path: Path) -> None:
    bench = tmp_path / "bench.json"
    rows = {"cold_start_ask_ms": {"value": 500}, "cold_start_invalidate_ms": {"value": None}}
    bench.write_text(json.dumps(rows))
    costs = MeasuredCosts.load(bench)
    assert costs.ask_cold_seconds == 0.5
    assert costs.invalidate_cold_seconds == COSTS.invalidate_cold_seconds
