"""Several servers that share the keys, behind the same method as one: a Redis cluster.

Each master has a `RedisClient` of its own, so that one that fails is left alone, and the others'
users notice nothing. Who has which slot is asked when nobody knows, when a server says that a slot
has moved, and again and again while one fails: its replica takes over.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from redis.asyncio import ConnectionPool, Redis
from redis.crc import key_slot
from redis.exceptions import MovedError

from shared.cache.redis.circuit_breaker import CircuitBreaker
from shared.cache.redis.client import NONSENSE, RedisClient
from shared.cache.redis.commands import Command
from shared.errors import CacheUnavailableError

T = TypeVar("T")

_SLOTS = 16_384
_MOVES = 3  # how often one request follows a slot that has moved
_REFRESH_SECONDS = 0.5
"""How long after asking who has which slot before it is asked again."""

_RETIRE_SECONDS = 5.0
"""What is under way with a server that left may take so long to end."""


class _Address(NamedTuple):
    host: str
    port: int


class _MovedError(CacheUnavailableError):
    """What was asked for is another server's."""

    def __init__(self, slot: int, to: _Address) -> None:
        super().__init__("the slot has moved")
        self.slot, self.to = slot, to


class _Node(RedisClient):
    """One server of a cluster."""

    address: _Address

    async def _failed(self, error: Exception) -> CacheUnavailableError:
        if isinstance(error, MovedError):  # the server is well
            return _MovedError(error.slot_id, _Address(error.host or self.address.host, error.port))
        return await super()._failed(error)


