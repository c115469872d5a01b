"""Messages, batches, a Lambda context and fake models for tests of the SQS handler.

Run as a program, it is the function: it reads events and writes responses as lines of JSON.
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
    """Embeds each text in its own direction; a text that begins with `SLOW` takes `seconds`."""

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
    """Answers with the contents of all sources."""

    model = "quoter"

    async def answer(self, question: str, sources: Sequence[Source], **_: object) -> Completion:
        return Completion(" | ".join(source.content for source in sources), self.model)


@dataclass(frozen=True)
class Context:
    """The attributes of Lambda's context that the handler uses."""

    milliseconds: int = 30_000
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def body(
    user_id: str, note_id: str | None, operation: str, version: int, text: str | None = None
) -> str:
    """A message without an envelope; `version` is also its time, in seconds after START."""
    occurred_at = START + timedelta(seconds=version)
    fields = {
        "user_id": user_id,
        "note_id": note_id,
        "operation": operation,
        "occurred_at": occurred_at.isoformat(),
        "version": version,
        "text": text,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def batch(*bodies: str) -> dict[str, Any]:
    """A Lambda event with SQS messages; the ids are the positions."""
    return {"Records": [record(str(index), text) for index, text in enumerate(bodies)]}


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
    """The sorted ids of the failed messages of a response."""
    return sorted(failure["itemIdentifier"] for failure in response["batchItemFailures"])


def make_container(settings: Settings) -> Container:
    return Container(settings, embedder=HashedEmbedder(), answerer=Quoter())


def close(handler: QueueHandler) -> None:
    """Close the handler's container and loop; on Lambda they end with the process."""
    assert handler._warm, "no container is open"
    loop, opened = handler._warm
    loop.run_until_complete(opened.aclose())
    loop.close()


def main() -> None:
    handler = QueueHandler(
        lambda: make_container(Settings.from_env(os.environ)), RedeliveryBackoff()
    )
    handler({"Records": []}, Context())  # type: ignore[arg-type]  # the attributes that are used
    print(READY, flush=True)  # noqa: T201  # the protocol of the program
    for line in sys.stdin:
        print(json.dumps(handler(json.loads(line), Context())), flush=True)  # type: ignore[arg-type]  # noqa: T201


if __name__ == "__main__":
    main()
