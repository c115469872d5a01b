"""redis-py's connections, with commands serialized by hiredis and with shared SSL contexts."""

from collections.abc import Iterable
from typing import Any

from hiredis import pack_command
from redis.asyncio.connection import (
    AbstractConnection,
    RedisSSLContext,
    SSLConnection,
    parse_url,
)

# By TLS options. Loading the system's CA certificates takes longer than a handshake, and blocks
# the event loop.
_ssl_contexts: dict[tuple[tuple[str, Any], ...], RedisSSLContext] = {}


class HiredisPackerMixin:
    """Serializes commands with hiredis, which redis-py uses only to parse replies.

    A lookup has some twenty arguments. Serializing them in Python takes longer than the rest of the
    client's work for it.
    """

    def pack_command(self, *arguments: Any) -> list[bytes]:
        """Serialize one command."""
        # redis-py passes "CLIENT SETINFO" as one argument.
        return [pack_command((*str(arguments[0]).split(), *arguments[1:]))]

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        """Serialize several commands."""
        return [b"".join(part for command in commands for part in self.pack_command(*command))]


class TLSConnection(SSLConnection):
    """redis-py's TLS connection, with a shared SSL context."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        tls_options = tuple(sorted(item for item in options.items() if item[0].startswith("ssl_")))
        self.ssl_context = _ssl_contexts.setdefault(tls_options, self.ssl_context)


def with_hiredis_packer(connection_class: type[AbstractConnection]) -> type[AbstractConnection]:
    """Return a subclass that serializes commands with hiredis."""
    return type(connection_class.__name__, (HiredisPackerMixin, connection_class), {})


def load_ca_certificates(url: str) -> None:
    """Load the CA certificates for connections to a `rediss:` URL. Opens no connection."""
    options: Any = parse_url(url)
    TLSConnection(**{name: value for name, value in options.items() if name.startswith("ssl_")})
    for context in _ssl_contexts.values():
        context.get()
