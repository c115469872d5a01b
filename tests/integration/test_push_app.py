"""Push delivery of note changes over HTTP."""

import base64
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager

from functions.invalidate.app import MAX_BYTES, create_app
from infra.local.valkey import start_valkey
from shared.container import Container
from shared.notes.messages.note_changed import MAX_TEXT
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.queues import SLOW, HashedEmbedder, Quoter, body
from tests.support.tokens import Issuer, issuing, token

EVENTS = Path(__file__).resolve().parents[1] / "events"
PATH = "/notes/changes"


class Pusher:
    """A service that pushes messages to the app."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self._app = create_app(container)

    async def push(
        self, content: str, scopes: Any = "notes:write", **headers: str
    ) -> httpx.Response:
        claims = {"sub": "the queue", "scope": scopes}
        bearer = {"Authorization": f"Bearer {token(**claims)}"}
        return await self.send(
            content, bearer | {k.replace("_", "-"): v for k, v in headers.items()}
        )

    async def send(self, content: str, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tercet") as client:
            return await client.post(PATH, content=content.encode(), headers=headers)

    async def text(self, user_id: str, note_id: str) -> str | None:
        note = await self.container.store.get_note(user_id, note_id)
        return note.text if note else None

    async def start(self, stack: AsyncExitStack) -> "Pusher":
        await stack.enter_async_context(LifespanManager(self._app))
        return self


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


def pusher_to(issuer: Issuer, redis_url: str, folder: Path) -> Pusher:
    settings = issuer.settings(
        redis_url=redis_url, database_url=f"sqlite:///{folder / 'notes.db'}", redis_timeout=5
    )
    return Pusher(Container(settings, embedder=HashedEmbedder(), answerer=Quoter()))


@pytest.fixture
async def pusher(issuer: Issuer, valkey_url: str, tmp_path: Path) -> Any:
    async with AsyncExitStack() as stack:
        yield await pusher_to(issuer, valkey_url, tmp_path).start(stack)


@pytest.mark.parametrize(
    "event",
    ["bare", "sns", "eventbridge", "eventbridge_in_sns", "cloudevent", "pubsub_push"],
)
async def test_every_envelope_is_accepted(pusher: Pusher, event: str) -> None:
    response = await pusher.push((EVENTS / f"{event}.json").read_text(encoding="utf-8"))
    assert response.status_code == 200
    assert response.json() == {"stored": True, "dropped": 0, "retained": 0, "precise": True}
    assert await pusher.text("ann", "hebrews-11") == "Faith is the substance of things hoped for."


async def test_cloudevent_in_binary_mode_is_accepted(
    pusher: Pusher, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {
        "ce_specversion": "1.0",
        "ce_type": "app.notes.changed",
        "ce_source": "/notes",
        "ce_id": "A234-1234",
        "content_type": "application/json",
    }
    caplog.set_level("INFO", "functions")
    response = await pusher.push(body("ann", "n", "created", 1, "text"), **headers)
    assert response.status_code == 200
    assert await pusher.text("ann", "n") == "text"
    applied = [record for record in caplog.records if record.message == "note change applied"]
    assert applied[0].__dict__["log_fields"]["message_id"] == "A234-1234"


async def test_invalid_message_gets_a_problem_with_the_missing_field(pusher: Pusher) -> None:
    response = await pusher.push('{"user_id": "ann", "note_id": "n"}')
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert "operation: Field required" in response.json()["detail"]


async def test_request_without_a_token_is_refused_before_its_body_is_parsed(pusher: Pusher) -> None:
    response = await pusher.send("not even JSON", {})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scopes", [None, "", "notes:read", "notes:writer x:notes:write"])
async def test_token_without_the_scope_is_refused(pusher: Pusher, scopes: str | None) -> None:
    response = await pusher.push(body("ann", "n", "created", 1, "text"), scopes)
    assert response.status_code == 403
    assert "notes:write" in response.json()["detail"]
    assert await pusher.text("ann", "n") is None


ALLOWED_EMAIL = "robot@project.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"sub": "1234567890"}, 200),
        ({"sub": "other", "email": ALLOWED_EMAIL, "email_verified": True}, 200),
        ({"sub": "other", "email": ALLOWED_EMAIL, "email_verified": False}, 403),
        ({"sub": "other", "email": ALLOWED_EMAIL}, 403),
        ({"sub": "other", "email": "eve@example.org", "email_verified": True}, 403),
        ({"sub": "12345678901"}, 403),
        ({"sub": f"1234567890, {ALLOWED_EMAIL}"}, 403),
        ({"sub": "other", "scope": "notes:write"}, 200),
    ],
)
async def test_service_account_of_push_subjects_needs_no_scope(
    issuer: Issuer, valkey_url: str, claims: dict[str, Any], status: int
) -> None:
    settings = issuer.settings(
        redis_url=valkey_url, redis_timeout=5, push_subjects=f"1234567890, {ALLOWED_EMAIL}"
    )
    store = MemoryNoteStore()
    models: Any = {"embedder": HashedEmbedder(), "answerer": Quoter()}
    pusher = Pusher(Container(settings, store=store, **models))
    bearer = {"Authorization": f"Bearer {token(**claims)}"}
    response = await pusher.send(body("ann", "n", "created", 1, "text"), bearer)
    await pusher.container.aclose()
    assert response.status_code == status
    assert (await store.get_note("ann", "n") is not None) is (status == 200)


async def test_change_event_of_debezium_is_applied(issuer: Issuer, valkey_url: str) -> None:
    columns = "user=owner,id=id,title=title,text=body"
    settings = issuer.settings(redis_url=valkey_url, redis_timeout=5, debezium_columns=columns)
    store = MemoryNoteStore()
    models: Any = {"embedder": HashedEmbedder(), "answerer": Quoter()}
    pusher = Pusher(Container(settings, store=store, **models))
    row = {"id": 1, "owner": "ann", "title": "Title", "body": "a text"}
    for lsn, op, before, after in (
        (1, "c", None, row),
        (2, "u", row, row | {"owner": "bob"}),
        (3, "d", row | {"owner": "bob"}, None),
    ):
        source = {"lsn": lsn, "ts_ms": 1_700_000_000_000}
        event = {"op": op, "before": before, "after": after, "source": source}
        response = await pusher.push(json.dumps({"schema": {}, "payload": event}))
        assert response.status_code == 200
        assert await pusher.text("ann", "1") == ("a text" if op == "c" else None)
        assert await pusher.text("bob", "1") == ("a text" if op == "u" else None)
    for tombstone in ("", "null"):
        assert (await pusher.push(tombstone)).status_code == 200
    await pusher.container.aclose()


@pytest.mark.slow
async def test_longest_message_is_accepted_in_an_envelope_and_a_longer_one_refused(
    pusher: Pusher,
) -> None:
    longest = json.loads(body("ann", "n", "created", 1, "\U0001d54f" * MAX_TEXT))
    data = base64.b64encode(json.dumps(longest).encode()).decode()
    enveloped = json.dumps({"subscription": "s", "message": {"data": data}})
    assert len(enveloped) > 12 * MAX_TEXT
    assert (await pusher.push(enveloped)).status_code == 200
    response = await pusher.push(enveloped + " " * MAX_BYTES)
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", [[], {}, 7, None, True])
async def test_envelope_with_an_invalid_type_is_refused(pusher: Pusher, kind: Any) -> None:
    response = await pusher.push(json.dumps({"Type": kind, "Message": "x"}))
    assert response.status_code == 422


@pytest.mark.parametrize("scopes", ["openid notes:write", ["openid", "notes:write"]])
async def test_scopes_may_be_a_string_or_a_list(pusher: Pusher, scopes: Any) -> None:
    response = await pusher.push(body("ann", "n", "created", 1, "text"), scopes)
    assert response.status_code == 200


async def test_change_without_redis_gets_a_503_with_retry_after(
    issuer: Issuer, tmp_path: Path
) -> None:
    with start_valkey() as server:
        pusher = pusher_to(issuer, server.url, tmp_path)
    response = await pusher.push(body("ann", "n", "deleted", 1))
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    await pusher.container.aclose()


async def test_change_without_the_embedding_model_gets_a_503_with_retry_after(
    issuer: Issuer, valkey_url: str, tmp_path: Path
) -> None:
    unreachable = issuer.settings(
        redis_url=valkey_url,
        database_url=f"sqlite:///{tmp_path / 'notes.db'}",
        embedding_url="http://127.0.0.1:9/embed",
        inference_timeout=0.5,
    )
    async with AsyncExitStack() as stack:
        pusher = await Pusher(Container(unreachable)).start(stack)
        response = await pusher.push(body("ann", "n", "created", 1, f"{SLOW}text"))
    assert response.status_code == 503
    assert "retry-after" in response.headers


async def test_openapi_document_describes_the_message(pusher: Pusher) -> None:
    document = pusher._app.openapi()
    operation = document["paths"][f"/v1{PATH}"]["post"]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert reference.rpartition("/")[2] in document["components"]["schemas"]
    assert {"200", "default"} <= set(operation["responses"])
