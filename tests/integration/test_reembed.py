"""Embedding notes again after a change of the embedding settings, on both databases."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import redis

from infra.local.valkey import start_valkey
from infra.reembed import ReembedResult, reembed
from shared.container import Container
from shared.errors import CacheUnavailableError, ReembeddingRequiredError
from shared.freshness import Freshness
from shared.notes.note import Chunk, Note
from shared.notes.postgres.store import PostgresNoteStore
from shared.settings import Settings
from tests.support.full_stack import ask, updated
from tests.support.http_faults import refuse
from tests.support.huggingface import FakeHuggingFace, hashed_embeddings, serving
from tests.support.queues import Quoter

ROOT = Path(__file__).resolve().parents[2]
BEFORE = {"HF_EMBEDDING_MODEL": "small", "HF_EMBEDDING_DIMENSIONS": "8"}
AFTER = {
    "HF_EMBEDDING_MODEL": "large",
    "HF_EMBEDDING_DIMENSIONS": "16",
    "EMBEDDING_PASSAGE_PREFIX": "passage: ",
    "CHUNK_WORDS": "20",
    "CHUNK_OVERLAP_WORDS": "0",
}
USERS = "ann", "bob", "cleo"
NOTES = 7  # of each user
QUESTION = "What is it?"
MARKED = "REFUSED"


class Host(FakeHuggingFace):
    """Embeds with the dimensions that the settings have, and refuses marked texts if asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.dimensions = 8
        self.refuses_marked = False
        self.texts: list[str] = []
        self.embed = self._embed

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.texts += texts
        if self.refuses_marked and any(MARKED in text for text in texts):
            return [[0.0] * self.dimensions for _ in texts]  # unusable
        return hashed_embeddings(texts, self.dimensions)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def environ(
    request: pytest.FixtureRequest, host: Host, valkey_url: str, tmp_path: Path
) -> Iterator[dict[str, str]]:
    with redis.Redis.from_url(valkey_url) as client:
        client.flushall()
    with serving(host) as url:
        is_sqlite = request.param == "sqlite"
        database = f"sqlite:///{tmp_path / 'notes.db'}"
        yield {
            "REDIS_CACHE_URL": valkey_url,
            "REDIS_CACHE_TIMEOUT": "5",
            "DATABASE_URL": database if is_sqlite else request.getfixturevalue("postgres_url"),
            "HF_EMBEDDING_URL": f"{url}/embed",
            "HF_TIMEOUT": "5",
        }


Start = Callable[..., Container]


@pytest.fixture
async def start(environ: dict[str, str], host: Host) -> AsyncIterator[Start]:
    """Create a container with these settings; the host serves their dimensions."""
    async with AsyncExitStack() as stack:

        def create(settings: dict[str, str], **others: str) -> Container:
            host.dimensions = int(settings["HF_EMBEDDING_DIMENSIONS"])
            made = Container(Settings.from_env(environ | settings | others), answerer=Quoter())
            stack.push_async_callback(made.aclose)
            return made

        yield create


def text(user: str, number: int) -> str:
    mark = f" {MARKED}." if (user, number) == ("bob", 3) else ""
    return f"The text of {user}, {number}.{mark} {'It has many words. ' * 10}"


async def write_notes(container: Container) -> None:
    if isinstance(container.store, PostgresNoteStore):
        await container.store.migrate()
    for user in USERS:
        for number in range(NOTES):
            await container.freshness.note_changed(updated(user, f"n{number}", text(user, number)))


async def contents(container: Container, user: str) -> list[str]:
    """Search all chunks of a user."""
    (vector,) = await container.question_embedder.embed(["anything"])
    return sorted(found.content for found in await container.store.search(user, vector, 1_000))


async def require_complete(container: Container, *, without: Sequence[str] = ()) -> None:
    """Check that each note has the chunks of the settings, from its current text."""
    await container.store.ping()
    for user in USERS:
        notes = await container.store.list_notes(user)
        expected = [
            chunk.content
            for note in notes
            if f"{user} {note.note_id}" not in without
            for chunk in await container.freshness._chunk_and_embed(note)
        ]
        assert await contents(container, user) == sorted(expected)


