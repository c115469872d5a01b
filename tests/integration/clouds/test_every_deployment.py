"""Guarantees of every deployment: cached answers, invalidation, authentication."""

from typing import Any

import httpx
import pytest

from shared.errors import CacheUnavailableError
from tests.integration.clouds.deployments import DEPLOYMENTS, Deployment
from tests.support.local_environment import LocalEnvironment
from tests.support.queues import body
from tests.support.tokens import token

QUESTION = "What is faith?"


async def ask(deployment: Deployment, user: str) -> Any:
    bearer = {"Authorization": f"Bearer {token(sub=user)}"}
    response = await deployment.send("POST", "/assistant/query", bearer, {"query": QUESTION})
    assert response.status_code == 200, response.text
    return response.json()


async def test_answer_is_generated_once_and_again_after_a_note_change(
    deployment: Deployment, local: LocalEnvironment, request: pytest.FixtureRequest
) -> None:
    user = request.node.name
    await deployment.send_change(
        body(user, "faith", "created", 1, "Faith is to be sure of what we hope.")
    )
    first, second = await ask(deployment, user), await ask(deployment, user)
    assert [reply["metadata"]["cached"] for reply in (first, second)] == [False, True]
    assert (second["answer"], second["sources"]) == (first["answer"], first["sources"])
    assert local.models.count("/chat/completions") == 1

    await deployment.send_change(body(user, "faith", "updated", 2, "Faith is to lean your weight."))
    after = await ask(deployment, user)
    assert after["metadata"]["cached"] is False
    assert after["sources"][0]["content"] == "Faith is to lean your weight."
    assert local.models.count("/chat/completions") == 2


async def test_unauthenticated_request_is_rejected_before_a_model_call(
    deployment: Deployment, local: LocalEnvironment
) -> None:
    rejected = {
        "no credentials": {},
        "a user header": {"X-Tercet-User": "ann"},
        "a token for another audience": {"Authorization": f"Bearer {token(aud='another')}"},
        "an expired token": {"Authorization": f"Bearer {token(exp=1)}"},
    }
    for description, headers in rejected.items():
        response = await deployment.send("POST", "/assistant/query", headers, {"query": QUESTION})
        assert response.status_code == 401, description
        assert response.json()["title"] == "Unauthenticated"
    assert local.models.calls == []


async def test_statistics_require_their_scope_and_health_is_public(deployment: Deployment) -> None:
    health = await deployment.send("GET", "/health", {}, None)
    assert (health.status_code, health.json()["model"]) == (200, "ok")
    for scope, status in ((None, 403), ("stats:read", 200)):
        bearer = {"Authorization": f"Bearer {token(scope=scope)}"}
        response = await deployment.send("GET", "/assistant/cache-stats", bearer, None)
        assert response.status_code == status


@pytest.mark.parametrize("name", DEPLOYMENTS)
async def test_change_without_redis_is_not_acknowledged(
    name: str, local: LocalEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function raises or returns an error status, as its queue requires."""
    monkeypatch.setenv("REDIS_CACHE_URL", "redis://127.0.0.1:9/0")
    async with DEPLOYMENTS[name]() as deployment:
        with pytest.raises((CacheUnavailableError, httpx.HTTPStatusError)) as failure:
            await deployment.send_change(body("ben", "hope", "deleted", 1))
    if isinstance(failure.value, httpx.HTTPStatusError):
        assert failure.value.response.status_code == 503
