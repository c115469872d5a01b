"""Triggers record the changes of a table in the transaction of the change."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from infra.outbox.__main__ import main
from infra.outbox.install import Columns, install, uninstall
from shared.errors import ConfigurationError
from tests.support.outbox import COLUMNS, TABLE, Outbox, open_outbox


@pytest.fixture
async def outbox(postgres_url: str) -> AsyncIterator[Outbox]:
    async with open_outbox(postgres_url) as opened:
        yield opened


INSERT = "INSERT INTO notes VALUES (1, 'ann', 'Title', 'Text', NULL)"


CHANGES: list[tuple[str, list[tuple[str, str, str]]]] = [
    ("INSERT INTO notes VALUES (2, 'ann', 't', 'x')", [("created", "ann", "2")]),
    ("UPDATE notes SET body = 'new'", [("updated", "ann", "1")]),
    ("UPDATE notes SET title = NULL", [("updated", "ann", "1")]),
    ("DELETE FROM notes", [("deleted", "ann", "1")]),
    ("TRUNCATE notes", [("deleted", "ann", "1")]),
    ("UPDATE notes SET owner = 'bob'", [("deleted", "ann", "1"), ("created", "bob", "1")]),
    ("UPDATE notes SET id = 9", [("deleted", "ann", "1"), ("created", "ann", "9")]),
    ("UPDATE notes SET owner = NULL", [("deleted", "ann", "1")]),
    ("INSERT INTO notes VALUES (3, NULL, 't', 'x')", []),
    ("UPDATE notes SET views = 7, body = body, labels = '{a}'", []),
    ("BEGIN; UPDATE notes SET body = 'no'; ROLLBACK", []),
    (
        "BEGIN; SAVEPOINT s; DELETE FROM notes; ROLLBACK TO s; UPDATE notes SET body = 'b'; COMMIT",
        [("updated", "ann", "1")],
    ),
    (
        "INSERT INTO notes VALUES (1, 'ann', '', 'y') ON CONFLICT (id) DO UPDATE SET body = 'y'",
        [("updated", "ann", "1")],
    ),
]


async def test_each_change_is_recorded_in_its_transaction(outbox: Outbox) -> None:
    for change, recorded in CHANGES:
        for statement in ("DELETE FROM notes", INSERT, "DELETE FROM tercet_outbox.records"):
            await outbox.connection.execute(statement)
        await outbox.connection.execute(change)
        assert await outbox.records() == recorded, change


async def test_sequence_of_a_note_has_the_order_of_its_commits(outbox: Outbox) -> None:
    """The second writer waits for the row of the first, and gets its number after it."""
    await outbox.connection.execute(INSERT)
    other = await asyncpg.connect(outbox.url)
    async with outbox.connection.transaction():
        await outbox.connection.execute("UPDATE notes SET body = 'first'")
        first = await outbox.connection.fetchval("SELECT txid_current()")
        waiting = asyncio.ensure_future(other.execute("UPDATE notes SET body = 'second'"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    await waiting
    await other.close()
    rows = await outbox.connection.fetch(
        "SELECT xmin::text::bigint FROM tercet_outbox.records ORDER BY sequence"
    )
    assert [row[0] for row in rows][1] == first


async def test_writers_need_no_privilege_on_the_outbox(outbox: Outbox) -> None:
    await outbox.connection.execute(
        "CREATE ROLE writer; GRANT ALL ON notes TO writer; SET ROLE writer"
    )
    await outbox.connection.execute(INSERT)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await outbox.records()
    await outbox.connection.execute("RESET ROLE; REVOKE ALL ON notes FROM writer; DROP ROLE writer")
    assert await outbox.records() == [("created", "ann", "1")]


async def test_truncate_records_each_note(outbox: Outbox) -> None:
    await outbox.connection.execute(
        "INSERT INTO notes SELECT n, 'user ' || n % 7 FROM generate_series(1, 1000) AS n;"
        " DELETE FROM tercet_outbox.records"
    )
    await outbox.connection.execute("TRUNCATE notes")
    records = await outbox.records()
    assert len(records) == 1_000
    assert set(records) == {("deleted", f"user {n % 7}", str(n)) for n in range(1, 1_001)}


async def test_truncate_that_could_miss_notes_is_refused(outbox: Outbox) -> None:
    with pytest.raises(asyncpg.RaiseError, match="READ COMMITTED"):
        await outbox.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; TRUNCATE notes")


@pytest.mark.parametrize(
    ("table", "columns", "row", "ids"),
    [
        (
            'CREATE TABLE "My ""Notes"" {id}" ("A b" uuid PRIMARY KEY, "$outbox$" bigint,'
            """ "it's" text, "{user}" jsonb)""",
            Columns("$outbox$", "A b", "it's", "{user}"),
            "('7B9C2A50-0000-4000-8000-000000000001', 42, 'Title', '{\"a\": 1}')",
            ("42", "7b9c2a50-0000-4000-8000-000000000001"),
        ),
        (
            "CREATE TYPE pair AS (a int, b text);"
            ' CREATE TABLE "My ""Notes"" {id}" (u pair, i varchar(9), t text, x text,'
            " PRIMARY KEY (u, i)) PARTITION BY HASH (u);"
            ' CREATE TABLE one PARTITION OF "My ""Notes"" {id}" FOR VALUES WITH (MODULUS 1,'
            " REMAINDER 0)",
            Columns("u", "i", "t", "x"),
            "((1, 'b c'), 'n''1', 'Title', '{\"a\": 1}')",
            ('(1,"b c")', "n'1"),
        ),
    ],
    ids=["quoted names, uuid and bigint", "composite, partitioned"],
)
async def test_names_and_types_of_any_kind_are_recorded_and_read(
    postgres_url: str, table: str, columns: Columns, row: str, ids: tuple[str, str]
) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(table)
    name = await install(connection, 'public.My "Notes" {id}', columns)
    await connection.execute(f"INSERT INTO {name} VALUES {row}")  # noqa: S608 - of this test
    outbox = Outbox(postgres_url, connection)
    assert await outbox.drain() == [("created", *ids, '{"a": 1}')]
    await connection.execute(f"TRUNCATE {name}")
    assert await outbox.drain() == [("deleted", *ids, None)]
    assert await uninstall(connection, name) == 0
    await connection.close()


async def test_second_installation_changes_columns_and_keeps_records(outbox: Outbox) -> None:
    await outbox.connection.execute(INSERT)
    await install(outbox.connection, "public.notes", COLUMNS)
    tagged = Columns("owner", "id", "title", "body", "labels")
    await install(outbox.connection, "public.notes", tagged)
    await outbox.connection.execute("UPDATE notes SET labels = '{a,b}'")
    assert await outbox.records() == [("created", "ann", "1"), ("updated", "ann", "1")]
    await outbox.relay().drain()
    assert [message["tags"] for message in outbox.target.messages] == [["a", "b"]] * 2


async def test_existing_notes_are_recorded_on_request(outbox: Outbox) -> None:
    await outbox.connection.execute(INSERT)
    await outbox.drain()
    await install(outbox.connection, "notes", COLUMNS, existing=True)
    assert await outbox.drain() == [("updated", "ann", "1", "Text")]


async def test_removal_leaves_nothing_and_a_later_sequence_is_greater(outbox: Outbox) -> None:
    await outbox.connection.execute(INSERT)
    await outbox.relay().drain()
    await outbox.connection.execute("DELETE FROM notes")
    assert await uninstall(outbox.connection, "notes") == 1
    await outbox.connection.execute(INSERT)
    await outbox.relay().drain()
    assert await uninstall(outbox.connection, "notes") == 0
    assert not await outbox.connection.fetch("SELECT FROM pg_trigger WHERE NOT tgisinternal")
    assert not await outbox.connection.fetch("SELECT FROM pg_namespace WHERE nspname ~ 'tercet'")
    assert await uninstall(outbox.connection, "notes") == 0
    await install(outbox.connection, "notes", COLUMNS)
    await outbox.connection.execute("UPDATE notes SET body = 'later'")
    await outbox.relay().drain()
    sequences = [message["sequence"] for message in outbox.target.messages]
    assert len(sequences) == 3
    assert sequences == sorted(set(sequences))


@pytest.mark.parametrize(
    ("setup", "table", "changes", "reason"),
    [
        ("", "missing", {}, "no table missing"),
        ("", "public.no;tes'", {}, "no table"),
        ("CREATE VIEW v AS SELECT * FROM notes", "v", {}, "is a view"),
        ("CREATE TABLE child () INHERITS (notes)", "notes", {}, "inherit"),
        (
            "CREATE TABLE p (LIKE notes) PARTITION BY LIST (id);"
            " CREATE TABLE q PARTITION OF p DEFAULT",
            "q",
            {},
            "is a partition",
        ),
        ("", "notes", {"user": "usr", "text": "txt"}, "no column txt, usr; it has id, owner"),
        ("", "notes", {"user": "id"}, "two columns"),
        ("", "notes", {"tags": "title"}, "array or JSON"),
        ("", "notes", {"id": "views"}, "unique index on views"),
        (
            "ALTER TABLE notes ADD user_id int, ADD note_id int, ADD version int,"
            " ADD changed_at int, ADD profile int",
            "notes",
            {},
            "note store's own",
        ),
    ],
)
async def test_table_that_cannot_be_used_is_refused_with_the_reason(
    postgres_url: str, setup: str, table: str, changes: dict[str, Any], reason: str
) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"{TABLE}; {setup}")
    names = {"user": "owner", "id": "id", "title": "title", "text": "body"} | changes
    with pytest.raises(ConfigurationError, match=reason):
        await install(connection, table, Columns(**names))
    assert not await connection.fetch("SELECT FROM pg_namespace WHERE nspname ~ 'tercet'")
    await connection.close()


def test_commands_install_report_and_remove(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", outbox.url)
    columns = "--user-column owner --id-column id --title-column title --text-column body"
    main(f"install --table notes {columns} --existing".split())
    main(["status"])
    main(["retry"])
    main(["uninstall", "--table", "public.notes"])
    out = capsys.readouterr().out
    assert "changes of public.notes are recorded" in out
    assert "notes: 0 to deliver, the oldest 0 s old; 0 failed" in out
    assert "removed" in out
    with pytest.raises(SystemExit, match="outbox: the outbox is not installed"):
        main(["status"])
    with pytest.raises(SystemExit, match="outbox: set either OUTBOX_QUEUE_URL"):
        main(["relay", "--once"])
    monkeypatch.setenv("OUTBOX_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/x")
    with pytest.raises(SystemExit, match=r"cannot be used \(Connect"):
        main(["status"])
