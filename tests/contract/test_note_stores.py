"""Contract tests: every note store behaves as `NoteStore` documents."""

import asyncio
import itertools
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.cache.keyspace import note_key
from shared.cache.source_digests import by_note, note_digest, text_digest
from shared.errors import InvalidRequestError, ReembeddingRequiredError
from shared.notes.embedding_profile import EmbeddingProfile
from shared.notes.note import Chunk, Note
from shared.notes.sqlite import SQLiteNoteStore
from shared.notes.store import NoteStore
from shared.notes.version_order import now
from shared.tags import normalize_question_tags
from shared.vectors import Vector, canonical, cosines, stack
from tests.support.chunks import build_chunks
from tests.support.note_backends import DIMENSIONS, PROFILE, Backend, Memory, Postgres, SQLite


def vectors(count: int, seed: int = 0) -> list[Vector]:
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSIONS))
    return [canonical(row) for row in rows]


def chunks(note_id: str, *contents: str, seed: int = 0) -> list[Chunk]:
    return build_chunks(note_id, contents, vectors(len(contents), seed))


def note(version: int, *, user: str = "ann", note_id: str = "n", at: int | None = None) -> Note:
    when = version * 10 if at is None else at
    return Note(user, note_id, f"Title {version}", f"Text {version}", version, when)


async def put(store: NoteStore, version: int, **where: Any) -> bool:
    """Store a version of a note; its title, text and chunks contain the version."""
    given = note(version, **where)
    return await store.replace_note(given, chunks(given.note_id, f"a{version}", f"b{version}"))


async def state(store: NoteStore, user: str) -> tuple[list[Note], list[str]]:
    """Return all notes of a user, and the contents of all chunks."""
    notes = await store.list_notes(user)
    found = await store.search(user, vectors(1)[0], 100)
    return notes, sorted(source.content for source in found)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "memory":
        return Memory()
    if request.param == "sqlite":
        return SQLite(tmp_path / "folder" / "notes.db")
    server = request.getfixturevalue("postgres_server")
    return Postgres(await server.new_database())


@pytest.fixture
async def store(backend: Backend) -> AsyncIterator[NoteStore]:
    async with aclosing(await backend.open()) as opened:
        yield opened


async def test_search_results_and_chunks_of_a_note_have_the_same_digest(store: NoteStore) -> None:
    """Otherwise each note change would drop the answers that used the note."""
    written = Note("ann", "gnade/Röm 5", "Ἐν ἀρχῇ\r\n", "text", 1, 1)
    pieces = chunks(written.note_id, *(f"piece\x00 {n} 😀" for n in range(20)))
    headed = [replace(piece, headings=f"Prayer\r\n> {n}") for n, piece in enumerate(pieces)]
    assert await store.replace_note(written, headed)
    stored = await store.get_chunks("ann", written.note_id)
    for query in vectors(20, seed=1):
        found = await store.search("ann", query, 20)
        similarities = cosines(query, stack([chunk.embedding for chunk in stored]))
        current = zip(map(text_digest, stored), similarities.tolist(), strict=True)
        assert by_note(found) == {note_key(written.note_id): note_digest(current)}


async def test_note_and_chunks_are_read_as_written(store: NoteStore) -> None:
    tags = ("a 'quoted' tag", "bible/römer", '{x,"y"}', "😀")
    written = Note(
        "ann", "gnade/Röm 5", "Ἐν ἀρχῇ 😀", "a 'quoted'\r\n\ttext", 2**53, 2**53, tags=tags
    )
    pieces = [
        replace(piece, title=written.title, headings=f"Prayer > {n}" if n else "", tags=tags)
        for n, piece in enumerate(chunks(written.note_id, *(f"piece {n}" for n in range(12))))
    ]
    assert await store.replace_note(written, pieces)
    assert await store.get_note("ann", written.note_id) == written
    assert await store.list_notes("ann") == [written]
    read = await store.get_chunks("ann", written.note_id)
    for got, given in zip(read, pieces, strict=True):
        assert replace(got, embedding=given.embedding) == given
        np.testing.assert_array_equal(got.embedding, given.embedding)
        assert got.embedding.dtype == np.int8
    for source in await store.search("ann", vectors(1)[0], 12):
        (piece,) = (each for each in pieces if each.chunk_id == source.chunk_id)
        assert (source.note_id, source.content) == (piece.note_id, piece.content)
        assert (source.title, source.headings) == (piece.title, piece.headings)


