"""The caller's own notes: read, change, delete; each change invalidates the answers it affects."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from infra.local.commands.serve import build_local_app
from shared.container import Container
from shared.errors import CacheUnavailableError
from shared.notes.version_order import now
from shared.settings import Settings
from tests.support.fakes import HashingEmbedder, SlowAnswerer
from tests.support.full_stack import updated
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.tokens import Issuer, issuing, token

QUESTION = "What is faith?"
FAITH = {"title": "Faith", "text": "Faith is the substance of things hoped for."}


def container_of(settings: Settings) -> Container:
    return Container(
        settings, store=MemoryNoteStore(), embedder=HashingEmbedder(), answerer=SlowAnswerer()
    )


def client_of(container: Container, user: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(build_local_app(container))
    headers = {"X-Tercet-User": user, "Authorization": f"Bearer {token(sub=user)}"}
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/v1", headers=headers)


@pytest.fixture
async def container(valkey_url: str) -> AsyncIterator[Container]:
    opened = container_of(
        Settings(redis_url=valkey_url, redis_timeout=5, embedding_dimensions=8, local_mode=True)
    )
    yield opened
    await opened.aclose()


@pytest.fixture
async def client(
    container: Container, request: pytest.FixtureRequest
) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(container, user_of(request)) as http:
        yield http


def user_of(request: pytest.FixtureRequest) -> str:
    """The user of a test; an id has at most 255 characters."""
    return str(request.node.name)[-200:]


async def ask(client: httpx.AsyncClient) -> Any:
    return (await client.post("/assistant/query", json={"query": QUESTION})).json()


async def test_tags_of_a_note_are_replaced_with_it(client: httpx.AsyncClient) -> None:
    created = await client.put("/notes/faith", json=FAITH | {"tags": ["#Romans", "hope", "Hope "]})
    read = await client.get("/notes/faith")
    assert read.json()["tags"] == ["hope", "romans"]
    assert (await client.get("/notes")).json()["notes"][0]["tags"] == ["hope", "romans"]
    assert read.headers["etag"] == created.headers["etag"]
    replaced = await client.put("/notes/faith", json=FAITH)
    assert (await client.get("/notes/faith")).json()["tags"] == []
    assert replaced.headers["etag"] != created.headers["etag"]


async def test_note_is_created_read_replaced_and_deleted(client: httpx.AsyncClient) -> None:
    created = await client.put("/notes/faith", json=FAITH)
    assert created.status_code == 201
    assert created.json() == {"stored": True, "dropped": 0, "retained": 0, "precise": True}
    read = await client.get("/notes/faith")
    assert {name: read.json()[name] for name in FAITH} == FAITH
    assert read.headers["etag"] == created.headers["etag"]
    assert read.headers["cache-control"] == "private, no-store"
    replaced = await client.put("/notes/faith", json={"text": "Faith is trust."})
    assert replaced.status_code == 200
    assert replaced.headers["etag"] != created.headers["etag"]
    note = (await client.get("/notes/faith")).json()
    assert (note["title"], note["text"]) == ("", "Faith is trust.")
    assert (await client.delete("/notes/faith")).status_code == 200
    missing = await client.get("/notes/faith")
    assert (missing.status_code, missing.json()["title"]) == (404, "Not found")
    assert (await client.delete("/notes/faith")).status_code == 200, "it may be repeated"


async def test_change_and_deletion_drop_the_answers_that_they_affect(
    client: httpx.AsyncClient,
) -> None:
    await client.put("/notes/faith", json=FAITH)
    await ask(client)
    assert (await ask(client))["metadata"]["tier"] == "l1"
    same = (await client.put("/notes/faith", json=FAITH)).json()
    assert (same["dropped"], same["retained"]) == (0, 1)
    changed = (await client.put("/notes/faith", json={"text": "Faith is trust."})).json()
    assert (changed["dropped"], changed["retained"]) == (1, 0)
    answer = await ask(client)
    assert answer["metadata"]["tier"] != "l1"
    assert answer["sources"][0]["content"] == "Faith is trust."
    deleted = (await client.delete("/notes/faith")).json()
    assert deleted["dropped"] == 1
    assert (await ask(client))["sources"] == []


async def test_pages_have_every_note_once_in_the_order_of_ids(client: httpx.AsyncClient) -> None:
    ids = [f"folder/note {number}" for number in range(5)]
    for note_id in reversed(ids):
        await client.put(f"/notes/{quote(note_id, safe='')}", json=FAITH)
    found, cursor, pages = [], "", 0
    while cursor is not None:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/notes", params=params)).json()
        found += [note["note_id"] for note in page["notes"]]
        assert all("text" not in note for note in page["notes"])
        cursor, pages = page["next_cursor"], pages + 1
    assert (found, pages) == (ids, 3)
    exact = (await client.get("/notes", params={"limit": "5"})).json()
    assert exact["next_cursor"] is None


@pytest.mark.parametrize(
    "limit", ["0", "101", "-1", "x", "", "1e1", "9" * 30, "0" * 5_000 + "1", "\u0661"]
)
async def test_limit_out_of_range_is_refused(client: httpx.AsyncClient, limit: str) -> None:
    response = await client.get("/notes", params={"limit": limit})
    assert response.status_code == 422
    assert "from 1 to 100" in response.json()["detail"]


async def test_user_sees_and_changes_only_their_own_notes(
    container: Container, client: httpx.AsyncClient
) -> None:
    await client.put("/notes/faith", json=FAITH)
    async with client_of(container, "eve, who has other notes") as eve:
        assert (await eve.get("/notes")).json()["notes"] == []
        assert (await eve.get("/notes/faith")).status_code == 404
        assert (await eve.delete("/notes/faith")).json()["dropped"] == 0
        assert (await eve.put("/notes/faith", json={"text": "Mine."})).status_code == 201
        assert (await eve.delete("/users/me")).status_code == 200
    assert (await client.get("/notes/faith")).json()["text"] == FAITH["text"]


async def test_deleted_user_has_neither_notes_nor_cached_answers(
    client: httpx.AsyncClient,
) -> None:
    await client.put("/notes/faith", json=FAITH)
    await ask(client)
    response = await client.delete("/users/me")
    assert (response.status_code, response.json()["dropped"]) == (200, 1)
    assert (await client.get("/notes")).json() == {"notes": [], "next_cursor": None}
    answer = await ask(client)
    assert (answer["sources"], answer["metadata"]["tier"]) == ([], None)
    assert (await client.put("/notes/faith", json=FAITH)).status_code == 201


async def test_if_match_refuses_to_replace_or_delete_another_version(
    client: httpx.AsyncClient,
) -> None:
    first = (await client.put("/notes/faith", json=FAITH)).headers["etag"]
    second = await client.put("/notes/faith", json={"text": "B"}, headers={"If-Match": first})
    assert second.status_code == 200
    for method, body in (("PUT", {"text": "C"}), ("DELETE", None)):
        for tag in (first, f"W/{second.headers['etag']}", "unquoted"):
            refused = await client.request(
                method, "/notes/faith", json=body, headers={"If-Match": tag}
            )
            assert (refused.status_code, refused.json()["status"]) == (412, 412), tag
    assert (await client.get("/notes/faith")).json()["text"] == "B"
    tags = {"If-Match": f"{first}, {second.headers['etag']}"}
    assert (await client.delete("/notes/faith", headers=tags)).status_code == 200
    any_version = await client.put("/notes/faith", json=FAITH, headers={"If-Match": "*"})
    assert any_version.status_code == 412


async def test_if_none_match_creates_a_note_and_never_replaces_one(
    client: httpx.AsyncClient,
) -> None:
    new = {"If-None-Match": "*"}
    assert (await client.put("/notes/faith", json=FAITH, headers=new)).status_code == 201
    refused = await client.put("/notes/faith", json={"text": "B"}, headers=new)
    assert refused.status_code == 412
    assert (await client.get("/notes/faith")).json()["text"] == FAITH["text"]


async def test_of_concurrent_changes_of_one_version_exactly_one_is_stored(
    client: httpx.AsyncClient,
) -> None:
    tag = (await client.put("/notes/faith", json=FAITH)).headers["etag"]
    responses = await asyncio.gather(
        *(
            client.put("/notes/faith", json={"text": f"Text {n}"}, headers={"If-Match": tag})
            for n in range(5)
        )
    )
    statuses = sorted(response.status_code for response in responses)
    assert statuses == [200, 412, 412, 412, 412]


async def test_change_is_newer_than_a_stored_note_of_a_clock_that_is_ahead(
    container: Container, client: httpx.AsyncClient, request: pytest.FixtureRequest
) -> None:
    await client.put("/notes/faith", json=FAITH)
    note = await container.store.get_note(user_of(request), "faith")
    assert note
    ahead = now() + 60_000_000
    stores: Any = container.store
    stores._put(note.__class__(**{**_fields(note), "changed_at": ahead, "version": ahead}), [])
    assert (await client.put("/notes/faith", json={"text": "Later."})).status_code == 200
    assert (await client.get("/notes/faith")).json()["text"] == "Later."


def _fields(note: Any) -> dict[str, Any]:
    return {name: getattr(note, name) for name in note.__dataclass_fields__}


async def test_version_decides_the_order_and_an_older_one_conflicts(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.put("/notes/n", json={"text": "2", "version": 2})).status_code == 201
    older = await client.put("/notes/n", json={"text": "1", "version": 1})
    assert (older.status_code, older.json()["title"]) == (409, "Conflict")
    assert (await client.put("/notes/n", json={"text": "3", "version": 3})).status_code == 200
    assert (await client.get("/notes/n")).json()["version"] == 3


@pytest.mark.parametrize("conditions", [(), ("If-Match",)])
async def test_change_of_a_note_that_another_system_numbers_conflicts_and_says_where_to_change_it(
    client: httpx.AsyncClient, container: Container, conditions: tuple[str, ...], request: Any
) -> None:
    message = updated(user_of(request), "n", "Numbered.", sequence=7)
    await container.freshness.note_changed(message)
    stored = await client.get("/notes/n")
    headers = dict.fromkeys(conditions, stored.headers["ETag"])
    for refused in (
        await client.put("/notes/n", json={"text": "Mine."}, headers=headers),
        await client.delete("/notes/n", headers=headers),
    ):
        assert (refused.status_code, refused.json()["title"]) == (409, "Conflict")
        assert "change it there" in refused.json()["detail"]
    assert (await client.get("/notes/n")).json() == stored.json()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/notes/n", {}, 422),
        ("/notes/n", {"text": 7}, 422),
        ("/notes/n", {"text": "x", "user_id": "eve"}, 422),
        ("/notes/n", {"text": "x", "title": "x" * 1_001}, 422),
        ("/notes/n", {"text": "x" * 1_000_001}, 422),
        ("/notes/n", {"text": "x", "tags": "romans"}, 422),
        ("/notes/n", {"text": "x", "tags": ["x" * 101]}, 422),
        ("/notes/n", {"text": "x", "version": -1}, 422),
        (f"/notes/{'n' * 256}", {"text": "x"}, 422),
        ("/notes/%00", {"text": "x"}, 422),
        ("/notes/a%ffb", {"text": "x"}, 422),
        ("/notes/", {"text": "x"}, 422),
        ("/notes", {"text": "x"}, 405),
    ],
)
async def test_invalid_change_is_refused_and_stores_nothing(
    client: httpx.AsyncClient, path: str, body: Any, status: int
) -> None:
    response = await client.put(path, json=body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert (await client.get("/notes")).json()["notes"] == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("note_id", ["%00", "a%ffb", "%ed%a0%80", "n" * 256])
async def test_id_that_no_note_can_have_is_refused(
    client: httpx.AsyncClient, method: str, note_id: str
) -> None:
    response = await client.request(method, f"/notes/{note_id}", json={"text": "x"})
    assert response.status_code == 422
    assert response.json()["detail"].startswith("note_id must ")


async def test_replacement_character_is_part_of_an_id_where_it_was_sent(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.put("/notes/a%EF%BF%BDb", json={"text": "x"})).status_code == 201
    assert (await client.get("/notes/a%ef%bf%bdb")).json()["note_id"] == "a\ufffdb"


async def test_null_stands_for_an_omitted_field(client: httpx.AsyncClient) -> None:
    body = {"text": "Faith is trust.", "title": None, "tags": None, "version": None}
    assert (await client.put("/notes/n", json=body)).status_code == 201
    note = (await client.get("/notes/n")).json()
    assert (note["title"], note["tags"]) == ("", [])
    nulls = dict.fromkeys(("tags", "match", "explain", "history"))
    first = await client.post("/assistant/query", json={"query": QUESTION} | nulls)
    assert first.json()["metadata"]["tags"] == []
    assert (await ask(client))["metadata"]["tier"] == "l1"


async def test_deletion_that_failed_in_redis_invalidates_when_it_is_repeated(
    container: Container, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.put("/notes/faith", json=FAITH)
    await ask(client)
    with monkeypatch.context() as patch:

        async def fail(*_: object, **__: object) -> None:
            raise CacheUnavailableError("down")

        patch.setattr(container.freshness._invalidation, "rotate_fence", fail)
        failed = await client.delete("/notes/faith")
        assert failed.status_code == 503
        assert "retry-after" in failed.headers
    repeated = await client.delete("/notes/faith")
    assert (repeated.status_code, repeated.json()["dropped"]) == (200, 1)
    assert (await ask(client))["sources"] == []


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/notes", None),
    ("GET", "/notes/n", None),
    ("PUT", "/notes/n", FAITH),
    ("DELETE", "/notes/n", None),
    ("DELETE", "/users/me", None),
]


@pytest.mark.parametrize("notes_api", [False, True])
async def test_notes_of_another_owner_are_neither_read_nor_changed(
    issuer: Issuer, *, notes_api: bool
) -> None:
    settings = issuer.settings(cache_enabled=False, embedding_dimensions=8, notes_api=notes_api)
    container = container_of(settings)
    paths = build_local_app(container).openapi()["paths"]
    assert ("/v1/notes" in paths, "/v1/users/me" in paths) == (notes_api, notes_api)
    async with client_of(container, "ann") as client:
        for method, path, body in REQUESTS:
            response = await client.request(method, path, json=body)
            anonymous = await client.request(method, path, headers={"Authorization": ""})
            assert anonymous.status_code == 401
            if notes_api:
                assert response.status_code in {200, 201, 404}
                assert response.json().get("title") != "Notes not managed"
            else:
                assert (response.status_code, response.json()["type"]) == (
                    404,
                    "urn:problem-type:tercet:notes-not-managed",
                )
    assert await container.store.get_note("ann", "n") is None
