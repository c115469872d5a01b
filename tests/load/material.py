"""Notes and questions of users, by default 100: popular topics are asked about more often."""

import random
from collections.abc import Iterator, Sequence
from itertools import islice

from shared.container import Container
from shared.text.canonical_form import canonical_form
from shared.vectors import Vector
from tests.evaluation.embedding_cache import EMBEDDER
from tests.evaluation.evaluation_container import import_notes
from tests.evaluation.matching_strategies import Asked
from tests.evaluation.question_mix import NOTES, USERS, stream
from tests.support.data import devotionals

_SECONDS_PER_QUESTION = 1.5  # below the users' mean wait, so that no user runs out


def questions(seconds: float, users: int = USERS) -> dict[str, list[str]]:
    """Return more questions for each user than they ask in `seconds`."""
    generator = random.Random(17)
    count = int(seconds / _SECONDS_PER_QUESTION) + 20
    names = [f"user-{number}" for number in range(users)]
    return {
        user: [asked.text for asked in islice(_endless(user, generator), count)] for user in names
    }


def _endless(user: str, generator: random.Random) -> Iterator[Asked]:
    while True:
        try:
            drawn = list(stream(user, generator))
        except IndexError:
            continue  # the draw needed more rewordings than its topics have
        yield from drawn


async def vectors(asked: dict[str, list[str]]) -> dict[str, Vector]:
    """Embed the canonical form of each question with MiniLM."""
    texts = sorted({canonical_form(text) for each in asked.values() for text in each})
    return dict(zip(texts, await EMBEDDER.embed(texts), strict=True))


async def write_notes(container: Container, users: Sequence[str]) -> None:
    """Write 30 readings as notes of each user."""
    generator = random.Random(9)
    for user in users:
        readings = generator.sample(devotionals(), NOTES)
        notes = {reading["note_id"]: reading["text"] for reading in readings}
        await import_notes(container, user, notes)