async def test_missing_note_is_read_as_none(store: NoteStore) -> None:
    assert await store.get_note("ann", "n") is None
    assert await store.list_notes("ann") == []
    assert await store.get_chunks("ann", "n") == []
    assert await store.search("ann", vectors(1)[0], 5) == []


async def test_notes_are_sorted_by_id_in_code_point_order(store: NoteStore) -> None:
    for note_id in ("b", "B", "ä", "a", "a b", "😀", "\uffee"):
        await put(store, 1, note_id=note_id)
    ids = [found.note_id for found in await store.list_notes("ann")]
    assert ids == ["B", "a", "a b", "b", "ä", "\uffee", "😀"]


async def test_users_read_and_change_only_their_own_notes(store: NoteStore) -> None:
    await put(store, 1, user="ann")
    await put(store, 2, user="bob")
    assert [found.text for found in await store.list_notes("ann")] == ["Text 1"]
    assert {s.content for s in await store.search("ann", vectors(1)[0], 9)} == {"a1", "b1"}
    await store.delete_note("bob", "n", version=3, changed_at=30)
    await store.delete_user("bob", changed_at=40)
    assert (await state(store, "ann"))[1] == ["a1", "b1"]
    assert await state(store, "bob") == ([], [])


async def put_tagged(store: NoteStore, note_id: str, *tags: str) -> None:
    assert await store.replace_note(replace(note(1, note_id=note_id), tags=tags), [])
    await store.update_chunks(note(1, note_id=note_id), chunks(note_id, note_id))


async def find_notes(store: NoteStore, *tags: str, user: str = "ann") -> set[str]:
    """Return the ids of the notes that a question with these tags searches."""
    found = await store.search(user, vectors(1)[0], 100, normalize_question_tags(tags))
    return {source.note_id for source in found}


async def test_search_with_tags_finds_notes_that_have_one_of_them(store: NoteStore) -> None:
    await put_tagged(store, "both", "Römer", "#hope ")
    await put_tagged(store, "hope", "hope", "HOPE", " ")
    await put_tagged(store, "below", "hope/faith")
    await put_tagged(store, "none")
    assert await find_notes(store) == {"both", "hope", "below", "none"}
    assert await find_notes(store, "RO\u0308MER") == {"both"}
    assert await find_notes(store, "hope") == {"both", "hope"}
    assert await find_notes(store, "grace", "Hope/Faith", "römer") == {"both", "below"}
    assert await find_notes(store, "grace") == set()
    assert await find_notes(store, "hop") == await find_notes(store, "hope\nrömer") == set()
    assert await find_notes(store, "hope", user="bob") == set()
    stored = {found.note_id: found.tags for found in await store.list_notes("ann")}
    assert stored == {
        "both": ("hope", "römer"),
        "hope": ("hope",),
        "below": ("hope/faith",),
        "none": (),
    }


async def test_search_with_tags_is_exact(store: NoteStore) -> None:
    """It returns the first of the results without tags that belong to notes with the tag."""
    for number in range(20):
        tagged = replace(note(1, note_id=f"n{number}"), tags=(f"tag {number % 3}",))
        contents = [f"{number} {i}" for i in range(10)]
        await store.replace_note(tagged, chunks(tagged.note_id, *contents, seed=number))
    for query in vectors(10, seed=100):
        found = await store.search("ann", query, 200)
        of_tag = [source for source in found if int(source.note_id[1:]) % 3 == 1]
        assert len(of_tag) == 70
        assert await store.search("ann", query, 5, ("tag 1",)) == of_tag[:5]
        assert await store.search("ann", query, 200, ("tag 1", "other")) == of_tag


