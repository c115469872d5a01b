"""The image: its steps name what there is, and its command ends in order."""

import asyncio
import os
import re
import subprocess
import sys
import tomllib

import httpx
import pytest

from shared.notes.postgres.store import PostgresNoteStore
from tests.integration.clouds.doors import CONTAINERFILE, ROOT, running
from tests.support.asking import Surroundings
from tests.support.postgres import PostgresServer
from tests.support.tokens import token

TEXT = CONTAINERFILE.read_text(encoding="utf-8")
STEPS = [line.split() for line in TEXT.replace("\\\n", " ").splitlines() if line[:1].isupper()]


def sources() -> list[str]:
    """What is copied from the repository."""
    copied = [step[1:-1] for step in STEPS if step[0] == "COPY"]
    return [name for names in copied if not names[0].startswith("--from=") for name in names]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignored = CONTAINERFILE.with_name("Containerfile.dockerignore").read_text().split()
    kept = [line[1:] for line in ignored if line.startswith("!")]
    assert ignored[0] == "*"
    assert "**/__pycache__" in ignored
    assert sorted(kept) == sorted(set(sources()))
    assert [name for name in kept if not (ROOT / name).exists()] == []


def test_bases_are_named_without_a_host_and_nothing_runs_as_root() -> None:
    bases = {step[1] for step in STEPS if step[0] == "FROM"}
    assert bases == {"python:3.13-slim"}
    users = [step[1] for step in STEPS if step[0] == "USER"]
    assert users
    assert all(re.fullmatch(r"[1-9]\d+:[1-9]\d+", user) for user in users)


@pytest.mark.parametrize("cloud", ["azure", "container", "google"])
def test_every_extra_that_is_installed_is_declared(cloud: str) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    files = [ROOT / "infra" / cloud / name for name in ("README.md", "Containerfile")]
    told = [path.read_text(encoding="utf-8") for path in files if path.exists()]
    named = {extra for text in told for extra in re.findall(r"--extra (\w+)", text)}
    assert named
    assert named <= declared["project"]["optional-dependencies"].keys()


async def test_an_answer_in_work_is_finished_before_the_container_stops(
    around: Surroundings,
) -> None:
    around.models.chat_latency = 1.0
    with running() as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            bearer = {"Authorization": f"Bearer {token(scope='notes:write')}"}
            change = {
                "user_id": "ann",
                "note_id": "hope",
                "operation": "created",
                "occurred_at": "2026-11-01T10:00:00Z",
                "text": "Hope is what we do not see yet.",
            }
            (await client.post("/notes/changes", headers=bearer, json=change)).raise_for_status()
            asked = asyncio.create_task(
                client.post("/assistant/query", headers=bearer, json={"query": "What is hope?"})
            )
            while not around.models.count("/chat/completions"):  # noqa: ASYNC110  # in a thread
                await asyncio.sleep(0.01)
            wrote = await asyncio.to_thread(server.stop)
            response = await asked
    assert response.status_code == 200, response.text
    assert "Traceback" not in wrote
    assert server.process.poll() is not None


def test_the_image_knows_whether_it_is_healthy(around: Surroundings) -> None:
    with running() as server:
        assert server.start("HEALTHCHECK").wait(30) == 0
        server.stop()
        assert server.start("HEALTHCHECK").wait(30) == 1


async def test_the_tables_are_made_once_and_then_left_alone(
    postgres_server: PostgresServer,
) -> None:
    url = await postgres_server.new_database()
    command = [sys.executable, "-m", "infra.migrate"]
    for _ in "first", "again":
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}
        )
        assert done.returncode == 0
    store = PostgresNoteStore(url, dimensions=384)
    assert await store.get_note("ann", "hope") is None
    await store.aclose()


def test_what_cannot_be_migrated_is_told_in_a_line() -> None:
    command = [sys.executable, "-m", "infra.migrate"]
    environ = os.environ | {"DATABASE_URL": "sqlite:///notes.db"}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    told = "cannot migrate: DATABASE_URL names no PostgreSQL: nothing to migrate\n"
    assert (done.returncode, done.stderr) == (1, told)
