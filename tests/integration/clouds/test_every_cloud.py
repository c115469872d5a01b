"""What holds on every deployment: asked twice, paid once; a change is heard; nobody is refused."""

from typing import Any

import httpx
import pytest

from shared.errors import CacheUnavailableError
from tests.integration.clouds.doors import DOORS, Door
from tests.support.asking import Surroundings
from tests.support.queues import body
from tests.support.tokens import token

QUESTION = "What is faith?"


async def ask(door: Door, user: str) -> Any:
    bearer = {"Authorization": f"Bearer {token(sub=user)}"}
    response = await door.send("POST", "/assistant/query", bearer, {"query": QUESTION})
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_question_is_paid_for_once_and_again_when_its_note_changed(
    door: Door, around: Surroundings, request: pytest.FixtureRequest
) -> None:
    user = request.node.name
    await door.change(body(user, "faith", "created", 1, "Faith is to be sure of what we hope."))
    first, second = await ask(door, user), await ask(door, user)
    assert [reply["metadata"]["cached"] for reply in (first, second)] == [False, True]
    assert (second["answer"], second["sources"]) == (first["answer"], first["sources"])
    assert around.models.count("/chat/completions") == 1

    await door.change(body(user, "faith", "updated", 2, "Faith is to lean your weight."))
    after = await ask(door, user)
    assert after["metadata"]["cached"] is False
    assert after["sources"][0]["content"] == "Faith is to lean your weight."
    assert around.models.count("/chat/completions") == 2


async def test_who_is_not_verified_is_refused_before_a_model_is_asked(
    door: Door, around: Surroundings
) -> None:
    strangers = {
        "nobody": {},
        "a mere name": {"X-Tercet-User": "ann"},
        "a token for another audience": {"Authorization": f"Bearer {token(aud='another')}"},
        "an old token": {"Authorization": f"Bearer {token(exp=1)}"},
    }
    for who, headers in strangers.items():
        response = await door.send("POST", "/assistant/query", headers, {"query": QUESTION})
        assert response.status_code == 401, who
        assert response.json()["title"] == "Unauthenticated"
    assert around.models.calls == []


async def test_statistics_need_their_scope_and_health_needs_none(door: Door) -> None:
    health = await door.send("GET", "/health", {}, None)
    assert (health.status_code, health.json()["model"]) == (200, "ok")
    for scope, status in ((None, 403), ("stats:read", 200)):
        bearer = {"Authorization": f"Bearer {token(scope=scope)}"}
        response = await door.send("GET", "/assistant/cache-stats", bearer, None)
        assert response.status_code == status


@pytest.mark.parametrize("name", DOORS)
async def test_a_change_that_redis_cannot_hear_of_is_not_acknowledged(
    name: str, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each queue is told so in its own way: the function raises, or answers with an error."""
    monkeypatch.setenv("REDIS_CACHE_URL", "redis://127.0.0.1:9/0")
    async with DOORS[name]() as door:
        with pytest.raises((CacheUnavailableError, httpx.HTTPStatusError)) as refusal:
            await door.change(body("ben", "hope", "deleted", 1))
    if isinstance(refusal.value, httpx.HTTPStatusError):
        assert refusal.value.response.status_code == 503
