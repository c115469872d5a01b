"""What a caller may do besides asking: every claim that lists scopes counts, of any issuer."""

from typing import Any

import pytest
from starlette.requests import Request

from functions.http.auth.caller import Caller, authenticate
from shared.settings import Settings
from tests.support.tokens import issuing, signed


def verified(**claims: Any) -> Request:
    """A request whose claims a gateway has verified."""
    event = {"requestContext": {"authorizer": {"jwt": {"claims": {"sub": "ann", **claims}}}}}
    return Request({"type": "http", "headers": [], "aws.event": event})


def bearing(**claims: Any) -> Request:
    """A request that brings them itself."""
    header = b"Bearer " + signed(claims).encode()
    return Request({"type": "http", "headers": [(b"authorization", header)]})


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": "a b"},
        {"scp": ["a", "b"]},
        {"scp": "[a b]"},
        {"cognito:groups": "[a b]"},
        {"scope": "a", "scp": ["b"]},
        # What Cognito writes into the access token of somebody in a group.
        {"scope": "a", "cognito:groups": ["b"]},
        {"scope": "a", "cognito:groups": "[b]"},
    ],
)
async def test_scopes_come_as_a_string_or_a_list_in_any_spelling_and_add_up(
    claims: dict[str, Any],
) -> None:
    with issuing() as issuer:
        for asked in (verified(**claims), bearing(**claims)):
            assert (await authenticate(asked, issuer.settings())).scopes == {"a", "b"}


@pytest.mark.parametrize("name", ["scope", "scp", "cognito:groups"])
async def test_scopes_of_another_kind_are_none(name: str) -> None:
    """Whoever signs them is trusted, yet may write anything; the subject holds all the same."""
    kinds = [7, 1.5, True, None, {}, {"a": 1}, [], [7, ["a"]]]
    with issuing() as issuer:
        settings = issuer.settings()
        for kind in kinds:
            for asked in (verified(**{name: kind}), bearing(**{name: kind})):
                assert await authenticate(asked, settings) == Caller("ann")


async def test_a_gateway_s_word_needs_no_settings() -> None:
    assert (await authenticate(verified(scope="a"), Settings())).scopes == {"a"}
