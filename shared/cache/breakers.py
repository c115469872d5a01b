"""What all containers know of the models' health, in Redis: see `shared/inference/breaker.py`.

    {1f}:breaker:<model>      until when the model is left alone (milliseconds since 1970)
    breaker:<model>:<slot>    hash: how many calls were answered and failed in a span of time
    breaker:<model>:probe     there while a call finds out whether the model is back

A pause is told to every partition, so that whoever reads anything of a user's reads it at the
same node of a cluster. Reading and telling go with round trips that are made anyway; a failure is
told at once, what went well now and then. All of it is optional: a node of a cluster that is away
keeps nobody from the others.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from shared.cache import keyspace
from shared.cache.commands import Command
from shared.errors import CacheUnavailableError
from shared.inference.breaker import PROBE_SECONDS, Calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shared.cache.connection import Connection
    from shared.inference.breaker import Breaker

_command = partial(Command.of, optional=True)
_KEPT_SECONDS = 3_600
"""How long a pause that is over is remembered: so long the next call is a probe."""


class SharedBreakers:
    """Carries what breakers have to tell each other."""

    def __init__(self, breakers: "Iterable[Breaker]", partition: int) -> None:
        """`partition` is that of whoever's request makes the round trips."""
        self._breakers = tuple(breakers)
        self._partition = partition
        self._told: list[Breaker] = []

    @property
    def opened(self) -> bool:
        """Whether any model is left alone now."""
        return any(breaker.state == "open" for breaker in self._breakers)

    def exchange(self, *, asking: bool) -> list[Command]:
        """Tell what must be told, and if `asking`, ask how everybody fares."""
        self._told = [breaker for breaker in self._breakers if breaker.must_tell(soon=not asking)]
        telling = [command for breaker in self._told for command in _tell(breaker)]
        breakers = self._breakers if asking else ()
        names = (keyspace.breaker_pause(self._partition, breaker.id) for breaker in breakers)
        return [*telling, *(_command("GET", name) for name in names)]

    def learn(self, replies: "Sequence[Any]", *, asking: bool) -> None:
        """Hear the replies to `exchange`."""
        reply = iter(replies)
        for breaker in self._told:
            counts = [_heard(reply) for _ in breaker.slots]
            breaker.learn_calls(Calls(*map(sum, zip(*counts, strict=True))))
        for breaker in self._breakers if asking else ():
            until = next(reply)
            breaker.learn_pause(_number(until) / 1000 if until is not None else None)

    def news(self) -> tuple[list[Command], int]:
        """Tell what has opened or closed here since this was last asked, and how many opened."""
        commands: list[Command] = []
        opened = 0
        for breaker in self._breakers:
            if not breaker.take_turn():
                continue
            until = breaker.open_until
            opened += until is not None
            for partition in range(keyspace.PARTITIONS):
                pause = keyspace.breaker_pause(partition, breaker.id)
                if until is None:
                    commands.append(_command("DEL", pause))
                else:
                    commands.append(_command("SET", pause, int(until * 1000), "EX", _KEPT_SECONDS))
            forgotten = [keyspace.breaker_probe(breaker.id)]
            if until is None:
                forgotten += [keyspace.breaker_calls(breaker.id, slot) for slot in breaker.slots]
            commands += [_command("DEL", name) for name in forgotten]
        return commands, opened


async def claim_probe(connection: "Connection", breaker_id: str) -> bool:
    """Ask whether this container may send the probe; without Redis, each decides for itself."""
    key = keyspace.breaker_probe(breaker_id)
    claim = _command("SET", key, 1, "NX", "PX", int(PROBE_SECONDS * 1000))
    try:
        (taken,) = await connection.run(claim)
    except CacheUnavailableError:
        return True
    return taken is not None


def _tell(breaker: "Breaker") -> "Iterator[Command]":
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


def _number(given: object) -> int:
    """Read a number, or what somebody else may have put in its place."""
    if isinstance(given, bytes) and given.isdigit():
        return int(given)
    return given if isinstance(given, int) else 0
