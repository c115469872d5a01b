"""`python -m tests.load [--seconds N]`: a load test with 100 concurrent users and locust.

It starts a Valkey, two processes of the ask function, a stand-in for Hugging Face with realistic
latencies and precomputed MiniLM vectors, and locust. The metrics go to build/bench.json. A run of
600 seconds or more is a soak test: the memory of the servers must not grow.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from infra.local.valkey import start_valkey
from shared.cache.stats_snapshot import StatsSnapshot
from shared.container import Container
from shared.settings import Settings
from shared.vectors import Vector
from tests.benchmarks.report import BUILD, ROOT, Metric, show, write
from tests.evaluation.datasets import AVAILABLE
from tests.evaluation.embedding_cache import EMBEDDER
from tests.evaluation.question_mix import USERS
from tests.load import ANSWER_SECONDS, EMBEDDING_SECONDS, SERVERS, SPAWN_RATE, material
from tests.load.metrics import failure, load_metrics
from tests.load.processes import MemorySampler, servers
from tests.support.huggingface import FakeHuggingFace, serving

_ANSWER_CHARACTERS = 1_200


def main(seconds: int) -> None:
    """Run the load test and write its metrics."""
    metrics, served, exit_code = run(seconds)
    write(BUILD / "bench.json", metrics)
    show(metrics)
    if reason := failure(exit_code, served):
        sys.exit(reason)


def run(seconds: int, users: int = USERS) -> tuple[dict[str, Metric], list[dict[str, Any]], int]:
    """Run the load test.

    Returns:
        The metrics, one record per response, and the exit code of locust.
    """
    if not AVAILABLE:
        sys.exit("the notes and questions of ../shared/data are not available")
    asked = material.questions(seconds, users)
    with environment(asked) as started:
        memory = MemorySampler(started.pids)
        memory.start()
        exit_code, served = _locust(started.folder, started.urls, asked, seconds)
        memory.stop()
        snapshot = asyncio.run(_read_statistics(started.settings))
    return load_metrics(served, snapshot, memory, seconds), served, exit_code


class Started(NamedTuple):
    """Servers that are ready for questions, and a folder for files."""

    urls: list[str]
    pids: list[int]
    settings: Settings
    folder: Path


@contextmanager
def environment(
    asked: dict[str, list[str]],
    *,
    embedding_seconds: float = EMBEDDING_SECONDS,
    answer_seconds: float = ANSWER_SECONDS,
) -> Iterator[Started]:
    """Run Valkey, the servers and the stand-in models, with notes of the users of `asked`."""
    print(f"embedding {sum(map(len, asked.values())):,} questions ...", flush=True)
    vectors = asyncio.run(material.vectors(asked))
    models = FakeHuggingFace(
        embed=lambda texts: [_floats(vectors[text]) for text in texts],
        answer=_answer,
        embedding_latency=embedding_seconds,
        chat_latency=answer_seconds,
    )
    with (
        tempfile.TemporaryDirectory(prefix="tercet-load-") as name,
        start_valkey() as valkey,
        serving(models) as hugging_face,
    ):
        folder = Path(name)
        environ = {
            "REDIS_CACHE_URL": valkey.url,
            "DATABASE_URL": f"sqlite:///{folder}/notes.db",
            "HF_EMBEDDING_URL": f"{hugging_face}/embed",
            "HF_EMBEDDING_MODEL": EMBEDDER.model,  # the notes are embedded in this process
            "HF_CHAT_URL": f"{hugging_face}/v1/chat/completions",
            "SEMANTIC_VERIFIER": "none",  # the stand-in cannot judge matches
            "TERCET_LOCAL": "true",
            "LOG_LEVEL": "WARNING",
        }
        settings = Settings.from_env(environ)
        print("writing notes ...", flush=True)
        asyncio.run(_write_notes(settings, list(asked)))
        with servers(SERVERS, environ, folder) as (urls, pids):
            yield Started(urls, pids, settings, folder)


def _locust(
    folder: Path, urls: Sequence[str], asked: dict[str, list[str]], seconds: int
) -> tuple[int, list[dict[str, Any]]]:
    """Run locust in a child process, because it patches sockets and threads.

    Returns:
        The exit code, and one record per response.
    """
    questions, served = folder / "questions.json", folder / "served.json"
    questions.write_text(json.dumps(asked), "utf-8")
    environ = {
        "LOAD_QUESTIONS": str(questions),
        "LOAD_SERVED": str(served),
        "LOAD_HOSTS": ",".join(urls),
    }
    users = ("--users", str(len(asked)), "--spawn-rate", str(SPAWN_RATE))
    options = ("--headless", "--only-summary", "--run-time", f"{seconds}s", "--stop-timeout", "10")
    ended = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "tests/load/locustfile.py", *users, *options],
        env={**os.environ, **environ},
        cwd=ROOT,
        check=False,  # locust exits with 1 after failed requests; the metrics count them
    )
    if not served.exists():
        sys.exit(f"locust exited with {ended.returncode} and wrote no responses")
    responses: list[dict[str, Any]] = json.loads(served.read_text("utf-8"))
    return ended.returncode, responses


async def _write_notes(settings: Settings, users: Sequence[str]) -> None:
    container = Container(settings, embedder=EMBEDDER)
    await material.write_notes(container, users)
    await container.aclose()


async def _read_statistics(settings: Settings) -> StatsSnapshot:
    """Read the counters of the servers."""
    container = Container(settings)
    snapshot = await container.counter_reader.read_snapshot()
    await container.aclose()
    return snapshot


def _floats(vector: Vector) -> list[float]:
    return [float(component) for component in vector]


def _answer(messages: Sequence[dict[str, str]]) -> str:
    """Answer with the beginning of the prompt's notes, at the usual length of an answer."""
    return messages[-1]["content"][:_ANSWER_CHARACTERS]


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m tests.load", description=__doc__)
    parser.add_argument("--seconds", type=int, default=120)
    arguments = parser.parse_args()
    if arguments.seconds < 1:
        parser.error("argument --seconds: must be at least 1")
    main(arguments.seconds)
