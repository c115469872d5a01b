"""An SQS queue with a function that is killed at random: no change is lost."""

import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from shared.cache.keyspace import UserKeys
from shared.cache.redis.commands import Command
from shared.container import Container
from shared.notes.note import Note
from shared.question import Question, Request
from shared.settings import Settings
from tests.support.chunks import build_chunks
from tests.support.event_source import EventSourceMapping, depth, serving_sqs, take_bodies
from tests.support.queues import START, body, make_container

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SEED = 20_261_101
USERS = [f"user{n}" for n in range(50)]
FEW_USERS = ["user0", "user1", "user2", "user40", "user48"]
NOTES, CHANGING, VERSIONS, POISON = 12, 4, 5, 20
OWNERS = {f"user{n}" for n in range(40, 45)}
"""Users whose notes the application stores itself; their messages have no text."""

DELETED_USERS = {"user48", "user49"}
"""Users that the last message deletes."""

QUESTIONS = 4
RECEIVES = 8
MAX_RISKY_RECEIVES = 2
"""Receives during which the function may be killed; the rest is a reserve for slow machines."""

WAITING = 60


@dataclass
class Plan:
    """All messages, and the notes after all of them are applied."""

    users: list[str]
    changes: list[str] = field(default_factory=list)
    poison: list[str] = field(default_factory=list)
    final: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def shuffled(self, rng: random.Random) -> list[str]:
        """Return all messages in random order: some changes twice, and the poison messages."""
        messages = self.changes + rng.sample(self.changes, len(self.changes) // 10) + self.poison
        rng.shuffle(messages)
        return messages


def make_plan(users: list[str], rng: random.Random) -> Plan:
    plan = Plan(users)
    for user in users:
        for number in range(CHANGING):
            for version in range(1, VERSIONS + 1):
                deleted = rng.random() < 0.2
                text = None if deleted else f"{user} note {number} version {version}"
                plan.final[user, f"note{number}"] = text
                plan.changes.append(
                    body(
                        user,
                        f"note{number}",
                        "deleted" if deleted else "updated",
                        version,
                        None if user in OWNERS else text,
                    )
                )
        for number in range(CHANGING, NOTES):
            plan.final[user, f"note{number}"] = f"{user} note {number} version 0"
    for user in DELETED_USERS.intersection(users):
        plan.changes.append(body(user, None, "user_deleted", VERSIONS + 1))
        plan.final |= dict.fromkeys([key for key in plan.final if key[0] == user])
    shapes = ("not JSON {n}", '{{"user_id": "user{n}"}}', '{{"user_id": {n}}}', "[{n}]")
    plan.poison = [shapes[n % len(shapes)].format(n=n) for n in range(POISON)]
    return plan


def questions(user: str) -> list[str]:
    return [f"What does {user} ask about matter {n}?" for n in range(QUESTIONS)]


@pytest.fixture
def sqs() -> Iterator["SQSClient"]:
    with serving_sqs() as client:
        yield client


def make_queues(sqs: "SQSClient", visibility: int) -> tuple[str, str]:
    dead = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    policy = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": RECEIVES}
    changes = sqs.create_queue(
        QueueName="changes",
        Attributes={"VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(policy)},
    )
    return changes["QueueUrl"], dead


def send(sqs: "SQSClient", queue_url: str, bodies: list[str]) -> None:
    """Send messages; wait while more than WAITING are in the queue."""
    for start in range(0, len(bodies), 10):
        while depth(sqs, queue_url) > WAITING:
            time.sleep(0.02)
        entries = [
            {"Id": str(place), "MessageBody": text}
            for place, text in enumerate(bodies[start : start + 10])
        ]
        sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)  # type: ignore[arg-type]  # literals


async def store_note(
    container: Container, user: str, note_id: str, text: str, version: int
) -> None:
    """Store a note as the application does."""
    seconds = int(START.timestamp()) + version
    note = Note(user, note_id, "", text, version, seconds * 1_000_000)
    await container.store.replace_note(
        note, build_chunks(note_id, [text], await container.embedder.embed([text]))
    )


async def prepare(settings: Settings, plan: Plan) -> None:
    """Store the first versions, cache answers, and store the last versions of the owners."""
    container = make_container(settings)
    for user in plan.users:
        for number in range(NOTES):
            await store_note(container, user, f"note{number}", f"{user} note {number} version 0", 0)
        for question in questions(user):
            assert (await container.assistant.ask(Request(user, question))).stored
    for user in OWNERS.intersection(plan.users):
        for number in range(CHANGING):
            text = plan.final[user, f"note{number}"]
            if text:
                await store_note(container, user, f"note{number}", text, VERSIONS)
    await container.aclose()


async def check(settings: Settings, plan: Plan) -> tuple[int, int]:
    """Check store and cache; return the numbers of retained and dropped answers."""
    container = make_container(settings)
    for (user, note_id), text in plan.final.items():
        note = await container.store.get_note(user, note_id)
        assert (note.text if note else None) == text, (user, note_id)
    for user in DELETED_USERS.intersection(plan.users):
        keys = UserKeys.of(user)
        names = (keys.answers, keys.contexts)
        assert await container.background_redis_client.execute(Command.of("EXISTS", *names)) == [0]
    retained = dropped = 0
    for user in plan.users:
        for query in questions(user):
            (vector,) = await container.embedder.embed([Question.parse(query).embedded])
            found = await container.store.search(user, vector, settings.retrieved_chunks)
            reply = await container.assistant.ask(Request(user, query))
            assert list(reply.sources) == found, query
            retained, dropped = retained + (reply.tier == "l1"), dropped + (reply.tier != "l1")
    await container.aclose()
    return retained, dropped


@pytest.mark.slow
@pytest.mark.parametrize(
    ("users", "kill_rate"),
    [
        pytest.param(FEW_USERS, 0.25, id="100 changes"),
        pytest.param(USERS, 0.08, id="1000 changes"),
    ],
)
def test_note_changes_survive_a_function_that_is_killed_at_random(
    sqs: "SQSClient",
    valkey_url: str,
    tmp_path: Path,
    users: list[str],
    kill_rate: float,
) -> None:
    rng = random.Random(SEED)
    plan = make_plan(users, rng)
    environ = {
        "REDIS_CACHE_URL": valkey_url,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'notes.db'}",
        "RETRIEVED_CHUNKS": "2",
        "REDIS_CACHE_TIMEOUT": "5",
    }
    settings = Settings.from_env(environ)
    with Redis.from_url(valkey_url) as client:
        client.flushall()
    asyncio.run(prepare(settings, plan))
    queue_url, dead = make_queues(sqs, visibility=5)
    mappings = [
        EventSourceMapping(
            sqs,
            queue_url,
            environ,
            seed=SEED + n,
            kill_rate=kill_rate,
            max_risky_receives=MAX_RISKY_RECEIVES,
        )
        for n in range(2)
    ]
    for mapping in mappings:
        mapping.start()
    send(sqs, queue_url, plan.shuffled(rng))
    for mapping in mappings:
        mapping.all_sent.set()
    for mapping in mappings:
        mapping.join()

    assert sorted(take_bodies(sqs, dead)) == sorted(plan.poison)
    retained, dropped = asyncio.run(check(settings, plan))
    assert retained > 0
    assert dropped > 0
    assert sum(mapping.kills for mapping in mappings) >= 1
