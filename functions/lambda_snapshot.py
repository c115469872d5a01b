"""SnapStart: a function's process is frozen once it has begun, and many are thawed from it."""

import asyncio
import importlib
import os
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.container import Container

# Building these loads what a first question would, and opens nothing.
_PARTS = ("redis_client", "pipeline", "assistant", "matcher", "embedder", "answerer", "store")


def prepare_for_snapshots(container: "Container", environ: Mapping[str, str] = os.environ) -> None:
    """Have Lambda call `freeze` and `thaw`, where this process is to be a snapshot."""
    if environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        return
    # Lambda's own runtime has it, and nothing else needs it; it ships no types.
    import snapshot_restore_py as hooks  # noqa: PLC0415

    hooks.register_before_snapshot(freeze, container)
    hooks.register_after_restore(thaw)


def freeze(container: "Container") -> None:
    """Load what a first question needs, and leave no connection open: none outlasts a snapshot."""
    for name in _PARTS:
        getattr(container, name)
    importlib.import_module("shared.cache.session")  # built for each question
    settings = container.settings
    if settings.redis_url.startswith("rediss:"):
        from shared.cache.redis.tls import load_authorities  # noqa: PLC0415  # few have none

        load_authorities(settings.redis_url)
    if settings.hf_token_secret or settings.database_url_secret:
        from shared.aws import sdk  # noqa: PLC0415  # few have none

        sdk.load()
    # The loop that Mangum made, and will run requests on.
    asyncio.get_event_loop().run_until_complete(container.aclose())


def thaw() -> None:
    """Part with the randomness that every other container thawed with.

    Tokens and names of answers are drawn from the operating system, and need nothing.
    """
    random.seed()
