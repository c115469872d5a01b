"""The lazily decoded index: the same entries as when each one is decoded."""

import time

import pytest

from shared.cache import index_entries, matchable_entries
from shared.cache.index_entries import ALIAS, ANSWER, CONTEXT, Entry
from tests.benchmarks.workload import PIPELINE

_LATER = int(time.time()) + 1_000
_ENTRY = Entry(
    ANSWER,
    "answer-id-1",
    _LATER,
    _LATER,
    0,
    "What is gr\u00e2ce?",
    PIPELINE.name,
    vector=bytes(range(128)) * 3,
    digests=b"note-tagnote-dig",
)


def _select(*entries: Entry) -> matchable_entries.MatchableEntries:
    index = [(b"%d" % row, index_entries.encode(entry)) for row, entry in enumerate(entries)]
    return matchable_entries.select([*index, (b"fence", b"5")], "own", PIPELINE)


def test_rows_have_vector_question_and_entry() -> None:
    other = _ENTRY._replace(question="x" * 70_000, vector=bytes(384))
    found = _select(_ENTRY, other)
    assert found.vectors() == _ENTRY.vector + other.vector
    assert all(
        entry.question.encode() in text
        for entry, text in zip((_ENTRY, other), found.texts(), strict=True)
    )
    assert list(found.items()) == [("0", _ENTRY), ("1", other)]


@pytest.mark.parametrize(
    "entry",
    [
        _ENTRY._replace(kind=CONTEXT),
        _ENTRY._replace(kind=ALIAS, target="x" * 22),
        _ENTRY._replace(expires=int(time.time()) - 1),
        _ENTRY._replace(pipeline="another"),
        _ENTRY._replace(vector=bytes(383)),
        _ENTRY._replace(vector=b""),
    ],
)
def test_other_entries_are_no_rows(entry: Entry) -> None:
    assert len(list(_select(_ENTRY, entry).items())) == 1


def test_own_question_is_no_row() -> None:
    index = [(b"own", index_entries.encode(_ENTRY))]
    assert len(matchable_entries.select(index, "own", PIPELINE)) == 0


@pytest.mark.parametrize("place", [3, 45, 70, 200, -1])
def test_corrupt_entry_is_not_decoded(place: int) -> None:
    sealed = bytearray(index_entries.encode(_ENTRY))
    sealed[place] ^= 1
    found = matchable_entries.select([(b"0", bytes(sealed))], "own", PIPELINE)
    assert not list(found.items())


def test_pipeline_in_another_value_is_not_enough() -> None:
    entry = _ENTRY._replace(question=f"\ud7ff{PIPELINE.name}", pipeline="another")
    assert not list(_select(entry).items())
