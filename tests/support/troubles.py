"""A real server behind a proxy, and what can befall it."""

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from infra.local.valkey import ValkeyProcess, free_port, start_valkey
from tests.support.faulty_proxy import FaultyProxy
from tests.support.servers import send_command


@dataclass
class Redis:
    """A server that a test may trouble in many ways; `heal` ends them all."""

    server: ValkeyProcess
    proxy: FaultyProxy
    _healing: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return self.proxy.url

    def heal(self) -> None:
        self._healing.close()

    def kill(self) -> None:
        """Healed by another one, which is empty and knows no script."""
        self.server.stop()
        self._healing.callback(self._start)

    def _start(self) -> None:
        self.server = start_valkey()
        self.proxy.target = self.server.port

    def freeze(self) -> None:
        """It is connected to, and never answers."""
        os.kill(self.server.pid, signal.SIGSTOP)
        self._healing.callback(os.kill, self.server.pid, signal.SIGCONT)

    def swallow(self) -> None:
        self._spoil("mute", value=True)

    def slow_down(self) -> None:
        self._spoil("delay", value=1.5)

    def hang_up(self) -> None:
        self._spoil("cut", value=True)

    def tear(self) -> None:
        """Whatever was asked for is done, and a part of the reply comes."""
        self._spoil("torn", value=True)

    def _spoil(self, fault: str, *, value: float) -> None:
        setattr(self.proxy, fault, value)
        self._healing.callback(setattr, self.proxy, fault, type(value)())

    def fill(self) -> None:
        self.send("CONFIG SET maxmemory 1 maxmemory-policy noeviction")
        self._healing.callback(self.send, "CONFIG SET maxmemory 0")

    def demote(self) -> None:
        """Make it a replica whose master is gone."""
        self.send(f"REPLICAOF 127.0.0.1 {free_port()}")
        self._healing.callback(self.send, "REPLICAOF NO ONE")

    def lock(self) -> None:
        """Want a password that nobody has."""
        self.send("CLIENT KILL TYPE normal")
        self.send("CONFIG SET requirepass secret")
        self._healing.callback(self.send, 'AUTH secret\r\nCONFIG SET requirepass ""')

    def send(self, command: str) -> str:
        """Send a command past the proxy."""
        return send_command(self.server.port, command)


TROUBLES: dict[str, Callable[[Redis], None]] = {
    "killed": Redis.kill,
    "frozen": Redis.freeze,
    "swallowed": Redis.swallow,
    "slow": Redis.slow_down,
    "full": Redis.fill,
    "read-only": Redis.demote,
    "locked": Redis.lock,
    "cut": Redis.hang_up,
    "torn": Redis.tear,
}
