"""Several processes that send the same request at the same moment, over one Redis.

`python -m tests.support.stampede URL LOG SECONDS HOW REDIS_TIMEOUT REQUESTS` is one of them. It
writes its process id to LOG when it begins to generate.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.container import Container
from shared.errors import InferenceUnavailableError, UnavailableError
from shared.inference.ports import Completion
from shared.notes.note import Chunk, Note, Source
from shared.question import Request
from tests.support.fakes import HashingEmbedder, SlowAnswerer, create_container
from tests.support.memory_note_store import MemoryNoteStore

ROOT = Path(__file__).resolve().parents[2]
REQUEST = Request("ann", "What is faith?", seconds=60)
NOTE = "Faith is trust."


@dataclass
class Stampede:
    """Processes that are ready to send their requests."""

    processes: list["subprocess.Popen[str]"]
    log: Path

    def ask(self) -> None:
        """Let all processes send their requests."""
        for process in self.processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()

    def generations(self) -> list[int]:
        """Return the ids of the processes that began to generate, in order."""
        return [int(line) for line in self.log.read_text().split()]

    def wait_for_holder(self, within: float = 60.0) -> int:
        """Wait for the first generation and return its process id."""
        end = time.monotonic() + within
        while not (begun := self.generations()):
            if time.monotonic() > end:
                raise TimeoutError("no process generates")
            time.sleep(0.01)
        return begun[0]

    def replies(self, within: float = 120.0) -> list[str]:
        """What those that still live were answered: texts, or kinds of errors.

        Processes that say nothing within so many seconds are ended, and their replies missing.
        """
        lines = self.lines(within)
        return [reply for line in lines if line for reply in json.loads(line)]

    def lines(self, within: float) -> list[str]:
        """Return the next line of each process; empty if it ended or timed out."""
        timer = threading.Timer(within, self._end)
        timer.start()
        try:
            return [process.stdout.readline() for process in self.processes if process.stdout]
        finally:
            timer.cancel()

    def _end(self) -> None:
        for process in self.processes:
            process.kill()


@contextmanager
def start_stampede(
    url: str,
    log: Path,
    *,
    processes: int,
    requests: int,
    seconds: float,
    how: str = "answers",
    redis_timeout: float = 5.0,
) -> Iterator[Stampede]:
    """Start processes that share `requests` equal requests; a generation takes `seconds`.

    Args:
        url: of the Redis that they share.
        log: a file that need not exist.
        processes: how many.
        requests: how many in total, spread evenly.
        seconds: duration of a generation.
        how: `answers`, `fails`, `without notes`, or `hangs`: the first generation never ends.
        redis_timeout: time-out of Redis in each process, in seconds.
    """
    log.touch()
    given = (url, str(log), str(seconds), how, str(redis_timeout))
    command = [sys.executable, "-m", __spec__.name, *given]
    with ExitStack() as stack:
        started = []
        for place in range(processes):
            share = requests // processes + (place < requests % processes)
            process = subprocess.Popen(
                [*command, str(share)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            started.append(process)
        made = Stampede(started, log)
        assert set(made.lines(60)) == {"ready\n"}
        yield made


class _LoggingAnswerer(SlowAnswerer):
    def __init__(self, log: str, seconds: float, how: str) -> None:
        super().__init__(seconds)
        self._log = Path(log)
        self._how = how

    async def answer(self, question: str, sources: Sequence[Source], **_: object) -> Completion:
        with self._log.open("a") as log:
            log.write(f"{os.getpid()}\n")
        if self._how == "hangs" and len(self._log.read_text().split()) == 1:
            await asyncio.Event().wait()
        completion = await super().answer(question, sources)
        if self._how == "fails":
            raise InferenceUnavailableError("the model is loading", retry_after=7.0)
        return completion


async def _run(arguments: Sequence[str]) -> None:
    url, log, seconds, how, redis_timeout, requests = arguments
    store = MemoryNoteStore()
    if how != "without notes":
        (vector,) = await HashingEmbedder().embed([NOTE])
        note = Note("ann", "note", "", NOTE, 1, 1)
        await store.replace_note(note, [Chunk("note#0", "note", NOTE, vector)])
    answerer = _LoggingAnswerer(log, float(seconds), how)
    container = create_container(url, store, answerer, redis_timeout=float(redis_timeout))
    await container.assistant.ask(Request("warm-up", "Is this process ready?"))
    print("ready", flush=True)  # noqa: T201  # to the test
    await asyncio.to_thread(sys.stdin.readline)
    replies = await asyncio.gather(*(_ask(container) for _ in range(int(requests))))
    print(json.dumps(replies), flush=True)  # noqa: T201  # to the test
    await container.aclose()


async def _ask(container: Container) -> str:
    try:
        reply = await container.assistant.ask(REQUEST)
    except UnavailableError as error:
        return f"{type(error).__name__}: {error} ({error.retry_after})"
    return reply.answer.text if reply.answer else ""


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1:]))