def run_command(environ: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "infra.reembed"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def finish(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = await asyncio.to_thread(process.communicate)
    return process.returncode, out, err


async def test_notes_of_all_users_are_split_and_embedded_again(
    start: Start, environ: dict[str, str], host: Host
) -> None:
    before = start(BEFORE)
    await write_notes(before)
    old = await ask(before, "ann", QUESTION)
    after = start(AFTER)
    with pytest.raises(ReembeddingRequiredError):
        await ask(after, "ann", QUESTION)
    code, out, err = await finish(run_command(environ | AFTER))
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == f"{3 * NOTES} of {3 * NOTES} notes"
    await require_complete(after)
    assert len(await contents(after, "ann")) > NOTES, "the chunks are shorter than before"
    new = await ask(after, "ann", QUESTION)
    assert new.tier is None, "an answer or embedding of the former settings was used"
    assert old.answer
    assert new.answer
    assert new.answer.text != old.answer.text
    with pytest.raises(ReembeddingRequiredError):
        await contents(start(BEFORE), "ann")
    host.dimensions = 16
    host.texts.clear()
    assert (await finish(run_command(environ | AFTER)))[0] == 0
    assert host.texts == [], "nothing is embedded twice"


async def test_killed_command_continues_where_it_ended(
    start: Start, environ: dict[str, str], host: Host
) -> None:
    await write_notes(start(BEFORE))
    after = start(AFTER)
    host.texts.clear()
    host.embedding_latency = 0.3
    process = run_command(environ | AFTER)
    assert process.stdout
    await asyncio.to_thread(process.stdout.readline)  # the first batch is done
    process.send_signal(signal.SIGKILL)
    await finish(process)
    remaining = await after.store.count_outdated()
    assert 0 < remaining < 3 * NOTES
    for user in USERS:  # all of a user's notes are comparable, or none is searched
        try:
            await contents(after, user)
        except ReembeddingRequiredError:
            continue
        assert len(await after.store.list_notes(user)) == NOTES
    host.embedding_latency = 0
    result = await reembed(after)
    assert (result.total, result.done) == (remaining, remaining)
    await require_complete(after)


async def test_note_that_the_model_refuses_is_reported_and_the_others_are_embedded(
    start: Start, environ: dict[str, str], host: Host
) -> None:
    await write_notes(start(BEFORE))
    after = start(AFTER)
    host.refuses_marked = True
    code, _, err = await finish(run_command(environ | AFTER))
    assert code == 1
    assert len(re.findall(r"user 'bob', note 'n3': .* unusable", err)) == 1
    assert "It has many words" not in err
    await require_complete(after, without=["bob n3"])
    await ask(after, "bob", QUESTION)
    assert (await ask(after, "bob", QUESTION)).tier == "l1"
    assert (await reembed(after)).failures, "it is tried again"
    host.refuses_marked = False
    result = await reembed(after)
    assert (result.total, result.failures) == (1, [])
    await require_complete(after)
    # The note has few neighbours, so that its chunks may be among the sources.
    reply = await ask(after, "bob", QUESTION)
    fresh = await ask(after, "bob", QUESTION, no_store=True)
    assert reply.answer
    assert fresh.answer
    assert reply.answer.text == fresh.answer.text


async def test_model_that_fails_altogether_ends_the_run_and_removes_nothing(
    start: Start, environ: dict[str, str], host: Host
) -> None:
    before = start(BEFORE)
    await write_notes(before)
    former = await contents(before, "bob")
    after = start(AFTER)
    host.failing["/embed"] = refuse(401, "invalid token")
    code, out, err = await finish(run_command(environ | AFTER))
    assert (code, out) == (1, "")
    assert err.startswith("cannot embed the notes again: The embeddings model")
    assert "answered 401" in err
    assert "Run it again to continue." in err
    host.failing.clear()
    host.dimensions = 8
    assert await contents(before, "bob") == former
    host.dimensions = 16
    assert (await reembed(after)).done == 3 * NOTES
    await require_complete(after)


async def test_nothing_is_changed_without_redis(
    start: Start, environ: dict[str, str], host: Host
) -> None:
    before = start(BEFORE)
    await write_notes(before)
    with start_valkey() as server:
        down = {"REDIS_CACHE_URL": server.url}
    with pytest.raises(CacheUnavailableError):
        await reembed(start(AFTER, **down))
    host.dimensions = 8
    assert len(await contents(before, "bob")) == NOTES


async def test_redis_that_fails_after_the_write_leaves_the_note_to_the_next_run(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_notes(start(BEFORE))
    after = start(AFTER)

    async def fail(self: Freshness, *ids: object, **named: object) -> None:
        raise CacheUnavailableError("injected")

    with monkeypatch.context() as patch:
        patch.setattr(Freshness, "_drop_affected", fail)
        with pytest.raises(CacheUnavailableError):
            await reembed(after)
    assert (await reembed(after)).done == 3 * NOTES
    await require_complete(after)


async def test_notes_may_change_while_they_are_embedded(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_notes(start(BEFORE))
    after, serving_now = start(AFTER), start(AFTER)
    chunk_and_embed = after.freshness._chunk_and_embed
    changes = iter(
        [
            updated("ann", "n0", "Edited while it was embedded."),
            updated("ann", "n1", "Edited, too.", version=2**60),
            updated("bob", "new", "A new note."),
        ]
    )

    async def change_first(note: Note) -> Sequence[Chunk]:
        chunks = await chunk_and_embed(note)
        if (change := next(changes, None)) is not None:
            await serving_now.freshness.note_changed(change)
        if note.note_id == "n5":
            await serving_now.store.delete_note(note.user_id, "n5", version=2**62, changed_at=2**62)
        return chunks

    monkeypatch.setattr(after.freshness, "_chunk_and_embed", change_first)
    result = await reembed(after)
    assert result.failures == []
    assert await after.store.count_outdated() == 0
    texts = {note.note_id: note.text for note in await after.store.list_notes("ann")}
    assert texts["n0"] == "Edited while it was embedded."
    assert texts["n1"] == "Edited, too."
    for user in USERS:
        assert await after.store.get_note(user, "n5") is None
    await require_complete(serving_now)


async def test_same_version_with_another_text_is_not_overwritten(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = start(BEFORE)
    await write_notes(before)
    after, serving_now = start(AFTER), start(AFTER)
    note = await after.store.get_note("ann", "n0")
    assert note
    chunk_and_embed = after.freshness._chunk_and_embed

    async def change_first(note: Note) -> Sequence[Chunk]:
        chunks = await chunk_and_embed(note)
        change = updated("ann", "n0", "Another text.", version=note.version)
        await serving_now.freshness.note_changed(change)
        return chunks

    monkeypatch.setattr(after.freshness, "_chunk_and_embed", change_first)
    assert not await after.freshness.reembed(note)
    (chunk,) = await after.store.get_chunks("ann", "n0")
    assert chunk.content == "Another text."


async def test_interrupted_run_does_not_leave_a_note_done_whose_answers_were_not_dropped(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_notes(start(BEFORE))
    after = start(AFTER)
    note = await after.store.get_note("ann", "n0")
    assert note
    reached = asyncio.Event()

    async def wait(self: Freshness, *ids: object, **named: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(Freshness, "_drop_affected", wait)
        task = asyncio.create_task(after.freshness.reembed(note))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await after.store.get_chunks("ann", "n0") == []
    assert await after.store.count_outdated() == 3 * NOTES


async def test_progress_is_reported_after_each_batch(start: Start) -> None:
    await write_notes(start(BEFORE))
    seen: list[tuple[int, int]] = []

    def progress(result: ReembedResult) -> None:
        seen.append((result.done, result.total))

    await reembed(start(AFTER), progress)
    assert [done for done, _ in seen] == [8, 16, 21]
    assert {total for _, total in seen} == {21}
