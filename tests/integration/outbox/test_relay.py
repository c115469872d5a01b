"""The relay delivers each committed change at least once, in order for each user."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from infra.outbox import relay as relay_module
from infra.outbox import target_breaker
from infra.outbox.handler import handler
from infra.outbox.operate import report
from infra.outbox.relay import CONCURRENCY, Relay
from infra.outbox.settings import database_connector
from infra.outbox.source_table import Columns
from infra.outbox.targets import DeliveryError, RefusedError
from shared.errors import ConfigurationError
from shared.notes.messages.note_changed import parse_change
from tests.evaluation.outbox import observe
from tests.support.event_source import serving_sqs, sqs_environment
from tests.support.outbox import TABLE, MemoryTarget, Outbox, open_outbox
from tests.support.queues import Context
from tests.support.waiting import repeated, until


@pytest.fixture
async def outbox(postgres_url: str) -> AsyncIterator[Outbox]:
    async with open_outbox(postgres_url) as opened:
        yield opened


def insert(number: int, owner: str = "ann") -> str:
    return f"INSERT INTO notes VALUES ({number}, '{owner}', 'T', 'text {number}')"  # noqa: S608 - of this test


async def test_change_is_delivered_after_its_commit_without_polling(outbox: Outbox) -> None:
    statement = (
        "SELECT query_start FROM pg_stat_activity"
        " WHERE query LIKE '%tercet_outbox%' AND pid <> pg_backend_pid()"
    )

    async def is_idle() -> bool:
        before = await outbox.connection.fetch(statement)
        await asyncio.sleep(0.5)
        return bool(before == await outbox.connection.fetch(statement))

    async with outbox.relaying():
        await repeated(is_idle)
        await outbox.connection.execute(insert(1))
        await until(lambda: outbox.target.messages)

        async def is_empty() -> bool:
            return not await outbox.records()

        await repeated(is_empty)  # a delivered record is deleted
    (message,) = outbox.target.messages
    del message["occurred_at"], message["sequence"]
    assert message == {
        "schema_version": 1,
        "user_id": "ann",
        "note_id": "1",
        "operation": "created",
        "title": "T",
        "text": "text 1",
    }


async def test_messages_are_valid_note_changes(outbox: Outbox) -> None:
    for statement in (
        insert(1),
        "UPDATE notes SET title = repeat('t', 2000)",
        insert(2),
        "DELETE FROM notes WHERE id = 2",
    ):
        await outbox.connection.execute(statement)
    await outbox.relay().drain()
    changes = [parse_change(message) for message in outbox.target.messages]
    assert [change.sequence for change in changes] == sorted(c.sequence or 0 for c in changes)
    assert changes[0].sequence == outbox.target.messages[0]["sequence"] > 10**15
    assert [change.operation for change in changes] == ["created", "updated", "deleted", "deleted"]


async def test_transaction_that_commits_late_is_delivered(outbox: Outbox) -> None:
    """Its sequence is lower than that of a record which is delivered already."""
    other = await asyncpg.connect(outbox.url)
    async with outbox.relaying():
        async with outbox.connection.transaction():
            await outbox.connection.execute(insert(1))
            await other.execute(insert(2))
            await until(lambda: outbox.target.messages)
            assert [note for _, _, note, _ in outbox.target.brief()] == ["2"]
        await until(lambda: len(outbox.target.messages) == 2)
    first, second = outbox.target.messages
    assert first["sequence"] > second["sequence"]
    await other.close()


async def test_notes_that_exchange_their_ids_are_delivered_as_they_are(outbox: Outbox) -> None:
    await outbox.connection.execute(
        "ALTER TABLE notes DROP CONSTRAINT notes_pkey; CREATE UNIQUE INDEX ON notes (id, owner);"
        f"{insert(1)}; {insert(2)}"
    )
    await outbox.drain()
    await outbox.connection.execute(
        "BEGIN; UPDATE notes SET id = 3 WHERE id = 1; UPDATE notes SET id = 1 WHERE id = 2;"
        " UPDATE notes SET id = 2 WHERE id = 3; COMMIT"
    )
    brief = await outbox.drain()
    newest = {note: (operation, text) for operation, _, note, text in brief}
    assert newest["1"][1] == "text 2"
    assert newest["2"][1] == "text 1"
    assert newest["3"] == ("deleted", None)


@pytest.mark.slow
async def test_truncated_notes_are_deleted(outbox: Outbox) -> None:
    await outbox.connection.execute(
        "INSERT INTO notes SELECT n, 'user ' || n % 7, 't', 'x' FROM generate_series(1, 1000) AS n"
    )
    await outbox.connection.execute("DELETE FROM tercet_outbox.records")
    await outbox.connection.execute("TRUNCATE notes")
    brief = await outbox.drain()
    assert len(brief) == 1_000
    assert {operation for operation, *_ in brief} == {"deleted"}
    assert {(user, note) for _, user, note, _ in brief} == {
        (f"user {n % 7}", str(n)) for n in range(1, 1_001)
    }


async def test_two_relays_deliver_each_record_in_order(outbox: Outbox) -> None:
    targets = [MemoryTarget(), MemoryTarget()]
    order: dict[str, list[int]] = {}

    def record(message: dict[str, Any]) -> None:
        order.setdefault(message["user_id"], []).append(message["sequence"])

    for target in targets:
        target.refuse, target.seconds = record, 0.002
    async with outbox.relaying(*targets):
        for number in range(60):
            await outbox.connection.execute(insert(number, f"user {number % 3}"))
        await until(lambda: sum(len(target.messages) for target in targets) >= 60)
    assert sum(map(len, order.values())) == 60
    assert all(numbers == sorted(numbers) for numbers in order.values())


async def test_user_whom_another_relay_delivers_is_left_to_it(outbox: Outbox) -> None:
    slow, fast = MemoryTarget(), MemoryTarget()
    slow.seconds = 60
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"

    async def is_locked() -> bool:
        return bool(await outbox.connection.fetchval(locks))

    async with outbox.relaying(slow):
        await outbox.connection.execute(insert(1))
        await repeated(is_locked)
        relay = asyncio.ensure_future(outbox.relay(fast).run())
        await outbox.connection.execute(insert(2))
        await asyncio.sleep(0.7)
        assert not fast.messages
    await until(lambda: len(fast.messages) == 2)
    relay.cancel()
    assert [note for *_, note, _ in fast.brief()] == ["1", "2"], "it takes over"


async def test_target_that_fails_gets_the_record_again_and_in_order(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter(range(2))

    def fail(_: dict[str, Any]) -> None:
        if next(failures, None) is not None:
            raise DeliveryError("status 503")

    outbox.target.refuse = fail
    async with outbox.relaying():
        await outbox.connection.execute(f"{insert(1)}; {insert(2)}")
        await until(lambda: len(outbox.target.messages) == 2)
    assert [note for *_, note, _ in outbox.target.brief()] == ["1", "2"]
    assert len([record for record in caplog.records if "not delivered" in record.message]) == 2


async def test_refused_record_is_kept_and_does_not_block_other_notes(
    outbox: Outbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        relay_module, "_FAILED", relay_module._FAILED.replace("power(2, least(attempts, 9))", "0")
    )

    def refuse(message: dict[str, Any]) -> None:
        if message.get("text") == "text 1":
            raise RefusedError("status 422 not a NoteChanged message")

    outbox.target.refuse = refuse
    await outbox.connection.execute(f"{insert(1)}; {insert(2)}")
    for _ in range(relay_module.MAX_REFUSALS):
        await outbox.relay().drain()
    assert [note for *_, note, _ in outbox.target.brief()] == ["2"]
    assert await outbox.records() == [("created", "ann", "1")]
    (error,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert error.__dict__["log_fields"]["reason"] == "status 422 not a NoteChanged message"
    assert "text 1" not in caplog.text
    await outbox.connection.execute("UPDATE notes SET body = 'short' WHERE id = 1")
    assert (await outbox.drain())[-1] == ("updated", "ann", "1", "short")
    assert await outbox.records() == [], "the later change replaces the refused one"


@pytest.mark.parametrize(
    ("kind", "value", "tags"),
    [
        ("text[]", "{b,NULL,a}", ["b", "a"]),
        ("int[]", "{3,4}", ["3", "4"]),
        ("jsonb", '["a", null]', ["a"]),
        ("jsonb", "null", None),
    ],
)
async def test_tags_are_texts_without_null(
    postgres_url: str, kind: str, value: str, tags: list[str] | None
) -> None:
    table = TABLE.replace("text[]", kind)
    columns = Columns("owner", "id", "title", "body", "labels")
    async with open_outbox(postgres_url, table, columns) as outbox:
        await outbox.connection.execute(f"INSERT INTO notes VALUES (1, 'ann', 't', 'x', '{value}')")  # noqa: S608 - of this test
        await outbox.relay().drain()
        (message,) = outbox.target.messages
    assert message["tags"] == tags
    parse_change(message)


@pytest.mark.parametrize(
    "tags", ["[1e5000]", f"{'[' * 3000}{']' * 3000}"], ids=["number too long", "nested too deep"]
)
async def test_tags_that_cannot_be_read_do_not_stop_the_relay(postgres_url: str, tags: str) -> None:
    table = TABLE.replace("text[]", "jsonb")
    columns = Columns("owner", "id", "title", "body", "labels")
    async with open_outbox(postgres_url, table, columns) as outbox:
        await outbox.connection.execute(
            f"INSERT INTO notes VALUES (1, 'ann', 't', 'x', '{tags}'), (2, 'bob', 't', 'x', '[]')"  # noqa: S608 - of this test
        )
        assert await outbox.drain() == [("created", "bob", "2", "x")]
        assert await outbox.records() == [("created", "ann", "1")]
        assert "the tags cannot be read" in await report(outbox.connection)


async def test_record_that_is_deleted_during_its_delivery_does_not_stop_the_relay(
    outbox: Outbox,
) -> None:
    await outbox.connection.execute(f"{insert(1)}; {insert(2, 'bob')}")

    class DeletingTarget(MemoryTarget):
        async def send(self, message: dict[str, Any]) -> None:
            if message["user_id"] == "ann":
                await outbox.connection.execute(
                    "DELETE FROM tercet_outbox.records WHERE user_id = 'ann'"
                )
                raise DeliveryError("status 503")
            await super().send(message)

    outbox.target = DeletingTarget()
    assert await outbox.drain() == [("created", "bob", "2", "text 2")]
    assert await outbox.records() == []


async def test_number_of_scans_for_users_does_not_grow_with_the_backlog(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan reads the backlog, so one for each turn would take quadratic time."""
    monkeypatch.setattr(relay_module, "_SCAN_SHARE", 1e-9)
    scans = 0
    find_users = Relay._find_users

    async def count(relay: Relay, pool: Any) -> float:
        nonlocal scans
        scans += 1
        return await find_users(relay, pool)

    monkeypatch.setattr(Relay, "_find_users", count)
    await outbox.connection.execute(
        "INSERT INTO notes SELECT n, 'user ' || n % 20, 't', 'x' FROM generate_series(1, 500) AS n;"
        " INSERT INTO notes SELECT n, 'ann', 't', 'x' FROM generate_series(501, 1000) AS n"
    )
    assert len(await outbox.drain()) == 1_000
    assert scans == 2, "one that finds all, and one that finds nothing"


