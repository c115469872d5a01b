"""Measures the `tercet` command as a user waits for it, beside an interpreter that does nothing."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.report import BUILD, ROOT, Metric

METRICS = {
    "cli_help_s": Metric(unit="s", budget=0.2),
    "cli_ask_hit_s": Metric(unit="s", budget=0.5),
    "cli_notes_list_s": Metric(unit="s", budget=0.4),
}
_ROUNDS = 7
_TERCET = "from infra.local.cli import app; app()"
_QUESTION = "What is faith?"


def collect_metrics() -> Mapping[str, Metric]:
    """Run each command in turns and take the fastest; the first round warms the bytecode."""
    with tempfile.TemporaryDirectory() as folder:
        note, data = Path(folder, "faith.md"), ("--data", str(Path(folder, "data")))
        note.write_text("Faith is being sure of what we hope for.\n")
        _run(_TERCET, "notes", "import", str(note), *data)
        _run(_TERCET, "ask", _QUESTION, *data)
        commands = {
            "cli_help_s": (_TERCET, "--help"),
            "cli_ask_hit_s": (_TERCET, "ask", _QUESTION, *data),
            "cli_notes_list_s": (_TERCET, "notes", "list", *data),
            "baseline": ("pass",),
        }
        rounds = [
            {name: _run(*command) for name, command in commands.items()} for _ in range(1 + _ROUNDS)
        ]
    fastest = {name: min(each[name] for each in rounds[1:]) for name in commands}
    return {
        name: metric.with_value(fastest[name], fastest["baseline"])
        for name, metric in METRICS.items()
    }


def _run(program: str, *arguments: str) -> float:
    """Run a program in a new interpreter; return the seconds until it has ended."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONDONTWRITEBYTECODE" and not name.startswith(("HF_", "LLM_", "REDIS_"))
    }
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-X", f"pycache_prefix={BUILD / 'bytecode'}", "-c", program, *arguments],
        env=environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - start
