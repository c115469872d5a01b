"""`python -m tests.scale [check]`: simulate many users on AWS, and which limits they reach.

Without an argument it simulates 10,000, 1 million and 10 million users and prints the tables of
docs/scale.md. `check` runs the load test, simulates it and compares both. Both add to
build/bench.json.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from statistics import median

from tests.benchmarks.report import BUILD, Metric, write
from tests.scale.inputs import Deployment, MeasuredCosts
from tests.scale.limits import demand_table, limits_table, number, percentiles, table, usage
from tests.scale.server_processes import CALLS, simulate_load
from tests.scale.simulation import Result, Scenario, simulate

_DEFAULT = Deployment.default()
# Raised so far that the steady peak reaches none of the limits.
DEPLOYMENTS = {
    10_000: _DEFAULT,
    1_000_000: replace(
        _DEFAULT,
        rate_limit=1_000,
        burst_limit=2_000,
        lambda_concurrency=3_000,
        invalidate_concurrency=50,
        warm_concurrency=100,
    ),
    10_000_000: replace(
        _DEFAULT,
        rate_limit=8_000,
        burst_limit=5_000,
        lambda_concurrency=20_000,
        invalidate_concurrency=500,
        warm_concurrency=1_000,
    ),
}
STEADY = Scenario(name="steady peak")
SCENARIOS = {
    "steady": STEADY,
    "import": Scenario(name="one user imports 10,000 notes", imported=10_000, seconds=360),
    "fair_import": Scenario(
        name="the same, fair queue", imported=10_000, fair_queue=True, seconds=360
    ),
    "storm": Scenario(name="a source of every tenth user changes", storm=10, seconds=240),
    "doubling": Scenario(name="traffic doubles within a minute", traffic=2, seconds=120),
    "deployment": Scenario(name="a new version is deployed", redeployed=True, seconds=120),
    "slow_model": Scenario(name="the model is five times slower", model_factor=5, seconds=120),
    "hanging_model": Scenario(name="the model hangs for a minute", silent_seconds=60, seconds=120),
}
_CHECK_SECONDS, _CALIBRATION_USERS = 60, 5
_CHECKED_USERS = (100, 400)


def simulate_sizes() -> None:
    """Simulate each size in each scenario; print the tables and write the metrics."""
    costs = MeasuredCosts.load()
    print(f"{costs}\n")
    steady: dict[int, Result] = {}
    metrics: dict[str, Metric] = {}
    for users, deployment in DEPLOYMENTS.items():
        rows = []
        for key, scenario in SCENARIOS.items():
            result = simulate(users, scenario, deployment, costs)
            if scenario is STEADY:
                steady[users] = result
            rows.append(_row(scenario, result))
            metrics |= _metrics(f"scale_{users}_{key}", result)
        print(f"### {users:,} users\n\n{table(_COLUMNS, rows)}\n", flush=True)
    print(f"### Demand of the steady peak\n\n{demand_table(steady, costs)}\n")
    used = {users: usage(users, result, costs) for users, result in steady.items()}
    print(f"### Use of the default limits\n\n{limits_table(used)}")
    write(BUILD / "bench.json", metrics)


_COLUMNS = [
    "",
    "refused",
    "without the model",
    "timed out",
    "P50, P95, P99, s",
    "concurrency of `ask`: P50, P99, maximum",
    "cold starts",
    "note change: P50, P99, s",
    "changes done after, s",
]


def _row(scenario: Scenario, result: Result) -> list[str]:
    counts = result.counts

    def share(count: int) -> str:
        return f"{count / counts.asked:.1%}" if count > counts.asked / 2_000 else "0"

    done = "" if result.drained is None else number(result.drained)
    if result.drained is None and (scenario.imported or scenario.storm):
        done = f"> {scenario.seconds:.0f}"
    concurrency = (*percentiles(counts.running, 50, 99), counts.most_running)
    return [
        scenario.name,
        share(counts.refused + counts.throttled),
        share(counts.fallbacks),
        share(counts.timed_out),
        ", ".join(map(number, percentiles(counts.latencies, 50, 95, 99))),
        ", ".join(map(number, concurrency)),
        share(counts.cold_starts),
        ", ".join(map(number, percentiles(result.change_ages, 50, 99))),
        done,
    ]


def _metrics(prefix: str, result: Result) -> dict[str, Metric]:
    counts = result.counts
    refused = (counts.refused + counts.throttled) / counts.asked
    (latency,), (age,) = percentiles(counts.latencies, 95), percentiles(result.change_ages, 99)
    return {
        f"{prefix}_refused": Metric(unit="share of questions", value=refused),
        f"{prefix}_p95_s": Metric(unit="s", value=latency),
        f"{prefix}_concurrency": Metric(unit="ask, maximum", value=counts.most_running),
        f"{prefix}_change_p99_s": Metric(unit="s", value=age),
    }


def check() -> None:
    """Run the load test and simulate it; print and write the ratios."""
    from tests.load.__main__ import run  # noqa: PLC0415  # loads the embedding model

    def measure(users: int) -> dict[str, list[float]]:
        _, served, exit_code = run(_CHECK_SECONDS, users)
        if exit_code:
            sys.exit(f"locust exited with {exit_code}")
        return {
            outcome: [each["ms"] / 1e3 for each in served if each["outcome"] == outcome]
            for outcome in CALLS
        }

    alone = measure(_CALIBRATION_USERS)
    computing = {
        outcome: median(seconds) - sum(CALLS[outcome]) for outcome, seconds in alone.items()
    }
    print("computing, ms:", {name: number(each * 1e3) for name, each in computing.items()})
    metrics: dict[str, Metric] = {}
    rows = []
    for users in _CHECKED_USERS:
        measured = measure(users)
        total = sum(map(len, measured.values()))
        shares = {outcome: len(seconds) / total for outcome, seconds in measured.items()}
        simulated = simulate_load(users, _CHECK_SECONDS, computing, shares)
        real, model = _summary(measured), _summary(simulated)
        for name, value in real.items():
            rows.append([f"{users} users: {name}", *map(number, (model[name], value))])
            rows[-1].append(f"{model[name] / value:.2f}")
            key = f"scale_check_{users}_" + re.sub(r"\W+", "_", name)
            metrics[key] = Metric(unit="simulated / measured", value=model[name] / value)
    print(table(["", "simulated", "measured", "ratio"], rows))
    write(BUILD / "bench.json", metrics)


def _summary(latencies: Mapping[str, list[float]]) -> dict[str, float]:
    """Return the questions per second, and P50 and P95 of each outcome in milliseconds."""
    result = {"questions/s": sum(map(len, latencies.values())) / _CHECK_SECONDS}
    for outcome, seconds in latencies.items():
        p50, p95 = percentiles(seconds, 50, 95)
        result |= {f"{outcome} P50, ms": p50 * 1e3, f"{outcome} P95, ms": p95 * 1e3}
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", nargs="?", choices=("sizes", "check"), default="sizes")
    check() if parser.parse_args().mode == "check" else simulate_sizes()
