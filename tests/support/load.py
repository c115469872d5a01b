"""Users who ask and write without pause while something befalls Redis."""

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
from tests.support.main_job import ask, written

_QUESTIONS = ("What is faith?", "What is hope?", "What is love?", "What is grace?")
_EDITION = re.compile(r"Edition (\d+)")


@dataclass(frozen=True, slots=True)
class Served:
    """One question: when it was asked, how long it took (s), and how the cache fared."""

    at: float
    seconds: float
    cache: str
    user: str


@dataclass
class Load:
    """What users were served; `stale` are answers from before an acknowledged change."""

    container: Container
    users: list[str]
    served: list[Served] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    """The latest edition of each user's note that is acknowledged."""
    changes: int = 0
    repeated: int = 0
    """Changes that were not acknowledged at once, and so came again."""
    _writing: set[str] = field(default_factory=set)

    async def change(self, user: str) -> None:
        """Write the next edition of a user's note, until it is acknowledged."""
        edition = self.acknowledged[user] + 1
        message = written(user, "note", f"Edition {edition} speaks of faith, hope and love.")
        while True:
            try:
                await self.container.freshness.note_changed(message)
            except CacheUnavailableError:
                self.repeated += 1
                await asyncio.sleep(0.05)
                continue
            self.acknowledged[user], self.changes = edition, self.changes + 1
            return

    async def ask(self, user: str, question: str) -> None:
        """Ask, and see whether the answer is of what was acknowledged before."""
        expected, began = self.acknowledged[user], time.monotonic()
        try:
            reply = await ask(self.container, user, question)
        except Exception as error:  # any at all is a failed request
            self.errors.append(error)
            return
        self.served.append(Served(began, time.monotonic() - began, reply.cache, user))
        found = _EDITION.search(reply.answer.text) if reply.answer else None
        if not found or int(found[1]) < expected:
            self.stale.append(f"{user} had {expected} and got {reply}")

    @asynccontextmanager
    async def going_on(self, askers: int = 8, writers: int = 2) -> AsyncIterator[None]:
        """Ask and write all the while; what is not acknowledged by the end is given up."""
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
