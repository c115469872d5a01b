"""Round trips on redis-py's connections, with commands serialized by hiredis; SSL contexts."""

from collections.abc import Sequence
from typing import Any

from hiredis import pack_command
from redis.asyncio.connection import (
    AbstractConnection,
    ConnectionPool,
    RedisSSLContext,
    SSLConnection,
    parse_url,
)
from redis.exceptions import ResponseError

from shared.cache.redis.commands import Command

# By TLS options. Loading the system's CA certificates takes longer than a handshake, and blocks
# the event loop.
_ssl_contexts: dict[tuple[tuple[str, Any], ...], RedisSSLContext] = {}


class TLSConnection(SSLConnection):
    """redis-py's TLS connection, with a shared SSL context."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        tls_options = tuple(sorted(item for item in options.items() if item[0].startswith("ssl_")))
        self.ssl_context = _ssl_contexts.setdefault(tls_options, self.ssl_context)


def load_ca_certificates(url: str) -> None:
    """Load the CA certificates for connections to a `rediss:` URL. Opens no connection."""
    options: Any = parse_url(url)
    TLSConnection(**{name: value for name, value in options.items() if name.startswith("ssl_")})
    for context in _ssl_contexts.values():
        context.get()


def serialize(command: Command) -> bytes:
    """Serialize a command.

    A script call has some twenty arguments. Serializing them in Python, as redis-py does, takes
    longer than the rest of the client's work for it.
    """
    arguments: Any = command.arguments  # hiredis' annotation allows one argument only
    data: bytes = pack_command(arguments)
    return data


async def exchange(pool: ConnectionPool, commands: Sequence[Command]) -> list[Any]:
    """Send commands in one round trip on one connection. Return their replies in order.

    The reply to a command that failed is a `ResponseError`. redis-py's `execute_command` and
    `pipeline` do the same in up to twice the time. Replies are as hiredis parses them.

    Raises:
        RedisError: there is no connection, or it ended twice.
        TypeError: an argument is neither text nor bytes nor a number.
    """
    data = b"".join(map(serialize, commands))
    connection: AbstractConnection = await pool.get_connection()  # type: ignore[no-untyped-call]

    async def send_and_receive() -> list[Any]:
        await connection.send_packed_command(data)
        return [await _read_reply(connection) for _ in commands]

    async def disconnect(_: Exception) -> None:
        await connection.disconnect()

    try:
        replies: list[Any] = await connection.retry.call_with_retry(send_and_receive, disconnect)
    finally:
        await pool.release(connection)
    return replies


async def _read_reply(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error
