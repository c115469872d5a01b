"""Bearer tokens, verified against an issuer's published keys (RFC 6750, RFC 7519, RFC 8725)."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from functions.http.auth.local_mode import is_loopback
from shared.errors import ConfigurationError, UnauthenticatedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jwt import PyJWK, PyJWKClient

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

_OUT_OF_REACH = "the keys that verify tokens are out of reach"


class _NotAtHandError(Exception):
    """The issuer has to be asked for a key."""


class BearerTokenVerifier:
    """Verifies tokens: signature, issuer, audience and expiry; `sub` and `exp` must be there."""

    def __init__(self, jwks_url: str, *, issuer: str, audience: str) -> None:
        self._jwks_url = jwks_url
        self._issuer = issuer
        self._audience = audience
        self._client: PyJWKClient | None = None
        self._quiet_until = 0.0
        # One thread asks the issuer, so once for all who wait; the loop's own stay free.
        self._asking = ThreadPoolExecutor(1, "issuer")

    @classmethod
    def of(cls, settings: "Settings") -> "BearerTokenVerifier":
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
        if self._client:
            # Whoever's key is at hand waits neither for the issuer nor for those who have it asked.
            with suppress(_NotAtHandError):
                return self._claims(token, self._known)
        # PyJWT fetches keys with urllib, which would hold up the loop.
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._asking, self._claims, token, self._fetched)

    def _claims(self, token: str, find: "Callable[[str], PyJWK]") -> dict[str, Any]:
        import jwt  # noqa: PLC0415  # with cryptography a tenth of a second, for none behind a gateway

        try:
            if jwt.get_unverified_header(token).get("alg") not in ALGORITHMS:
                raise jwt.InvalidAlgorithmError
            return jwt.decode(
                token,
                find(token),
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=_CLOCK_SKEW,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except (jwt.PyJWTError, RecursionError, OverflowError) as error:
            # PyJWT reads a header of a thousand brackets, and an expiry of 1e999, as JSON allows.
            raise UnauthenticatedError(_reason(error)) from None

    def _known(self, token: str) -> "PyJWK":
        """Find the key that the token says it is signed with among those that PyJWT keeps."""
        import jwt  # noqa: PLC0415  # see above

        cache = self._client.jwk_set_cache if self._client else None
        known = cache.get() if cache else None
        name = jwt.get_unverified_header(token).get("kid")
        for key in known.keys if known else ():
            if name and key.key_id == name and key.public_key_use in ("sig", None):
                return key
        raise _NotAtHandError

    def _fetched(self, token: str) -> "PyJWK":
        """Find that key, and ask the issuer where it is not known."""
        import jwt  # noqa: PLC0415  # see above

        if self._client is None:
            self._client = jwt.PyJWKClient(
                self._jwks_url,
                lifespan=_KEYS_LIFE,
                timeout=_KEYS_TIMEOUT,
                cooldown_duration=_UNKNOWN_KEY_PAUSE,
            )
        with suppress(_NotAtHandError):  # somebody else may have asked meanwhile
            return self._known(token)
        if (wait := self._quiet_until - time.monotonic()) > 0:
            raise UnavailableError(_OUT_OF_REACH, retry_after=wait)
        try:
            return self._client.get_signing_key_from_jwt(token)
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, ValueError) as error:
            self._quiet_until = time.monotonic() + _QUIET
            raise UnavailableError(_OUT_OF_REACH, retry_after=_QUIET) from error


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
