"""Commands put into bytes by hiredis, which redis-py uses for replies alone.

A look-up has some twenty arguments; in Python, packing them takes longer than the whole of what
else is done for it on this side of the wire.
"""

from collections.abc import Iterable
from typing import Any

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection


class Packing:
    """To be mixed into a class of redis-py's connections."""

    def pack_command(self, *arguments: Any) -> list[bytes]:
        """Put a command into bytes, as redis-py's own method does."""
        # redis-py itself says "CLIENT SETINFO" in one word.
        return [pack_command((*str(arguments[0]).split(), *arguments[1:]))]

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        """Put several into bytes."""
        return [b"".join(part for command in commands for part in self.pack_command(*command))]


def packing(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    """Make a class of connections pack by hiredis."""
    return type(kind.__name__, (Packing, kind), {})