async def test_message_with_other_tags_replaces_the_note(store: NoteStore) -> None:
    """A message has the whole note, so that the order of messages does not matter."""
    await put_tagged(store, "n", "a")
    assert await store.replace_note(replace(note(2), tags=("b",)), chunks("n", "2"))
    assert await find_notes(store, "a") == set()
    assert await find_notes(store, "b") == {"n"}
    assert [chunk.tags for chunk in await store.get_chunks("ann", "n")] == [("b",)]
    assert await put(store, 3)
    assert await find_notes(store, "b") == set()
    assert not await store.replace_note(replace(note(2), tags=("b",)), chunks("n", "2"))


async def test_tags_decide_between_notes_of_one_version_time_and_text(store: NoteStore) -> None:
    tied = [replace(note(1), tags=tags) for tags in ((), ("a",), ("a", "b"), ("b",))]
    for number, order in enumerate(itertools.permutations(tied)):
        user = f"user {number}"
        for each in order:
            await store.replace_note(replace(each, user_id=user), [])
        assert [found.tags for found in await store.list_notes(user)] == [("b",)], order


async def test_search_is_exact(store: NoteStore) -> None:
    """The chunks, their order and the bits of the similarities are those of numpy."""
    embeddings = vectors(200)
    for number in range(20):
        part = embeddings[number * 10 :][:10]
        pieces = build_chunks(f"n{number}", [f"{number} {i}" for i in range(10)], part)
        await store.replace_note(note(1, note_id=f"n{number}"), pieces)
    ids = [f"n{number}#{i}" for number in range(20) for i in range(10)]
    for query in vectors(20, seed=1):
        similarities = cosines(query, stack(embeddings))
        expected = sorted(zip(-similarities, ids, strict=True))[:5]
        found = await store.search("ann", query, 5)
        assert [(-s.similarity, s.chunk_id) for s in found] == expected
        assert all(s.content == s.chunk_id[1:].replace("#", " ") for s in found)
        assert all(s.note_id == s.chunk_id.partition("#")[0] for s in found)


async def test_chunks_of_equal_similarity_are_sorted_by_chunk_id(store: NoteStore) -> None:
    same = vectors(1)[0]
    for note_id in ("b", "a", "Z"):
        await store.replace_note(
            note(1, note_id=note_id), build_chunks(note_id, ["x"] * 11, [same] * 11)
        )
    found = await store.search("ann", same, 33)
    assert [s.chunk_id for s in found] == sorted(s.chunk_id for s in found)
    assert found[0].chunk_id == "Z#0"
    assert found[0].similarity == pytest.approx(1, abs=1e-12)


async def test_search_returns_fewer_than_k_only_if_there_are_fewer(store: NoteStore) -> None:
    await put(store, 1)
    assert [len(await store.search("ann", vectors(1)[0], k)) for k in (1, 2, 3)] == [1, 2, 2]


async def test_note_without_text_has_no_chunks(store: NoteStore) -> None:
    assert await store.replace_note(note(1), [])
    assert await store.get_chunks("ann", "n") == []
    assert len(await store.list_notes("ann")) == 1


async def test_newer_version_is_stored_and_older_one_is_refused(store: NoteStore) -> None:
    assert await put(store, 2)
    before = await state(store, "ann")
    assert not await put(store, 1)
    assert await state(store, "ann") == before
    assert await put(store, 3)
    assert (await state(store, "ann"))[1] == ["a3", "b3"]


async def test_same_version_replaces_the_note(store: NoteStore) -> None:
    assert await put(store, 1)
    assert await store.replace_note(note(1), chunks("n", "only"))
    assert [c.content for c in await store.get_chunks("ann", "n")] == ["only"]


DAY = 86_400_000_000  # µs
YEAR_9999 = 253_370_764_800_000_000


def timed(text: str, at: int, *, version: int | None = None) -> Note:
    """Return a note that is ordered by its time, or counted."""
    return Note("ann", "n", "", text, at if version is None else version, at)


