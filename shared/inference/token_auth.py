"""The token that a models' host is shown, which may change while a container is warm."""

from typing import TYPE_CHECKING

import httpx

from shared.errors import InferenceUnavailableError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.secrets import Secret

_REFUSED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})


class TokenAuth(httpx.Auth):
    """Sends a secret as a bearer token; once refused, what has come in its place, if anything."""

    def __init__(self, token: "Secret") -> None:
        """An empty token is not sent."""
        self._token = token

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> "AsyncGenerator[httpx.Request, httpx.Response]":
        """Send a request with the token, and again with another where that was refused.

        Raises:
            InferenceUnavailableError: whoever keeps the token does not answer.
        """
        try:
            token = await self._token.get()
            response = yield _with(token, request)
            if response.status_code in _REFUSED:
                renewed = await self._token.refetch(token)
                if renewed != token:
                    yield _with(renewed, request)
        except UnavailableError as error:
            raise InferenceUnavailableError(f"no token to ask models with: {error}") from error


def token_of(response: httpx.Response) -> str:
    """Give what a request showed as its token, so that no message quotes it."""
    return str(response.request.headers.get("Authorization", "")).removeprefix("Bearer ")


def _with(token: str, request: httpx.Request) -> httpx.Request:
    if token:
        request.headers["Authorization"] = f"Bearer {token}"
    return request
