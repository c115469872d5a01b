"""A Valkey cluster and a TCP proxy that counts round trips."""

import asyncio
import fcntl
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.local.valkey import ValkeyProcess, free_port, start_valkey
from shared.errors import UnavailableError

_SLOTS = 16_384


class CountingProxy:
    """Forwards connections to a loopback port and counts round trips, connections and bytes.

    It runs in its own thread, so its clients may use any event loop, thread or process. A round
    trip starts when a client sends data after the server's last reply on that connection; a
    pipeline is one round trip.

    Args:
        target: the server's port; can be set later, before the first connection.
    """

    def __init__(self, target: int = 0) -> None:
        self.target = target
        self.round_trips = 0
        self.connections = 0
        self.bytes_sent = 0
        """Bytes from clients; `bytes_received` counts the replies."""
        self.bytes_received = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="counting proxy", daemon=True)

    @property
    def url(self) -> str:
        """The Redis URL of the proxy."""
        return f"redis://127.0.0.1:{self.port}/0"

    def reset(self) -> None:
        """Set all counters to zero."""
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

    async def _filter(self, data: bytes, *, client: bool) -> bytes:
        """Return the bytes to forward; `client` is True for bytes of a client.

        The proxy closes the connection after it has forwarded fewer bytes than it received.
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
                    # Count before forwarding, so that a client with a reply reads the right count.
                    if client:
                        self.round_trips += not waiting
                        self.bytes_sent += len(data)
                    else:
                        self.bytes_received += len(data)
                    waiting = client
                    forwarded = await self._filter(data, client=client)
                    sink.write(forwarded)
                    await sink.drain()
                    if len(forwarded) < len(data):
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
            pass  # the proxy stops; asyncio would log a cancelled handler
        finally:
            writer.close()
            upstream[1].close()


@dataclass
class ValkeyCluster:
    """The nodes of a running cluster: first the masters, then their replicas."""

    nodes: list[ValkeyProcess]
    proxies: list[CountingProxy] = field(default_factory=list)
    """One proxy per node, in order, if requested."""

    @property
    def url(self) -> str:
        """The URL of one node, from which a client discovers the others."""
        return self.proxies[0].url if self.proxies else self.nodes[0].url

    @property
    def round_trips(self) -> int:
        """The round trips of all clients with all nodes; requires proxies."""
        return sum(proxy.round_trips for proxy in self.proxies)

    @staticmethod
    def replicate(node: ValkeyProcess, master: ValkeyProcess) -> None:
        """Make a node the replica of a master; wait until they are in sync."""
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
    """Run a cluster on the loopback address; all slots are covered when the block begins.

    Args:
        masters: the number of nodes that share the slots.
        replicas: the number of replicas of each master.
        spares: the number of masters with one more replica.
        proxies: whether clients connect through a `CountingProxy` per node, whose ports the nodes
            announce.
        proxy: the factory of these proxies.
        config: directives of valkey.conf for every node.
    """
    count = masters * (1 + replicas) + spares
    with ExitStack() as stack:
        before = [stack.enter_context(proxy()) for _ in range(count if proxies else 0)]
        nodes: list[ValkeyProcess] = []
        buses: list[int] = []
        for number in range(count):
            announced = {"cluster_announce_port": before[number].port} if proxies else {}
            settings: dict[str, str | int] = {
                "cluster_enabled": "yes",
                "cluster_announce_ip": "127.0.0.1",
                "cluster_node_timeout": 15_000,  # a busy node must not be taken for a dead one
                "cluster_replica_validity_factor": 0,
                "repl_diskless_sync_delay": 0,  # a master waits for more replicas by default
            }
            node, bus = _start_node(settings | announced | config)
            nodes.append(stack.enter_context(node))
            buses.append(bus)
            if proxies:
                before[number].target = node.port
        _form(nodes, buses, masters)
        yield ValkeyCluster(nodes, before)


def _start_node(settings: dict[str, str | int]) -> tuple[ValkeyProcess, int]:
    """Start a node; return it and the port of its cluster bus."""
    while True:
        bus = free_port()
        try:
            return start_valkey(None, **settings, cluster_port=bus), bus
        except UnavailableError as error:
            if "(cluster), aborting" not in str(
                error
            ):  # another process has taken the port meanwhile
                raise


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
    deadline = time.monotonic() + 120
    for node in nodes:
        while expected not in (reply := send_command(node.port, command)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{command} did not return {expected}: {reply}")
            time.sleep(0.02)


def send_command(port: int, command: str) -> str:
    """Send one command to a loopback port; return the raw reply.

    Raises:
        RuntimeError: the reply is an error.
    """
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(f"{command}\r\n".encode())
        reply = connection.recv(65_536).decode()
    if reply.startswith("-"):
        raise RuntimeError(f"{command}: {reply.strip()}")
    return reply


def is_free(folder: Path) -> bool:
    """Whether no Valkey server uses a data folder."""
    with (folder / "valkey.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
