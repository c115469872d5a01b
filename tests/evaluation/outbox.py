"""Outbox under load: transactions, rollbacks and kills against a real PostgreSQL and Valkey.

Writers change notes of an owner's table. Two relays, each a process, push the records to a server
that applies them to a note store. Relays are killed. So is the database: after the kill of a
session, PostgreSQL ends all sessions and recovers. In the end the note store must equal the table.

`OUTBOX_TRANSACTIONS` overrides the number of transactions.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import uvicorn

from infra.local.valkey import start_valkey
from infra.outbox.install import install
from infra.outbox.source_table import Columns
from shared.container import Container
from shared.errors import UnavailableError
from shared.notes.messages.note_changed import parse_change
from tests.benchmarks.report import BUILD, Metric, run
from tests.support.fakes import create_container
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.postgres import PostgresServer
from tests.support.waiting import repeated

TRANSACTIONS = 10_000
RATE = float(os.environ.get("OUTBOX_RATE", "10"))
"""Transactions a second: a machine under load must keep up, or lag would measure the queue."""

KILLS = int(os.environ.get("OUTBOX_KILLS", "10"))
"""Kills of a relay, and as many of the database."""

_WRITERS = 8
_RELAYS = 2
_USERS, _NOTES = 20, 200
_ROLLED_BACK = 0.15
_ORDER_SECONDS = 1.0
"""A record that was committed so long before another one's arrival must not arrive after it."""

_DRAIN_SECONDS = 120.0
_SECONDS = 10.0  # for a transaction
_TABLE = "CREATE TABLE notes (id bigint PRIMARY KEY, owner text, title text, body text)"
_WRITTEN = """
SELECT array_agg(sequence) FROM tercet_outbox.records WHERE xmin = pg_current_xact_id()::xid
"""
_FIRST = parse_change(
    '{"user_id": "first", "note_id": "n", "operation": "created", "text": "A text.",'
    ' "occurred_at": "2026-11-01T10:00:00Z"}'
)
_LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


@dataclass
class Observed:
    """What the writers and the server saw; times are in seconds of one clock."""

    committed: dict[int, float] = field(default_factory=dict)
    """When the commit of each sequence was reported."""
    uncertain: set[int] = field(default_factory=set)
    """Sequences of transactions whose commit lost its reply."""
    arrived: list[tuple[int, str, str, float]] = field(default_factory=list)
    """Sequence, user, note and time of each message."""
    acknowledged: dict[int, float] = field(default_factory=dict)
    transactions: int = 0
    rolled_back: int = 0

    def lost(self) -> int:
        """Count the committed changes that were not acknowledged."""
        return len(self.committed.keys() - self.acknowledged.keys())

    def invented(self) -> int:
        """Count the messages of changes that were not committed."""
        known = self.committed.keys() | self.uncertain
        return len({sequence for sequence, *_ in self.arrived} - known)

    def disordered(self) -> int:
        """Count the first arrivals after a later change of the note, or of the user (see above)."""
        seen: set[int] = set()
        newest: defaultdict[tuple[str, str], int] = defaultdict(int)
        users: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        count = 0
        for sequence, user, note, at in self.arrived:
            if sequence in seen:
                continue
            seen.add(sequence)
            committed = self.committed.get(sequence, at)
            count += sequence < newest[user, note] or any(
                later > sequence and when > committed + _ORDER_SECONDS
                for later, when in users[user]
            )
            newest[user, note] = max(newest[user, note], sequence)
            users[user].append((sequence, at))
        return count

    def lag_ms(self, share: float) -> float:
        """Return a percentile of the milliseconds from a commit to its acknowledgement."""
        lags = sorted(
            self.acknowledged[sequence] - at
            for sequence, at in self.committed.items()
            if sequence in self.acknowledged
        )
        return 1_000 * lags[int(share * len(lags))]


