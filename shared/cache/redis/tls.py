"""TLS connections to Redis that share one SSL context in a process."""

from typing import Any

from redis.asyncio.connection import RedisSSLContext, SSLConnection, parse_url

# By TLS options. Loading the system's CA certificates takes longer than a handshake, and blocks
# the event loop.
_contexts: dict[tuple[tuple[str, Any], ...], RedisSSLContext] = {}


class TLSConnection(SSLConnection):
    """redis-py's TLS connection, with a shared SSL context."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        tls_options = tuple(sorted(item for item in options.items() if item[0].startswith("ssl_")))
        self.ssl_context = _contexts.setdefault(tls_options, self.ssl_context)


def load_ca_certificates(url: str) -> None:
    """Load the CA certificates for connections to a `rediss:` URL. Opens no connection."""
    options: Any = parse_url(url)
    TLSConnection(**{name: value for name, value in options.items() if name.startswith("ssl_")})
    for context in _contexts.values():
        context.get()
