"""Whatever messages of a note's changes come, in whatever order, the newest decides."""

from hypothesis import given
from hypothesis import strategies as st

from shared.notes.note import Note
from tests.support.stores import MemoryNoteStore

# One message for each moment: what a note, or its user, became then.
HISTORIES = st.lists(st.sampled_from(["put", "delete", "leave"]), min_size=1, max_size=8)


@given(HISTORIES, st.data())
async def test_any_order_with_repetitions_ends_as_the_newest_message_says(
    history: list[str], data: st.DataObject
) -> None:
    moments = list(enumerate(history, start=1))
    late = data.draw(st.lists(st.sampled_from(moments), max_size=6))
    store = MemoryNoteStore()
    for moment, what in data.draw(st.permutations(moments + late)):
        if what == "put":
            await store.replace_note(Note("ann", "n", "", str(moment), moment, moment), [])
        elif what == "delete":
            await store.delete_note("ann", "n", version=moment, changed_at=moment)
        else:
            await store.delete_user("ann", changed_at=moment)
    last, what = moments[-1]
    versions = [note.version for note in await store.list_notes("ann")]
    assert versions == ([last] if what == "put" else [])
