"""A table of notes with an outbox, and a target in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from infra.outbox.install import install
from infra.outbox.relay import Relay
from infra.outbox.settings import database_connector
from infra.outbox.source_table import Columns
from infra.outbox.targets import DeliveryError
from tests.support.waiting import repeated

TABLE = """
CREATE TABLE notes (
    id bigint PRIMARY KEY, owner text, title text, body text, labels text[], views int DEFAULT 0)
"""
COLUMNS = Columns("owner", "id", "title", "body")


class MemoryTarget:
    """Takes messages; `refuse` may raise for one."""

    def __init__(self, refuse: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
        self.messages: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.refuse = refuse

    async def send(self, message: dict[str, Any]) -> None:
        await asyncio.sleep(self.seconds)
        self.refuse(message)
        self.messages.append(message)

    async def aclose(self) -> None:
        """Return; there is nothing to close."""

    def brief(self) -> list[tuple[str, str, str, str | None]]:
        """Return operation, user, note and text of each message."""
        return [(m["operation"], m["user_id"], m["note_id"], m.get("text")) for m in self.messages]


class Outbox:
    """A database with the table `notes`, whose changes are recorded."""

    def __init__(self, url: str, connection: Any) -> None:
        self.url = url
        self.connection = connection
        self.target = MemoryTarget()

    def relay(self, target: MemoryTarget | None = None) -> Relay:
        return Relay(database_connector({"OUTBOX_DATABASE_URL": self.url}), target or self.target)

    async def drain(self) -> list[tuple[str, str, str, str | None]]:
        """Deliver what is ready; return all messages of the target in brief, and forget them."""
        await self.relay().drain()
        brief = self.target.brief()
        self.target.messages.clear()
        return brief

    async def records(self) -> list[tuple[str, str, str]]:
        rows = await self.connection.fetch(
            "SELECT operation, user_id, note_id FROM tercet_outbox.records ORDER BY sequence"
        )
        return [tuple(row) for row in rows]

    @asynccontextmanager
    async def relaying(self, *targets: MemoryTarget) -> AsyncIterator[None]:
        """Run a relay for each target within the block."""
        tasks = [asyncio.ensure_future(self.relay(t).run()) for t in targets or [self.target]]
        try:
            # The last query of a listening connection: it listens, then it checks the connection.
            listening = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND (query LIKE 'LISTEN%' OR query = 'SELECT 1')"
            )

            async def are_listening() -> bool:
                return bool(await self.connection.fetchval(listening) >= len(tasks))

            await repeated(are_listening)
            yield
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)


@asynccontextmanager
async def open_outbox(
    url: str, table: str = TABLE, columns: Columns = COLUMNS
) -> AsyncIterator[Outbox]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(table)
        await install(connection, "notes", columns)
        yield Outbox(url, connection)
    finally:
        await connection.close()


def unavailable(_: object) -> None:
    raise DeliveryError("status 503")
