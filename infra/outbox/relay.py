"""Delivers the records of the outbox: at least once, and in order for each user.

A record is deleted when the target has acknowledged it. So no position is stored, and a transaction
that commits late with a lower number is delivered like any other. A lock for each user keeps the
order with several relays. Records of one note have the order of its changes, because the row is
locked while they get their numbers.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import asyncpg

from infra.outbox.install import ISOLATION, TEXT_SETTINGS, require_installed
from infra.outbox.source_reader import SourceReader, UnreadableError
from infra.outbox.target_breaker import TargetBreaker
from infra.outbox.targets import DeliveryError, RefusedError
from shared.errors import UnavailableError
from shared.notes.postgres.connection import DRIVER_ERRORS

if TYPE_CHECKING:
    from infra.outbox.targets import Target
    from shared.notes.sql_store import Connection

MAX_REFUSALS = 5
"""Attempts after which a record that the target refuses is not delivered again."""

MAX_DELAYING = 20
"""Failed attempts, about 15 minutes, after which a record does not delay its user's others."""

CONCURRENCY = 8
"""Users whose records are delivered at the same time."""

IDLE_SECONDS = 300.0
"""The longest wait for a notification: then the connection is checked."""

_MAX_DELAY = 60.0  # seconds between two deliveries of a record
_LOCKED_SECONDS = 0.3  # until a user is tried again whom another relay delivers
_TURN = 10  # records of one user in a transaction; a relay that is killed delivers them again
_USERS_AT_ONCE = 1_000  # that a scan finds
_OLDEST = 100_000  # records that a scan reads
_SCAN_SHARE = 0.1  # of the time: a scan takes longer the more records wait
_RECONNECT_SECONDS = (0.2, 10.0)
_CONNECT_SECONDS = 10.0
_COMMAND_SECONDS = 30.0
_DATABASE_ERRORS = (OSError, UnavailableError, *DRIVER_ERRORS)

# A record that is retried delays the later ones of its user.
_READY = f"""
retry_at <= now() AND NOT EXISTS (
    SELECT 1 FROM tercet_outbox.records AS failed
    WHERE failed.user_id = record.user_id AND failed.sequence < record.sequence
    AND failed.attempts > 0 AND failed.attempts < {MAX_DELAYING}
    AND failed.retry_at > now() AND failed.retry_at < 'infinity')
"""  # noqa: S608 - a constant

_USERS = f"""
SELECT user_id FROM (
    SELECT user_id, sequence, attempts FROM tercet_outbox.records AS record
    WHERE user_id <> ALL ($1) AND {_READY} ORDER BY sequence LIMIT {_OLDEST}) AS oldest
GROUP BY user_id ORDER BY min(attempts), min(sequence) LIMIT {_USERS_AT_ONCE}
"""  # noqa: S608 - constants

_NEXT = f"""
SELECT sequence, source, user_id, note_id, operation, changed_at
FROM tercet_outbox.records AS record
WHERE user_id = $1 AND {_READY} ORDER BY sequence LIMIT {_TURN}
"""  # noqa: S608 - constants

_NEXT_RETRY = """
SELECT extract(epoch FROM min(retry_at) - now())::float FROM tercet_outbox.records
WHERE attempts > 0 AND retry_at < 'infinity'
"""

# Two keys: the note store locks with one key. A relay that hangs loses its locks with its session.
_BEGIN = f"""
SELECT pg_try_advisory_xact_lock(1953653091, hashtext($1)),
       set_config('idle_in_transaction_session_timeout', '90s', true),
       set_config('row_security', 'off', true),
       {", ".join(f"set_config('{name}', '{value}', true)" for name, value in TEXT_SETTINGS)}
"""

# Failed deliveries of former changes of the note have no effect any more.
_DELIVERED = """
DELETE FROM tercet_outbox.records
WHERE sequence = $1 OR (user_id = $2 AND note_id = $3 AND sequence < $1 AND attempts > 0)
"""

_FAILED = f"""
UPDATE tercet_outbox.records SET attempts = attempts + 1, failure = $2,
    retry_at = CASE WHEN $3 AND attempts + 1 >= {MAX_REFUSALS} THEN 'infinity' ELSE
    clock_timestamp() + make_interval(secs => least({_MAX_DELAY}, power(2, least(attempts, 9)))) END
WHERE sequence = $1 RETURNING attempts, retry_at = 'infinity'
"""  # noqa: S608 - constants

_log = logging.getLogger(__name__)


