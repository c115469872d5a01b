"""Privacy: no request reads data of another user."""

import asyncio
import random

import pytest

from shared.container import Container
from shared.settings import Settings
from tests.support.full_stack import MINILM, QuotingAnswerer, ask, updated
from tests.support.memory_note_store import MemoryNoteStore

USERS = ("ann", "bob", "{00}:ann", "ann:questions", "ann\nbob")
QUESTIONS = ("What is faith?", "Define faith", "what is hope", "What is love?")


@pytest.mark.parametrize("rounds", [20, pytest.param(60, marks=pytest.mark.slow)])
async def test_concurrent_users_with_equal_questions_get_their_own_notes_only(
    valkey_url: str, rounds: int
) -> None:
    """Each user's notes contain the user's mark. Some ids look like keys of another user."""
    rng = random.Random(20)
    container = Container(
        Settings(redis_url=valkey_url, redis_timeout=2),
        store=MemoryNoteStore(),
        embedder=MINILM,
        answerer=QuotingAnswerer(),
    )
    marks = {user: f"mark{number}" for number, user in enumerate(USERS)}
    texts = ("Faith is trust", "Hope holds on", "Love is patient")

    async def act(user: str) -> None:
        if rng.random() < 0.2:
            text = rng.choice(texts)
            note = updated(user, text, f"{text}, {marks[user]}, {rng.randrange(5)}.")
            await container.freshness.note_changed(note)
            return
        reply = await ask(container, user, rng.choice(QUESTIONS))
        seen = " ".join(source.content for source in reply.sources)
        seen += reply.answer.text if reply.answer else ""
        foreign_marks = [mark for other, mark in marks.items() if other != user and mark in seen]
        assert not foreign_marks
        tiers.append(reply.tier)

    tiers: list[str | None] = []
    for _ in range(rounds):
        await asyncio.gather(*(act(rng.choice(USERS)) for _ in range(20)))
    await container.aclose()
    assert tiers.count("l1") > 2 * rounds, "only hits can leak, so the test needs many"
