"""Redis connections that authenticate by a secret of AWS Secrets Manager, which may change."""

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from redis.credentials import UsernamePasswordCredentialProvider
from redis.exceptions import AuthenticationError

from shared.aws.secrets import Secrets
from shared.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from redis.asyncio.connection import AbstractConnection

    from shared.settings import Settings

_log = logging.getLogger(__name__)


class KeptPassword:
    """Reads the secret with the first connection, and again where the server refuses it.

    It is not read again for its age: a connection would have to wait for that, and Redis is given
    less time than Secrets Manager may take.
    """

    def __init__(self, settings: "Settings") -> None:
        """Nothing is read yet."""
        self._secret = Secrets(settings).redis_userinfo()
        self._known = ""
        self._reading: asyncio.Task[None] | None = None
        self._told = ""

    async def let_in(self, connection: "AbstractConnection") -> None:
        """Authenticate a connection that has just been made; this is its `redis_connect_func`.

        Raises:
            AuthenticationError: the secret cannot be read, or the server refused what is in it, and
                nothing has come in its place.
        """
        try:
            await self._authenticate(connection)
        except BaseException:
            # One whose command gave up meanwhile is open, and the pool's next would find it so.
            await connection.disconnect(nowait=True)
            raise

    async def _authenticate(self, connection: "AbstractConnection") -> None:
        given = self._known or await self._asked(self._secret.value)
        try:
            await _enter(connection, given)
        except AuthenticationError:
            renewed = await self._asked(partial(self._secret.renewed, given))
            if renewed == given:
                raise
            await _enter(connection, renewed)

    async def _asked(self, ask: "Callable[[], Coroutine[Any, Any, str]]") -> str:
        """Ask for the secret, once for all who wait; that goes on where they give up."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(ask))
        await asyncio.shield(self._reading)
        return self._known

    async def _read(self, ask: "Callable[[], Coroutine[Any, Any, str]]") -> None:
        # It returns nothing: a task's repr holds what it returned.
        try:
            self._known = await ask()
        except (ConfigurationError, UnavailableError) as error:
            if self._told != str(error):  # each attempt of an outage meets it
                self._told = str(error)
                log_fields = {"error": self._told}
                _log.warning(
                    "the cache's password cannot be read", extra={"log_fields": log_fields}
                )
            raise AuthenticationError(str(error)) from error
        self._told = ""


async def _enter(connection: "AbstractConnection", userinfo: str) -> None:
    user, password = map(unquote, userinfo.split(":"))
    connection.credential_provider = UsernamePasswordCredentialProvider(user, password)
    await connection.on_connect()
