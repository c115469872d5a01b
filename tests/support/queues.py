"""What stands around the queue's handler: messages, batches, a context, and models that need none.

Run as a program, it is the function: events come in as lines of JSON, responses go out.
"""

import asyncio
import json
import os
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.invalidate.handler import QueueHandler
from functions.invalidate.redelivery import RedeliveryBackoff
from shared.container import Container
from shared.inference.ports import Completion
from shared.notes.note import Source
from shared.settings import Settings
from shared.vectors import Vector, canonical
from tests.support.huggingface import hashed_embeddings

START = datetime(2026, 11, 1, 10, tzinfo=UTC)
SLOW = "slow "
READY = "ready"


class HashedEmbedder:
    """Embeds each text in a direction of its own; a text that begins with `SLOW` takes a while."""

    model = "hashed"
    dimensions = 384

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.log: list[tuple[str, str]] = []

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        self.log.append(("begun", texts[0]))
        await asyncio.sleep(self.seconds if texts[0].startswith(SLOW) else 0)
        self.log.append(("done", texts[0]))
        return [canonical(row) for row in hashed_embeddings(texts, self.dimensions)]


class Quoter:
    """Answers with all that it was given."""

    model = "quoter"

    async def answer(self, question: str, sources: Sequence[Source]) -> Completion:
        return Completion(" | ".join(source.content for source in sources), self.model)


@dataclass(frozen=True)
class Context:
    """The part of Lambda's context that the handler looks at."""

    milliseconds: int = 30_000
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def body(
    user_id: str, note_id: str | None, operation: str, version: int, text: str | None = None
) -> str:
    """A bare message; the version is also when it happened, in seconds."""
    happened = START + timedelta(seconds=version)
    fields = {
        "user_id": user_id,
        "note_id": note_id,
        "operation": operation,
        "occurred_at": happened.isoformat(),
        "version": version,
        "text": text,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def batch(*bodies: str) -> dict[str, Any]:
    """An event as Lambda makes it of SQS messages; their ids are their places."""
    return {"Records": [record(str(place), text) for place, text in enumerate(bodies)]}


def record(message_id: str, text: str, receipt: str = "", received: int = 1) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "receiptHandle": receipt or str(uuid.uuid4()),
        "body": text,
        "attributes": {"ApproximateReceiveCount": str(received)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:note-changes",
        "awsRegion": "eu-central-1",
    }


def failed(response: Any) -> list[str]:
    """Ids of the messages that a response wants to see again, sorted."""
    return sorted(failure["itemIdentifier"] for failure in response["batchItemFailures"])


def container(settings: Settings) -> Container:
    return Container(settings, embedder=HashedEmbedder(), answerer=Quoter())


def close(handler: QueueHandler) -> None:
    """Close what a function keeps from batch to batch; on Lambda it ends with its process."""
    assert handler._warm, "it opened nothing"
    loop, opened = handler._warm
    loop.run_until_complete(opened.aclose())
    loop.close()


def main() -> None:
    handler = QueueHandler(lambda: container(Settings.from_env(os.environ)), RedeliveryBackoff())
    handler({"Records": []}, Context())  # type: ignore[arg-type]  # a part of it
    print(READY, flush=True)  # noqa: T201  # its one way to speak
    for line in sys.stdin:
        print(json.dumps(handler(json.loads(line), Context())), flush=True)  # type: ignore[arg-type]  # noqa: T201


if __name__ == "__main__":
    main()
