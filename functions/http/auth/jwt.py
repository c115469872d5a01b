"""Verification of bearer tokens with the issuer's JWK set (RFC 6750, RFC 7519, RFC 8725)."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jwt

from functions.http.auth.local_mode import is_loopback
from shared.errors import ConfigurationError, UnauthenticatedError, UnavailableError

if TYPE_CHECKING:
    from shared.settings import Settings

ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
"""Asymmetric signatures only: with `none` or HMAC a verifier could also sign."""

_REQUIRED = ["exp", "sub", "iss"]
_CLOCK_SKEW = 10  # seconds
_JWKS_TIMEOUT = 5.0  # seconds
_JWKS_LIFESPAN = 600.0  # seconds
_RETRY_SECONDS = 10.0  # after a failed fetch of the keys
_UNKNOWN_KEY_COOLDOWN = 30.0  # seconds

_KEYS_UNAVAILABLE = "the issuer's keys cannot be fetched"
_MALFORMED = "malformed token"
_REASONS = (
    (jwt.ExpiredSignatureError, "the token has expired"),
    (jwt.ImmatureSignatureError, "the token is not valid yet"),
    (jwt.InvalidIssuerError, "the token has another issuer"),
    (jwt.InvalidAudienceError, "the token is for another audience"),
    (jwt.MissingRequiredClaimError, "the token lacks one of exp, sub, iss and aud (or client_id)"),
    (jwt.InvalidAlgorithmError, "the token's algorithm is not accepted"),
    (jwt.InvalidSignatureError, "the token's signature is invalid"),
    (jwt.PyJWKClientError, "the token's key is not among its issuer's keys"),
)
"""Why a token is invalid, without quoting it."""


class BearerTokenVerifier:
    """Verifies signature, issuer, audience and expiry; requires `sub` and `exp`."""

    def __init__(
        self, settings: "Settings", *, unknown_key_cooldown: float = _UNKNOWN_KEY_COOLDOWN
    ) -> None:
        """Keys are fetched with the first token.

        `unknown_key_cooldown`: least seconds between two fetches because of an unknown key id.

        Raises:
            ConfigurationError: the URL of the keys is not https.
        """
        url = urlsplit(settings.jwks_url)
        if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname)):
            raise ConfigurationError("AUTH_JWKS_URL must begin with https://")
        self._client = jwt.PyJWKClient(
            settings.jwks_url,
            lifespan=_JWKS_LIFESPAN,
            timeout=_JWKS_TIMEOUT,
            cooldown_duration=unknown_key_cooldown,
        )
        self._issuer = settings.auth_issuer
        self._audience = settings.auth_audience
        self._retry_at = 0.0
        # One thread, so that concurrent requests cause one fetch and leave the loop's pool free.
        self._executor = ThreadPoolExecutor(1, "jwks")

    async def verify(self, token: str) -> dict[str, Any]:
        """Return the claims of a valid token.

        Raises:
            UnauthenticatedError: the token is invalid; the message does not quote it.
            UnavailableError: the issuer's keys cannot be fetched.
        """
        try:
            return self._decode(token, await self._find_key(token))
        except (jwt.PyJWTError, RecursionError, OverflowError) as error:
            # Deeply nested JSON and an expiry of 1e999 make PyJWT raise built-in errors.
            reason = next((text for kind, text in _REASONS if isinstance(error, kind)), _MALFORMED)
            raise UnauthenticatedError(reason) from None

    def _decode(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        decode = partial(
            jwt.decode, token, key, algorithms=ALGORITHMS, issuer=self._issuer, leeway=_CLOCK_SKEW
        )
        try:
            claims = decode(audience=self._audience, options={"require": [*_REQUIRED, "aud"]})
        except jwt.MissingRequiredClaimError as error:
            if error.claim != "aud":
                raise
            # An access token of Amazon Cognito has a client id in place of an audience.
            claims = decode(options={"require": _REQUIRED, "verify_aud": False})
            if claims.get("client_id") != self._audience:
                raise
        return dict(claims)

    async def _find_key(self, token: str) -> jwt.PyJWK:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError
        # A token whose key is cached does not wait for a fetch in progress.
        key_set = self._client.jwk_set_cache and self._client.jwk_set_cache.get()
        for key in key_set.keys if key_set else ():
            if (
                key.key_id
                and key.key_id == header.get("kid")
                and key.public_key_use in ("sig", None)
            ):
                return key
        # PyJWT fetches keys with urllib, which blocks.
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._fetch_key, token)

    def _fetch_key(self, token: str) -> jwt.PyJWK:
        """Return the token's key; fetch the issuer's keys unless the request before did."""
        if (wait := self._retry_at - time.monotonic()) > 0:
            raise UnavailableError(_KEYS_UNAVAILABLE, retry_after=wait)
        try:
            return self._client.get_signing_key_from_jwt(token)
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, ValueError) as error:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            raise UnavailableError(_KEYS_UNAVAILABLE, retry_after=_RETRY_SECONDS) from error
