"""Nothing of one user's is reachable from another's request."""

import asyncio
import random

from shared.container import Container
from shared.settings import Settings
from tests.support.main_job import MINILM, QuotingAnswerer, ask, written
from tests.support.stores import MemoryNoteStore

USERS = ("ann", "bob", "{00}:ann", "ann:questions", "ann\nbob")
QUESTIONS = ("What is faith?", "Define faith", "what is hope", "What is love?")


async def test_interleaved_users_with_identical_questions_see_their_own_notes_alone(
    valkey_url: str,
) -> None:
    """Each user's notes bear the user's mark; ids try to look like another's keys."""
    dice = random.Random(20)
    container = Container(
        Settings(redis_url=valkey_url, redis_timeout=2),
        store=MemoryNoteStore(),
        embedder=MINILM,
        answerer=QuotingAnswerer(),
    )
    marks = {user: f"mark{number}" for number, user in enumerate(USERS)}
    texts = ("Faith is trust", "Hope holds on", "Love is patient")

    async def act(user: str) -> None:
        if dice.random() < 0.2:
            text = dice.choice(texts)
            note = written(user, text, f"{text}, says {marks[user]}, {dice.randrange(5)}.")
            await container.freshness.note_changed(note)
            return
        reply = await ask(container, user, dice.choice(QUESTIONS))
        seen = " ".join(source.content for source in reply.sources)
        seen += reply.answer.text if reply.answer else ""
        strangers = [mark for other, mark in marks.items() if other != user and mark in seen]
        assert not strangers
        tiers.append(reply.tier)

    tiers: list[str | None] = []
    for _ in range(60):
        await asyncio.gather(*(act(dice.choice(USERS)) for _ in range(20)))
    await container.aclose()
    assert tiers.count("l1") > 100, "hits are what could leak, so there must have been many"
