"""A real server behind a proxy, and faults that a test can inject."""

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from infra.local.valkey import ValkeyProcess, start_valkey
from tests.support.faulty_proxy import FaultyProxy
from tests.support.servers import send_command

SLOW_SECONDS = 30.0
"""Delay of each reply of a slow server: longer than a busy machine needs for a request."""


@dataclass
class FaultyRedis:
    """A server with faults; `recover` ends all of them."""

    server: ValkeyProcess
    proxy: FaultyProxy
    _recovery: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return self.proxy.url

    def recover(self) -> None:
        self._recovery.close()

    def kill(self) -> None:
        """Stop the server. Recovery starts an empty one without scripts."""
        self.server.stop()
        self._recovery.callback(self._start)

    def _start(self) -> None:
        self.server = start_valkey()
        self.proxy.target = self.server.port

    def freeze(self) -> None:
        """Accept connections and send no replies."""
        os.kill(self.server.pid, signal.SIGSTOP)
        self._recovery.callback(os.kill, self.server.pid, signal.SIGCONT)

    def mute(self) -> None:
        """Forward nothing."""
        self._set("mute", value=True)

    def slow_down(self) -> None:
        """Delay all replies."""
        self._set("delay", value=SLOW_SECONDS)

    def cut_connections(self) -> None:
        """Close connections when the client sends a command."""
        self._set("cut", value=True)

    def truncate_replies(self) -> None:
        """Execute commands, and forward a part of each reply."""
        self._set("truncated", value=True)

    def _set(self, fault: str, *, value: float) -> None:
        setattr(self.proxy, fault, value)
        self._recovery.callback(setattr, self.proxy, fault, type(value)())

    def fill(self) -> None:
        """Leave no memory for writes."""
        self.send("CONFIG SET maxmemory 1 maxmemory-policy noeviction")
        self._recovery.callback(self.send, "CONFIG SET maxmemory 0")

    def demote(self) -> None:
        """Make it a replica of a master that does not exist."""
        self.send("REPLICAOF 127.0.0.1 1")
        self._recovery.callback(self.send, "REPLICAOF NO ONE")

    def require_password(self) -> None:
        """Require a password that the settings do not contain."""
        self.send("CLIENT KILL TYPE normal")
        self.send("CONFIG SET requirepass secret")
        self._recovery.callback(self.send, 'AUTH secret\r\nCONFIG SET requirepass ""')

    def send(self, command: str) -> str:
        """Send a command to the server, not through the proxy."""
        return send_command(self.server.port, command)


REDIS_FAULTS: dict[str, Callable[[FaultyRedis], None]] = {
    "killed": FaultyRedis.kill,
    "frozen": FaultyRedis.freeze,
    "mute": FaultyRedis.mute,
    "slow": FaultyRedis.slow_down,
    "full": FaultyRedis.fill,
    "read-only": FaultyRedis.demote,
    "locked": FaultyRedis.require_password,
    "cut": FaultyRedis.cut_connections,
    "truncated": FaultyRedis.truncate_replies,
}
