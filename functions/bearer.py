"""Bearer tokens, verified against an issuer's published keys (RFC 6750, RFC 7519, RFC 8725)."""

import asyncio
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from functions.local import is_loopback
from shared.errors import ConfigurationError, UnauthenticatedError, UnavailableError

if TYPE_CHECKING:
    from jwt import PyJWKClient

    from shared.settings import Settings

ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
"""Signatures by a private key alone: with `none` or HMAC, whoever verifies could sign as well."""

_CLOCK_SKEW = 10  # seconds
_KEYS_TIMEOUT = 5.0  # seconds
_KEYS_LIFE = 600.0  # seconds
_QUIET = 10.0  # seconds: how long an issuer that did not answer is left alone
_UNKNOWN_KEY_PAUSE = 30.0  # seconds between two looks for a key that is not among those known


class BearerTokens:
    """Verifies tokens: signature, issuer, audience and expiry; `sub` and `exp` must be there."""

    def __init__(self, jwks_url: str, *, issuer: str, audience: str) -> None:
        self._jwks_url = jwks_url
        self._issuer = issuer
        self._audience = audience
        self._client: PyJWKClient | None = None
        self._quiet_until = 0.0

    @classmethod
    def of(cls, settings: "Settings") -> "BearerTokens":
        """Build from settings; nothing is fetched yet.

        Raises:
            ConfigurationError: issuer or audience is missing, or the keys would come unprotected.
        """
        if not (settings.auth_issuer and settings.auth_audience):
            raise ConfigurationError("AUTH_JWKS_URL needs AUTH_ISSUER and AUTH_AUDIENCE beside it")
        url = urlsplit(settings.jwks_url)
        if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname)):
            raise ConfigurationError("AUTH_JWKS_URL must begin with https://")
        return cls(settings.jwks_url, issuer=settings.auth_issuer, audience=settings.auth_audience)

    async def claims(self, token: str) -> dict[str, Any]:
        """Give the claims of a token that holds.

        Raises:
            UnauthenticatedError: it does not; the message says why and quotes nothing of it.
            UnavailableError: the issuer's keys are out of reach.
        """
        # PyJWT fetches keys with urllib, which would hold up the loop.
        return await asyncio.to_thread(self._claims, token)

    def _claims(self, token: str) -> dict[str, Any]:
        import jwt  # noqa: PLC0415  # with cryptography a tenth of a second, for none behind a gateway

        try:
            return jwt.decode(
                token,
                self._key(token),
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=_CLOCK_SKEW,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except (jwt.PyJWTError, RecursionError, OverflowError) as error:
            # PyJWT reads a header of a thousand brackets, and an expiry of 1e999, as JSON allows.
            raise UnauthenticatedError(_reason(error)) from None

    def _key(self, token: str) -> Any:
        """Find the key that the token says it is signed with; PyJWT keeps the set."""
        import jwt  # noqa: PLC0415  # see above

        if jwt.get_unverified_header(token).get("alg") not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError
        if self._client is None:
            self._client = jwt.PyJWKClient(
                self._jwks_url,
                lifespan=_KEYS_LIFE,
                timeout=_KEYS_TIMEOUT,
                cooldown_duration=_UNKNOWN_KEY_PAUSE,
            )
        if (wait := self._quiet_until - time.monotonic()) > 0:
            raise UnavailableError("the keys that verify tokens are out of reach", retry_after=wait)
        try:
            return self._client.get_signing_key_from_jwt(token)
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, ValueError) as error:
            self._quiet_until = time.monotonic() + _QUIET
            raise UnavailableError(
                "the keys that verify tokens are out of reach", retry_after=_QUIET
            ) from error


def _reason(error: Exception) -> str:
    """Say in a few words why a token does not hold, quoting nothing of it."""
    import jwt  # noqa: PLC0415  # see above

    reasons: tuple[tuple[type[Exception], str], ...] = (
        (jwt.ExpiredSignatureError, "the token has expired"),
        (jwt.ImmatureSignatureError, "the token is not valid yet"),
        (jwt.InvalidIssuerError, "the token is another issuer's"),
        (jwt.InvalidAudienceError, "the token is for another audience"),
        (jwt.MissingRequiredClaimError, "the token lacks one of exp, sub, iss and aud"),
        (jwt.InvalidAlgorithmError, "the token's algorithm is not accepted"),
        (jwt.InvalidSignatureError, "the token's signature does not hold"),
        (jwt.PyJWKClientError, "the token's key is not among its issuer's"),
    )
    return next((text for kind, text in reasons if isinstance(error, kind)), "the token is not one")