@pytest.mark.parametrize("version", [None, 7], ids=["timed", "counted"])
async def test_notes_of_one_version_end_alike_in_any_order(
    store: NoteStore, version: int | None
) -> None:
    tied = [timed(text, 20, version=version) for text in ("a", "b", "c")]
    for number, order in enumerate(itertools.permutations([*tied, tied[0]])):
        user = f"user {number}"
        notes = [replace(each, user_id=user) for each in order]
        for each in notes:
            await store.replace_note(each, [])
        assert [found.text for found in await store.list_notes(user)] == ["c"], order
        assert await store.delete_note(user, "n", version=tied[0].version, changed_at=20)
        for each in notes:
            assert not await store.replace_note(each, []), "the deletion wins"


async def test_later_time_decides_between_equal_versions(store: NoteStore) -> None:
    assert await store.replace_note(timed("z", 10, version=1), [])
    assert await store.replace_note(timed("a", 20, version=1), [])
    assert not await store.replace_note(timed("z", 10, version=1), [])


async def test_note_with_a_time_in_the_future_is_replaced_by_the_next_change(
    store: NoteStore,
) -> None:
    for future in now() + DAY, YEAR_9999:
        assert await store.replace_note(timed("future", future), [])
        assert await store.replace_note(timed("true", now()), [])
        assert await store.replace_note(timed("future", future), [])
        assert await store.delete_note("ann", "n", version=(at := now()), changed_at=at)
        assert await store.list_notes("ann") == []


async def test_tombstone_with_a_time_in_the_future_is_replaced_by_the_next_change(
    store: NoteStore,
) -> None:
    assert await store.delete_note("ann", "n", version=YEAR_9999, changed_at=YEAR_9999)
    at = now()
    assert await store.delete_note("ann", "n", version=at, changed_at=at)
    assert not await store.replace_note(timed("late", at - 1), [])
    assert await store.replace_note(timed("new", at + 1), [])


@pytest.mark.parametrize("version", [None, 7], ids=["timed", "counted"])
async def test_deleting_a_user_deletes_notes_with_a_time_in_the_future(
    store: NoteStore, backend: Backend, version: int | None
) -> None:
    await store.replace_note(timed("future", YEAR_9999, version=version), [])
    await store.delete_note("ann", "gone", version=version or YEAR_9999, changed_at=YEAR_9999)
    assert await store.delete_user("ann", changed_at=now())
    assert "'ann'" not in await backend.dump()


async def test_user_deletion_with_a_time_in_the_future_is_replaced_by_the_next(
    store: NoteStore,
) -> None:
    await store.delete_user("ann", changed_at=YEAR_9999)
    assert await store.replace_note(timed("new account", now()), [])
    at = now()
    await store.delete_user("ann", changed_at=at)
    assert not await store.replace_note(timed("late", at), [])
    assert await store.replace_note(timed("new", at + 1), [])


async def test_deleting_a_user_reports_notes_that_are_left(store: NoteStore) -> None:
    await put(store, 1)
    await put(store, 6, note_id="m")
    assert not await store.delete_user("ann", changed_at=50)
    assert [found.note_id for found in await store.list_notes("ann")] == ["m"]
    assert await store.delete_user("ann", changed_at=60)


async def test_time_within_five_minutes_ahead_is_ordered_as_it_is(store: NoteStore) -> None:
    at = now() + 200_000_000
    assert await store.replace_note(timed("ahead", at), [])
    assert not await store.replace_note(timed("before", at - 1), [])


async def test_times_decide_between_a_counted_change_and_one_without_a_version(
    store: NoteStore, caplog: pytest.LogCaptureFixture
) -> None:
    assert await store.replace_note(timed("1", 10, version=900), [])
    assert not caplog.records
    assert not await store.replace_note(timed("late", 9), [])
    assert await store.replace_note(timed("2", 20), [])
    assert not await store.replace_note(timed("late", 19, version=901), [])
    assert await store.replace_note(timed("3", 30, version=3), []), "a time is no count"
    assert await store.delete_note("ann", "n", version=40, changed_at=40)
    assert not await store.replace_note(timed("late", 39, version=950), [])
    fields = {tuple(record.__dict__["log_fields"]["fields"]) for record in caplog.records}
    assert fields == {("version", "occurred_at")}


async def put_sequenced(store: NoteStore, sequence: int, at: int) -> bool:
    changed = replace(timed(f"sequence {sequence}", at), sequence=sequence)
    return await store.replace_note(changed, [])


