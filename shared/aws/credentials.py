"""AWS credentials of the platform's role, without an SDK.

Importing botocore takes longer than the Redis time-out allows.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

import asyncio
import http.client
import json
import math
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Timer
from urllib.parse import urlsplit

from shared.background_fetch import BackgroundFetch
from shared.errors import ConfigurationError, UnavailableError

_ECS_HOST = "169.254.170.2"
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", _ECS_HOST})
_TIMEOUT_SECONDS = 2.0
_TOTAL_SECONDS = 4.0
_MAX_BYTES = 65_536
_RENEW_SECONDS = 300.0  # before expiry, as in AWS' SDKs


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials to sign requests with; `expires_at` is in seconds since 1970."""

    key_id: str
    secret: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    expires_at: float = math.inf


class PlatformCredentials:
    """The credentials of the role that this process runs as.

    Lambda sets them in the environment. With SnapStart and on ECS an HTTP endpoint on the machine
    returns them, and new ones before they expire.
    """

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Use an environment and a wall clock: monotonic clocks may stop in a snapshot."""
        self._environ = environ
        self._clock = clock
        self._cached = BackgroundFetch("AWS credentials", self._fetch)

    async def get(self) -> Credentials:
        """Return valid credentials.

        Concurrent requests share one fetch. A request waits only if no valid ones are cached.

        Raises:
            ConfigurationError: the environment contains neither credentials nor an endpoint.
            UnavailableError: the endpoint returned none.
        """
        environ = self._environ
        key_id, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
        if key_id and secret:
            return Credentials(key_id, secret, environ.get("AWS_SESSION_TOKEN", ""))
        remaining = self._remaining_seconds()
        if remaining <= 0:
            await self._cached.wait()
        elif remaining < _RENEW_SECONDS:
            self._cached.start()
        if self._cached.value is None or self._remaining_seconds() <= 0:
            raise self._cached.error
        return self._cached.value

    def _remaining_seconds(self) -> float:
        value = self._cached.value
        return value.expires_at - self._clock() if value else -math.inf

    async def _fetch(self) -> Credentials:
        return await asyncio.to_thread(_fetch, _endpoint(self._environ), self._environ)


def _endpoint(environ: Mapping[str, str]) -> str:
    """Return the endpoint's URL. Without TLS only this machine is trusted."""
    path = environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    url = f"http://{_ECS_HOST}{path}" if path else environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not url:
        raise ConfigurationError(
            "there are no AWS credentials: run as a role, or set AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY"
        )
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in _LOCAL_HOSTS:
        raise ConfigurationError(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI must be an http:// address of this machine"
        )
    return url


def _fetch(url: str, environ: Mapping[str, str]) -> Credentials:
    parts = urlsplit(url)
    token = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_SECONDS)
    # The time-out of a socket does not limit a response that arrives byte by byte.
    timer = Timer(_TOTAL_SECONDS, lambda: opened.shutdown(socket.SHUT_RDWR))
    try:
        connection.request("GET", path or "/", headers={"Authorization": token} if token else {})
        opened = connection.sock  # not an attribute of the connection once the headers are read
        timer.start()
        response = connection.getresponse()
        status, body = response.status, response.read(_MAX_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError(
            f"AWS credentials cannot be fetched: {type(error).__name__}"
        ) from error
    finally:
        timer.cancel()
        connection.close()
    if status != http.HTTPStatus.OK:
        raise UnavailableError(f"AWS credentials cannot be fetched: the endpoint returned {status}")
    try:
        return _parse(body)
    # from None: the error may quote the body
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise UnavailableError(
            "AWS credentials cannot be fetched: the endpoint's response has an unknown form"
        ) from None


def _parse(body: bytes) -> Credentials:
    fields = json.loads(body)
    expires_at = datetime.fromisoformat(fields["Expiration"]).timestamp()
    key_id, secret, token = (fields[name] for name in ("AccessKeyId", "SecretAccessKey", "Token"))
    if not all(value.isascii() and value.isprintable() for value in (key_id, secret, token)):
        raise ValueError("a value cannot be sent in a header")
    return Credentials(key_id, secret, token, expires_at)
