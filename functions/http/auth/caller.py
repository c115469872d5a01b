"""Who is asking.

Behind API Gateway, whom its authorizer verified. On other servers, whom a bearer token names. In
local mode, whom a header names, and only between this machine and itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from functions.http.auth.jwt import BearerTokenVerifier
from functions.http.auth.local_mode import USER_HEADER, local_user
from shared.errors import InvalidRequestError, UnauthenticatedError
from shared.notes.sanitize import require_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from shared.settings import Settings

# On one's own machine one may do everything.
_LOCAL_SCOPES = frozenset({"notes:write", "stats:read"})

# All that a token lists counts: RFC 8693's `scope`, others' `scp`, and the groups of a Cognito user
# pool, whose access tokens always bring a `scope` of their own besides.
_SCOPE_CLAIMS = ("scope", "scp", "cognito:groups")

# One verifier for the process's life: it keeps the issuer's keys.
_tokens = lru_cache(maxsize=8)(BearerTokenVerifier.of)


@dataclass(frozen=True, slots=True)
class Caller:
    """A user, and what their token lets them do besides asking about their own notes.

    `email` is there where their issuer says that it is verified.
    """

    user_id: str
    scopes: frozenset[str] = frozenset()
    email: str = ""

    @property
    def identities(self) -> frozenset[str]:
        """What a list of those who may do something can name them by."""
        return frozenset({self.user_id, self.email}) - {""}


def check_auth_settings(settings: "Settings") -> None:
    """Look, when an app is made, whether callers could be verified as the settings say.

    Raises:
        ConfigurationError: bearer tokens are set up by half.
    """
    if settings.jwks_url:
        _tokens(settings)


async def authenticate(request: "Request", settings: "Settings") -> Caller:
    """Tell who is asking.

    Raises:
        UnauthenticatedError: nobody, or nobody who could be verified.
        ForbiddenError: local mode, and the request comes from elsewhere.
        InvalidRequestError: local mode, and the header names no possible user.
        UnavailableError: the keys that tokens are verified with are out of reach.
    """
    # Mangum puts the event there; no client of any server can.
    event = request.scope.get("aws.event")
    if event is None and settings.local_mode:
        user_id = local_user(request)
        require_id(USER_HEADER, user_id)
        return Caller(user_id, _LOCAL_SCOPES)
    claims = authorizer_claims(event)
    if claims is None and settings.jwks_url:
        claims = await _tokens(settings).claims(_bearer_token(request))
    if claims is None:
        raise UnauthenticatedError(_nobody(behind_gateway=event is not None))
    return _verified(claims)


def authorizer_claims(event: Any) -> Mapping[str, Any] | None:
    """Read the claims that a gateway's JWT authorizer verified, if it had one.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-integrate-with-cognito.html
    """
    authorizer = _member(_member(event, "requestContext"), "authorizer")
    # An HTTP API's form, then a REST API's.
    for claims in (_member(_member(authorizer, "jwt"), "claims"), _member(authorizer, "claims")):
        if isinstance(claims, Mapping):
            return claims
    return None


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _bearer_token(request: "Request") -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError("send a token: 'Authorization: Bearer <token>'")
    return token.strip()


def _verified(claims: Mapping[str, Any]) -> Caller:
    user_id = claims.get("sub")
    if not isinstance(user_id, str):
        raise UnauthenticatedError("the token has no subject (sub)")
    try:
        require_id("the token's subject", user_id)
    except InvalidRequestError as error:
        raise UnauthenticatedError(str(error)) from None
    scopes = frozenset[str]().union(*(_words(claims.get(name)) for name in _SCOPE_CLAIMS))
    # A gateway's authorizer writes every claim as a string.
    email = claims.get("email") if claims.get("email_verified") in (True, "true") else ""
    return Caller(user_id, scopes, str(email or ""))


def _words(claim: Any) -> Iterable[str]:
    """Read a claim that lists scopes; one of another kind lists none."""
    if isinstance(claim, str):
        # An HTTP API's authorizer writes a list as "[one two]".
        return claim.strip("[]").split()
    return [each for each in claim if isinstance(each, str)] if isinstance(claim, list) else ()


def _nobody(*, behind_gateway: bool) -> str:
    if behind_gateway:
        return (
            "nobody is verified: put a JWT authorizer on this route of the gateway, or set"
            " AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE"
        )
    return (
        "nobody can be verified here: set AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE, or, on"
        " one's own machine, TERCET_LOCAL=true"
    )
