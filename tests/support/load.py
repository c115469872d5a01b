"""Continuous load of questions and note changes during a Redis fault."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from shared.container import Container
from shared.errors import CacheUnavailableError
from tests.support.full_stack import ask, updated

_QUESTIONS = ("What is faith?", "What is hope?", "What is love?", "What is grace?")
_EDITION = re.compile(r"Edition (\d+)")


@dataclass(frozen=True, slots=True)
class Served:
    """One question: its start, its duration in seconds, and the cache status of its reply."""

    started: float
    seconds: float
    cache: str
    user: str


@dataclass
class Load:
    """Generates load and records results; `stale` are answers older than an acknowledged change."""

    container: Container
    users: list[str]
    served: list[Served] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    """The latest acknowledged edition of each user's note."""
    changes: int = 0
    retries: int = 0
    """Retries of changes that were not acknowledged."""
    _writing: set[str] = field(default_factory=set)

    async def change(self, user: str) -> None:
        """Write the next edition of a user's note; retry until it is acknowledged."""
        edition = self.acknowledged[user] + 1
        message = updated(user, "note", f"Edition {edition} speaks of faith, hope and love.")
        while True:
            try:
                await self.container.freshness.note_changed(message)
            except CacheUnavailableError:
                self.retries += 1
                await asyncio.sleep(0.05)
                continue
            self.acknowledged[user], self.changes = edition, self.changes + 1
            return

    async def ask(self, user: str, question: str) -> None:
        """Ask a question and check that the answer is not older than the acknowledged edition."""
        expected, started = self.acknowledged[user], time.monotonic()
        try:
            reply = await ask(self.container, user, question)
        except Exception as error:  # every error is a failed request
            self.errors.append(error)
            return
        self.served.append(Served(started, time.monotonic() - started, reply.cache, user))
        found = _EDITION.search(reply.answer.text) if reply.answer else None
        if not found or int(found[1]) < expected:
            self.stale.append(f"{user} had {expected} and got {reply}")

    @asynccontextmanager
    async def running(self, askers: int = 8, writers: int = 2) -> AsyncIterator[None]:
        """Generate load in the background; cancel changes that are not acknowledged at the end."""
        asking = [asyncio.create_task(self._asking(Random(n))) for n in range(askers)]
        writing = [asyncio.create_task(self._writing_on(Random(-n))) for n in range(writers)]
        try:
            yield
        finally:
            for task in (*asking, *writing):
                task.cancel()
            await asyncio.gather(*asking, *writing, return_exceptions=True)

    async def _asking(self, rng: Random) -> None:
        while True:
            await self.ask(rng.choice(self.users), rng.choice(_QUESTIONS))
            await asyncio.sleep(0.005)

    async def _writing_on(self, rng: Random) -> None:
        while True:
            if (user := rng.choice(self.users)) not in self._writing:
                self._writing.add(user)
                await self.change(user)
                self._writing.remove(user)
            await asyncio.sleep(0.02)
