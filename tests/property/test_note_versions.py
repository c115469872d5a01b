"""Property: the newest message determines the stored note, in any order of messages."""

from hypothesis import given
from hypothesis import strategies as st

from shared.notes.note import Note
from tests.support.memory_note_store import MemoryNoteStore

# One message for each moment.
HISTORIES = st.lists(st.sampled_from(["replace", "delete", "delete user"]), min_size=1, max_size=8)


@given(HISTORIES, st.data())
async def test_any_order_with_duplicates_ends_with_the_newest_message(
    history: list[str], data: st.DataObject
) -> None:
    moments = list(enumerate(history, start=1))
    late = data.draw(st.lists(st.sampled_from(moments), max_size=6))
    store = MemoryNoteStore()
    for moment, operation in data.draw(st.permutations(moments + late)):
        if operation == "replace":
            await store.replace_note(Note("ann", "n", "", str(moment), moment, moment), [])
        elif operation == "delete":
            await store.delete_note("ann", "n", version=moment, changed_at=moment)
        else:
            await store.delete_user("ann", changed_at=moment)
    last, operation = moments[-1]
    versions = [note.version for note in await store.list_notes("ann")]
    assert versions == ([last] if operation == "replace" else [])