async def test_sequence_decides_whatever_times_say(store: NoteStore) -> None:
    """The clocks run backwards: the time of each change is earlier than that of the one before."""
    for number, order in enumerate(itertools.permutations((1, 2, 3, 3))):
        user = f"user {number}"
        for sequence in order:
            changed = replace(timed(str(sequence), 100 - sequence), user_id=user, sequence=sequence)
            await store.replace_note(changed, [])
        (stored,) = await store.list_notes(user)
        assert (stored.text, stored.sequence) == ("3", 3), order
        assert not await store.delete_note(user, "n", version=999, changed_at=999, sequence=2)
        assert await store.delete_note(user, "n", version=1, changed_at=1, sequence=4)
        assert not await store.replace_note(replace(stored, changed_at=9_999), [])
        assert await store.replace_note(replace(stored, changed_at=0, sequence=5), [])


async def test_sequence_replaces_a_note_that_was_ordered_by_time(store: NoteStore) -> None:
    for version in (None, 900):
        note_id = f"n {version}"
        before = replace(timed("before", now(), version=version), note_id=note_id)
        assert await store.replace_note(before, [])
        after = replace(timed("after", 5), note_id=note_id, sequence=0)
        assert await store.replace_note(after, []), "its clock may be behind"
        later = replace(timed("by time", now(), version=version), note_id=note_id)
        assert not await store.replace_note(later, []), "the sequence wins"
        order = {"version": later.version, "changed_at": later.changed_at}
        assert not await store.delete_note("ann", note_id, **order)
        assert await store.get_note("ann", note_id) == after


async def test_sequence_replaces_a_deletion_that_was_ordered_by_time(store: NoteStore) -> None:
    await store.delete_note("ann", "n", version=(at := now()), changed_at=at)
    assert await put_sequenced(store, 7, at=5)
    assert await store.delete_note("ann", "n", version=6, changed_at=6, sequence=8)
    assert not await store.replace_note(timed("by time", at + 1), [])
    assert await put_sequenced(store, 9, at=4)


async def test_late_message_does_not_restore_a_deleted_note(store: NoteStore) -> None:
    assert await put(store, 1)
    assert await store.delete_note("ann", "n", version=3, changed_at=30)
    for late in (1, 2, 3):
        assert not await put(store, late)
    assert await state(store, "ann") == ([], [])
    assert await store.delete_note("ann", "n", version=3, changed_at=30)
    assert await put(store, 4), "a new note with the same id"
    assert (await state(store, "ann"))[1] == ["a4", "b4"]


async def test_late_deletion_does_not_delete_a_newer_version(store: NoteStore) -> None:
    assert await put(store, 4)
    assert not await store.delete_note("ann", "n", version=3, changed_at=30)
    assert (await state(store, "ann"))[1] == ["a4", "b4"]


async def test_note_can_be_deleted_before_its_first_version_arrives(store: NoteStore) -> None:
    assert await store.delete_note("ann", "n", version=2, changed_at=20)
    assert await store.delete_note("ann", "n", version=1, changed_at=10), "no newer version exists"
    assert not await put(store, 2), "the newer tombstone counts"


async def test_deleted_user_has_no_rows_and_stays_deleted(
    store: NoteStore, backend: Backend
) -> None:
    user = "ann-to-be-deleted"
    await put(store, 1, user=user)
    await put(store, 1, user=user, note_id="gone")
    await store.delete_note(user, "gone", version=2, changed_at=20)
    assert user in await backend.dump()
    await store.delete_user(user, changed_at=50)
    assert user not in await backend.dump()
    assert not await put(store, 5, user=user), "changed at the time of the user's deletion"
    assert await store.delete_note(user, "n", version=4, changed_at=40)
    assert user not in await backend.dump()
    assert await put(store, 6, user=user), "a new account with the same id"
    await store.delete_user(user, changed_at=50)
    assert (await state(store, user))[1] == ["a6", "b6"]
    assert not await store.delete_note(user, "n", version=4, changed_at=40)


