"""The export of a user's data, with the embedded Valkey and SQLite."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.export import export_user
from infra.local.embedded import open_embedded
from shared.errors import CacheUnavailableError, InvalidRequestError
from shared.notes.messages.note_changed import NoteChanged, Operation
from tests.support.command import Tercet
from tests.support.full_stack import ask, updated


async def test_export_has_all_of_one_user_and_nothing_after_their_deletion(tmp_path: Path) -> None:
    with open_embedded(tmp_path, environ={}) as container:
        try:
            for user, food in (("ann", "seed"), ("ben", "bread")):
                await container.freshness.note_changed(
                    updated(user, "n", f"The canary eats {food} every single morning.")
                )
                await ask(container, user, "What does the canary eat?")
            exported = json.loads(json.dumps(await export_user(container, "ann")))
            assert exported["user_id"] == "ann"
            (note,) = exported["notes"]
            assert (note["note_id"], note["text"]) == (
                "n",
                "The canary eats seed every single morning.",
            )
            (cached,) = exported["cached_questions"]
            assert cached["question"] == "What does the canary eat?"
            assert "seed" in cached["answer"]
            assert cached["sources"] == [
                {"note_id": "n", "content": "The canary eats seed every single morning."}
            ]
            assert cached["generated_at"] < cached["expires_at"]
            assert "bread" not in str(exported)
            deleted = NoteChanged(
                user_id="ann", operation=Operation.USER_DELETED, occurred_at=datetime.now(UTC)
            )
            await container.freshness.note_changed(deleted)
            empty = await export_user(container, "ann")
            assert (empty["notes"], empty["cached_questions"]) == ([], [])
        finally:
            await container.aclose()


async def test_export_fails_without_the_cache(tmp_path: Path) -> None:
    """An export that lacks the cached questions would look complete."""
    with open_embedded(tmp_path, environ={}) as container:
        await container.background_redis_client.aclose()
        container.override(background_redis_client=_Unavailable())
        try:
            with pytest.raises(CacheUnavailableError):
                await export_user(container, "ann")
            with pytest.raises(InvalidRequestError, match="user id"):
                await export_user(container, "")
        finally:
            await container.aclose()


class _Unavailable:
    async def execute(self, *_: object) -> None:
        raise CacheUnavailableError("Redis is down")

    async def aclose(self) -> None:
        """Nothing is open."""


def test_command_prints_json(tercet: Tercet, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "faith.md").write_text("Faith is trust.")
    data = ("--data", tmp_path / "data")
    tercet("notes", "import", tmp_path / "notes", *data)
    (note,) = json.loads(tercet("export", *data).stdout)["notes"]
    assert note["text"] == "Faith is trust."
