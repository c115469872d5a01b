"""The Redis client for a cluster: one `RedisServerClient` for each master.

A master that fails opens only its own circuit breaker; keys on other masters stay available. The
slot map is loaded at first use, after a MOVED reply, and repeatedly while a master fails, because
a replica may have been promoted.
"""
# ruff: noqa: D102 - `RedisClient` documents the methods

import asyncio
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.asyncio import ConnectionPool, Redis
from redis.crc import key_slot

from shared.cache.redis.circuit_breaker import CircuitBreaker
from shared.cache.redis.client import RedisClient
from shared.cache.redis.commands import Command
from shared.cache.redis.single_server import RedisServerClient, SlotMovedError
from shared.cache.redis.timeouts import Budget
from shared.errors import CacheUnavailableError

_SLOTS = 16_384
_MAX_REDIRECTS = 3
_REFRESH_SECONDS = 0.5
"""Minimum interval between two loads of the slot map."""


class _Address(NamedTuple):
    host: str
    port: int


class RedisClusterClient(RedisClient):
    """Sends each command to the node that has its key."""

    def __init__(self, options: dict[str, Any], **limits: Any) -> None:
        """Create the client. It sends nothing before the first command.

        Args:
            options: options of redis-py's connection pool, with the address of any node.
            limits: time-outs and the number of connections, as for `RedisServerClient`.
        """
        self.circuit_breaker = CircuitBreaker()
        self._options = {name: value for name, value in options.items() if name != "db"}
        self._limits = limits
        self._seed = _Address(options.get("host", "localhost"), options.get("port", 6379))
        self._known: set[_Address] = set()  # masters and replicas
        self._masters: set[_Address] = set()
        self._slots: list[_Address | None] = [None] * _SLOTS
        self._nodes: dict[_Address, RedisServerClient] = {}
        self._refreshing: asyncio.Task[None] | None = None
        self._next_refresh = 0.0

    async def execute(
        self, *commands: Command, budget: Budget | None = None, replicas: int = 0
    ) -> list[Any]:
        budget = budget or Budget(self._limits["timeout"])
        for _ in range(_MAX_REDIRECTS):
            try:
                return await self._send_to_nodes(commands, budget, replicas)
            except SlotMovedError as moved:
                former = self._slots[moved.slot]
                host = moved.host or (former.host if former else self._seed.host)
                self._slots[moved.slot] = _Address(host, moved.port)
                self._start_refresh()
            except CacheUnavailableError:
                self._start_refresh()  # a replica may have been promoted
                raise
        raise CacheUnavailableError(f"the slot moved more than {_MAX_REDIRECTS} times")

    async def memory_usage(self) -> tuple[int, int] | None:
        if not self._masters:
            await self._load_slots(Budget(self._limits["timeout"]))
        usages = await asyncio.gather(
            *(self._node(address).memory_usage() for address in self._masters)
        )
        reported = [usage for usage in usages if usage]
        if len(reported) < len(usages):
            return None
        return sum(used for used, _ in reported), sum(maximum for _, maximum in reported)

    async def aclose(self) -> None:
        if self._refreshing:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
            self._refreshing = None
        for node in self._nodes.values():
            await node.aclose()

    async def _send_to_nodes(
        self, commands: Sequence[Command], budget: Budget, replicas: int
    ) -> list[Any]:
        places: dict[RedisServerClient, list[int]] = {}
        for place, command in enumerate(commands):
            places.setdefault(await self._node_of(command, budget), []).append(place)
        if len(places) == 1:
            (node,) = places
            return await node.execute(*commands, budget=budget, replicas=replicas)
        replies: list[Any] = [None] * len(commands)
        budgets = {node: Budget(budget.left) for node in places}  # the nodes work concurrently

        async def send(node: RedisServerClient) -> None:
            batch = [commands[place] for place in places[node]]
            try:
                received = await node.execute(*batch, budget=budgets[node])
            except CacheUnavailableError as error:
                if isinstance(error, SlotMovedError) or not all(
                    command.optional for command in batch
                ):
                    raise
                self._start_refresh()
            else:
                for place, reply in zip(places[node], received, strict=True):
                    replies[place] = reply

        try:
            await asyncio.gather(*map(send, places))
        finally:
            budget.left = min(each.left for each in budgets.values())
        return replies

    async def _node_of(self, command: Command, budget: Budget) -> RedisServerClient:
        key = next(iter(command.keys), "")  # a command without a key goes to any node
        slot = key_slot(key.encode())
        if self._slots[slot] is None:
            await self._load_slots(budget)
        address = self._slots[slot]
        if address is None:
            reason = self._node(self._seed).circuit_breaker.reason
            raise CacheUnavailableError(f"no node is known to have the slot: {reason}")
        return self._node(address)

    def _node(self, address: _Address) -> RedisServerClient:
        node = self._nodes.get(address)
        if node is None:
            pool = ConnectionPool(**self._options | address._asdict())
            server = f"{address.host}:{address.port}"
            breaker = CircuitBreaker(server=server, parent=self.circuit_breaker)
            node = RedisServerClient(Redis.from_pool(pool), circuit_breaker=breaker, **self._limits)
            self._nodes[address] = node
        return node

    async def _load_slots(self, budget: Budget) -> None:
        """Wait for the slot map, at most as long as a round trip may take."""
        with budget.round_trip(self._limits["timeout"]) as seconds:
            await asyncio.wait({self._start_refresh()}, timeout=max(seconds, 0))

    def _start_refresh(self) -> "asyncio.Task[None]":
        """Load the slot map in the background, unless that is running or was done just now."""
        now = asyncio.get_running_loop().time()
        if self._refreshing is None or (self._refreshing.done() and now >= self._next_refresh):
            self._next_refresh = now + _REFRESH_SECONDS
            self._refreshing = asyncio.create_task(self._refresh_slots())
        return self._refreshing

    async def _refresh_slots(self) -> None:
        masters = list(self._masters)
        random.shuffle(masters)  # spreads the load of many containers
        for address in [*masters, *(self._known - self._masters), self._seed]:
            try:
                (ranges,) = await self._node(address).execute(Command.of("CLUSTER", "SLOTS"))
            except CacheUnavailableError:
                continue
            self._set_slots(ranges, address.host)
            for unused in self._nodes.keys() - self._masters:
                node = self._nodes.pop(unused)
                node.circuit_breaker.close()
                await node.close_idle_connections()
            return

    def _set_slots(self, ranges: list[Any], host: str) -> None:
        """Store the slot map of a CLUSTER SLOTS reply from the node at `host`."""
        known: set[_Address] = set()
        slots: list[_Address | None] = [None] * _SLOTS
        for first, last, *servers in ranges:
            # A node that does not know its own name sends null, "" or "?": use `host`.
            addresses = [
                _Address(host if name in (None, b"", b"?") else name.decode(), port)
                for name, port, *_ in servers
            ]
            known.update(addresses)
            slots[first : last + 1] = [addresses[0]] * (last + 1 - first)
        self._known, self._slots = known, slots
        self._masters = {address for address in slots if address}
