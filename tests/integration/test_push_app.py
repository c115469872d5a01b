"""The push app: the same messages over HTTP, from a service that may write notes."""

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
from tests.support.queues import SLOW, HashedEmbedder, Quoter, body
from tests.support.stores import MemoryNoteStore
from tests.support.tokens import Issuer, issuing, token

EVENTS = Path(__file__).resolve().parents[1] / "events"
PATH = "/notes/changes"


class Pusher:
    """A service that pushes to the app over a container's life."""

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

    async def live(self, stack: AsyncExitStack) -> "Pusher":
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
        yield await pusher_to(issuer, valkey_url, tmp_path).live(stack)


@pytest.mark.parametrize(
    "event",
    ["bare", "sns", "eventbridge", "eventbridge_in_sns", "cloudevent", "pubsub_push"],
)
async def test_every_queues_envelope_is_taken(pusher: Pusher, event: str) -> None:
    response = await pusher.push((EVENTS / f"{event}.json").read_text(encoding="utf-8"))
    assert (response.status_code, response.content) == (204, b"")
    assert await pusher.text("ann", "hebrews-11") == "Faith is the substance of things hoped for."


async def test_a_cloudevent_in_binary_mode_is_the_message_itself(
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
    assert response.status_code == 204
    assert await pusher.text("ann", "n") == "text"
    applied = [record for record in caplog.records if record.message == "note change applied"]
    assert applied[0].__dict__["log_fields"]["message_id"] == "A234-1234"


async def test_a_bad_message_is_a_problem_that_says_what_would_be_right(pusher: Pusher) -> None:
    response = await pusher.push('{"user_id": "ann", "note_id": "n"}')
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert "operation: Field required" in response.json()["detail"]


async def test_without_a_token_nothing_is_read(pusher: Pusher) -> None:
    response = await pusher.send("not even JSON", {})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scopes", [None, "", "notes:read", "notes:writer x:notes:write"])
async def test_a_users_own_token_may_not_push(pusher: Pusher, scopes: str | None) -> None:
    response = await pusher.push(body("ann", "n", "created", 1, "text"), scopes)
    assert response.status_code == 403
    assert "notes:write" in response.json()["detail"]
    assert await pusher.text("ann", "n") is None


NAMED = "robot@project.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"sub": "1234567890"}, 204),
        ({"sub": "other", "email": NAMED, "email_verified": True}, 204),
        ({"sub": "other", "email": NAMED, "email_verified": False}, 403),
        ({"sub": "other", "email": NAMED}, 403),
        ({"sub": "other", "email": "eve@example.org", "email_verified": True}, 403),
        ({"sub": "12345678901"}, 403),
        ({"sub": f"1234567890, {NAMED}"}, 403),
        ({"sub": "other", "scope": "notes:write"}, 204),
    ],
)
async def test_a_service_account_that_is_named_may_push_without_a_scope(
    issuer: Issuer, valkey_url: str, claims: dict[str, Any], status: int
) -> None:
    settings = issuer.settings(
        redis_url=valkey_url, redis_timeout=5, push_subjects=f"1234567890, {NAMED}"
    )
    store = MemoryNoteStore()
    models: Any = {"embedder": HashedEmbedder(), "answerer": Quoter()}
    pusher = Pusher(Container(settings, store=store, **models))
    bearer = {"Authorization": f"Bearer {token(**claims)}"}
    response = await pusher.send(body("ann", "n", "created", 1, "text"), bearer)
    await pusher.container.aclose()
    assert response.status_code == status
    assert (await store.get_note("ann", "n") is not None) is (status == 204)


async def test_the_longest_message_is_taken_in_any_envelope_and_a_longer_one_is_not(
    pusher: Pusher,
) -> None:
    longest = json.loads(body("ann", "n", "created", 1, "\U0001d54f" * MAX_TEXT))
    data = base64.b64encode(json.dumps(longest).encode()).decode()
    enveloped = json.dumps({"subscription": "s", "message": {"data": data}})
    assert len(enveloped) > 12 * MAX_TEXT
    assert (await pusher.push(enveloped)).status_code == 204
    response = await pusher.push(enveloped + " " * MAX_BYTES)
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", [[], {}, 7, None, True])
async def test_an_envelope_of_an_unheard_of_kind_is_no_envelope(pusher: Pusher, kind: Any) -> None:
    response = await pusher.push(json.dumps({"Type": kind, "Message": "x"}))
    assert response.status_code == 422


@pytest.mark.parametrize("scopes", ["openid notes:write", ["openid", "notes:write"]])
async def test_scopes_may_be_words_or_a_list(pusher: Pusher, scopes: Any) -> None:
    response = await pusher.push(body("ann", "n", "created", 1, "text"), scopes)
    assert response.status_code == 204


async def test_what_redis_did_not_hear_of_must_come_again(issuer: Issuer, tmp_path: Path) -> None:
    with start_valkey() as server:
        pusher = pusher_to(issuer, server.url, tmp_path)
    response = await pusher.push(body("ann", "n", "deleted", 1))
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    await pusher.container.aclose()


async def test_a_model_that_fails_is_a_503_like_anything_that_must_come_again(
    issuer: Issuer, valkey_url: str, tmp_path: Path
) -> None:
    unreachable = issuer.settings(
        redis_url=valkey_url,
        database_url=f"sqlite:///{tmp_path / 'notes.db'}",
        embedding_url="http://127.0.0.1:9/embed",
        inference_timeout=0.5,
    )
    async with AsyncExitStack() as stack:
        pusher = await Pusher(Container(unreachable)).live(stack)
        response = await pusher.push(body("ann", "n", "created", 1, f"{SLOW}text"))
    assert response.status_code == 503
    assert "retry-after" in response.headers


async def test_the_document_describes_the_message(pusher: Pusher) -> None:
    document = pusher._app.openapi()
    operation = document["paths"][PATH]["post"]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert reference.rpartition("/")[2] in document["components"]["schemas"]
    assert set(operation["responses"]) == {"204", "default"}
