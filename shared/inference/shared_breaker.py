"""Circuit breaker state that all containers share in Redis; see `circuit_breaker.py`.

    {1f}:breaker:<model>      there while the model is left alone, and for an hour after that
    breaker:<model>:<slot>    hash: how many calls were answered and failed in a span of time
    breaker:<model>:probe     there while a call finds out whether the model is back

A pause is told to every partition, so that whoever reads anything of a user's reads it at the
same node of a cluster. How long it lasts is told by its key's time to live, so that no two clocks
must agree. Reading and telling go with round trips that are made anyway; a failure is told at
once, what went well when an answer is kept, at most every few seconds. All of it is optional: a
node of a cluster that is away keeps nobody from the others.
"""

import secrets
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.cache import keyspace
from shared.cache.redis.commands import Command
from shared.cache.single_flight import acquire
from shared.errors import CacheUnavailableError
from shared.inference.circuit_breaker import PROBE_SECONDS, Calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shared.cache.counters import PendingCounters
    from shared.cache.redis.client import RedisClient
    from shared.inference.circuit_breaker import CircuitBreaker, CircuitBreakers

_command = partial(Command.of, optional=True)
_KEPT_SECONDS = 3_600
"""How long a pause that is over is remembered: so long the next call is a probe."""


class SharedBreakers:
    """Carries what breakers have to tell each other."""

    def __init__(
        self,
        breakers: "CircuitBreakers | None",
        partition: int,
        counters: "PendingCounters | None" = None,
    ) -> None:
        """`partition` is that of the request whose round trips carry the commands.

        `counters` count the circuits that opened here.
        """
        self._breakers = breakers
        self._each = tuple(breakers or ())
        self._partition = partition
        self._counters = counters
        self._opened = 0
        self._telling: list[CircuitBreaker] = []
        self._announced: list[tuple[CircuitBreaker, float]] = []
        self._asking: Sequence[CircuitBreaker] = ()

    @property
    def state(self) -> str:
        """The state of the language model's: `closed`, `open` or `half-open`."""
        return self._breakers.chat.state if self._breakers else "closed"

    def commands(self, *, miss: bool) -> list[Command]:
        """Return what a cache session sends with a round trip: see `RoundTripExtension`."""
        return self.exchange(asking=miss)

    def receive(self, replies: "Sequence[Any]") -> list[Command]:
        """Process the replies; return what must be announced at once."""
        self.learn(replies)
        news, self._opened = self.news()
        return news

    def follow_up_sent(self) -> None:
        """The announcement has arrived: count the breakers that opened."""
        self.told()
        if self._counters is not None:
            self._counters.add(breakers_opened=self._opened)

    def exchange(self, *, asking: bool) -> list[Command]:
        """Tell what must be told; hear of the others, too, if `asking` or wherever one tells."""
        self._telling = [each for each in self._each if each.must_tell(urgent=not asking)]
        self._asking = self._each if asking else self._telling
        telling = [command for breaker in self._telling for command in _tell(breaker)]
        return [*self._pauses(), *telling]

    def listen(self) -> list[Command]:
        """Hear of the others, and tell nothing."""
        self._telling, self._asking = [], self._each
        return self._pauses()

    def learn(self, replies: "Sequence[Any]") -> None:
        """Hear the replies to `exchange`: pauses first, for whoever pauses judges no calls."""
        reply = iter(replies)
        for breaker in self._asking:
            milliseconds = next(reply)
            if isinstance(milliseconds, int):  # else its server is away, and that is no news
                breaker.learn_pause(_left(milliseconds))
        for breaker in self._telling:
            counts = [_heard(reply) for _ in breaker.slots]
            breaker.learn_calls(Calls(*map(sum, zip(*counts, strict=True))))

    def news(self) -> tuple[list[Command], int]:
        """Tell what has opened or closed here, until it is `told`; and how many opened."""
        turned = [(each, news) for each in self._each if (news := each.news) is not None]
        self._announced = turned
        commands = [command for breaker, _ in turned for command in self._announce(breaker)]
        return commands, sum(breaker.left is not None for breaker, _ in turned)

    def told(self) -> None:
        """Take down that the news has arrived."""
        for breaker, news in self._announced:
            breaker.told(news)

    def _pauses(self) -> list[Command]:
        names = (keyspace.breaker_pause(self._partition, each.id) for each in self._asking)
        return [_command("PTTL", name) for name in names]

    def _announce(self, breaker: "CircuitBreaker") -> "Iterator[Command]":
        left = breaker.left
        for partition in range(keyspace.PARTITIONS):
            pause = keyspace.breaker_pause(partition, breaker.id)
            if left is None:
                yield _command("DEL", pause)
            else:
                yield _command("SET", pause, 1, "PX", int((left + _KEPT_SECONDS) * 1000))
        yield _command("DEL", keyspace.breaker_probe(breaker.id))
        for slot in breaker.slots if left is None else ():
            yield _command("DEL", keyspace.breaker_calls(breaker.id, slot))


class SharedProbes:
    """Lets one of all containers probe; without Redis, each decides for itself."""

    def __init__(self, redis_client: "Callable[[], RedisClient | None]") -> None:
        """`connection` opens it, where anybody probes."""
        self._redis_client = redis_client

    async def claim(self, breaker_id: str) -> bool:
        """Ask whether this container may send the probe."""
        key, milliseconds = keyspace.breaker_probe(breaker_id), int(PROBE_SECONDS * 1000)
        token = secrets.token_urlsafe(8)
        (owner,) = await self._execute(acquire(key, token, milliseconds)) or [None]
        return owner is None or owner == token.encode()

    async def release(self, breaker_id: str) -> None:
        """Let others send it."""
        await self._execute(Command.of("DEL", keyspace.breaker_probe(breaker_id)))

    async def _execute(self, command: Command) -> list[Any]:
        redis_client = self._redis_client()
        try:
            return await redis_client.execute(command) if redis_client else []
        except CacheUnavailableError:
            return []


def _tell(breaker: "CircuitBreaker") -> "Iterator[Command]":
    """Count this container's calls with those of the others, and read the sums."""
    untold = breaker.tell()
    for slot in breaker.slots:
        key, calls = keyspace.breaker_calls(breaker.id, slot), untold.get(slot, Calls())
        yield _command("HINCRBY", key, "answered", calls.answered)
        yield _command("HINCRBY", key, "failed", calls.failed)
        yield _command("EXPIRE", key, breaker.seconds)


def _heard(reply: "Iterator[Any]") -> tuple[int, int]:
    answered, failed, _ = next(reply), next(reply), next(reply)
    return _number(answered), _number(failed)


def _left(milliseconds: int) -> float | None:
    """Read of a key's time to live how long the pause lasts yet; None where there is none."""
    return milliseconds / 1000 - _KEPT_SECONDS if milliseconds > 0 else None


def _number(given: object) -> int:
    return given if isinstance(given, int) else 0
