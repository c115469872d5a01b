"""AWS Lambda handler of the scheduled relay: it delivers what is ready, and ends.

A Lambda function cannot wait for notifications. Invocations may overlap: each user is locked.
"""

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from infra.outbox.relay import Relay
from infra.outbox.settings import OutboxSettings, database_connector
from infra.outbox.targets import create_target
from shared.observability.json_logging import configure_logging
from shared.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

MARGIN_SECONDS = 3.0
"""Deliveries end this long before the invocation times out."""


def relay(_: Any, context: "LambdaContext") -> dict[str, int]:
    """Deliver until nothing is ready, or the time is used up; return the number of records."""
    seconds = context.get_remaining_time_in_millis() / 1_000 - MARGIN_SECONDS
    return {"delivered": asyncio.run(_drain(seconds))}


async def _drain(seconds: float) -> int:
    configure_logging(Settings.from_env({"LOG_LEVEL": os.environ.get("LOG_LEVEL", "")}))
    target = create_target(OutboxSettings.from_env(os.environ))
    relay = Relay(database_connector(os.environ), target)
    try:
        with suppress(TimeoutError):  # the next invocation continues
            async with asyncio.timeout(seconds):
                await relay.drain()
    finally:
        await target.aclose()
    return relay.delivered


handler = relay
