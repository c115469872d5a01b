"""Property: the stored note depends on the set of messages, and not on their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.notes.note import Note
from shared.tags import Tags
from tests.support.memory_note_store import MemoryNoteStore

FUTURE = 253_370_764_800_000_000
"""The year 9999 in microseconds since 1970."""

# Several messages of one moment are ties. The count of a counted message agrees with its time.
MESSAGES = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from(["replace", "delete", "delete user"]),
        st.sampled_from(["a", "b", "c"]),
        st.booleans(),
        st.sampled_from([(), ("a",), ("b",)]),
    ),
    min_size=1,
    max_size=8,
)
Message = tuple[int, str, str, bool, Tags]


async def apply(store: MemoryNoteStore, message: Message) -> None:
    moment, operation, text, is_counted, tags = message
    version = moment + 1_000 if is_counted else moment
    if operation == "replace":
        await store.replace_note(Note("ann", "n", "", text, version, moment, tags=tags), [])
    elif operation == "delete":
        await store.delete_note("ann", "n", version=version, changed_at=moment)
    else:
        await store.delete_user("ann", changed_at=moment)


def newest(messages: list[Message]) -> list[tuple[str, Tags]]:
    """Return the text and the tags that must be stored, or nothing."""
    deleted_at = max((m for m, operation, *_ in messages if operation == "delete user"), default=0)
    later = [
        (moment, operation == "delete", text, tags)
        for moment, operation, text, _, tags in messages
        if moment > deleted_at
    ]
    *_, (_, is_deleted, text, tags) = sorted([(0, True, "", ()), *later])
    return [] if is_deleted else [(text, tags)]


async def stored(store: MemoryNoteStore) -> list[tuple[str, Tags]]:
    return [(note.text, note.tags) for note in await store.list_notes("ann")]


@given(MESSAGES, st.data())
async def test_any_order_with_duplicates_ends_with_the_newest_message(
    messages: list[Message], data: st.DataObject
) -> None:
    late = data.draw(st.lists(st.sampled_from(messages), max_size=6))
    store = MemoryNoteStore()
    for message in data.draw(st.permutations(messages + late)):
        await apply(store, message)
    assert await stored(store) == newest(messages)


SEQUENCED = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 5)),  # the sequence
        st.integers(1, 5),  # the time, which may contradict it
        st.one_of(st.none(), st.sampled_from(["a", "b"])),  # the text, or a deletion
    ),
    min_size=1,
    max_size=6,
)


@given(SEQUENCED, st.data())
async def test_any_order_ends_with_the_greatest_sequence(
    changes: list[tuple[int | None, int, str | None]], data: st.DataObject
) -> None:
    store = MemoryNoteStore()
    for sequence, at, text in data.draw(st.permutations(changes + changes[:2])):
        if text is None:
            await store.delete_note("ann", "n", version=at, changed_at=at, sequence=sequence)
        else:
            await store.replace_note(Note("ann", "n", "", text, at, at, sequence), [])
    newest = max(
        (-1, at, text is None, 0, text or "")
        if sequence is None
        else (sequence, 0, text is None, at, text or "")
        for sequence, at, text in changes
    )
    expected = [] if newest[2] else [newest[-1]]
    assert [note.text for note in await store.list_notes("ann")] == expected


@pytest.mark.parametrize("operation", ["replace", "delete", "delete user"])
@given(messages=MESSAGES, data=st.data())
async def test_change_stored_with_a_time_in_the_future_is_older_than_any_other(
    operation: str, messages: list[Message], data: st.DataObject
) -> None:
    store = MemoryNoteStore()
    if data.draw(st.booleans()):  # its count is older than the others
        await store.replace_note(Note("ann", "n", "", "future", 1, FUTURE), [])
    await apply(store, (FUTURE, operation, "future", False, ()))
    for message in data.draw(st.permutations(messages)):
        await apply(store, message)
    assert await stored(store) == newest(messages)
