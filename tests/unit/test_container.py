"""The container: parts that are passed or overridden replace the built ones."""

from typing import Any

import pytest

from shared.container import Container
from shared.inference.ports import ChatMessage, Completion
from shared.notes.note import Source
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


@pytest.mark.parametrize(
    "change",
    [
        {"chat_model": "another"},
        {"reasoning_effort": "low"},
        {"system_prompt": "Answer in one sentence."},
        {"context_tokens": 999},
        {"answer_tokens": 99},
        {"embedding_model": "another"},
        {"embedding_dimensions": 8},
        {"embedding_max_tokens": 128},
        {"query_prefix": "query: "},
        {"passage_prefix": "passage: "},
        {"retrieved_chunks": 7},
    ],
    ids=lambda change: str(*change),
)
def test_answers_of_other_settings_are_not_used(change: dict[str, Any]) -> None:
    """The pipeline is part of the key of each cached question."""
    assert Container(Settings(**change)).pipeline.name != Container(Settings()).pipeline.name


async def test_system_prompt_reaches_the_model() -> None:
    chat = RecordingChat()
    container = Container(Settings(system_prompt="Answer in one sentence."))
    container.override(chat=chat)
    await container.answerer.answer("Who?", [Source("n#0", "n", "Ruth came.", 0.9)])
    assert chat.system.startswith("Answer in one sentence.\nAfter each statement cite")


class RecordingChat:
    model = "recording"
    system = ""

    async def complete(
        self, messages: list[ChatMessage], *, max_tokens: int, **_: object
    ) -> Completion:
        self.system = messages[0].content
        return Completion(f"Ruth [1]. {max_tokens}", self.model)
