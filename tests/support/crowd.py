"""Several processes that ask one Redis the same question at once.

`python -m tests.support.crowd URL LOG ASKERS SECONDS HOW` is one of them; it writes a line with its
process id to LOG whenever it begins to generate.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.assistant import Request
from shared.container import Container
from shared.errors import InferenceUnavailableError, UnavailableError
from shared.inference.model import Completion
from shared.notes.note import Chunk, Note, Source
from tests.support.outages import HashingEmbedder, SlowAnswerer, a_container
from tests.support.stores import MemoryNoteStore

ROOT = Path(__file__).resolve().parents[2]
ASKED = Request("ann", "What is faith?", seconds=60)
NOTE = "Faith is trust."


@dataclass
class Crowd:
    """Processes that are ready to ask."""

    processes: list["subprocess.Popen[str]"]
    log: Path

    def ask(self) -> None:
        """Let all of them ask now."""
        for process in self.processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()

    def generations(self) -> list[int]:
        """Which processes have begun to generate, in order."""
        return [int(line) for line in self.log.read_text().split()]

    def replies(self) -> list[str]:
        """What those that still live were answered: texts, or kinds of errors."""
        replies: list[str] = []
        for process in self.processes:
            assert process.stdout
            line = process.stdout.readline()
            replies += json.loads(line) if line else []
        return replies


@contextmanager
def crowd(
    url: str, log: Path, *, processes: int, askers: int, seconds: float, how: str = "answers"
) -> Iterator[Crowd]:
    """Start processes of so many askers each; an answer takes `seconds`.

    Args:
        url: of the Redis that they share.
        log: a file that need not exist.
        processes: how many.
        askers: in each.
        seconds: how long generating takes.
        how: `answers`, `fails`, or `without notes`.
    """
    log.touch()
    command = [sys.executable, "-m", __spec__.name, url, str(log), str(askers), str(seconds), how]
    with ExitStack() as stack:
        started = []
        for _ in range(processes):
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            started.append(process)
        for process in started:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        yield Crowd(started, log)


class _LoggingAnswerer(SlowAnswerer):
    def __init__(self, log: str, seconds: float, how: str) -> None:
        super().__init__(seconds)
        self._log = Path(log)
        self._how = how

    async def answer(
        self, question: str, sources: Sequence[Source], *, deadline: float | None = None
    ) -> Completion:
        with self._log.open("a") as log:
            log.write(f"{os.getpid()}\n")
        completion = await super().answer(question, sources, deadline=deadline)
        if self._how == "fails":
            raise InferenceUnavailableError("the model is loading", retry_after=7.0)
        return completion


async def _take_part(url: str, log: str, askers: str, seconds: str, how: str) -> None:
    store = MemoryNoteStore()
    if how != "without notes":
        (vector,) = await HashingEmbedder().embed([NOTE])
        note = Note("ann", "note", "", NOTE, 1, 1)
        await store.replace(note, [Chunk("note#0", "note", NOTE, vector)])
    answerer = _LoggingAnswerer(log, float(seconds), how)
    container = a_container(url, store, answerer, redis_timeout=5)
    await container.assistant.ask(Request("somebody", "Is anybody there?"))
    print("ready", flush=True)  # noqa: T201  # to the test
    await asyncio.to_thread(sys.stdin.readline)
    replies = await asyncio.gather(*(_asked(container) for _ in range(int(askers))))
    print(json.dumps(replies), flush=True)  # noqa: T201  # to the test
    await container.aclose()


async def _asked(container: Container) -> str:
    try:
        reply = await container.assistant.ask(ASKED)
    except UnavailableError as error:
        return f"{type(error).__name__}: {error} ({error.retry_after})"
    return reply.answer.text if reply.answer else ""


if __name__ == "__main__":
    asyncio.run(_take_part(*sys.argv[1:]))
