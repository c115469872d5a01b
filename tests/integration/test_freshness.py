"""Note changes: which answers they drop, and when they must not be acknowledged."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.local.valkey import start_valkey
from shared.cache.counter_reader import CounterReader
from shared.cache.keyspace import UserKeys, question_field
from shared.cache.pipeline_id import PipelineId
from shared.cache.redis.factory import open_redis_client
from shared.errors import (
    CacheUnavailableError,
    CircuitOpenError,
    ConfigurationError,
    InferenceError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnavailableError,
    NoteNotEmbeddedError,
    StoreUnavailableError,
    UnavailableError,
)
from shared.freshness import EPSILON
from shared.notes.note import Chunk, Note, Source
from shared.notes.sqlite import SQLiteNoteStore
from shared.settings import Settings
from shared.vectors import Vector, cosines, stack
from tests.support.angles import START, AngleEmbedder, K, World, at, change
from tests.support.caches import DIMENSIONS, PIPELINE, Cache, an_answer
from tests.support.note_backends import PROFILE


@pytest.fixture
async def world(valkey_url: str) -> AsyncIterator[World]:
    settings = Settings(redis_url=valkey_url, redis_timeout=5)
    redis_client = open_redis_client(settings)
    cache = Cache(redis_client, settings)
    await cache.flush()
    yield World(cache)
    await redis_client.aclose()


async def test_changed_note_drops_the_answers_that_used_it(world: World) -> None:
    await world.write("note", 10)
    await world.write("other", 20)
    await world.ask("near", 0)
    await world.write("note", 90, version=2)
    outcome = await world.freshness.note_changed(change())
    assert not await world.cached("near")
    assert (outcome.stored, outcome.dropped, outcome.retained, outcome.precise) == (
        True,
        1,
        0,
        True,
    )


async def test_changed_note_retains_answers_that_it_cannot_affect(world: World) -> None:
    for note_id, angle in (("note", 80), ("b", 10), ("c", 20), ("d", 100)):
        await world.write(note_id, angle)
    await world.ask("near", 0)
    await world.ask("far", 90)
    await world.write("note", 95, version=2)
    outcome = await world.freshness.note_changed(change())
    assert await world.cached("near")
    assert not await world.cached("far")
    assert (outcome.dropped, outcome.retained) == (1, 1)


@pytest.mark.parametrize(
    ("angle", "retained"),
    [(0, False), (15, False), (20, False), (21, True), (90, True), (180, True)],
)
async def test_new_note_drops_answers_whose_kth_similarity_it_reaches(
    world: World, *, angle: float, retained: bool
) -> None:
    await world.write("first", 10)
    await world.write("second", 20)
    await world.ask("full")
    await world.write("note", 170, angle)
    await world.freshness.note_changed(change(operation="created"))
    assert await world.cached("full") is retained


@pytest.mark.parametrize(("off", "retained"), [(EPSILON / 2, False), (EPSILON * 2, True)])
async def test_new_note_drops_answers_within_epsilon_of_the_kth_similarity(
    world: World, *, off: float, retained: bool
) -> None:
    (tie,) = cosines(at(0), stack([at(20)]))
    await world.store_answer("q", [Source("a", "a", "a", 0.99), Source("b", "b", "b", tie + off)])
    await world.write("note", 20)
    await world.freshness.note_changed(change())
    assert await world.cached("q") is retained


async def test_new_note_drops_answers_with_fewer_than_k_chunks(
    world: World,
) -> None:
    await world.write("only", 10)
    await world.ask("few chunks")
    await world.write("note", 180)
    await world.freshness.note_changed(change(operation="created"))
    assert not await world.cached("few chunks")


async def test_deleted_note_retains_answers_with_fewer_than_k_other_chunks(
    world: World,
) -> None:
    await world.write("only", 10)
    await world.ask("few chunks")
    await world.freshness.note_changed(change(operation="deleted"))
    assert await world.cached("few chunks")


async def test_deleted_note_drops_the_answers_that_used_it(world: World) -> None:
    for note_id, angle in (("note", 10), ("b", 15), ("c", 90), ("d", 95)):
        await world.write(note_id, angle)
    await world.ask("near", 0)
    await world.ask("far", 100)
    await world.freshness.note_changed(change(operation="deleted", version=2))
    assert not await world.cached("near")
    assert await world.cached("far")
    assert await world.store.get_note("ann", "note") is None


async def test_alias_is_dropped_with_its_target_or_by_its_own_search(
    world: World,
) -> None:
    for note_id, angle in (("b", 10), ("c", 20), ("d", 90), ("e", 95)):
        await world.write(note_id, angle)
    await world.ask("near", 0)
    await world.ask("far", 100)
    await world.alias("of near, but far", "near", 100)
    await world.alias("of far, but near", "far", 0)
    await world.alias("of far", "far", 100)
    await world.write("note", 5)
    outcome = await world.freshness.note_changed(change())
    retained = {"far", "of far"}
    for question in ("near", "far", "of near, but far", "of far, but near", "of far"):
        assert await world.cached(question) is (question in retained), question
    assert (outcome.dropped, outcome.retained) == (3, 2)


async def test_answer_of_another_embedding_model_is_dropped(world: World) -> None:
    other = PipelineId("another", DIMENSIONS, "answerer", K)
    await world.write("b", 10)
    await world.write("c", 20)
    await world.ask("far", 0)
    await world.ask("far", 0, other)
    await world.write("note", 180)
    await world.freshness.note_changed(change())
    assert await world.cached("far")
    assert not await world.cached("far", other)


async def test_corrupt_entry_is_dropped(world: World) -> None:
    await world.write("b", 10)
    await world.write("c", 20)
    await world.ask("corrupt")
    await world.ask("intact")
    key, field = UserKeys.of("ann").questions, question_field("corrupt", PIPELINE.name)
    await world.cache.redis("HSET", key, field, b"1a" + bytes(40))
    outcome = await world.freshness.note_changed(change(operation="deleted"))
    assert (outcome.dropped, outcome.retained) == (1, 1)
    assert await world.cached("intact")
    assert not await world.cache.redis("HEXISTS", UserKeys.of("ann").answers, field)


async def test_concurrent_change_of_the_same_note_drops_no_other_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for note_id, angle in (("note", 10), ("b", 20), ("c", 90), ("d", 95)):
        await world.write(note_id, angle)
    await world.ask("near", 0)
    await world.ask("far", 100)
    get_chunks = world.store.get_chunks

    async def change_first(user_id: str, note_id: str) -> list[Chunk]:
        monkeypatch.undo()
        await world.write("note", 11, version=3)
        await world.freshness.note_changed(change())
        return await get_chunks(user_id, note_id)

    monkeypatch.setattr(world.store, "get_chunks", change_first)
    await world.write("note", 9, version=2)
    await world.freshness.note_changed(change())
    assert not await world.cached("near")
    assert await world.cached("far")


async def test_unreadable_note_drops_all_answers(world: World, tmp_path: Path) -> None:
    await world.write("b", 10)
    await world.write("c", 20)
    await world.ask("one")
    await world.ask("two", 90)
    unreadable = world.with_store(SQLiteNoteStore(tmp_path, PROFILE))  # a folder is not a database
    outcome = await unreadable.freshness.note_changed(change())
    assert (outcome.dropped, outcome.retained, outcome.precise) == (2, 0, False)
    assert not await world.cached("one")
    assert not await world.cached("two")


async def test_change_is_not_acknowledged_if_the_store_fails(world: World, tmp_path: Path) -> None:
    await world.ask("q")
    with pytest.raises(StoreUnavailableError):
        await world.with_store(SQLiteNoteStore(tmp_path, PROFILE)).freshness.note_changed(
            change(text="10")
        )
    assert await world.cached("q")


REFUSED = "not an angle"


async def test_former_text_and_its_answers_are_removed_if_the_new_text_cannot_be_embedded(
    world: World,
) -> None:
    for note_id, angle in (("note", 10), ("b", 15), ("c", 90), ("d", 95)):
        await world.write(note_id, angle)
    await world.ask("near", 0)
    await world.ask("far", 100)
    await world.alias("of near, but far", "near", 100)
    with pytest.raises(NoteNotEmbeddedError, match="former text answers no question"):
        await world.freshness.note_changed(change(text=REFUSED, version=2))
    assert not await world.cached("near")
    assert not await world.cached("of near, but far")
    assert await world.cached("far")
    assert "note" not in {source.note_id for source in await world.store.search("ann", at(0), 9)}
    stored = await world.store.get_note("ann", "note")
    assert stored
    assert (stored.text, stored.version) == (REFUSED, 2)


async def test_answer_in_generation_is_not_stored_if_the_new_text_cannot_be_embedded(
    world: World,
) -> None:
    await world.write("note", 10)
    await world.ask("another question")
    session = world.cache.session("ann", "q")
    await session.lookup()
    with pytest.raises(NoteNotEmbeddedError):
        await world.freshness.note_changed(change(text=REFUSED, version=2))
    assert not await session.store(at(0), [Source("a", "note", "a", 0.9)] * K, an_answer())


@pytest.mark.parametrize(
    "error",
    [
        InferenceRefusedError("413"),
        InferenceUnavailableError("429", retry_after=7.0),
        InferenceTimeoutError("late"),
        CircuitOpenError("open"),
        InferenceError("unusable"),
        ConfigurationError("misconfigured"),
        ValueError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_former_text_is_removed_whatever_the_failure(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fail(self: AngleEmbedder, texts: Sequence[str]) -> list[Vector]:
        raise error

    await world.write("note", 10)
    await world.ask("near", 0)
    monkeypatch.setattr(AngleEmbedder, "embed", fail)
    expected = NoteNotEmbeddedError if isinstance(error, UnavailableError) else type(error)
    with pytest.raises(expected) as raised:
        await world.freshness.note_changed(change(text="20", version=2))
    assert not await world.cached("near")
    assert await world.store.get_chunks("ann", "note") == []
    if isinstance(raised.value, NoteNotEmbeddedError):
        assert raised.value.retry_after == getattr(error, "retry_after", None)


async def test_redelivery_and_later_versions_restore_a_note_that_was_not_embedded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.write("note", 10)
    with monkeypatch.context() as patch:
        patch.setattr(AngleEmbedder, "embed", refuse)
        for version in 2, 3:
            with pytest.raises(NoteNotEmbeddedError):
                await world.freshness.note_changed(change(text=f"{version}0", version=version))
    for version in 3, 4:
        outcome = await world.freshness.note_changed(change(text=f"{version}0", version=version))
        assert outcome.stored
        (chunk,) = await world.store.get_chunks("ann", "note")
        assert chunk.content == f"{version}0"


async def refuse(self: AngleEmbedder, texts: Sequence[str]) -> list[Vector]:
    raise InferenceRefusedError("too long")


async def test_older_version_does_not_return_after_one_that_was_not_embedded(
    world: World,
) -> None:
    with pytest.raises(NoteNotEmbeddedError):
        await world.freshness.note_changed(change(text=REFUSED, version=3))
    outcome = await world.freshness.note_changed(change(text="10", version=2))
    assert not outcome.stored
    assert await world.store.get_chunks("ann", "note") == []


@pytest.mark.parametrize("version", [1, 2])
async def test_repeated_or_older_message_that_cannot_be_embedded_removes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    await world.freshness.note_changed(change(text="10", version=2))
    monkeypatch.setattr(AngleEmbedder, "embed", refuse)
    outcome = await world.freshness.note_changed(change(text="10", version=version))
    assert not outcome.stored
    assert len(await world.store.get_chunks("ann", "note")) == 1


async def test_other_text_of_the_same_version_that_cannot_be_embedded_removes_the_former(
    world: World,
) -> None:
    await world.freshness.note_changed(change(text="10", version=2))
    with pytest.raises(NoteNotEmbeddedError):
        await world.freshness.note_changed(change(text=REFUSED, version=2))
    assert await world.store.get_chunks("ann", "note") == []


async def test_embedding_failure_reports_redis_if_the_answers_could_not_be_dropped() -> None:
    with start_valkey() as server:
        settings = Settings(redis_url=server.url, redis_timeout=1)
    redis_client = open_redis_client(settings)
    with pytest.raises(CacheUnavailableError):
        await World(Cache(redis_client, settings)).freshness.note_changed(change(text=REFUSED))
    await redis_client.aclose()


@pytest.mark.parametrize("operation", ["updated", "deleted", "user_deleted", "all_changed"])
async def test_change_is_not_acknowledged_if_redis_fails(operation: str) -> None:
    with start_valkey() as server:
        settings = Settings(redis_url=server.url, redis_timeout=1)
    redis_client = open_redis_client(settings)
    with pytest.raises(CacheUnavailableError):
        await World(Cache(redis_client, settings)).freshness.note_changed(
            change(operation=operation)
        )
    await redis_client.aclose()


async def test_message_with_text_is_written_to_the_store_first(world: World) -> None:
    await world.write("b", 10)
    await world.write("c", 20)
    await world.ask("near", 0)
    await world.ask("far", 40)
    await world.freshness.note_changed(change(text="-15", title="A title", version=7))
    stored = await world.store.get_note("ann", "note")
    assert stored
    assert (stored.title, stored.text, stored.version) == ("A title", "-15", 7)
    assert not await world.cached("near")
    assert await world.cached("far")


async def test_older_message_drops_by_the_current_note(world: World) -> None:
    for note_id, angle in (("b", 10), ("c", 20), ("d", 90), ("e", 95)):
        await world.write(note_id, angle)
    await world.ask("near", 0)
    await world.ask("far", 100)
    await world.write("note", 15, version=2)  # its message comes later
    outcome = await world.freshness.note_changed(change(text="80", version=1))
    assert not outcome.stored
    assert not await world.cached("near")
    assert await world.cached("far")


async def test_older_message_does_not_restore_a_deleted_note(world: World) -> None:
    await world.freshness.note_changed(change(operation="deleted", version=5))
    outcome = await world.freshness.note_changed(change(text="10", version=4))
    assert not outcome.stored
    assert await world.store.list_notes("ann") == []


@pytest.mark.parametrize("ahead", [timedelta(minutes=6), timedelta(days=2_900_000)], ids=str)
@pytest.mark.parametrize("operation", ["updated", "deleted", "user_deleted"])
async def test_time_far_ahead_is_replaced_by_the_time_of_arrival(
    world: World, caplog: pytest.LogCaptureFixture, operation: str, ahead: timedelta
) -> None:
    text = "10" if operation == "updated" else None
    note_id = None if operation == "user_deleted" else "note"
    future = datetime.now(UTC) + ahead
    outcome = await world.freshness.note_changed(
        change(note_id, operation, text=text, occurred_at=future)
    )
    assert (outcome.stored, outcome.is_future) == (True, True)
    assert outcome.lag_ms < 10_000
    (record,) = [each for each in caplog.records if each.name == "shared.freshness"]
    assert (record.levelname, record.__dict__["log_fields"]) == (
        "WARNING",
        {"fields": ["occurred_at"]},
    )
    for text in "20", "30":
        edit = change(text=text, occurred_at=datetime.now(UTC))
        assert (await world.freshness.note_changed(edit)).stored
    assert [note.text for note in await world.store.list_notes("ann")] == ["30"]
    deletion = change(None, "user_deleted", occurred_at=datetime.now(UTC))
    outcome = await world.freshness.note_changed(deletion)
    assert (outcome.stored, outcome.is_future) == (True, False)
    assert await world.store.list_notes("ann") == []


async def test_changes_that_are_not_stored_or_from_the_future_are_counted(world: World) -> None:
    future = datetime.now(UTC) + timedelta(hours=1)
    await world.freshness.note_changed(change(text="10", version=2, occurred_at=future))
    await world.freshness.note_changed(change(text="20", version=1))
    total = (await CounterReader(world.cache.redis_client).read_snapshot()).total
    names = ("note_changes", "note_changes_not_stored", "note_changes_from_future")
    assert [total[name] for name in names] == [2, 1, 1]


async def test_deletion_of_a_user_reports_a_note_that_is_left(world: World) -> None:
    await world.freshness.note_changed(change(text="10", occurred_at=datetime.now(UTC)))
    await world.ask("near")
    outcome = await world.freshness.note_changed(change(None, "user_deleted"))
    assert not outcome.stored
    assert not await world.cached("near")
    assert len(await world.store.list_notes("ann")) == 1


async def test_changes_with_and_without_a_version_are_ordered_by_time(world: World) -> None:
    await world.freshness.note_changed(change(text="10", version=1))
    for text, version, seconds in (("20", None, 20), ("30", 2, 30)):
        edit = change(text=text, version=version, occurred_at=START + timedelta(seconds=seconds))
        assert (await world.freshness.note_changed(edit)).stored
    late = change(text="15", occurred_at=START + timedelta(seconds=15))
    assert not (await world.freshness.note_changed(late)).stored
    assert [note.text for note in await world.store.list_notes("ann")] == ["30"]


@pytest.mark.parametrize("operation", ["updated", "deleted"])
async def test_message_without_an_effect_drops_nothing(world: World, operation: str) -> None:
    for note_id, angle in (("b", 15), ("c", 90), ("d", 95)):
        await world.write(note_id, angle)
    message = change(operation=operation, version=2, text="10" if operation == "updated" else None)
    await world.freshness.note_changed(message)
    await world.ask("near", 0)
    await world.ask("far", 100)
    repeated = await world.freshness.note_changed(message)
    assert (repeated.stored, repeated.dropped, repeated.retained) == (True, 0, 2)
    late = await world.freshness.note_changed(change(version=1, text="95"))
    assert (late.stored, late.dropped, late.retained) == (False, 0, 2)
    assert await world.cached("near")


async def test_refused_change_drops_answers_from_before_the_stored_text(world: World) -> None:
    """The message of the stored text may not have arrived yet."""
    for note_id, angle in (("note", 10), ("b", 15)):
        await world.write(note_id, angle)
    await world.ask("near", 0)
    await world.write("note", 11, version=3_000_000)
    late = await world.freshness.note_changed(change(version=1, text="10"))
    assert (late.stored, late.dropped) == (False, 1)


PASSAGE = Chunk("note#0", "note", "content", at(10), headings="a > b")


@pytest.mark.parametrize(
    ("title", "chunks", "retained"),
    [
        ("title", [PASSAGE], True),
        ("title", [PASSAGE, replace(PASSAGE, chunk_id="note#1", embedding=at(90))], True),
        ("title", [PASSAGE, replace(PASSAGE, chunk_id="note#1", embedding=at(5))], False),
        ("another title", [PASSAGE], False),
        ("title", [replace(PASSAGE, headings="a > c")], False),
        ("title", [replace(PASSAGE, content="another content")], False),
        ("title", [replace(PASSAGE, chunk_id="note#1")], False),
        ("title", [replace(PASSAGE, embedding=at(11))], False),
        ("title", [], False),
        ("title", [replace(PASSAGE, chunk_id=f"note#{n}") for n in range(60)], False),
    ],
)
async def test_answer_is_retained_if_the_sources_that_it_used_are_the_same(
    world: World, *, title: str, chunks: list[Chunk], retained: bool
) -> None:
    await world.write("b", 15)
    assert await world.store.replace_note(Note("ann", "note", "title", "", 1, 10), [PASSAGE])
    await world.ask("near", 0)
    assert await world.store.replace_note(Note("ann", "note", title, "", 2, 20), chunks)
    await world.freshness.note_changed(change())
    assert await world.cached("near") is retained


async def test_answer_in_generation_during_a_change_is_not_stored(world: World) -> None:
    await world.ask("another question")
    session = world.cache.session("ann", "q")
    await session.lookup()
    await world.freshness.note_changed(change())
    assert not await session.store(at(0), [Source("a", "a", "a", 0.9)] * K, an_answer())
    assert not await world.cached("q")


async def test_change_drops_no_answer_of_another_user(world: World) -> None:
    await world.cache.ask("bob")
    await world.freshness.note_changed(change(operation="all_changed"))
    assert (await world.cache.session("bob").lookup()).answer


async def test_all_changed_drops_all_answers_and_no_note(world: World) -> None:
    await world.write("b", 10)
    await world.ask("one")
    await world.ask("two", 90)
    outcome = await world.freshness.note_changed(change(None, "all_changed"))
    assert (outcome.dropped, outcome.retained) == (2, 0)
    assert not await world.cached("one")
    assert await world.store.list_notes("ann")


async def test_user_deleted_leaves_no_key_and_no_note(world: World) -> None:
    """A shared embedding remains: it belongs to no user."""
    await world.write("note", 10)
    await world.ask("one")
    await world.alias("uno", "one")
    await world.cache.ask("bob")
    generating = world.cache.session("ann", "two")
    await generating.lookup()
    await world.freshness.note_changed(change(None, "user_deleted"))
    assert not await generating.store(at(0), [Source("a", "a", "a", 0.9)] * K, an_answer())
    keys = [key.decode() for key in await world.cache.scan()]
    anns, bobs = (UserKeys.of(user).questions.removesuffix("questions") for user in ("ann", "bob"))
    assert not [key for key in keys if key.startswith(anns)]
    assert [key for key in keys if key.startswith(bobs)]
    assert await world.store.list_notes("ann") == []
