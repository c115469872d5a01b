"""Runs another release of the shared layer, as during a rolling deploy.

The other release is a copy of the source whose index entries have another version and layout. It
runs in a process of its own and answers requests, one JSON array a line: [id, method, argument].
"""

import asyncio
import json
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from shared.cache import codec
from shared.inference.ports import Completion
from shared.notes.sqlite import SQLiteNoteStore
from shared.question import Request
from tests.support.fakes import SlowAnswerer, create_container
from tests.support.full_stack import updated
from tests.support.note_backends import PROFILE

_ROOT = Path(__file__).parents[2]
_OTHER = "~"
_EDITS = {
    "shared/cache/codec.py": {f'VERSION = "{codec.VERSION}"': f'VERSION = "{_OTHER}"'},
    "shared/cache/index_entries.py": {
        "cost:012d": "cost:014d",
        r"(\d{{12}})": r"(\d{{14}})",
        "HEADER = 62": "HEADER = 64",
    },
    "shared/cache/lua/common/entries.lua": {
        f"VERSION = '{codec.VERSION}'": f"VERSION = '{_OTHER}'",
        "51, 62": "51, 64",
        "63, 84": "65, 86",
    },
}


class _HeldAnswerer(SlowAnswerer):
    """Waits while `released` is clear."""

    def __init__(self) -> None:
        super().__init__()
        self.released = asyncio.Event()
        self.released.set()

    async def answer(self, *given: Any, **named: Any) -> Completion:
        completion = await super().answer(*given, **named)
        await self.released.wait()
        return completion


class Release:
    """One release's cache over shared notes: asks and applies note changes."""

    def __init__(self, redis_url: str, notes: Path) -> None:
        self._store = SQLiteNoteStore(notes, PROFILE)
        self.answerer = _HeldAnswerer()
        self.container = create_container(
            redis_url,
            self._store,  # type: ignore[arg-type]  # the container accepts any note store
            self.answerer,
            redis_timeout=5,
        )

    async def ask(self, query: str) -> str:
        """Return the tier and the answer's text."""
        reply = await self.container.assistant.ask(Request("ann", query))
        assert reply.cache == "ok"
        assert reply.answer
        return f"{reply.tier} {reply.answer.text}"

    async def change(self, text: str) -> str:
        """Change Ann's note."""
        await self.container.freshness.note_changed(updated("ann", "note", text))
        return ""

    async def hold(self, held: str) -> str:
        """Let generations wait, or with an empty text end."""
        (self.answerer.released.clear if held else self.answerer.released.set)()
        return ""

    async def begun(self, _: str) -> str:
        """Return the number of generations that have begun."""
        return str(self.answerer.begun)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.container.aclose()
        await self._store.aclose()


class OtherRelease:
    """A `Release` in another process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._numbers = count()
        self._waiting: dict[int, asyncio.Future[str]] = {}
        self._reading = asyncio.create_task(self._read())

    async def call(self, method: str, argument: str) -> str:
        """Call a method of the other release."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin
        self._process.stdin.write(json.dumps([number, method, argument]).encode() + b"\n")
        return await asyncio.wait_for(self._waiting[number], 30)

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            number, result = json.loads(line)
            self._waiting.pop(number).set_result(result)


@asynccontextmanager
async def other_release(folder: Path, redis_url: str, notes: Path) -> AsyncIterator[OtherRelease]:
    """Copy the source to `folder`, change the layout of entries there, and run it."""
    for name in ("shared", "functions", "infra/local", "tests/support"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(_ROOT / name, folder / name, ignore=ignored)
    (folder / "tests/__init__.py").touch()
    for name, edits in _EDITS.items():
        source = (folder / name).read_text()
        for former, new in edits.items():
            assert source.count(former) == 1, (name, former)
            source = source.replace(former, new)
        (folder / name).write_text(source)
    arguments = ("-m", "tests.support.release", redis_url, str(notes))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=folder, stdin=PIPE, stdout=PIPE
    )
    try:
        yield OtherRelease(process)
    finally:
        process.kill()
        await process.wait()


async def _serve(redis_url: str, notes: str) -> None:
    release = Release(redis_url, Path(notes))

    async def answer(number: int, method: str, argument: str) -> None:
        result: Any = await getattr(release, method)(argument)
        print(json.dumps([number, result]), flush=True)  # noqa: T201 - the protocol

    async with asyncio.TaskGroup() as tasks:
        while line := await asyncio.to_thread(sys.stdin.readline):
            tasks.create_task(answer(*json.loads(line)))


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
