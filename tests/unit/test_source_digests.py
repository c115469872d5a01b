"""Digests of sources: every field counts, and the order does not."""

from typing import Any

import pytest

from shared.cache.source_digests import by_note
from shared.notes.note import Source

SOURCE = Source("note#0", "note", "content", 0.5, "title", "a > b")
OTHER = SOURCE._replace(chunk_id="note#1", similarity=0.25)


@pytest.mark.parametrize("name", Source._fields)
def test_each_field_of_a_source_changes_its_digest(name: str) -> None:
    value: Any = getattr(SOURCE, name)
    changed: Any = {name: value + 1e-6 if isinstance(value, float) else value + "x"}
    assert by_note([SOURCE._replace(**changed), OTHER]) != by_note([SOURCE, OTHER])


def test_order_of_sources_and_rounding_errors_do_not_change_a_digest() -> None:
    assert by_note([OTHER, SOURCE._replace(similarity=0.5 + 1e-12)]) == by_note([SOURCE, OTHER])


def test_each_note_has_its_own_digest() -> None:
    elsewhere = OTHER._replace(note_id="other")
    assert len(by_note([SOURCE, elsewhere])) == 2
    assert by_note([SOURCE]).items() <= by_note([SOURCE, elsewhere]).items()
