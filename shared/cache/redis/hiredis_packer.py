"""Commands serialized by hiredis, which redis-py uses only to parse replies.

A lookup has some twenty arguments. Serializing them in Python takes longer than the rest of the
client's work for it.
"""

from collections.abc import Iterable
from typing import Any

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection


class HiredisPackerMixin:
    """A mixin for redis-py's connection classes."""

    def pack_command(self, *arguments: Any) -> list[bytes]:
        """Serialize one command."""
        # redis-py passes "CLIENT SETINFO" as one argument.
        return [pack_command((*str(arguments[0]).split(), *arguments[1:]))]

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        """Serialize several commands."""
        return [b"".join(part for command in commands for part in self.pack_command(*command))]


def with_hiredis_packer(connection_class: type[AbstractConnection]) -> type[AbstractConnection]:
    """Return a subclass that serializes commands with hiredis."""
    return type(connection_class.__name__, (HiredisPackerMixin, connection_class), {})
