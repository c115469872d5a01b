"""Property: the stored note depends on the set of messages, and not on their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.notes.note import Note
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
    ),
    min_size=1,
    max_size=8,
)
Message = tuple[int, str, str, bool]


async def apply(store: MemoryNoteStore, message: Message) -> None:
    moment, operation, text, is_counted = message
    version = moment + 1_000 if is_counted else moment
    if operation == "replace":
        await store.replace_note(Note("ann", "n", "", text, version, moment), [])
    elif operation == "delete":
        await store.delete_note("ann", "n", version=version, changed_at=moment)
    else:
        await store.delete_user("ann", changed_at=moment)


def newest_text(messages: list[Message]) -> list[str]:
    """Return the text that must be stored, or nothing."""
    deleted_at = max((m for m, operation, *_ in messages if operation == "delete user"), default=0)
    later = [
        (moment, operation == "delete", text)
        for moment, operation, text, _ in messages
        if moment > deleted_at
    ]
    *_, (_, is_deleted, text) = sorted([(0, True, ""), *later])
    return [] if is_deleted else [text]


@given(MESSAGES, st.data())
async def test_any_order_with_duplicates_ends_with_the_newest_message(
    messages: list[Message], data: st.DataObject
) -> None:
    late = data.draw(st.lists(st.sampled_from(messages), max_size=6))
    store = MemoryNoteStore()
    for message in data.draw(st.permutations(messages + late)):
        await apply(store, message)
    assert [note.text for note in await store.list_notes("ann")] == newest_text(messages)


@pytest.mark.parametrize("operation", ["replace", "delete", "delete user"])
@given(messages=MESSAGES, data=st.data())
async def test_change_stored_with_a_time_in_the_future_is_older_than_any_other(
    operation: str, messages: list[Message], data: st.DataObject
) -> None:
    store = MemoryNoteStore()
    if data.draw(st.booleans()):  # its count is older than the others
        await store.replace_note(Note("ann", "n", "", "future", 1, FUTURE), [])
    await apply(store, (FUTURE, operation, "future", False))
    for message in data.draw(st.permutations(messages)):
        await apply(store, message)
    assert [note.text for note in await store.list_notes("ann")] == newest_text(messages)
