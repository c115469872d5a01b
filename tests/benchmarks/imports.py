"""Import times of the handlers, in new interpreters with warm bytecode."""

import os
import subprocess
import sys
from collections.abc import Mapping
from statistics import median

from tests.benchmarks.report import BUILD, ROOT, Metric

METRICS = {
    "import_ask_vs_bare": Metric(unit="times bare", budget=1.35),
    "import_invalidate_vs_bare": Metric(unit="times bare", budget=0.9),
}
_MODULES = (
    "tests.benchmarks.bare_function",
    "functions.ask.handler",
    "functions.invalidate.handler",
)
_ROUNDS = 15
_PROGRAM = """
import sys, time
start = time.perf_counter()
__import__(sys.argv[1])
print(time.perf_counter() - start)
"""


def collect_metrics() -> Mapping[str, Metric]:
    """Import each module in turns; the first round only warms the bytecode."""
    seconds: dict[str, list[float]] = {module: [] for module in _MODULES}
    for _ in range(1 + _ROUNDS):
        for module in _MODULES:
            seconds[module].append(_import(module))
    bare, ask, invalidate = (median(seconds[module][1:]) for module in _MODULES)
    return {
        "import_ask_vs_bare": METRICS["import_ask_vs_bare"].with_value(ask / bare),
        "import_invalidate_vs_bare": METRICS["import_invalidate_vs_bare"].with_value(
            invalidate / bare
        ),
    }


def _import(module: str) -> float:
    """Import a module in a new interpreter; return the seconds."""
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }
    done = subprocess.run(
        [sys.executable, "-X", f"pycache_prefix={BUILD / 'bytecode'}", "-c", _PROGRAM, module],
        env=environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout.splitlines()[-1])
