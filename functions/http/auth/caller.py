"""Authentication of the caller.

Behind API Gateway the claims come from its JWT authorizer, on other servers from a bearer token.
In local mode a header names the user.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from functions.http.auth.local_mode import USER_HEADER, local_user
from shared.errors import InvalidRequestError, UnauthenticatedError
from shared.notes.sanitize import require_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions.http.auth.jwt import BearerTokenVerifier
    from shared.settings import Settings

_log = logging.getLogger(__name__)

_LOCAL_CLAIMS = {"scope": "notes:write stats:read"}

# Scopes are the union of RFC 8693's `scope`, other issuers' `scp` and the groups of a Cognito user
# pool, whose access tokens also carry a `scope`.
_SCOPE_CLAIMS = ("scope", "scp", "cognito:groups")


@lru_cache(maxsize=8)
def token_verifier(settings: "Settings") -> "BearerTokenVerifier":
    """Return the verifier of this process, which caches the issuer's keys.

    Raises:
        ConfigurationError: the settings of bearer tokens are incomplete or insecure.
    """
    from functions.http.auth.jwt import BearerTokenVerifier  # noqa: PLC0415  # slow to load

    return BearerTokenVerifier(settings)


@cache
def warn_not_configured() -> None:
    """Log once that every request is refused with 401."""
    _log.warning(
        "no authentication is configured, so every request gets 401: add a JWT authorizer to the"
        " gateway's route; or set AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE; or set"
        " TERCET_LOCAL=true for local use"
    )


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated user and the verified claims of their token."""

    user_id: str
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes of the token."""
        return frozenset[str]().union(*(_scopes(self.claims.get(name)) for name in _SCOPE_CLAIMS))

    @property
    def identities(self) -> frozenset[str]:
        """The names by which an allow list can name the caller: user id and verified email."""
        # API Gateway's authorizer turns every claim into a string.
        is_verified = self.claims.get("email_verified") in (True, "true")
        email = self.claims.get("email") if is_verified else None
        return frozenset({self.user_id, str(email or "")}) - {""}


async def authenticate(request: "Request", settings: "Settings") -> Caller:
    """Return the authenticated caller of a request.

    Raises:
        UnauthenticatedError: credentials are missing or invalid.
        ForbiddenError: local mode, and the request is not from this machine.
        InvalidRequestError: local mode, and the header holds no valid user id.
        UnavailableError: the issuer's keys cannot be fetched.
    """
    # Set by Mangum; a client of another server cannot set it.
    event = request.scope.get("aws.event")
    if event is None and settings.local_mode:
        user_id = local_user(request)
        require_id(USER_HEADER, user_id)
        return Caller(user_id, _LOCAL_CLAIMS)
    claims = authorizer_claims(event)
    if claims is None and settings.jwks_url:
        claims = await token_verifier(settings).verify(_bearer_token(request))
    if claims is None:
        warn_not_configured()
        raise UnauthenticatedError("this server does not accept your credentials")
    return _caller(claims)


def authorizer_claims(event: Any) -> Mapping[str, Any] | None:
    """Return the claims that API Gateway's JWT authorizer verified, or None without one.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-integrate-with-cognito.html
    """
    match event:  # the format of HTTP APIs, or that of REST APIs
        case {
            "requestContext": {
                "authorizer": {"jwt": {"claims": Mapping() as claims}}
                | {"claims": Mapping() as claims}
            }
        }:
            return claims
    return None


def _bearer_token(request: "Request") -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError("send a token: 'Authorization: Bearer <token>'")
    return token.strip()


def _caller(claims: Mapping[str, Any]) -> Caller:
    user_id = claims.get("sub")
    if not isinstance(user_id, str):
        raise UnauthenticatedError("the token has no subject (sub)")
    try:
        require_id("the token's subject", user_id)
    except InvalidRequestError as error:
        raise UnauthenticatedError(str(error)) from None
    return Caller(user_id, claims)


def _scopes(claim: Any) -> Iterable[str]:
    """Return the scopes in a claim: words or a list; any other type holds none."""
    if isinstance(claim, str):
        # API Gateway turns a list into "[one two]" (HTTP API) or "one,two" (REST API).
        return claim.strip("[]").replace(",", " ").split()
    return [each for each in claim if isinstance(each, str)] if isinstance(claim, list) else ()