class Writers:
    """Run random transactions at a constant rate."""

    def __init__(self, url: str, observed: Observed, transactions: int, rate: float) -> None:
        self._url, self._observed, self._left = url, observed, transactions
        self._rate, self._rng = rate, Random(5)

    async def run(self) -> None:
        await asyncio.gather(*(self._write() for _ in range(_WRITERS)))

    async def _write(self) -> None:
        connection = None
        while self._left > 0:
            self._left -= 1
            self._observed.transactions += 1
            began = time.monotonic()
            try:
                if connection is None:
                    connection = await asyncpg.connect(self._url, timeout=_SECONDS)
                async with asyncio.timeout(_SECONDS):
                    await self._transact(connection)
            except asyncpg.UniqueViolationError:
                pass  # two writers chose one id
            except _LOST:
                if connection is not None:
                    connection.terminate()
                connection = None
                await asyncio.sleep(0.1)
            await asyncio.sleep(max(0.0, _WRITERS / self._rate - (time.monotonic() - began)))
        if connection is not None:
            connection.terminate()

    async def _transact(self, connection: Any) -> None:
        transaction = connection.transaction()
        await transaction.start()
        sequences: list[int] = []
        try:
            for _ in range(self._rng.choice((1, 1, 2))):
                await connection.execute(self._statement())
            if self._rng.random() < 0.3:  # others commit first, with greater numbers
                await asyncio.sleep(self._rng.uniform(0, 0.05))
            sequences = await connection.fetchval(_WRITTEN) or []
            is_rolled_back = self._rng.random() < _ROLLED_BACK
        except BaseException:
            if not connection.is_closed():
                with suppress(*_LOST):
                    await transaction.rollback()
            raise
        if is_rolled_back:
            self._observed.rolled_back += 1
            await transaction.rollback()
            return
        self._observed.uncertain.update(sequences)
        await transaction.commit()
        self._observed.uncertain.difference_update(sequences)
        self._observed.committed.update(dict.fromkeys(sequences, time.monotonic()))

    def _statement(self) -> str:
        rng = self._rng
        note, user = rng.randrange(_NOTES), f"user {rng.randrange(_USERS)}"
        text = f"text {rng.getrandbits(60)}"
        kind = rng.random()
        if kind < 0.55:
            return (
                f"INSERT INTO notes VALUES ({note}, '{user}', 'T', '{text}')"  # noqa: S608 - random words
                " ON CONFLICT (id) DO UPDATE SET body = excluded.body"
            )
        if kind < 0.7:
            return f"UPDATE notes SET owner = '{user}' WHERE id = {note}"  # noqa: S608 - as above
        if kind < 0.75:
            return f"UPDATE notes SET id = {_NOTES + note} WHERE id = {note}"  # noqa: S608 - as above
        return f"DELETE FROM notes WHERE id IN ({note}, {_NOTES + note})"  # noqa: S608 - as above


class Relays:
    """Relays as processes, one of which is killed and started again from time to time."""

    def __init__(self, url: str, push_url: str) -> None:
        environ = {"OUTBOX_DATABASE_URL": url, "OUTBOX_PUSH_URL": push_url}
        self._environ = os.environ | environ
        self._processes: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        """Start the relays that are missing."""
        while len(self._processes) < _RELAYS:
            command = (sys.executable, "-m", "infra.outbox", "relay")
            self._processes.append(
                await asyncio.create_subprocess_exec(*command, env=self._environ)
            )

    async def listening(self) -> None:
        """Wait until all listen."""
        connection = await asyncpg.connect(self._environ["OUTBOX_DATABASE_URL"])
        count = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"

        async def are_listening() -> bool:
            return bool(await connection.fetchval(count) == _RELAYS)

        await repeated(are_listening)
        await connection.close()

    async def kill_one(self) -> None:
        process = self._processes.pop(0)
        process.kill()
        await process.wait()
        await self.start()

    async def stop(self) -> None:
        for process in self._processes:
            process.terminate()
            await process.wait()


async def kill_database(url: str) -> None:
    """Kill one session: PostgreSQL ends all others and recovers from its log."""
    connection = await asyncpg.connect(url, timeout=_SECONDS)
    os.kill(await connection.fetchval("SELECT pg_backend_pid()"), signal.SIGKILL)
    connection.terminate()