async def test_cancellation_at_the_end_of_a_wait_is_not_lost(outbox: Outbox) -> None:
    """`asyncio.wait_for` of Python 3.11 returns a result instead of the cancellation."""
    await outbox.connection.execute(insert(1))
    relay = outbox.relay()
    work = asyncio.ensure_future(relay.drain())

    class CancellingEvent(asyncio.Event):
        def set(self) -> None:
            super().set()
            asyncio.get_running_loop().call_soon(work.cancel)

    relay._wake = CancellingEvent()
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_database_without_the_outbox_is_an_error(postgres_url: str) -> None:
    relay = Relay(database_connector({"OUTBOX_DATABASE_URL": postgres_url}), MemoryTarget())
    for run in (relay.run, relay.drain):
        with pytest.raises(ConfigurationError, match="not installed in this database"):
            await run()


async def test_lost_connections_are_opened_again(outbox: Outbox) -> None:
    async with outbox.relaying():
        await outbox.connection.execute(insert(1))
        await until(lambda: outbox.target.messages)
        await outbox.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await outbox.connection.execute(insert(2))
        # The first may be delivered again: its transaction may end with its connection.
        await until(lambda: "2" in {note for *_, note, _ in outbox.target.brief()})


async def test_replaced_table_is_not_mistaken_for_deleted_notes(outbox: Outbox) -> None:
    await outbox.connection.execute(insert(1))
    await outbox.connection.execute("ALTER TABLE notes RENAME TO old; CREATE TABLE notes (id int)")
    assert await outbox.drain() == [("created", "ann", "1", "text 1")], "a new name is no new table"
    await outbox.connection.execute("INSERT INTO old VALUES (2, 'ann', 'T', 'x'); DROP TABLE old")
    assert await outbox.drain() == []
    assert await outbox.records() == [("created", "ann", "2")]
    assert "it was dropped" in await report(outbox.connection)


