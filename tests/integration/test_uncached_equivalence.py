"""Cached responses equal uncached ones, with real notes, questions and servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.container import Container
from shared.notes.postgres.store import PostgresNoteStore
from shared.notes.sqlite import SQLiteNoteStore
from shared.notes.store import NoteStore
from shared.settings import Settings
from shared.text.canonical_form import canonical_form
from tests.support.data import catechism_questions, devotionals
from tests.support.full_stack import MINILM, QuotingAnswerer, ask, body, updated
from tests.support.note_backends import PROFILE

pytestmark = pytest.mark.xdist_group(
    "uncached equivalence"
)  # one process embeds the texts for both stores


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> NoteStore:
    if request.param == "sqlite":
        return SQLiteNoteStore(tmp_path / "notes.db", PROFILE)
    return PostgresNoteStore(request.getfixturevalue("postgres_url"), PROFILE)


@pytest.fixture
async def containers(store: NoteStore, valkey_url: str) -> AsyncIterator[list[Container]]:
    """A container without a cache and one with a cache, over the same notes."""
    if isinstance(store, PostgresNoteStore):
        await store.migrate()
    both = [
        Container(
            Settings(redis_url=valkey_url, cache_enabled=enabled, redis_timeout=5),
            store=store,
            embedder=MINILM,
            answerer=QuotingAnswerer(),
        )
        for enabled in (False, True)
    ]
    yield both
    for container in both:
        await container.aclose()


@pytest.mark.parametrize(
    ("count", "readings"), [(20, 6), pytest.param(200, 60, marks=pytest.mark.slow)]
)
async def test_cached_response_equals_the_uncached_one_byte_for_byte(
    containers: list[Container], request: pytest.FixtureRequest, count: int, readings: int
) -> None:
    """Questions of five catechisms over devotional readings."""
    uncached, cached = containers
    user = request.node.name
    for reading in devotionals()[:readings]:
        await cached.freshness.note_changed(updated(user, reading["note_id"], reading["text"]))
    questions = list({canonical_form(text): text for text in catechism_questions()}.values())[
        :count
    ]
    assert len(questions) == count

    for question in questions:
        # Semantic hits return another question's answer by design, so they are excluded.
        plain = body(user, question, await ask(uncached, user, question, exact=True))
        missed = await ask(cached, user, question, exact=True)
        hit = await ask(cached, user, _other_spelling(question), exact=True)
        assert missed.tier in {None, "l2"}, "the other store's run may have cached the embedding"
        assert hit.tier == "l1"
        assert body(user, question, missed) == plain
        assert body(user, question, hit) == plain


def _other_spelling(question: str) -> str:
    """Return the question in lower case if it is the same question, and without its end mark."""
    lower = question.lower()
    same = lower if canonical_form(lower) == canonical_form(question) else question
    return f"  {same.rstrip('?. ')} ?"


async def test_reply_without_notes_is_cached_until_the_first_note(
    containers: list[Container], request: pytest.FixtureRequest
) -> None:
    _, cached = containers
    user = request.node.name
    for tier in (None, "l3"):
        reply = await ask(cached, user, "What is faith?")
        assert (reply.answer, list(reply.sources), reply.tier) == (None, [], tier)
    await cached.freshness.note_changed(updated(user, "first", "Faith is trust."))
    answered = await ask(cached, user, "What is faith?")
    assert answered.answer is not None
    assert [source.note_id for source in answered.sources] == ["first"]