class Relay:
    """Delivers records with connections that `connect` opens, as `asyncpg.connect` does."""

    def __init__(self, connect: Callable[..., Awaitable[Any]], target: "Target") -> None:
        self._connect = connect
        self._target = TargetBreaker(target)
        self._wake = asyncio.Event()
        self._busy: set[str] = set()
        self._ready = deque[str]()
        self._next_scan = 0.0
        self._sources = SourceReader()
        self._reconnect_delay = _RECONNECT_SECONDS[0]
        self.delivered = 0
        """The number of records that were delivered."""

    async def run(self) -> None:
        """Deliver until the task is cancelled. A lost connection is opened again.

        Raises:
            ConfigurationError: the outbox is not installed.
        """
        while True:
            try:
                await self._deliver(forever=True)
            except _DATABASE_ERRORS as error:
                log_fields = {"error": type(error).__name__}
                _log.warning("outbox: the database failed", extra={"log_fields": log_fields})
            await asyncio.sleep(self._reconnect_delay)
            self._reconnect_delay = min(2 * self._reconnect_delay, _RECONNECT_SECONDS[1])

    async def drain(self) -> None:
        """Deliver what is ready, and return; it may be cancelled at any time.

        Raises:
            ConfigurationError: the outbox is not installed.
        """
        await self._deliver(forever=False)

    async def _deliver(self, *, forever: bool) -> None:
        pool = await asyncpg.create_pool(
            connect=self._connect,
            min_size=0,
            max_size=CONCURRENCY + 1,
            max_inactive_connection_lifetime=60.0,
            reset=_keep_session,  # nothing is set for a session
            timeout=_CONNECT_SECONDS,
            command_timeout=_COMMAND_SECONDS,
        )
        listener, tasks = None, set[asyncio.Task[None]]()
        self._next_scan = 0.0
        try:
            async with pool.acquire() as connection:
                await require_installed(connection)
            if forever:
                listener = await self._listen()
            while True:
                self._wake.clear()
                # Before the next await: what ends later wakes the relay again.
                for task in [task for task in tasks if task.done()]:
                    tasks.remove(task)
                    task.result()
                delay = await self._start_deliveries(pool, tasks)
                if not forever and not tasks:
                    return
                # Not `wait_for`, which can lose a cancellation on Python 3.11.
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._wake.wait()
                if listener is not None and not self._wake.is_set():
                    await listener.execute("SELECT 1", timeout=_COMMAND_SECONDS)
                if listener is not None and listener.is_closed():
                    raise ConnectionError
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._busy.clear()
            self._ready.clear()
            if listener is not None:
                listener.terminate()
            pool.terminate()

    async def _listen(self) -> "Connection":
        """Open a connection that wakes the relay with each transaction that wrote records."""
        listener = await self._connect(timeout=_CONNECT_SECONDS)
        listener.add_termination_listener(lambda _: self._wake.set())
        await listener.add_listener("tercet_outbox", lambda *_: self._wake.set())
        self._reconnect_delay = _RECONNECT_SECONDS[0]
        return listener

    async def _start_deliveries(self, pool: Any, tasks: set["asyncio.Task[None]"]) -> float:
        """Start tasks for users with records. Return the seconds until more may be started."""
        if delay := self._target.seconds_until_probe():
            return delay
        delay = self._next_scan - time.monotonic()
        if delay <= 0 or not (self._ready or tasks):
            delay = await self._find_users(pool)
        limit = 1 if self._target.is_open else CONCURRENCY
        while self._ready and len(tasks) < limit:
            self._busy.add(user_id := self._ready.popleft())
            tasks.add(task := asyncio.create_task(self._deliver_user(pool, user_id)))
            task.add_done_callback(lambda _: self._wake.set())
        return delay

    async def _find_users(self, pool: Any) -> float:
        """Find users with records. Return the seconds until the next scan."""
        began = time.monotonic()
        async with pool.acquire() as connection:
            rows = await connection.fetch(_USERS, [*self._busy])
            retry = None if rows else await connection.fetchval(_NEXT_RETRY)
        self._ready = deque(user_id for (user_id,) in rows)
        ended = time.monotonic()
        self._next_scan = ended + (ended - began) / _SCAN_SHARE
        return IDLE_SECONDS if retry is None else min(IDLE_SECONDS, max(retry, _LOCKED_SECONDS))

    async def _deliver_user(self, pool: Any, user_id: str) -> None:
        """Deliver some records of a user in order, in one transaction that holds the lock."""
        has_more = False
        async with pool.acquire() as connection:
            try:
                async with connection.transaction(isolation=ISOLATION):
                    is_locked, *_ = await connection.fetchrow(_BEGIN, user_id)
                    if not is_locked:
                        loop = asyncio.get_running_loop()
                        loop.call_later(_LOCKED_SECONDS, self._release, user_id)
                        return
                    # A statement of its own: it must see what the former holder deleted.
                    records = await connection.fetch(_NEXT, user_id)
                    for record in records:
                        if not await self._deliver_record(connection, record):
                            break
                    else:
                        has_more = len(records) == _TURN
            except UnreadableError as error:  # an error ends the transaction
                await _keep(connection, error.sequence, error)
        self._busy.discard(user_id)
        if has_more:
            self._ready.append(user_id)

    def _release(self, user_id: str) -> None:
        self._busy.discard(user_id)
        self._wake.set()

    async def _deliver_record(self, connection: "Connection", record: Any) -> bool:
        try:
            await self._target.send(await self._sources.read(connection, record))
        except DeliveryError as error:
            await _keep(connection, record["sequence"], error)
            return False
        key = (record["sequence"], record["user_id"], record["note_id"])
        await connection.execute(_DELIVERED, *key)
        self.delivered += 1
        return True


async def _keep_session(_: "Connection") -> None:
    """Omit the pool's own clean-up, which is a round trip."""


async def _keep(connection: "Connection", sequence: int, error: Exception) -> None:
    """Keep a record that could not be delivered, and log why."""
    row = await connection.fetchrow(_FAILED, sequence, str(error), isinstance(error, RefusedError))
    if row is None:  # deleted meanwhile: delivered by another relay, or by hand
        return
    attempts, is_dead = row
    log_fields = {"sequence": sequence, "attempts": attempts, "reason": str(error)}
    if is_dead:
        _log.error("outbox: a record is not delivered again", extra={"log_fields": log_fields})
    elif attempts == MAX_DELAYING:
        _log.error("outbox: a record fails repeatedly", extra={"log_fields": log_fields})
    else:
        _log.warning("outbox: a record was not delivered", extra={"log_fields": log_fields})
