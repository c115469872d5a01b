"""Authentication of Redis connections with a password from AWS Secrets Manager."""

from typing import TYPE_CHECKING
from urllib.parse import unquote

from redis.credentials import UsernamePasswordCredentialProvider
from redis.exceptions import AuthenticationError

from shared.aws.secrets import Secrets
from shared.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from redis.asyncio.connection import AbstractConnection

    from shared.settings import Settings


class SecretPasswordAuth:
    """Authenticates connections, and fetches the password again if the server refuses it."""

    def __init__(self, settings: "Settings") -> None:
        self._userinfo = Secrets(settings).redis_userinfo()

    async def on_connect(self, connection: "AbstractConnection") -> None:
        """Authenticate a new connection: redis-py's `redis_connect_func`.

        Raises:
            AuthenticationError: the secret cannot be fetched, or the server refused its password
                and the secret has not changed.
        """
        try:
            userinfo = await self._userinfo.get()
            try:
                await _log_in(connection, userinfo)
            except AuthenticationError:
                refetched = await self._userinfo.refetch(userinfo)
                if refetched == userinfo:
                    raise
                await _log_in(connection, refetched)
        except BaseException as error:
            # Without this, the pool would reuse the open connection of a cancelled command.
            await connection.disconnect(nowait=True)
            if isinstance(error, ConfigurationError | UnavailableError):
                raise AuthenticationError(str(error)) from error
            raise


async def _log_in(connection: "AbstractConnection", userinfo: str) -> None:
    user, password = map(unquote, userinfo.split(":"))
    connection.credential_provider = UsernamePasswordCredentialProvider(user, password)
    await connection.on_connect()
