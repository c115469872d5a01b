"""Measures the question-pair model beside a plain pass with padding, on one core."""

import json
import subprocess
import sys
from collections.abc import Mapping

import numpy as np

from shared.matching.pair_model.model import PairModel
from tests.benchmarks.report import Metric
from tests.benchmarks.timing import interleave
from tests.support.plain_pair_model import Array, PlainPairModel

METRICS = {
    "pair_ms": Metric(unit="ms a pair; plain: float32, padded", budget=15),
    "three_pairs_ms": Metric(unit="ms, three candidates", budget=45),
    "pair_model_load_ms": Metric(unit="ms, once", budget=500),
    "first_candidate_ms": Metric(unit="ms, once: import, load and decide", budget=600),
    "pair_model_memory_mb": Metric(unit="MB, at most, with one pair", budget=120),
}
_QUESTION = "How do I change the password of my account?"
_OTHERS = (
    "What is the way to reset my forgotten password?",
    "How can I change the name of my account?",
    "Where can I see the password of my account?",
)
_FIRST_CANDIDATE = """
import time
from shared.matching.candidates import find_candidates
from shared.matching.decision import decide
from shared.semantic_match import pair_model_loader
from shared.settings import Settings
load_model = pair_model_loader(Settings(semantic_matcher="model"))
start = time.perf_counter()
decide({!r}, {!r}, model=load_model())
print(time.perf_counter() - start)
"""
_LOADING = """
import json, pathlib, time
import numpy
def peak():  # of Linux: VmHWM, in KiB
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
before, start = peak(), time.perf_counter()
from shared.matching.pair_model.model import PairModel
model = PairModel.load()
seconds = time.perf_counter() - start
model.logits({!r}, [{!r}])
print(json.dumps([seconds, peak() - before]))
"""


async def collect_metrics() -> Mapping[str, Metric]:
    """Measure questions of 9 to 11 tokens; each new process loads the model once."""
    model, plain = PairModel.load(), PlainPairModel("float32", erf=_erf)

    async def pair() -> None:
        model.logits(_QUESTION, _OTHERS[:1])

    async def plain_pair() -> None:
        plain.logit(_QUESTION, _OTHERS[0])

    async def three_pairs() -> None:
        model.logits(_QUESTION, _OTHERS)

    watch = await interleave(
        {"pair": pair, "plain": plain_pair, "three": three_pairs}, rounds=15, each=5
    )
    seconds = {side: watch.median(side) or 0.0 for side in ("pair", "plain", "three")}
    loads = sorted(_load() for _ in range(3))
    first = sorted(float(_run(_FIRST_CANDIDATE)) for _ in range(3))[1]
    return {
        "pair_ms": METRICS["pair_ms"].with_value(seconds["pair"] * 1e3, seconds["plain"] * 1e3),
        "three_pairs_ms": METRICS["three_pairs_ms"].with_value(seconds["three"] * 1e3),
        "pair_model_load_ms": METRICS["pair_model_load_ms"].with_value(loads[1][0] * 1e3),
        "first_candidate_ms": METRICS["first_candidate_ms"].with_value(first * 1e3),
        "pair_model_memory_mb": METRICS["pair_model_memory_mb"].with_value(
            max(megabytes for _, megabytes in loads)
        ),
    }


def _erf(values: Array) -> Array:
    """Approximate erf in numpy (Abramowitz and Stegun, 7.1.26)."""
    t = 1 / (1 + 0.3275911 * np.abs(values))
    factors = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592, 0]
    powers = sum(factor * t ** (5 - at) for at, factor in enumerate(factors))
    approximation: Array = np.sign(values) * (1 - powers * np.exp(-(values**2)))
    return approximation


def _load() -> tuple[float, float]:
    """Return the seconds and the peak growth of memory in MB of a new process."""
    seconds, megabytes = json.loads(_run(_LOADING))
    return seconds, megabytes


def _run(code: str) -> str:
    """Run code with two questions in a new process; return its output."""
    command = [sys.executable, "-c", code.format(_QUESTION, _OTHERS[0])]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
