"""AWS Lambda SnapStart: hooks that run before a snapshot and after a restore.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

import asyncio
import importlib
import os
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.container import Container

# Components that the first question needs; creating them opens no connection.
_COMPONENTS = (
    "redis_client",
    "pipeline",
    "assistant",
    "semantic_matcher",
    "embedder",
    "answerer",
    "store",
)


def register_snapshot_hooks(
    container: "Container", environ: Mapping[str, str] = os.environ
) -> None:
    """Register both hooks if Lambda initialises this process for a snapshot."""
    if environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        return
    # Part of Lambda's runtime; it ships no types.
    import snapshot_restore_py as hooks  # noqa: PLC0415

    hooks.register_before_snapshot(before_snapshot, container)
    hooks.register_after_restore(after_restore)


def before_snapshot(container: "Container") -> None:
    """Load what the first question needs and close all connections.

    Connections are invalid after a restore.
    """
    for name in _COMPONENTS:
        getattr(container, name)
    importlib.import_module("shared.cache.session")  # otherwise imported with each question
    settings = container.settings
    if settings.redis_url.startswith("rediss:"):
        from shared.cache.redis.connection import load_ca_certificates  # noqa: PLC0415  # only with TLS

        load_ca_certificates(settings.redis_url)
    if settings.hf_token_secret or settings.database_url_secret:
        from shared.aws import sdk  # noqa: PLC0415  # only with AWS secrets

        sdk.preload_boto3()
    # The loop that Mangum created and will run requests on.
    asyncio.get_event_loop().run_until_complete(container.aclose())


def after_restore() -> None:
    """Reseed `random`, whose state is the same in every process restored from one snapshot.

    Tokens and answer ids use the operating system's randomness and need no reseeding.
    """
    random.seed()