HISTORIES = {
    "edits": ["put 1", "put 2", "put 3", "put 3"],
    "deleted": ["put 1", "put 2", "delete 3", "delete 3"],
    "recreated": ["put 1", "delete 2", "put 3", "put 4"],
    "user deleted": ["put 1", "delete 2", "put 3", "delete_user 4"],
    "user recreated": ["put 1", "put 2", "delete_user 3", "put 4"],
}
NEWEST = {"edits": 3, "deleted": None, "recreated": 4, "user deleted": None, "user recreated": 4}


@pytest.mark.parametrize("name", HISTORIES)
async def test_the_order_of_messages_does_not_matter(store: NoteStore, name: str) -> None:
    """Every permutation ends with the state of the newest message."""
    for number, order in enumerate(itertools.permutations(HISTORIES[name])):
        user = f"user {number}"
        for message in order:
            operation, version = message.split()[0], int(message.split()[1])
            if operation == "put":
                await put(store, version, user=user)
            elif operation == "delete":
                await store.delete_note(user, "n", version=version, changed_at=version * 10)
            else:
                await store.delete_user(user, changed_at=version * 10)
        versions = [found.version for found in await store.list_notes(user)]
        newest = NEWEST[name]
        assert versions == ([] if newest is None else [newest]), order
        contents = [] if newest is None else [f"a{newest}", f"b{newest}"]
        assert (await state(store, user))[1] == contents, order


async def test_concurrent_writers_end_with_the_newest_version(backend: Backend) -> None:
    async with AsyncExitStack() as stack_of_stores:
        stores = [
            await stack_of_stores.enter_async_context(aclosing(await backend.open()))
            for _ in range(3)
        ]
        order = np.random.default_rng(0).permutation(np.arange(1, 31))
        await asyncio.gather(*(put(stores[n % 3], int(version)) for n, version in enumerate(order)))
        for store in stores:
            assert [found.version for found in await store.list_notes("ann")] == [30]
            assert [c.content for c in await store.get_chunks("ann", "n")] == ["a30", "b30"]


async def test_several_stores_can_open_a_new_file_at_once(tmp_path: Path) -> None:
    for number in range(20):
        async with AsyncExitStack() as stack_of_stores:
            stores = [
                await stack_of_stores.enter_async_context(
                    aclosing(SQLiteNoteStore(tmp_path / f"{number}.db", PROFILE))
                )
                for _ in range(6)
            ]
            found = await asyncio.gather(*(store.list_notes("ann") for store in stores))
            assert found == [[]] * 6


_EXITS_WITHOUT_CLOSING = """
import asyncio, sys
from pathlib import Path
from shared.notes.note import Note
from shared.notes.sqlite import SQLiteNoteStore
from shared.notes.embedding_profile import EmbeddingProfile
store = SQLiteNoteStore(Path(sys.argv[1]), EmbeddingProfile("model", 8))
asyncio.run(store.replace_note(Note("ann", "n", "Title", "Text", 1, 1), []))
"""


def test_process_that_exits_without_closing_its_store_loses_no_data(tmp_path: Path) -> None:
    """Functions do not close their stores."""
    file = tmp_path / "notes.db"
    subprocess.run([sys.executable, "-c", _EXITS_WITHOUT_CLOSING, file], timeout=30, check=True)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT note_id, text FROM notes").fetchall() == [("n", "Text")]


async def test_note_without_embeddings_has_no_chunks_and_blocks_older_versions(
    store: NoteStore,
) -> None:
    await put(store, 1)
    assert await store.replace_note(note(2), None)
    assert await store.get_note("ann", "n") == note(2)
    assert (await state(store, "ann"))[1] == []
    assert not await put(store, 1)
    assert await store.replace_note(note(2), None), "it is still without embeddings"
    assert await put(store, 2)
    assert (await state(store, "ann"))[1] == ["a2", "b2"]


