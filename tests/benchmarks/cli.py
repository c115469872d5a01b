"""Measures the `tercet` command as a user has it: without the packages of the development group.

The baseline of a command is an interpreter that does nothing.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.report import BUILD, ROOT, Metric
from tests.support.disk import megabytes

METRICS = {
    "cli_help_s": Metric(unit="s", budget=0.2),
    "cli_ask_hit_s": Metric(unit="s", budget=0.5),
    "cli_notes_list_s": Metric(unit="s", budget=0.4),
    "cli_installed_mb": Metric(unit="MB", budget=300),
}
_ROUNDS = 7
_QUESTION = "What is faith?"


def collect_metrics() -> Mapping[str, Metric]:
    """Run each command in turns and take the fastest; the first round warms the bytecode."""
    with tempfile.TemporaryDirectory() as folder:
        environment, weights = Path(folder, "environment"), Path(folder, "cache")
        variables = _variables() | {
            "UV_PROJECT_ENVIRONMENT": str(environment),
            "TERCET_DATA": str(Path(folder, "data")),
            "PYTHONPYCACHEPREFIX": str(BUILD / "bytecode"),
        }

        def run(*command: str | Path) -> float:
            """Return the seconds until the command has ended."""
            start = time.perf_counter()
            subprocess.run(command, env=variables, cwd=ROOT, check=True, capture_output=True)
            return time.perf_counter() - start

        uv = shutil.which("uv") or "uv"
        run(uv, "sync", "--quiet", "--frozen", "--no-dev", "--extra", "local")
        tercet, python = environment / "bin/tercet", environment / "bin/python"
        variables["XDG_CACHE_HOME"] = str(weights)
        note = Path(folder, "faith.md")
        note.write_text("Faith is being sure of what we hope for.\n")
        run(tercet, "notes", "import", note)
        run(tercet, "ask", _QUESTION)
        commands: dict[str, tuple[str | Path, ...]] = {
            "cli_help_s": (tercet, "--help"),
            "cli_ask_hit_s": (tercet, "ask", _QUESTION),
            "cli_notes_list_s": (tercet, "notes", "list"),
            "baseline": (python, "-c", "pass"),
        }
        rounds = [
            {name: run(*command) for name, command in commands.items()} for _ in range(1 + _ROUNDS)
        ]
        size = megabytes(environment, weights)
    fastest = {name: min(each[name] for each in rounds[1:]) for name in commands}
    baseline = fastest.pop("baseline")
    return {
        name: METRICS[name].with_value(seconds, baseline) for name, seconds in fastest.items()
    } | {"cli_installed_mb": METRICS["cli_installed_mb"].with_value(size)}


def _variables() -> dict[str, str]:
    """Return the environment without settings of Tercet and of this environment."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"}
        and not name.startswith(("HF_", "LLM_", "REDIS_", "DATABASE_", "TERCET_"))
    }
