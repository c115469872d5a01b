"""The queue's handler, over a real Valkey and SQLite."""

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
    container,
    failed,
)
from tests.support.servers import CountingProxy

T = TypeVar("T")
EVENTS = Path(__file__).resolve().parents[1] / "events"


class Function:
    """The deployed function, and what its users see of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.embedder = HashedEmbedder()
        self.opened = 0
        self.handler = QueueHandler(self._open)

    def _open(self) -> Container:
        self.opened += 1
        return Container(self.settings, embedder=self.embedder, answerer=Quoter())

    def __call__(self, *bodies: str, milliseconds: int = 30_000) -> list[str]:
        """Invoke it with a batch; ids of the messages that failed."""
        return self.invoke(batch(*bodies), milliseconds)

    def close(self) -> None:
        close(self.handler)

    def invoke(self, event: dict[str, Any], milliseconds: int = 30_000) -> list[str]:
        return failed(self.handler(event, Context(milliseconds)))  # type: ignore[arg-type]  # a part of it

    def ask(self, user_id: str, query: str) -> Reply:
        async def ask(opened: Container) -> Reply:
            return await opened.assistant.ask(Request(user_id, query))

        return self._elsewhere(ask)

    def note(self, user_id: str, note_id: str) -> Note | None:
        async def read(opened: Container) -> Note | None:
            return await opened.store.get_note(user_id, note_id)

        return self._elsewhere(read)

    def _elsewhere(self, act: Callable[[Container], Awaitable[T]]) -> T:
        """Do something in another container, on another loop."""

        async def run() -> T:
            opened = container(self.settings)
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
    with closing(Function(settings)) as made:
        yield made


def test_a_change_reaches_the_next_answer(function: Function) -> None:
    function(body("eve", "n", "created", 1, "Faith is hope."))
    assert function.ask("eve", "What is faith?").tier is None
    assert function.ask("eve", "What is faith?").tier == "l1"
    assert function(body("eve", "n", "updated", 2, "Faith is trust.")) == []
    reply = function.ask("eve", "What is faith?")
    assert reply.tier != "l1"
    assert reply.answer
    assert reply.answer.text == "Faith is trust."


def test_a_bad_message_fails_alone_and_the_log_says_why_but_not_what(
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
    reasons = {log_fields["message_id"]: log_fields["reason"] for log_fields in map(_facts, errors)}
    assert set(reasons) == {"1", "2", "3"}
    assert "operation: Field required" in reasons["1"]
    assert "not JSON" in reasons["2"]
    assert "must not have a text" in reasons["3"]
    assert secret not in str([vars(record) for record in caplog.records])


def test_a_batch_of_nothing_but_bad_messages_is_reported_not_raised(function: Function) -> None:
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
def test_a_message_of_which_nothing_more_is_told_is_applied(
    function: Function, attributes: dict[str, Any]
) -> None:
    """Where it came from is for traces: the change does not depend on it."""
    event = batch(body("ann", "n", "updated", 1, "Faith is trust."))
    for record in event["Records"]:
        for name in ("attributes", "messageAttributes", "eventSourceARN"):
            record.pop(name, None)
        record.update(attributes)
    assert function.invoke(event) == []


def test_the_event_that_lambda_documents_is_understood(function: Function) -> None:
    event = json.loads((EVENTS / "sqs_batch.json").read_text(encoding="utf-8"))
    assert function.invoke(event) == []
    assert function.note("ann", "hebrews-11")


def test_one_users_changes_go_in_order_and_several_users_at_once(function: Function) -> None:
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


def test_a_failure_does_not_hold_up_the_same_users_next_change(function: Function) -> None:
    damaged = body("ann", "n", "updated", 1, "text").replace("updated", "unheard of")
    assert function(damaged, body("ann", "n", "updated", 2, "text")) == ["0"]
    assert function.note("ann", "n")


@pytest.mark.parametrize("task_root", ["", "/var/task"])
def test_a_warm_container_keeps_its_connections_inside_lambda_and_outside(
    function: Function, proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch, task_root: str
) -> None:
    monkeypatch.setenv("LAMBDA_TASK_ROOT", task_root)
    for version in range(5):
        assert function(body("ann", "n", "updated", version, f"version {version}")) == []
    assert (function.opened, proxy.connections) == (1, 1)


def test_another_loops_coming_and_going_does_no_harm(function: Function) -> None:
    for version in range(3):
        assert function(body("ann", "n", "updated", version, f"version {version}")) == []
        asyncio.run(asyncio.sleep(0))
    assert function.opened == 1


def test_after_its_loop_was_closed_it_starts_anew(function: Function) -> None:
    assert function(body("ann", "n", "created", 1, "one")) == []
    assert function.handler._warm
    loop, opened = function.handler._warm
    loop.run_until_complete(opened.store.aclose())  # which lives in a thread beside the loop
    loop.close()
    assert function(body("ann", "n", "updated", 2, "two")) == []
    assert function.opened == 2


def test_connections_lost_while_the_container_was_frozen_are_replaced(
    function: Function, proxy: CountingProxy
) -> None:
    assert function(body("ann", "n", "created", 1, "one")) == []
    asyncio.run(_cut(proxy))
    assert function(body("ann", "n", "updated", 2, "two")) == []
    assert function.opened == 1


def test_what_the_time_does_not_suffice_for_comes_again(function: Function) -> None:
    function.embedder.seconds = 20
    began = time.monotonic()
    response = function(
        body("ann", "n", "created", 1, f"{SLOW}never done"),
        body("ann", "m", "created", 1, "never begun"),
        body("bob", "n", "created", 1, "in time"),
        milliseconds=1_500,
    )
    assert response == ["0", "1"]
    assert time.monotonic() - began < 1.5
    assert function.note("ann", "m") is None
    assert function.note("bob", "n")
    # And nothing is left over that would disturb the next batch.
    function.embedder.seconds = 0
    assert function(body("ann", "n", "created", 1, f"{SLOW}at last")) == []


def test_without_time_left_everything_comes_again(function: Function) -> None:
    assert function(body("ann", "n", "created", 1, "x"), milliseconds=100) == ["0"]


def test_without_redis_nothing_is_acknowledged(tmp_path: Path) -> None:
    with start_valkey() as server:
        settings = Settings(redis_url=server.url, database_url=f"sqlite:///{tmp_path / 'notes.db'}")
    bodies = [body("ann", "n", "created", 1, "x"), body("bob", "n", "deleted", 1)]
    with closing(Function(settings)) as function:
        assert function(*bodies) == ["0", "1"]


def test_where_the_notes_cannot_be_read_the_log_reports_it(
    valkey_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(redis_url=valkey_url, database_url=f"sqlite:///{tmp_path}")
    with closing(Function(settings)) as function:
        assert function(body("ann", "n", "updated", 1)) == []
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert _facts(warning)["precise"] is False


def test_what_nobody_foresaw_is_logged_by_kind_and_place_alone(
    function: Function, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def quote(texts: list[str], **_: object) -> None:
        raise KeyError(texts[0])

    monkeypatch.setattr(function.embedder, "embed", quote)
    assert function(body("ann", "n", "created", 1, "my secret")) == ["0"]
    reason = _facts(caplog.records[-1])["reason"]
    assert "KeyError" in reason
    assert "ingest.py" in reason
    assert "secret" not in str([vars(record) for record in caplog.records])


def test_importing_the_handler_loads_nothing_that_a_batch_may_not_need() -> None:
    program = "import sys, functions.invalidate.handler; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert "aws_lambda_powertools" in loaded
    clients = {"redis", "httpx", "asyncpg", "aiosqlite", "boto3", "jwt"}
    frameworks = {"fastapi", "starlette", "mangum", "pydantic", "numpy", "msgpack"}
    assert not loaded & (clients | frameworks)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    log_fields: dict[str, Any] = record.__dict__["log_fields"]
    return log_fields


async def _cut(proxy: CountingProxy) -> None:
    """Close what a server closes while a container is frozen: every client's connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.target)
    writer.write(b"CLIENT KILL TYPE normal SKIPME yes\r\n")
    assert (await reader.readline()).startswith(b":")
    writer.close()
    await writer.wait_closed()
