"""Imports of a new process that serves an exact hit."""

import json
import os
import subprocess
import sys
from pathlib import Path

from shared.container import Container
from shared.settings import Settings
from tests.support.full_stack import ask
from tests.support.local_environment import start_local_environment, write_notes

_ASK = """
import asyncio, json, sys
from shared.question import Request
from shared.container import Container

container = Container.from_env()
reply = asyncio.run(container.assistant.ask(Request("ann", "what is FAITH")))
loaded = {"numpy", "httpx", "asyncpg", "aiosqlite"} & sys.modules.keys()
print(json.dumps([reply.tier, sorted(loaded)]))
"""


async def test_an_exact_hit_imports_no_http_client_no_database_driver_and_no_numpy(
    tmp_path: Path,
) -> None:
    with start_local_environment(tmp_path) as local:
        container = Container(Settings.from_env(local.environ))
        await write_notes(container, "ann")
        await ask(container, "ann", "What is faith?")
        await container.aclose()
        done = subprocess.run(  # noqa: ASYNC221  # nothing else runs on this loop
            [sys.executable, "-c", _ASK],
            env=os.environ | local.environ,
            check=True,
            capture_output=True,
            text=True,
        )
    assert json.loads(done.stdout) == ["l1", []]