async def test_rows_that_security_policies_hide_are_not_mistaken_for_deleted_notes(
    outbox: Outbox,
) -> None:
    await outbox.connection.execute(
        f"{insert(1)}; ALTER TABLE notes ENABLE ROW LEVEL SECURITY; CREATE ROLE reader LOGIN;"
        " GRANT SELECT ON notes TO reader; GRANT USAGE ON SCHEMA tercet_outbox TO reader;"
        " GRANT ALL ON ALL TABLES IN SCHEMA tercet_outbox TO reader"
    )
    url = outbox.url.replace("//postgres:", "//reader:")
    await Outbox(url, outbox.connection).relay(outbox.target).drain()
    assert outbox.target.messages == []
    assert await outbox.records() == [("created", "ann", "1")]
    assert "must be its owner and see all rows" in await report(outbox.connection)
    await outbox.connection.execute("DROP OWNED BY reader; DROP ROLE reader")


def test_scheduled_function_delivers_what_is_ready_to_the_queue(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write() -> None:
        connection = await asyncpg.connect(outbox.url)
        await connection.execute(insert(1))
        await connection.close()

    asyncio.run(write())
    with serving_sqs() as sqs:
        queue = sqs.create_queue(QueueName="changes")["QueueUrl"]
        environ = {"OUTBOX_QUEUE_URL": queue, "AWS_REGION": "eu-central-1"}
        environ |= {"OUTBOX_DATABASE_URL": outbox.url, **sqs_environment(sqs)}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        context: Any = Context()
        assert handler({}, context) == {"delivered": 1}
        assert handler({}, context) == {"delivered": 0}
        (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["text"] == "text 1"


@pytest.mark.slow
async def test_kills_of_relays_and_of_the_database_lose_and_invent_nothing() -> None:
    observed, different = await observe(transactions=150, kills=1, rate=10)
    assert observed.rolled_back
    assert (observed.lost(), observed.invented(), observed.disordered(), different) == (0, 0, 0, 0)


async def test_deliveries_that_end_while_the_connection_is_checked_do_not_stop_the_relay(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check is made when the next scan is due, also while deliveries run."""
    execute = asyncpg.Connection.execute

    async def slow_check(connection: Any, query: str, *arguments: Any, **options: Any) -> str:
        if query == "SELECT 1":
            await asyncio.sleep(0.1)
        return str(await execute(connection, query, *arguments, **options))

    monkeypatch.setattr(asyncpg.Connection, "execute", slow_check)
    monkeypatch.setattr(relay_module, "_SCAN_SHARE", 0.02)
    outbox.target.seconds = 0.005
    await outbox.connection.execute(
        "INSERT INTO notes SELECT n, 'user ' || n, 't', 'x' FROM generate_series(1, 500) AS n"
    )
    async with outbox.relaying():
        await until(lambda: len(outbox.target.messages) == 500)


async def test_unavailable_target_is_probed_instead_of_tried_with_each_record(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(target_breaker, "_FIRST_DELAY", 0.02)
    attempts = []

    def refuse(message: dict[str, Any]) -> None:
        attempts.append(message["user_id"])
        raise DeliveryError("no response (ConnectError)")

    outbox.target.refuse = refuse
    await outbox.connection.execute(
        "INSERT INTO notes SELECT n, 'user ' || n, 't', 'x' FROM generate_series(1, 200) AS n"
    )
    async with outbox.relaying():
        await until(lambda: len(attempts) > target_breaker.USERS + CONCURRENCY)
        assert len(set(attempts)) == len(attempts), "records without an attempt come first"
        assert len(attempts) < 100
        outbox.target.refuse = lambda _: None
        await until(lambda: len(outbox.target.messages) == 200)
    logged = [message for message in caplog.messages if "the target" in message]
    assert logged == ["outbox: the target is unavailable", "outbox: the target is available again"]
