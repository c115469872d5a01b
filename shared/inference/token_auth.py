"""Authentication at the model hosts with a token that may be rotated (RFC 6750)."""

from typing import TYPE_CHECKING

import httpx

from shared.errors import InferenceUnavailableError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.secrets import Secret

_REFUSED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})


class TokenAuth(httpx.Auth):
    """Sends a secret as a bearer token. If it is refused, its new value is tried once."""

    def __init__(self, token: "Secret") -> None:
        """An empty token is not sent."""
        self._token = token

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> "AsyncGenerator[httpx.Request, httpx.Response]":
        """Authenticate a request.

        Raises:
            InferenceUnavailableError: the token's store is unavailable.
        """
        try:
            token = await self._token.get()
            response = yield _authorize(request, token)
            if response.status_code in _REFUSED:
                renewed = await self._token.refetch(token)
                if renewed != token:
                    yield _authorize(request, renewed)
        except UnavailableError as error:
            raise InferenceUnavailableError(f"the models' token is unavailable: {error}") from error


def sent_token(response: httpx.Response) -> str:
    """Return the token that a request carried."""
    return str(response.request.headers.get("Authorization", "")).removeprefix("Bearer ")


def _authorize(request: httpx.Request, token: str) -> httpx.Request:
    if token:
        request.headers["Authorization"] = f"Bearer {token}"
    return request
