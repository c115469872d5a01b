"""Real servers for tests: a Valkey cluster, and a proxy that counts what passes."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from infra.local.valkey import ValkeyProcess, free_port, start_valkey

_SLOTS = 16_384


class CountingProxy:
    """Passes bytes to and from a server on the loopback address, and counts.

    It runs in a thread of its own, so it serves clients of any loop, thread or process. A round
    trip begins whenever a client sends something after the server last spoke on that connection:
    a pipeline is one, however many commands or packets it has.

    Args:
        target: the server's port; may be set later, before the first connection.
    """

    def __init__(self, target: int = 0) -> None:
        self.target = target
        self.round_trips = 0
        self.connections = 0
        self.bytes_sent = 0
        """By clients; `bytes_received` is what they were sent."""
        self.bytes_received = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="counting proxy", daemon=True)

    @property
    def url(self) -> str:
        """What a Redis client connects to."""
        return f"redis://127.0.0.1:{self.port}/0"

    def reset(self) -> None:
        """Count from zero again."""
        self.round_trips = self.connections = self.bytes_sent = self.bytes_received = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()

    async def _passing(self, data: bytes, *, client: bool) -> bytes:
        """What is passed on of these bytes; `client` says who sent them.

        Whoever is to have them is hung up on after fewer than there are.
        """
        del client
        return data

    def _stop(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    def _run(self) -> None:
        with suppress(asyncio.CancelledError), asyncio.Runner(loop_factory=lambda: self._loop) as r:
            r.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, sock=self._listener)
        async with server:
            await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        waiting = False

        async def pump(
            source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, client: bool
        ) -> None:
            nonlocal waiting
            with suppress(ConnectionError):
                while data := await source.read(65_536):
                    # Counted before it is passed on: whoever has the reply sees the count.
                    if client:
                        self.round_trips += not waiting
                        self.bytes_sent += len(data)
                    else:
                        self.bytes_received += len(data)
                    waiting = client
                    passed = await self._passing(data, client=client)
                    sink.write(passed)
                    await sink.drain()
                    if len(passed) < len(data):
                        break
            sink.close()

        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.target)
        except ConnectionError:
            writer.close()
            return
        try:
            await asyncio.gather(
                pump(reader, upstream[1], client=True), pump(upstream[0], writer, client=False)
            )
        except asyncio.CancelledError:
            pass  # the proxy stops; a cancelled handler would be reported as a failure
        finally:
            writer.close()
            upstream[1].close()


@dataclass
class ValkeyCluster:
    """Nodes of a running cluster: the masters, then each master's replicas in turn."""

    nodes: list[ValkeyProcess]
    proxies: list[CountingProxy] = field(default_factory=list)
    """One before each node, in order, where they were asked for."""

    @property
    def url(self) -> str:
        """One node's, from which a client learns of the others."""
        return self.proxies[0].url if self.proxies else self.nodes[0].url

    @property
    def round_trips(self) -> int:
        """Of all clients with all nodes together; needs proxies."""
        return sum(proxy.round_trips for proxy in self.proxies)

    @staticmethod
    def replicate(node: ValkeyProcess, master: ValkeyProcess) -> None:
        """Make a node the replica of a master, and wait until it is."""
        name = send_command(master.port, "CLUSTER MYID").split()[1]
        send_command(node.port, f"CLUSTER REPLICATE {name}")
        _until([node], "INFO replication", f"master_port:{master.port}")
        _until([node], "INFO replication", "master_link_status:up")


@contextmanager
def valkey_cluster(
    *,
    masters: int = 3,
    replicas: int = 0,
    spares: int = 0,
    proxies: bool = False,
    proxy: Callable[[], CountingProxy] = CountingProxy,
    **config: str | int,
) -> Iterator[ValkeyCluster]:
    """Run a real cluster on the loopback address; it is whole when the block begins.

    Args:
        masters: how many nodes share the slots.
        replicas: how many copies each master has.
        spares: how many masters have one more.
        proxies: whether clients meet each node through a `CountingProxy`, which the nodes then
            announce in place of their own ports.
        config: further directives for every node.
    """
    count = masters * (1 + replicas) + spares
    with ExitStack() as stack:
        before = [stack.enter_context(proxy()) for _ in range(count if proxies else 0)]
        nodes: list[ValkeyProcess] = []
        buses = [free_port() for _ in range(count)]
        for number, bus in enumerate(buses):
            announced = {"cluster_announce_port": before[number].port} if proxies else {}
            settings: dict[str, str | int] = {
                "cluster_enabled": "yes",
                "cluster_port": bus,
                "cluster_announce_ip": "127.0.0.1",
                "cluster_node_timeout": 2_000,
                "cluster_replica_validity_factor": 0,
                "repl_diskless_sync_delay": 0,  # a master would wait for more replicas
            }
            node = stack.enter_context(start_valkey(None, **(settings | announced | config)))
            nodes.append(node)
            if proxies:
                before[number].target = node.port
        _form(nodes, buses, masters)
        yield ValkeyCluster(nodes, before)


def _form(nodes: list[ValkeyProcess], buses: list[int], masters: int) -> None:
    first = nodes[0]
    for number, node in enumerate(nodes):
        send_command(node.port, f"CLUSTER SET-CONFIG-EPOCH {number + 1}")
        if number < masters:
            low, high = (_SLOTS * (number + place) // masters for place in (0, 1))
            send_command(node.port, f"CLUSTER ADDSLOTSRANGE {low} {high - 1}")
        if number:
            send_command(first.port, f"CLUSTER MEET 127.0.0.1 {node.port} {buses[number]}")
    _until(nodes, "CLUSTER INFO", f"cluster_known_nodes:{len(nodes)}")
    for number, node in enumerate(nodes[masters:]):
        master = send_command(nodes[number % masters].port, "CLUSTER MYID").split()[1]
        send_command(node.port, f"CLUSTER REPLICATE {master}")
    _until(nodes[masters:], "INFO replication", "master_link_status:up")
    _until(nodes, "CLUSTER INFO", "cluster_state:ok")


def _until(nodes: list[ValkeyProcess], command: str, expected: str) -> None:
    deadline = time.monotonic() + 30
    for node in nodes:
        while expected not in (reply := send_command(node.port, command)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{command} never said {expected}: {reply}")
            time.sleep(0.02)


def send_command(port: int, command: str) -> str:
    """Send one command to a server on the loopback address: its reply, as it is on the wire.

    Raises:
        RuntimeError: the server replied with an error.
    """
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(f"{command}\r\n".encode())
        reply = connection.recv(65_536).decode()
    if reply.startswith("-"):
        raise RuntimeError(f"{command}: {reply.strip()}")
    return reply