@pytest.mark.parametrize(
    "changed",
    [
        replace(note(1), title="a later title"),
        replace(note(1), text="a later text"),
        replace(note(1), tags=("a",)),
    ],
    ids=["title", "text", "tags"],
)
@pytest.mark.parametrize("contents", [(), ("a", "b")], ids=["blank", "text"])
async def test_embedded_version_is_not_replaced_by_the_same_one_without_embeddings(
    store: NoteStore, contents: tuple[str, ...], changed: Note
) -> None:
    await store.replace_note(note(1), chunks("n", *contents))
    assert not await store.replace_note(note(1), None)
    assert not await store.replace_note(note(0), None)
    assert len(await store.get_chunks("ann", "n")) == len(contents)
    assert await store.replace_note(changed, None)
    assert await store.get_chunks("ann", "n") == []


async def test_chunks_are_updated_only_if_the_note_is_unchanged(store: NoteStore) -> None:
    await put(store, 2)
    for changed in (
        note(1),
        note(3),
        replace(note(2), title="other"),
        replace(note(2), text="other"),
        note(2, note_id="m"),
    ):
        assert not await store.update_chunks(changed, chunks(changed.note_id, "new"))
    assert (await state(store, "ann"))[1] == ["a2", "b2"]
    assert await store.update_chunks(note(2), chunks("n", "new", "newer", "newest"))
    assert (await state(store, "ann"))[1] == ["new", "newer", "newest"]
    assert await store.update_chunks(note(2), None)
    assert await state(store, "ann") == ([note(2)], [])


OTHER_MODEL = replace(PROFILE, model="other")
LONGER = replace(PROFILE, dimensions=DIMENSIONS + 1)


@pytest.mark.parametrize(
    "other",
    [
        OTHER_MODEL,
        LONGER,
        replace(PROFILE, query_prefix="query: "),
        replace(PROFILE, passage_prefix="passage: "),
        replace(PROFILE, chunker=PROFILE.chunker + 1),
    ],
    ids=str,
)
async def test_notes_of_another_profile_are_not_searched(
    store: NoteStore, backend: Backend, other: EmbeddingProfile
) -> None:
    query = canonical(np.ones(other.dimensions))
    async with aclosing(await backend.open(other)) as changed:
        await changed.ping()
        assert await changed.search("ann", query, 5) == []
        await put(store, 1)
        with pytest.raises(ReembeddingRequiredError):
            await changed.search("ann", query, 5)
        with pytest.raises(ReembeddingRequiredError):
            await changed.ping()
        assert await changed.search("bob", query, 5) == [], "another user is not affected"
        # A user whose notes are partly embedded again.
        embedding = canonical(np.arange(1, other.dimensions + 1))
        await changed.replace_note(note(1, note_id="m"), [Chunk("m#0", "m", "m", embedding)])
        for each, vector in (store, vectors(1)[0]), (changed, query):
            with pytest.raises(ReembeddingRequiredError):
                await each.search("ann", vector, 5)
        assert await changed.update_chunks(note(1), [Chunk("n#0", "n", "n", embedding)])
        assert [found.content for found in await changed.search("ann", query, 5)] == ["m", "n"]
        await changed.ping()


