"""The SQS handler with a real Valkey and SQLite."""

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest

from functions.invalidate.handler import QueueHandler
from infra.local.valkey import start_valkey
from shared.container import Container
from shared.notes.note import Note
from shared.question import Request
from shared.reply import Reply
from shared.settings import Settings
from tests.support.queues import (
    SLOW,
    Context,
    HashedEmbedder,
    Quoter,
    batch,
    body,
    close,
    failed,
    make_container,
)
from tests.support.servers import CountingProxy

T = TypeVar("T")
EVENTS = Path(__file__).resolve().parents[1] / "events"


class Function:
    """The deployed function, and what its users get."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.embedder = HashedEmbedder()
        self.opened = 0
        self.handler = QueueHandler(self._open)

    def _open(self) -> Container:
        self.opened += 1
        return Container(self.settings, embedder=self.embedder, answerer=Quoter())

    def __call__(self, *bodies: str, milliseconds: int = 30_000) -> list[str]:
        """Invoke it with a batch; return the ids of the failed messages."""
        return self.invoke(batch(*bodies), milliseconds)

    def close(self) -> None:
        close(self.handler)

    def invoke(self, event: dict[str, Any], milliseconds: int = 30_000) -> list[str]:
        return failed(self.handler(event, Context(milliseconds)))  # type: ignore[arg-type]  # the attributes that are used

    def ask(self, user_id: str, query: str) -> Reply:
        async def ask(opened: Container) -> Reply:
            return await opened.assistant.ask(Request(user_id, query))

        return self._in_another_container(ask)

    def note(self, user_id: str, note_id: str) -> Note | None:
        async def read(opened: Container) -> Note | None:
            return await opened.store.get_note(user_id, note_id)

        return self._in_another_container(read)

    def _in_another_container(self, act: Callable[[Container], Awaitable[T]]) -> T:
        """Run a coroutine with another container, on another loop."""

        async def run() -> T:
            opened = make_container(self.settings)
            try:
                return await act(opened)
            finally:
                await opened.aclose()

        return asyncio.run(run())


@pytest.fixture
def proxy(valkey_url: str) -> Iterator[CountingProxy]:
    with CountingProxy(urlsplit(valkey_url).port or 0) as proxy:
        yield proxy


@pytest.fixture
def function(proxy: CountingProxy, tmp_path: Path) -> Iterator[Function]:
    database = f"sqlite:///{tmp_path / 'notes.db'}"
    settings = Settings(redis_url=proxy.url, database_url=database, redis_timeout=5)
    with closing(Function(settings)) as deployed:
        yield deployed


def test_next_answer_uses_the_changed_note(function: Function) -> None:
    function(body("eve", "n", "created", 1, "Faith is hope."))
    assert function.ask("eve", "What is faith?").tier is None
    assert function.ask("eve", "What is faith?").tier == "l1"
    assert function(body("eve", "n", "updated", 2, "Faith is trust.")) == []
    reply = function.ask("eve", "What is faith?")
    assert reply.tier != "l1"
    assert reply.answer
    assert reply.answer.text == "Faith is trust."


def test_invalid_message_fails_alone_and_the_log_has_the_reason_without_its_text(
    function: Function, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "my secret"
    bodies = [
        body("ann", "n", "created", 1, "one"),
        f'{{"user_id": "{secret}"}}',
        secret,
        body("ann", "n", "deleted", 2, secret),
        body("bob", "n", "created", 1, "two"),
    ]
    assert function(*bodies) == ["1", "2", "3"]
    assert function.note("ann", "n")
    assert function.note("bob", "n")
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    reasons = {
        log_fields["message_id"]: log_fields["reason"] for log_fields in map(_log_fields, errors)
    }
    assert set(reasons) == {"1", "2", "3"}
    assert "operation: Field required" in reasons["1"]
    assert "not JSON" in reasons["2"]
    assert "must not have a text" in reasons["3"]
    assert secret not in str([vars(record) for record in caplog.records])


def test_batch_of_invalid_messages_is_a_partial_response(function: Function) -> None:
    assert function("", "[]", "{}") == ["0", "1", "2"]


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"attributes": None, "messageAttributes": None},
        {"messageAttributes": {"a": "b"}},
        {"attributes": ["a"], "messageAttributes": [{}]},
    ],
)
def test_message_with_missing_or_malformed_attributes_is_applied(
    function: Function, attributes: dict[str, Any]
) -> None:
    """Only traces use the attributes."""
    event = batch(body("ann", "n", "updated", 1, "Faith is trust."))
    for record in event["Records"]:
        for name in ("attributes", "messageAttributes", "eventSourceARN"):
            record.pop(name, None)
        record.update(attributes)
    assert function.invoke(event) == []


def test_event_of_the_lambda_documentation_is_processed(function: Function) -> None:
    event = json.loads((EVENTS / "sqs_batch.json").read_text(encoding="utf-8"))
    assert function.invoke(event) == []
    assert function.note("ann", "hebrews-11")


def test_changes_of_one_user_run_in_order_and_of_several_users_concurrently(
    function: Function,
) -> None:
    function.embedder.seconds = 0.02
    users = ["ann", "bob", "cid", "dot"]
    texts = [f"{SLOW}{user} {number}" for number in range(4) for user in users]
    bodies = [body(text.split()[1], f"n{text[-1]}", "created", 1, text) for text in texts]
    assert function(*bodies) == []
    log = function.embedder.log
    for user in users:
        own = [entry for entry in log if user in entry[1]]
        assert own == [
            (step, f"{SLOW}{user} {number}") for number in range(4) for step in ("begun", "done")
        ]
    assert [step for step, _ in log[: len(users)]] == ["begun"] * len(users)


def test_failed_change_does_not_block_the_users_next_change(function: Function) -> None:
    invalid = body("ann", "n", "updated", 1, "text").replace("updated", "unknown")
    assert function(invalid, body("ann", "n", "updated", 2, "text")) == ["0"]
    assert function.note("ann", "n")


@pytest.mark.parametrize("task_root", ["", "/var/task"])
def test_warm_container_reuses_its_connections_on_lambda_and_elsewhere(
    function: Function, proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch, task_root: str
) -> None:
    monkeypatch.setenv("LAMBDA_TASK_ROOT", task_root)
    for version in range(5):
        assert function(body("ann", "n", "updated", version, f"version {version}")) == []
    assert (function.opened, proxy.connections) == (1, 1)


def test_other_event_loops_do_not_affect_the_handler(function: Function) -> None:
    for version in range(3):
        assert function(body("ann", "n", "updated", version, f"version {version}")) == []
        asyncio.run(asyncio.sleep(0))
    assert function.opened == 1


def test_handler_opens_a_new_container_after_its_loop_was_closed(function: Function) -> None:
    assert function(body("ann", "n", "created", 1, "one")) == []
    assert function.handler._warm
    loop, opened = function.handler._warm
    loop.run_until_complete(opened.store.aclose())  # its thread outlives the loop
    loop.close()
    assert function(body("ann", "n", "updated", 2, "two")) == []
    assert function.opened == 2


def test_connections_closed_by_the_server_are_replaced(
    function: Function, proxy: CountingProxy
) -> None:
    assert function(body("ann", "n", "created", 1, "one")) == []
    asyncio.run(_close_connections(proxy))
    assert function(body("ann", "n", "updated", 2, "two")) == []
    assert function.opened == 1


def test_messages_that_time_out_fail(function: Function) -> None:
    function.embedder.seconds = 20
    started = time.monotonic()
    response = function(
        body("ann", "n", "created", 1, f"{SLOW}never done"),
        body("ann", "m", "created", 1, "never started"),
        body("bob", "n", "created", 1, "in time"),
        milliseconds=1_500,
    )
    assert response == ["0", "1"]
    assert time.monotonic() - started < 10, "the message alone would take 20 s"
    assert function.note("ann", "m") is None
    assert function.note("bob", "n")
    # The next batch is not affected.
    function.embedder.seconds = 0
    assert function(body("ann", "n", "created", 1, f"{SLOW}now")) == []


def test_all_messages_fail_without_remaining_time(function: Function) -> None:
    assert function(body("ann", "n", "created", 1, "x"), milliseconds=100) == ["0"]


def test_no_message_is_acknowledged_without_redis(tmp_path: Path) -> None:
    with start_valkey() as server:
        settings = Settings(redis_url=server.url, database_url=f"sqlite:///{tmp_path / 'notes.db'}")
    bodies = [body("ann", "n", "created", 1, "x"), body("bob", "n", "deleted", 1)]
    with closing(Function(settings)) as function:
        assert function(*bodies) == ["0", "1"]


def test_unreadable_note_store_is_logged_as_a_warning(
    valkey_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(redis_url=valkey_url, database_url=f"sqlite:///{tmp_path}")
    with closing(Function(settings)) as function:
        assert function(body("ann", "n", "updated", 1)) == []
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert _log_fields(warning)["precise"] is False


def test_unhandled_exception_is_logged_by_type_and_frames_only(
    function: Function, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(texts: list[str], **_: object) -> None:
        raise KeyError(texts[0])

    monkeypatch.setattr(function.embedder, "embed", fail)
    assert function(body("ann", "n", "created", 1, "my secret")) == ["0"]
    reason = _log_fields(caplog.records[-1])["reason"]
    assert "KeyError" in reason
    assert "ingest.py" in reason
    assert "secret" not in str([vars(record) for record in caplog.records])


def test_importing_the_handler_loads_no_client_and_no_framework() -> None:
    program = "import sys, functions.invalidate.handler; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in result.stdout.split()}
    assert "aws_lambda_powertools" in loaded
    clients = {"redis", "httpx", "asyncpg", "aiosqlite", "boto3", "jwt"}
    frameworks = {"fastapi", "starlette", "mangum", "pydantic", "numpy", "msgpack"}
    assert not loaded & (clients | frameworks)


def _log_fields(record: logging.LogRecord) -> dict[str, Any]:
    log_fields: dict[str, Any] = record.__dict__["log_fields"]
    return log_fields


async def _close_connections(proxy: CountingProxy) -> None:
    """Close every client connection, as a server does while Lambda suspends the process."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.target)
    writer.write(b"CLIENT KILL TYPE normal SKIPME yes\r\n")
    assert (await reader.readline()).startswith(b":")
    writer.close()
    await writer.wait_closed()


def test_change_event_of_debezium_is_applied(proxy: CountingProxy, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'notes.db'}"
    columns = "user=owner,id=id,text=body"
    settings = Settings(
        redis_url=proxy.url, database_url=database, redis_timeout=5, debezium_columns=columns
    )
    row = {"id": 1, "owner": "ann", "body": "Faith is trust."}
    source = {"lsn": 5, "ts_ms": 1_700_000_000_000}
    moved = {"op": "u", "before": row, "after": row | {"owner": "bob"}, "source": source}
    with closing(Function(settings)) as function:
        assert function(json.dumps(moved)) == []
        stored = function.note("bob", "1")
        assert stored
        assert (stored.text, stored.sequence) == ("Faith is trust.", 5)
        assert function.note("ann", "1") is None
