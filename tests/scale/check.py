"""Compares the load test with its simulation."""

import re
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import httpx

from tests.benchmarks.report import BUILD, Metric, write
from tests.scale.inputs import MeasuredCosts
from tests.scale.limits import number, percentiles, table
from tests.scale.server_processes import CALLS, simulate_load

_CHECK_SECONDS = 60
_CALIBRATION_QUESTIONS = 150
_FIRST_QUESTIONS = 20  # load modules and the pair model
_CHECKED_USERS = (100,)
# The run of docs/reliability.md: `python -m tests.load --seconds 600`.
_DOCUMENTED_AVOIDED = 0.612
_DOCUMENTED = {
    "questions/s": 17_247 / 600,
    "exact P50, ms": 3.2,
    "exact P95, ms": 5.1,
    "semantic P50, ms": 210.0,
    "semantic P95, ms": 215.0,
    "miss P50, ms": 3_714.0,
    "miss P95, ms": 3_721.0,
}


def check() -> None:
    """Run the load test, simulate it, and print and write the ratios."""
    computing = _measure_computing()
    print("computing, ms:", {name: number(s * 1e3) for name, s in computing.items()}, flush=True)
    avoided = _DOCUMENTED_AVOIDED
    exact = MeasuredCosts.load().exact
    shares = {"exact": exact, "semantic": avoided - exact, "miss": 1 - avoided}
    simulated = _summary(simulate_load(100, 600, computing, shares), 600)
    rows = _compare("documented", "100 users, documented run", simulated, _DOCUMENTED)
    for users in _CHECKED_USERS:
        measured = _measure(users)
        total = sum(map(len, measured.values()))
        shares = {outcome: len(latencies) / total for outcome, latencies in measured.items()}
        simulated = _summary(
            simulate_load(users, _CHECK_SECONDS, computing, shares), _CHECK_SECONDS
        )
        found = _summary(measured, _CHECK_SECONDS)
        rows += _compare(str(users), f"{users} users", simulated, found)
        print(table(["", "simulated", "measured", "ratio"], rows), flush=True)


def _measure_computing() -> dict[str, float]:
    """Ask one question after the other; return the CPU seconds of the server, by outcome.

    Other load on the machine makes a question slower, but hardly changes its CPU time.
    """
    from tests.load import material  # noqa: PLC0415  # loads the embedding model
    from tests.load.__main__ import environment  # noqa: PLC0415  # the same

    (user, questions), *_ = material.questions(_CALIBRATION_QUESTIONS * 1.5, 1).items()
    used: dict[str, list[float]] = {outcome: [] for outcome in CALLS}
    with environment({user: questions}, embedding_seconds=0, answer_seconds=0) as started:
        url, pid = f"{started.urls[0]}/assistant/query", started.pids[0]
        for place, question in enumerate(questions):
            before = _cpu_seconds(pid)
            response = httpx.post(
                url, json={"query": question}, headers={"X-Tercet-User": user}, timeout=60
            )
            outcome = response.raise_for_status().json()["metadata"]["match"] or "miss"
            if place >= _FIRST_QUESTIONS:
                used[outcome].append(_cpu_seconds(pid) - before)
    return {outcome: median(seconds) for outcome, seconds in used.items()}


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of all threads; schedstat has nanoseconds."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in threads) / 1e9


def _measure(users: int) -> dict[str, list[float]]:
    """Run the load test; return the latencies in seconds, by outcome."""
    from tests.load.__main__ import run  # noqa: PLC0415  # loads the embedding model

    _, served, _ = run(_CHECK_SECONDS, users)
    failed = sum(each["outcome"] == "failed" for each in served)
    print(f"{users} users: {failed} of {len(served):,} questions failed", flush=True)
    return {
        outcome: [each["ms"] / 1e3 for each in served if each["outcome"] == outcome]
        for outcome in CALLS
    }


def _compare(
    key: str, title: str, simulated: Mapping[str, float], measured: Mapping[str, float]
) -> list[list[str]]:
    rows = []
    for name, value in measured.items():
        ratio = simulated[name] / value
        rows.append([f"{title}: {name}", number(simulated[name]), number(value), f"{ratio:.2f}"])
        metric = f"scale_check_{key}_" + re.sub("[^a-z0-9]+", "_", name.lower())
        write(BUILD / "bench.json", {metric: Metric(unit="simulated / measured", value=ratio)})
    return rows


def _summary(latencies: Mapping[str, list[float]], seconds: float) -> dict[str, float]:
    """Return the questions per second, and P50 and P95 of each outcome in milliseconds."""
    result = {"questions/s": sum(map(len, latencies.values())) / seconds}
    for outcome, of_outcome in latencies.items():
        p50, p95 = percentiles(of_outcome, 50, 95)
        result |= {f"{outcome} P50, ms": p50 * 1e3, f"{outcome} P95, ms": p95 * 1e3}
    return result