async def test_reembedding_is_required_is_logged_once(
    store: NoteStore, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    if isinstance(backend, Memory):
        return
    await put(store, 1)
    async with aclosing(await backend.open(OTHER_MODEL)) as changed:
        for _ in range(3):
            with pytest.raises(ReembeddingRequiredError, match="reembed"):
                await changed.search("ann", vectors(1)[0], 5)
    (record,) = [each for each in caplog.records if "embedded again" in each.message]
    fields = record.__dict__["log_fields"]
    assert (fields["stored_profile"], fields["profile"]) == (PROFILE.text, OTHER_MODEL.text)


async def test_outdated_notes_are_listed_by_user_and_note(
    store: NoteStore, backend: Backend
) -> None:
    for user, note_id in ("ann", "b"), ("ann", "a"), ("Bob", "c"), ("bob", "a"):
        await put(store, 1, user=user, note_id=note_id)
    await store.replace_note(note(1, user="cleo"), None)
    assert await store.count_outdated() == 1
    assert await store.list_outdated(("", ""), 9) == [note(1, user="cleo")]
    async with aclosing(await backend.open(OTHER_MODEL)) as changed:
        await put(changed, 1, user="dora")
        assert await changed.count_outdated() == 5
        found = await changed.list_outdated(("", ""), 3)
        assert [(n.user_id, n.note_id) for n in found] == [("Bob", "c"), ("ann", "a"), ("ann", "b")]
        found = await changed.list_outdated(("ann", "b"), 9)
        assert [(n.user_id, n.note_id) for n in found] == [("bob", "a"), ("cleo", "n")]


async def test_tombstones_are_purged_after_their_lifetime(backend: Backend) -> None:
    async with aclosing(await backend.open(tombstone_seconds=0)) as store:
        await store.delete_note("ann", "n", version=2, changed_at=20)
        await store.delete_user("bob", changed_at=20)
        assert await put(store, 1)
        assert await put(store, 1, user="bob")


async def test_text_with_invalid_characters_is_sanitized(store: NoteStore) -> None:
    invalid = Note("ann", "n", "a\0b", "c\ud800d", 1, 1, tags=("t\0\ud800\n",))
    await store.replace_note(invalid, chunks("n", "e\0f\udfff"))
    assert await store.get_note("ann", "n") == Note(
        *("ann", "n", "ab", "c\ufffdd", 1, 1), tags=("t\ufffd",)
    )
    assert [c.content for c in await store.get_chunks("ann", "n")] == ["ef\ufffd"]


@pytest.mark.parametrize("bad", ["", "a\0", "\ud800", "x" * 256])
async def test_id_with_invalid_characters_is_rejected(store: NoteStore, bad: str) -> None:
    """Sanitized ids could be equal for two users or two notes."""
    query = vectors(1)[0]
    calls = [
        store.search(bad, query, 1),
        store.get_chunks(bad, "n"),
        store.get_chunks("ann", bad),
        store.get_note("ann", bad),
        store.list_notes(bad),
        put(store, 1, user=bad),
        put(store, 1, note_id=bad),
        store.delete_note("ann", bad, version=1, changed_at=1),
        store.delete_user(bad, changed_at=1),
    ]
    for call in calls:
        with pytest.raises(InvalidRequestError, match=r"_id must"):
            await call


async def test_ids_of_the_maximum_length_are_stored(store: NoteStore) -> None:
    random = np.random.default_rng(0)
    user, note_id = ("".join(map(chr, random.integers(0x10000, 0x1FFFF, 255))) for _ in range(2))
    assert await put(store, 1, user=user, note_id=note_id)
    assert await store.delete_note(user, note_id, version=2, changed_at=20)


async def test_closed_store_opens_again(store: NoteStore, backend: Backend) -> None:
    await put(store, 1)
    await store.aclose()
    await store.aclose()
    assert len(await store.list_notes("ann")) == 1


async def test_ping_succeeds_before_the_first_note(store: NoteStore) -> None:
    await store.ping()
    assert await store.list_notes("ann") == []


async def test_list_of_notes_is_paged_by_id(store: NoteStore) -> None:
    for note_id in ("b/2", "a", "c", "b/1"):
        await store.replace_note(note(1, note_id=note_id), [])
    first = await store.list_notes("ann", limit=2)
    rest = await store.list_notes("ann", after=first[-1].note_id, limit=9)
    ids = [found.note_id for found in (*first, *rest)]
    assert ids == [found.note_id for found in await store.list_notes("ann")]
    assert len(ids) == len({*ids}) == 4


async def test_change_that_replaces_one_version_is_refused_if_another_is_stored(
    store: NoteStore,
) -> None:
    assert not await store.replace_note(timed("a", 10), [], replaces=5), "there is no note"
    assert await store.replace_note(timed("a", 10), [], replaces=0)
    assert not await store.replace_note(timed("b", 20), [], replaces=0), "there is a note"
    assert not await store.replace_note(timed("b", 20), [], replaces=9)
    assert await store.replace_note(timed("b", 20), [], replaces=10)
    order: dict[str, int] = {"version": 30, "changed_at": 30}
    assert not await store.delete_note("ann", "n", **order, replaces=10)
    assert [found.text for found in await store.list_notes("ann")] == ["b"]
    assert await store.delete_note("ann", "n", **order, replaces=20)
    assert await store.replace_note(timed("c", 40), [], replaces=0)
