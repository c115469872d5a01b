"""AWS credentials from where a container's platform puts them, without loading an SDK."""

import asyncio
import http.client
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from shared.errors import ConfigurationError, UnavailableError

_ECS = "169.254.170.2"
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1", _ECS})
_TIMEOUT_SECONDS = 2.0
_RENEW_SECONDS = 300.0  # as early as AWS' own SDKs insist on new ones


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key with which requests are signed; `ends` is in seconds since 1970."""

    key_id: str
    secret: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    ends: float = math.inf


class PlatformCredentials:
    """The credentials of the role that this process runs as.

    Lambda puts them into the environment; with SnapStart, as on ECS, an HTTP endpoint on the
    machine gives them out, and new ones before they end.
    """

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Nothing is read yet. The clock is a wall clock: a snapshot may sleep for days."""
        self._environ = environ
        self._clock = clock
        self._kept: Credentials | None = None
        self._turn = asyncio.Lock()

    async def read(self) -> Credentials:
        """Give credentials that are good for now.

        Raises:
            ConfigurationError: the environment names neither credentials nor an endpoint.
            UnavailableError: the endpoint gave none.
        """
        environ = self._environ
        key_id, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
        if key_id and secret:
            return Credentials(key_id, secret, environ.get("AWS_SESSION_TOKEN", ""))
        async with self._turn:
            kept = self._kept
            if kept is None or kept.ends - self._clock() < _RENEW_SECONDS:
                try:
                    self._kept = kept = await asyncio.to_thread(_fetch, _endpoint(environ), environ)
                except UnavailableError:
                    if kept is None or kept.ends <= self._clock():
                        raise
            return kept


def _endpoint(environ: Mapping[str, str]) -> str:
    """Find the endpoint; credentials in the clear may come from this machine alone."""
    path = environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    address = f"http://{_ECS}{path}" if path else environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not address:
        raise ConfigurationError(
            "there are no AWS credentials: run as a role, or set AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY"
        )
    url = urlsplit(address)
    if url.scheme != "http" or url.hostname not in _LOCAL:
        raise ConfigurationError(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI must be an http:// address of this machine"
        )
    return address


def _fetch(address: str, environ: Mapping[str, str]) -> Credentials:
    url = urlsplit(address)
    token = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    path = url.path + (f"?{url.query}" if url.query else "")
    connection = http.client.HTTPConnection(url.netloc, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path or "/", headers={"Authorization": token} if token else {})
        response = connection.getresponse()
        status, body = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError(f"no AWS credentials came: {type(error).__name__}") from error
    finally:
        connection.close()
    if status != http.HTTPStatus.OK:
        raise UnavailableError(f"no AWS credentials came: the endpoint answered {status}")
    try:
        told = json.loads(body)
        ends = datetime.fromisoformat(told["Expiration"]).timestamp()
        return Credentials(told["AccessKeyId"], told["SecretAccessKey"], told["Token"], ends)
    except (ValueError, KeyError, TypeError):
        # From None: the parser's error may quote what it read.
        raise UnavailableError("no AWS credentials came: the endpoint sent another form") from None
