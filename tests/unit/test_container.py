"""The container: parts that are passed or overridden replace the built ones."""

import pytest

from shared.container import Container
from shared.settings import Settings
from tests.support.full_stack import QuotingAnswerer
from tests.support.memory_note_store import MemoryNoteStore


def test_passed_part_replaces_the_built_one() -> None:
    store = MemoryNoteStore()
    assert Container(Settings(), store=store).store is store


def test_override_replaces_a_part() -> None:
    container = Container(Settings(), answerer=QuotingAnswerer())
    answerer = QuotingAnswerer()
    container.override(answerer=answerer)
    assert container.answerer is answerer


@pytest.mark.parametrize("name", ["stor", "settings", "aclose"])
def test_override_refuses_a_name_that_is_no_part(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        Container(Settings()).override(**{name: object()})


async def test_aclose_builds_no_part() -> None:
    container = Container(Settings())
    await container.aclose()
    assert vars(container).keys().isdisjoint({"redis_client", "store", "inference_client"})
