"""Every row of docs/troubleshooting.md: real servers, and the message that names the mistake."""

import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from infra.local.valkey import start_valkey
from infra.migrate import migrate
from shared import health
from shared.aws.secrets import Secrets
from shared.container import Container
from shared.errors import ConfigurationError, StoreUnavailableError, TercetError
from shared.notes.note import Chunk, Note
from shared.notes.postgres.store import PostgresNoteStore
from shared.question import Request
from shared.settings import Settings
from tests.support import redis_acl
from tests.support.fakes import create_container
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.note_backends import DIMENSIONS, PROFILE
from tests.support.postgres import PostgresServer, database_name
from tests.support.secrets_manager import REGION, secrets_manager, set_aws_credentials
from tests.support.setup_mistakes import (
    AT_START,
    POSTGRES_CONTACT,
    REDIS_CONTACT,
    SECRETS,
    TABLES,
    Mistake,
    table,
)

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "troubleshooting.md"


@pytest.mark.parametrize("title", TABLES)
def test_page_has_the_tested_mistakes(title: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert table(TABLES[title]) in page, "run python -m tests.support.setup_mistakes"


@pytest.mark.parametrize("mistake", AT_START, ids=lambda each: each.what)
def test_mistake_stops_the_process_at_its_start(mistake: Mistake) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(mistake.environ)
    assert str(caught.value) == mistake.message
    assert "hush" not in mistake.message


# Redis


@contextmanager
def wrong_database() -> Iterator[dict[str, Any]]:
    with start_valkey() as server:
        yield {"redis_url": f"redis://127.0.0.1:{server.port}/99"}


@contextmanager
def no_cluster() -> Iterator[dict[str, Any]]:
    with start_valkey() as server:
        yield {"redis_url": server.url, "redis_cluster": True}


@contextmanager
def unexpected_cluster(cluster_url: str) -> Iterator[dict[str, Any]]:
    yield {"redis_url": cluster_url}


@contextmanager
def missing_password() -> Iterator[dict[str, Any]]:
    with start_valkey() as server:
        redis_acl.require_password([server])
        yield {"redis_url": server.url}


@contextmanager
def wrong_password() -> Iterator[dict[str, Any]]:
    with start_valkey() as server:
        redis_acl.require_password([server])
        yield {"redis_url": f"redis://:hush@127.0.0.1:{server.port}/0"}


@contextmanager
def no_permission() -> Iterator[dict[str, Any]]:
    with start_valkey() as server, Redis(port=server.port) as client:
        client.execute_command(
            *["ACL", "SETUSER", "reader", "on", ">hush", "~*", "+@read", "+@connection"]
        )
        yield {"redis_url": f"redis://reader:hush@127.0.0.1:{server.port}/0"}


@contextmanager
def nothing_listens() -> Iterator[dict[str, Any]]:
    yield {"redis_url": "redis://127.0.0.1:1/0"}


@contextmanager
def unknown_host() -> Iterator[dict[str, Any]]:
    yield {"redis_url": "redis://cache.invalid/0"}


REDIS = {
    each.__name__: each
    for each in (
        *(wrong_database, no_cluster, missing_password, wrong_password, no_permission),
        *(nothing_listens, unknown_host, unexpected_cluster),
    )
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.cluster] if name == "unexpected_cluster" else [])
        for name in REDIS
    ],
)
async def test_mistake_about_redis_fails_no_question_and_is_logged_once(
    name: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    scenario: Any = REDIS[name]
    cluster = [request.getfixturevalue("cluster_url")] if name == "unexpected_cluster" else []
    with scenario(*cluster) as settings:
        async with aclosing(create_container(**_url(settings), redis_timeout=2)) as container:
            users = [f"user {number}" for number in range(12)]
            for user in users:
                (vector,) = await container.embedder.embed(["Faith"])
                note = Note(user, "n", "Faith", "Faith", 1, 1)
                await container.store.replace_note(note, [Chunk("c", "n", "Faith", vector)])
            for user in users * 2:
                reply = await container.assistant.ask(Request(user, "What is faith?"))
                assert reply.answer is not None
                assert reply.answer.text.endswith("Faith")
            problems = []
            for _ in range(8):
                report = await health.check(container, store=False)
                assert (report.status, report.cache) == ("degraded", "unavailable")
                problems += report.problems
            # A busy machine is late now and then.
            assert any(each.endswith(REDIS_CONTACT[name].message) for each in problems)
            assert "hush" not in str(problems)
    logged = [vars(each) for each in caplog.records if "cache is unavailable" in each.message]
    assert [each["log_fields"]["remedy"] for each in logged] == [REDIS_CONTACT[name].message]


@pytest.mark.cluster
async def test_unexpected_cluster_is_found_by_the_first_health_check(cluster_url: str) -> None:
    async with aclosing(create_container(cluster_url, redis_timeout=2)) as container:
        report = await health.check(container, store=False)
        assert report.problems[0].endswith(REDIS_CONTACT["unexpected_cluster"].message)


def _url(settings: dict[str, Any]) -> dict[str, Any]:
    return {"url": settings.pop("redis_url"), **settings}


# PostgreSQL


class Database:
    """An empty database, with a role that owns nothing."""

    def __init__(self, server: PostgresServer, url: str) -> None:
        self.server = server
        self.url = url
        self.name = database_name(url)
        self.role = f"tercet_{self.name}"
        self.role_url = url.replace("//postgres:", f"//{self.role}:")

    async def execute(self, *statements: str) -> None:
        for statement in statements:
            text = statement.format(role=self.role, name=self.name)
            await self.server.execute(self.name, text)

    async def migrate(self, url: str = "") -> None:
        await migrate(Settings(database_url=url or self.url, embedding_dimensions=DIMENSIONS))


GRANT = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"


async def no_pgvector(database: Database) -> str:
    await database.execute(
        "CREATE SCHEMA hidden",
        "CREATE VIEW hidden.pg_available_extensions AS SELECT 'other' AS name",
        "ALTER DATABASE {name} SET search_path = hidden, pg_catalog, public",
    )
    return database.url


async def extension_not_created(database: Database) -> str:
    await database.execute("GRANT CREATE ON SCHEMA public TO {role}")
    return database.role_url


async def old_pgvector(database: Database) -> str:
    await database.migrate()
    await database.execute(
        "ALTER TYPE halfvec RENAME TO halfvec_of_later",
        "UPDATE pg_extension SET extversion = '0.5.1' WHERE extname = 'vector'",
    )
    return database.url


async def pgvector_elsewhere(database: Database) -> str:
    await database.execute("CREATE SCHEMA extensions", "CREATE EXTENSION vector SCHEMA extensions")
    return database.url


async def pgvector_forbidden(database: Database) -> str:
    await pgvector_elsewhere(database)
    return database.role_url


async def not_migrated(database: Database) -> str:
    return database.url


async def old_tables(database: Database) -> str:
    await database.migrate()
    await database.execute(
        "DELETE FROM migrations WHERE name LIKE '0002%'", "ALTER TABLE notes DROP COLUMN profile"
    )
    return database.url


async def may_not_create(database: Database) -> str:
    await database.execute("CREATE EXTENSION vector")
    return database.role_url


async def other_owner(database: Database) -> str:
    await old_tables(database)
    await database.execute("GRANT CREATE ON SCHEMA public TO {role}", GRANT)
    return database.role_url


async def foreign_tables(database: Database) -> str:
    await database.execute("CREATE EXTENSION vector", "CREATE TABLE notes (id int)")
    return database.url


async def foreign_migrations(database: Database) -> str:
    await database.execute("CREATE EXTENSION vector", "CREATE TABLE migrations (id int)")
    return database.url


async def no_schema(database: Database) -> str:
    await database.execute("CREATE EXTENSION vector")
    return f"{database.url}&schema=notes_of_tercet"


async def tables_elsewhere(database: Database) -> str:
    await database.execute("CREATE SCHEMA tercet", "CREATE EXTENSION vector")
    await database.migrate(f"{database.url}&schema=tercet")
    return database.url


async def no_privilege(database: Database) -> str:
    await database.migrate()
    await database.execute(
        GRANT,
        "REVOKE INSERT ON chunks FROM {role}",
        "REVOKE DELETE ON deleted_users FROM {role}",
    )
    return database.role_url


async def read_only(database: Database) -> str:
    await database.migrate()
    await database.execute("ALTER DATABASE {name} SET default_transaction_read_only = on")
    return database.url


async def no_database(database: Database) -> str:
    return database.url.replace(database.name, "nowhere")


async def refused_password(database: Database) -> str:
    database.server.require_password(database.role)
    return database.role_url.replace(f"{database.role}:", f"{database.role}:hush")


async def database_host(_: Database) -> str:
    return "postgresql://user:hush@database.invalid/notes"


async def database_port(_: Database) -> str:
    return "postgresql://user:hush@127.0.0.1:1/notes"


POSTGRES: dict[str, Callable[[Database], Awaitable[str]]] = {
    each.__name__: each
    for each in (
        *(no_pgvector, extension_not_created, old_pgvector, pgvector_elsewhere),
        *(pgvector_forbidden, not_migrated, old_tables, may_not_create, other_owner),
        *(foreign_tables, foreign_migrations, no_schema, tables_elsewhere, no_privilege),
        *(read_only, no_database, refused_password, database_host, database_port),
    )
}


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[PostgresNoteStore]:
    async with aclosing(PostgresNoteStore(url, PROFILE)) as store:
        yield store


@pytest.fixture
async def database(postgres_server: PostgresServer, postgres_url: str) -> Database:
    database = Database(postgres_server, postgres_url)
    await database.execute("CREATE ROLE {role} LOGIN")
    return database


@pytest.mark.parametrize("name", POSTGRES)
async def test_mistake_about_postgresql_has_its_own_message(
    name: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    mistake = POSTGRES_CONTACT[name]
    url = await POSTGRES[name](database)
    if "infra.migrate`" in mistake.what:
        with pytest.raises(TercetError) as caught:
            await database.migrate(url)
        assert str(caught.value) == mistake.message
        return
    async with opened(url) as store:
        with pytest.raises(StoreUnavailableError) as caught:
            await store.ping()
        assert str(caught.value) == mistake.message
        for call in (store.list_notes("ann"), store.delete_user("ann", changed_at=1)):
            try:
                await call
            except StoreUnavailableError as error:
                assert str(error).split(" (")[0] == mistake.message.split(" (")[0]  # noqa: PT017 - reads may succeed
        settings = Settings(cache_enabled=False)
        health._log_once.cache_clear()
        for _ in range(3):
            report = await health.check(Container(settings, store=store), store=True)
            if "sent no reply" not in report.problems[0]:
                assert report.problems == [mistake.message]
        logged = [each for each in caplog.records if "note store cannot be used" in each.message]
        assert len(logged) <= 1


@pytest.mark.parametrize("name", POSTGRES)
async def test_migration_is_advised_only_where_it_helps(name: str, database: Database) -> None:
    url = await POSTGRES[name](database)
    async with opened(url) as store:
        try:
            await store.ping()
        except TercetError as error:
            if "infra.migrate" not in str(error) or "create it" in str(error):
                return
    # What the message asks of the administrator.
    await database.migrate()
    async with opened(database.url) as store:
        await store.ping()


async def test_role_with_the_named_privileges_uses_migrated_tables(database: Database) -> None:
    await database.migrate()
    await database.execute(GRANT)
    async with opened(database.role_url) as store:
        await store.ping()
        assert await store.delete_user("ann", changed_at=1)
    await database.migrate(database.role_url)  # nothing is missing


async def test_schema_of_the_url_holds_the_tables(database: Database) -> None:
    await database.execute("CREATE EXTENSION vector", 'CREATE SCHEMA "My Notes"')
    url = f"{database.url}&schema=My%20Notes&channel_binding=prefer&connect_timeout=10"
    await database.migrate(url)
    async with opened(url) as store:
        await store.ping()
        assert await store.list_notes("ann") == []
    await database.execute('SELECT count(*) FROM "My Notes".notes')


@pytest.mark.parametrize("database_url", ["", "postgresql://127.0.0.1:1/notes"])
async def test_migration_reads_the_secret_of_the_database(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_aws_credentials(monkeypatch)
    text = database.url if not database_url else '{"username": "u", "password": "hush"}'
    settings = Settings(
        database_url_secret="database",
        aws_region=REGION,
        embedding_dimensions=DIMENSIONS,
        **{"database_url": database_url} if database_url else {},  # type: ignore[arg-type]  # one string
    )
    with secrets_manager("database", text):
        if database_url:
            with pytest.raises(StoreUnavailableError, match="no server listens"):
                await migrate(settings)
            return
        await migrate(settings)
    async with opened(database.url) as store:
        await store.ping()


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"DATABASE_URL": "mysql://u:hush@h/d"}, "DATABASE_URL must have the form"),
        ({"DATABASE_URL": "sqlite:///notes.db"}, "is not a PostgreSQL URL"),
        ({"DATABASE_URL": "postgresql://u:hush@127.0.0.1:1/d"}, "no server listens at the host"),
        (
            {"DATABASE_URL": "postgresql://u:hush@h.invalid/d"},
            "the host of DATABASE_URL is unknown",
        ),
        (
            {
                "DATABASE_URL": "postgresql://u:hush@h/d?sslmode=require&ssl_min_protocol_version=SSLv3"
            },
            "DATABASE_URL is not a valid PostgreSQL URL: check its parameters",
        ),
        (
            {
                "DATABASE_URL_SECRET": "s",
                "AWS_REGION": "r",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            },
            "the secret that DATABASE_URL_SECRET names cannot be read",
        ),
    ],
)
def test_migration_prints_one_line_and_no_traceback(environ: dict[str, str], message: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "infra.migrate"],
        env={"PATH": "", **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert re.search(message, run.stderr)
    assert re.search(r"^cannot migrate: [^\n]+\n\Z", run.stderr, re.MULTILINE)
    assert "Traceback" not in run.stderr
    assert "hush" not in run.stderr


# The container


def test_container_with_an_invalid_setting_prints_one_line(tmp_path: Path) -> None:
    code = "from infra.container.app import app; app()"
    environ = {"PATH": "", "HF_CHAT_URL": "nonsense"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr == "cannot start: HF_CHAT_URL must begin with https:// or http://\n"


def test_container_without_authentication_warns_at_its_start_and_answers_401() -> None:
    code = """
import asyncio, sys, httpx
from infra.container.app import app
transport = httpx.ASGITransport(app())
print("started", file=sys.stderr)
async def ask():
    async with httpx.AsyncClient(transport=transport, base_url="http://tercet") as client:
        reply = await client.post("/assistant/query", json={"query": "What is faith?"})
        print(reply.status_code, reply.headers["www-authenticate"], reply.json()["detail"])
asyncio.run(ask())
"""
    run = subprocess.run(
        [sys.executable, "-c", code], env={"PATH": ""}, capture_output=True, text=True, check=True
    )
    assert "401 Bearer this server does not accept your credentials\n" in run.stdout
    before = f"{run.stdout}{run.stderr}"
    assert before.count("every request gets 401") == 1
    assert "AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE" in before


# Secrets


@pytest.mark.parametrize("name", SECRETS)
async def test_mistake_about_a_secret_has_its_own_message(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_aws_credentials(monkeypatch)
    settings = Settings(hf_token_secret=name, aws_region=REGION)
    with secrets_manager("other", "text") as client:
        if name == "no_value":
            client.create_secret(Name=name)
        if name == "empty":
            client.create_secret(Name=name, SecretString="  ")
        if name == "binary":
            client.create_secret(Name=name, SecretBinary=b"hush")
        with pytest.raises(ConfigurationError) as caught:
            await Secrets(settings).hf_token().get()
    assert str(caught.value) == SECRETS[name].message


async def test_healthy_services_have_no_problems(valkey_url: str, database: Database) -> None:
    await database.migrate()
    async with opened(database.url) as store:
        container = create_container(valkey_url, redis_timeout=2)
        container.override(store=store)
        async with aclosing(container):
            assert (await health.check(container, store=True)).problems == []
        assert not isinstance(store, MemoryNoteStore)


@pytest.mark.parametrize("command", ["migrate", "reembed"])
def test_help_of_a_command_is_printed_without_running_it(command: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", f"infra.{command}", "--help"],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith(f"usage: python -m infra.{command}")
    assert not [*tmp_path.iterdir()]
