"""A caller's scopes: the union of all claims that list scopes."""

from typing import Any

import pytest
from starlette.requests import Request

from functions.http.auth.caller import authenticate
from shared.settings import Settings
from tests.support.tokens import issuing, signed


def behind_gateway(**claims: Any) -> Request:
    """A request with claims that API Gateway has verified."""
    event = {"requestContext": {"authorizer": {"jwt": {"claims": {"sub": "ann", **claims}}}}}
    return Request({"type": "http", "headers": [], "aws.event": event})


def with_token(**claims: Any) -> Request:
    """A request with a bearer token that holds the claims."""
    header = b"Bearer " + signed(claims).encode()
    return Request({"type": "http", "headers": [(b"authorization", header)]})


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": "a b"},
        {"scp": ["a", "b"]},
        {"scp": "[a b]"},
        {"cognito:groups": "[a b]"},
        {"cognito:groups": "a,b"},
        {"cognito:groups": "[a, b]"},
        {"scope": "a", "scp": ["b"]},
        # The access token of a Cognito user in a group.
        {"scope": "a", "cognito:groups": ["b"]},
        {"scope": "a", "cognito:groups": "[b]"},
    ],
)
async def test_scopes_are_the_union_of_all_claims_and_formats(
    claims: dict[str, Any],
) -> None:
    with issuing() as issuer:
        for request in (behind_gateway(**claims), with_token(**claims)):
            assert (await authenticate(request, issuer.settings())).scopes == {"a", "b"}


@pytest.mark.parametrize("name", ["scope", "scp", "cognito:groups"])
async def test_scope_claim_of_another_type_holds_no_scopes(name: str) -> None:
    """A trusted issuer may still write any type; the subject stays valid."""
    values = [7, 1.5, True, None, {}, {"a": 1}, [], [7, ["a"]]]
    with issuing() as issuer:
        settings = issuer.settings()
        for value in values:
            for request in (behind_gateway(**{name: value}), with_token(**{name: value})):
                caller = await authenticate(request, settings)
                assert (caller.user_id, caller.scopes) == ("ann", frozenset())


async def test_gateway_claims_need_no_settings() -> None:
    assert (await authenticate(behind_gateway(scope="a"), Settings())).scopes == {"a"}