class RedisClusterClient(RedisClient):
    """A connection to whichever server has the keys; it has none itself."""

    def __init__(self, options: dict[str, Any], **patience: Any) -> None:
        """`options` are a pool's, with any server's address; `patience` as `RedisClient` has it."""
        self.circuit_breaker = CircuitBreaker()
        self._options = {name: value for name, value in options.items() if name != "db"}
        self._patience = patience
        self._seed = _Address(options.get("host", "localhost"), options.get("port", 6379))
        self._known: set[_Address] = set()  # replicas, too
        self._masters: set[_Address] = set()
        self._slots: list[_Address | None] = [None] * _SLOTS
        self._nodes: dict[_Address, _Node] = {}
        self._refreshing: asyncio.Task[None] | None = None
        self._next_refresh = 0.0
        self._retiring: set[asyncio.Task[None]] = set()

    async def execute(self, *commands: Command, within: float | None = None) -> list[Any]:
        """Send commands to the servers that have their keys, at the same time.

        Raises:
            CacheFullError, CacheUnavailableError: as for one server, if a command failed that is
                not optional.
        """
        return await self._followed(lambda left: self._spread(commands, left), within)

    async def execute_and_wait_for_replicas(
        self, command: Command, *, replicas: int, seconds: float
    ) -> tuple[Any, int]:
        """As for one server."""

        async def attempt(_: float | None) -> tuple[Any, int]:
            node = await self._node_of(command, None)
            return await node.execute_and_wait_for_replicas(
                command, replicas=replicas, seconds=seconds
            )

        return await self._followed(attempt)

    async def memory_usage(self) -> tuple[int, int] | None:
        """Give the bytes that all masters together use, and may use (0: no limit)."""
        if not self._masters:
            await self._learn(None)
        each = await _all(self._node(address).memory_usage() for address in self._masters)
        told = [memory for memory in each if memory]
        if len(told) < len(each):
            return None
        return sum(used for used, _ in told), sum(limit for _, limit in told)

    async def aclose(self) -> None:
        """Close every connection; the next command opens new ones."""
        tasks = [*self._retiring, *([self._refreshing] if self._refreshing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._refreshing = None
        for node in self._nodes.values():
            await node.aclose()

    async def _followed(
        self, attempt: Callable[[float | None], Awaitable[T]], within: float | None = None
    ) -> T:
        """Attempt something until it has come to the server that has the slot."""
        loop = asyncio.get_running_loop()
        until = loop.time() + (self._patience["timeout"] if within is None else within)
        for _ in range(_MOVES):
            try:
                return await attempt(within)
            except _MovedError as moved:
                self._slots[moved.slot] = moved.to
                self._refresh()
                within = until - loop.time()
            except CacheUnavailableError:
                self._refresh()  # has another server taken over?
                raise
        raise CacheUnavailableError("the slot moves too fast")

    async def _spread(self, commands: Sequence[Command], within: float | None) -> list[Any]:
        places: dict[_Node, list[int]] = {}
        for place, command in enumerate(commands):
            places.setdefault(await self._node_of(command, within), []).append(place)
        if len(places) == 1:
            return await next(iter(places)).execute(*commands, within=within)
        replies: list[Any] = [None] * len(commands)

        async def ask(node: _Node) -> None:
            asked = [commands[place] for place in places[node]]
            try:
                given = await node.execute(*asked, within=within)
            except CacheUnavailableError as error:
                if isinstance(error, _MovedError) or not all(command.optional for command in asked):
                    raise
                self._refresh()
            else:
                for place, reply in zip(places[node], given, strict=True):
                    replies[place] = reply

        await _all(map(ask, places))
        return replies

    async def _node_of(self, command: Command, within: float | None) -> _Node:
        key = next(iter(command.keys), "")  # any server will do for what has none
        slot = key_slot(key.encode())
        if self._slots[slot] is None:
            await self._learn(within)
        address = self._slots[slot]
        if address is None:
            raise CacheUnavailableError("no server is known to have the slot")
        return self._node(address)

    def _node(self, address: _Address) -> _Node:
        node = self._nodes.get(address)
        if node is None:
            pool = ConnectionPool(**self._options | address._asdict())
            circuit_breaker = CircuitBreaker(
                server="{}:{}".format(*address), among=self.circuit_breaker
            )
            node = _Node(Redis.from_pool(pool), circuit_breaker=circuit_breaker, **self._patience)
            node.address = address
            self._nodes[address] = node
        return node

    async def _learn(self, within: float | None) -> None:
        """Wait until it is known who has which slot, or until patience ends."""
        patience: float = self._patience["timeout"]
        seconds = patience if within is None else min(within, patience)
        await asyncio.wait({self._refresh()}, timeout=max(seconds, 0))

    def _refresh(self) -> "asyncio.Task[None]":
        """Ask who has which slot, unless somebody does or has just done."""
        now = asyncio.get_running_loop().time()
        if self._refreshing is None or (self._refreshing.done() and now >= self._next_refresh):
            self._next_refresh = now + _REFRESH_SECONDS
            self._refreshing = asyncio.create_task(self._ask_for_slots())
        return self._refreshing

    async def _ask_for_slots(self) -> None:
        masters = list(self._masters)
        random.shuffle(masters)  # containers do not all ask the same one
        for address in [*masters, *(self._known - self._masters), self._seed]:
            try:
                (ranges,) = await self._node(address).execute(Command.of("CLUSTER", "SLOTS"))
                self._take_in(ranges, address.host)
            except (CacheUnavailableError, *NONSENSE):
                continue
            return

    def _take_in(self, ranges: list[Any], host: str) -> None:
        """Take in who has which slot, as the server at `host` sees it."""
        known: set[_Address] = set()
        slots: list[_Address | None] = [None] * _SLOTS
        for first, last, *servers in ranges:
            # A server that does not know its own name leaves it out, or says so.
            addresses = [
                _Address(host if name in (None, b"", b"?") else name.decode(), at)
                for name, at, *_ in servers
            ]
            known.update(addresses)
            slots[first : last + 1] = [addresses[0]] * (last + 1 - first)
        self._known, self._slots = known, slots
        self._masters = {address for address in slots if address}
        for address in self._nodes.keys() - self._masters:
            task = asyncio.create_task(self._retire(self._nodes.pop(address)))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def _retire(self, node: _Node) -> None:
        """Part with a server that has no slots any more, once nothing is under way with it."""
        node.circuit_breaker.close()
        try:
            await asyncio.sleep(_RETIRE_SECONDS)
        finally:
            await node.aclose()


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    """Wait for everything, then fail if anything did."""
    tasks = [asyncio.ensure_future(each) for each in work]
    await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]
