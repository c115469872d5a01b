"""`python -m tests.scale [check]`: simulate many users on AWS, and which limits they reach.

Without an argument it simulates 10,000, 1 million and 10 million users and prints the tables of
docs/scale.md. `check` runs the load test, simulates it and compares both. Both add to
build/bench.json.
"""

import argparse
import sys
from dataclasses import replace

from tests.benchmarks.report import BUILD, Metric, write
from tests.scale.check import check
from tests.scale.inputs import Deployment, MeasuredCosts
from tests.scale.limits import demand_table, limits_table, number, percentiles, table, usage
from tests.scale.simulation import Result, Scenario, simulate

_DEFAULT = Deployment.default()
# Raised so far that the steady peak reaches no limit; 10 million users need more for warming.
DEPLOYMENTS = {
    10_000: _DEFAULT,
    1_000_000: replace(
        _DEFAULT,
        rate_limit=1_000,
        burst_limit=2_000,
        lambda_concurrency=3_000,
        invalidate_concurrency=50,
        warm_concurrency=300,
    ),
    10_000_000: replace(
        _DEFAULT,
        rate_limit=8_000,
        burst_limit=5_000,
        lambda_concurrency=20_000,
        invalidate_concurrency=500,
        warm_concurrency=1_000,  # the most of an event source mapping
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


def simulate_sizes() -> None:
    """Simulate each size in each scenario; print the tables and write the metrics."""
    costs = MeasuredCosts.load()
    steady: dict[int, Result] = {}
    tables: dict[int, str] = {}
    for users, deployment in DEPLOYMENTS.items():
        rows = []
        for key, scenario in SCENARIOS.items():
            print(f"{users:,} users: {scenario.name} ...", file=sys.stderr, flush=True)
            result = simulate(users, scenario, deployment, costs)
            if scenario is STEADY:
                steady[users] = result
            rows.append(_row(scenario, result))
            write(BUILD / "bench.json", _metrics(f"scale_{users}_{key}", result))
        tables[users] = table(_COLUMNS, rows)
    used = {users: usage(users, result, costs) for users, result in steady.items()}
    print(f"## Limits\n\n{limits_table(used)}\n\n## Demand\n\n{demand_table(steady, costs)}")
    for users, printed in tables.items():
        print(f"\n### {users:,} users\n\n{printed}")


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


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m tests.scale", description=__doc__)
    parser.add_argument("mode", nargs="?", choices=("sizes", "check"), default="sizes")
    check() if parser.parse_args().mode == "check" else simulate_sizes()
