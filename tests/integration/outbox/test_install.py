"""Triggers record the changes of a table in the transaction of the change."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from infra.outbox.__main__ import main
from infra.outbox.install import install, uninstall
from infra.outbox.operate import report
from infra.outbox.source_table import Columns
from shared.errors import ConfigurationError
from shared.notes.sanitize import ID_CHARACTERS
from tests.support.outbox import COLUMNS, TABLE, Outbox, open_outbox
from tests.support.postgres import PostgresServer, database_name


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


@pytest.mark.parametrize(
    ("kind", "session", "value", "text"),
    [
        ("bytea", "SET bytea_output = 'escape'", r"'\x00ff41'", r"\x00ff41"),
        ("date", "SET DateStyle = 'SQL, DMY'", "DATE '2026-01-12'", "2026-01-12"),
        (
            "timestamptz",
            "SET TimeZone = 'Asia/Tokyo'",
            "TIMESTAMPTZ '2026-01-02 03:04:05+09'",
            "2026-01-01 18:04:05+00",
        ),
        (
            "interval",
            "SET IntervalStyle = 'iso_8601'",
            "INTERVAL '1 day 2 hours'",
            "1 day 02:00:00",
        ),
        ("float8", "SET extra_float_digits = -5", "0.1::float8 * 3", "0.30000000000000004"),
    ],
)
async def test_text_of_an_id_does_not_depend_on_the_session(
    postgres_url: str, kind: str, session: str, value: str, text: str
) -> None:
    table = TABLE.replace("bigint", kind)
    async with open_outbox(postgres_url, table) as outbox:
        await outbox.connection.execute(session)
        await outbox.connection.execute(f"INSERT INTO notes VALUES ({value}, 'ann', 't', 'x')")  # noqa: S608 - of this test
        assert await outbox.drain() == [("created", "ann", text, "x")]
        await install(outbox.connection, "notes", COLUMNS, existing=True)
        assert await outbox.drain() == [("updated", "ann", text, "x")]
        await outbox.connection.execute("TRUNCATE notes")
        assert await outbox.drain() == [("deleted", "ann", text, None)]


async def test_user_too_long_for_a_message_does_not_fail_the_change(outbox: Outbox) -> None:
    """The index of records has a limit of 2,704 bytes; the target refuses the record."""
    long = "SELECT string_agg(md5(n::text), '') FROM generate_series(1, 200) AS n"
    await outbox.connection.execute(f"INSERT INTO notes SELECT 1, ({long}), 't', 'x'")
    await install(outbox.connection, "notes", COLUMNS, existing=True)
    await outbox.connection.execute("UPDATE notes SET body = 'y'; TRUNCATE notes")
    users = {len(user) for _, user, _ in await outbox.records()}
    assert users == {500}
    assert min(users) > ID_CHARACTERS


async def test_installation_that_would_hide_rows_is_refused(outbox: Outbox) -> None:
    """`--existing` would omit the rows that a policy hides from the owner."""
    await outbox.connection.execute(
        "CREATE ROLE owner LOGIN; ALTER TABLE notes OWNER TO owner;"
        " GRANT ALL ON SCHEMA tercet_outbox TO owner;"
        " GRANT ALL ON ALL TABLES IN SCHEMA tercet_outbox TO owner;"
        " ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; SET ROLE owner"
    )
    with pytest.raises(ConfigurationError, match="FORCE ROW LEVEL SECURITY"):
        await install(outbox.connection, "notes", COLUMNS, existing=True)
    await outbox.connection.execute(
        "RESET ROLE; REASSIGN OWNED BY owner TO postgres; DROP OWNED BY owner; DROP ROLE owner"
    )


async def test_installation_with_another_user_or_id_is_refused(outbox: Outbox) -> None:
    """The notes that were delivered would stay stored under the former ones."""
    await outbox.connection.execute("ALTER TABLE notes ADD number int UNIQUE, ADD author text")
    for columns in (Columns("author", "id", "title", "body"), Columns("owner", "number", "a", "b")):
        renamed = replace(columns, title="title", text="body")
        with pytest.raises(ConfigurationError, match="recorded with user owner and id id"):
            await install(outbox.connection, "notes", renamed)
    await outbox.connection.execute("ALTER TABLE notes RENAME owner TO person")
    await install(outbox.connection, "notes", Columns("person", "id", "title", "body"))
    await outbox.connection.execute(INSERT)
    assert await outbox.drain() == [("created", "ann", "1", "Text")], "a renamed column is the same"


async def test_removal_of_a_dropped_table_removes_its_records(outbox: Outbox) -> None:
    await outbox.connection.execute(f"{INSERT}; DROP TABLE notes; {TABLE}")
    await install(outbox.connection, "notes", COLUMNS)
    await outbox.connection.execute(INSERT)
    dropped, present = sorted((await report(outbox.connection)).splitlines())
    number = dropped.partition(":")[0]
    assert number.isdecimal()
    assert "1 to deliver" in dropped
    assert "not recorded any more" in dropped
    assert await uninstall(outbox.connection, number) == 0
    assert await report(outbox.connection) == present
    assert await outbox.drain() == [("created", "ann", "1", "Text")]


async def test_report_names_a_table_of_which_some_changes_are_not_recorded(
    outbox: Outbox,
) -> None:
    """PostgreSQL drops a trigger with a column that its condition names."""
    await install(outbox.connection, "notes", Columns("owner", "id", "title", "body", "labels"))
    assert "not recorded" not in await report(outbox.connection)
    await outbox.connection.execute("ALTER TABLE notes DROP COLUMN labels CASCADE")
    assert "some changes are not recorded: run install" in await report(outbox.connection)
    await install(outbox.connection, "notes", COLUMNS)
    assert "not recorded" not in await report(outbox.connection)


async def test_database_without_an_encoding_is_refused(postgres_server: PostgresServer) -> None:
    await postgres_server.execute(
        "postgres",
        "CREATE DATABASE no_encoding ENCODING 'SQL_ASCII' TEMPLATE template0"
        " LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    with pytest.raises(ConfigurationError, match="SQL_ASCII"):
        async with open_outbox(postgres_server.url("no_encoding")):
            pass


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


async def test_changes_before_the_lock_are_seen_whatever_the_isolation_of_the_database(
    postgres_url: str,
) -> None:
    """A snapshot from before the lock lacks what its holder commits."""
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(
        f"ALTER DATABASE {database_name(postgres_url)}"
        " SET default_transaction_isolation = 'serializable'"
    )
    await admin.close()
    writer = await asyncpg.connect(postgres_url)
    async with open_outbox(postgres_url) as outbox:

        async def run_before_the_commit(change: str, job: Awaitable[object]) -> object:
            async with writer.transaction():
                await writer.execute(change)
                waiting = asyncio.ensure_future(job)
                await asyncio.sleep(0.3)
                assert not waiting.done()
            return await waiting

        await uninstall(outbox.connection, "notes")
        await run_before_the_commit(
            INSERT, install(outbox.connection, "notes", COLUMNS, existing=True)
        )
        assert await outbox.drain() == [("updated", "ann", "1", "Text")]
        left = await run_before_the_commit(
            "DELETE FROM notes", uninstall(outbox.connection, "notes")
        )
        assert left == 1
        assert await outbox.drain() == [("deleted", "ann", "1", None)]
    await writer.close()


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
        ("CREATE TEMP TABLE mine (LIKE notes INCLUDING ALL)", "mine", {}, "temporary"),
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