async def observe(transactions: int, kills: int, rate: float) -> tuple[Observed, int]:
    """Run the transactions; return what was observed, and the number of notes that differ."""
    observed = Observed()
    valkey = start_valkey()
    try:
        with _postgres() as server:
            url = await server.new_database()
            connection = await asyncpg.connect(url)
            await connection.execute(_TABLE)
            await install(connection, "notes", Columns("owner", "id", "title", "body"))
            await connection.close()
            store = MemoryNoteStore()
            container = create_container(valkey.url, store, redis_timeout=5)
            await container.freshness.note_changed(_FIRST)  # loads modules
            async with _serving(container, observed) as push_url:
                relays = Relays(url, push_url)
                await relays.start()
                await relays.listening()
                writers = Writers(url, observed, transactions, rate)
                await _write_and_kill(writers, relays, url, kills, transactions / rate)
                await _drained(url)
                await relays.stop()
            different = await _compare(url, store)
            await container.aclose()
    finally:
        valkey.stop()
    return observed, different


async def _write_and_kill(
    writers: Writers, relays: Relays, url: str, kills: int, seconds: float
) -> None:
    """Run the writers, and kill a relay and the database in turn while they write."""
    writing = asyncio.ensure_future(writers.run())
    for number in range(2 * kills):
        await asyncio.wait([writing], timeout=seconds / (2 * kills + 1))
        if writing.done():
            break
        print(".", end="", flush=True)
        await (relays.kill_one() if number % 2 else kill_database(url))
    await writing


async def _drained(url: str) -> None:
    """Wait until every record is delivered, for two minutes at most."""
    until = time.monotonic() + _DRAIN_SECONDS
    left = 1
    while left and time.monotonic() < until:
        await asyncio.sleep(0.2)
        connection = await asyncpg.connect(url)
        left = await connection.fetchval("SELECT count(*) FROM tercet_outbox.records")
        await connection.close()


async def _compare(url: str, store: MemoryNoteStore) -> int:
    """Count the notes that the table and the note store do not have alike."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT owner, id::text, body FROM notes")
    await connection.close()
    stored = [note for n in range(_USERS) for note in await store.list_notes(f"user {n}")]
    return len(
        {tuple(row) for row in rows} ^ {(note.user_id, note.note_id, note.text) for note in stored}
    )


@asynccontextmanager
async def _serving(container: Container, observed: Observed) -> AsyncIterator[str]:
    """Serve `POST /notes/changes`: note the arrival, apply the change, note the acknowledgement."""

    async def app(_: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        change = parse_change(body)
        sequence = change.sequence or 0
        observed.arrived.append((sequence, change.user_id, change.note_id or "", time.monotonic()))
        status = 204
        try:
            await container.freshness.note_changed(change)
        except UnavailableError:  # the database was killed
            status = 503
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        if status == 204:
            observed.acknowledged.setdefault(sequence, time.monotonic())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, lifespan="off", log_level="critical", timeout_keep_alive=300)
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/notes/changes"
        server.should_exit = True
        await serving


@contextmanager
def _postgres() -> Iterator[PostgresServer]:
    folder = Path(tempfile.mkdtemp(prefix="tercet-outbox-"))
    server = PostgresServer(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def collect_metrics() -> dict[str, Metric]:
    """Measure, and print what happened."""
    transactions = int(os.environ.get("OUTBOX_TRANSACTIONS", TRANSACTIONS))
    observed, different = await observe(transactions, KILLS, RATE)
    print(
        f"  {observed.transactions:,} transactions, {observed.rolled_back:,} rolled back;"
        f" {len(observed.committed):,} changes, {len(observed.arrived):,} messages;"
        f" {observed.lost()} lost, {observed.invented()} invented,"
        f" {observed.disordered()} disordered, {different} notes differ;"
        f" lag P50 {observed.lag_ms(0.5):.0f} ms, P95 {observed.lag_ms(0.95):.0f} ms"
    )
    return {
        "outbox_transactions": Metric(unit="transactions", value=observed.transactions),
        "outbox_lost": Metric(unit="changes", value=observed.lost(), budget=0),
        "outbox_invented": Metric(unit="changes", value=observed.invented(), budget=0),
        "outbox_disordered": Metric(unit="changes", value=observed.disordered(), budget=0),
        "outbox_different": Metric(unit="notes", value=different, budget=0),
        "outbox_lag_p95": Metric(unit="ms", value=observed.lag_ms(0.95), budget=1_000),
    }


if __name__ == "__main__":
    run("tests.evaluation", ("outbox",), BUILD / "eval.json", ())
