"""TLS to Redis without loading every authority's certificate again for each connection."""

from typing import Any

from redis.asyncio.connection import RedisSSLContext, SSLConnection, parse_url

# By what was asked of TLS. Loading the system's authorities takes longer than the handshake, and
# holds up the loop.
_contexts: dict[tuple[tuple[str, Any], ...], RedisSSLContext] = {}


class TLSConnection(SSLConnection):
    """One of a process' connections that share what they have loaded."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        asked = tuple(sorted(item for item in options.items() if item[0].startswith("ssl_")))
        self.ssl_context = _contexts.setdefault(asked, self.ssl_context)


def load_authorities(url: str) -> None:
    """Load what connections to a `rediss:` URL verify servers by; nothing is opened."""
    options: Any = parse_url(url)
    TLSConnection(**{name: value for name, value in options.items() if name.startswith("ssl_")})
    for context in _contexts.values():
        context.get()
