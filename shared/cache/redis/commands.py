"""Redis commands and Lua scripts as plain values."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeAlias

Argument: TypeAlias = str | bytes | int

_LUA = Path(__file__).parent.parent / "lua"
_INCLUDE = re.compile(r"^-- include: (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Command:
    """One Redis command.

    Attributes:
        arguments: the command's words.
        script: for a script, its source.
        optional: in a cluster, the reply is None if the key's node is unavailable.
        name: for a script, its name.
    """

    arguments: tuple[Argument, ...]
    script: str = ""
    optional: bool = False
    name: str = ""

    @classmethod
    def of(cls, *arguments: Argument, optional: bool = False) -> "Command":
        """Create a command from its words, as in Redis' documentation."""
        return cls(arguments, optional=optional)

    @property
    def keys(self) -> tuple[str, ...]:
        """A script's keys, or a plain command's first argument."""
        first, count = (3, int(self.arguments[2])) if self.script else (1, 1)
        keys = self.arguments[first : first + count]
        return tuple(key.decode() if isinstance(key, bytes) else str(key) for key in keys)

    def with_text(self) -> "Command":
        """Return the command with EVAL instead of EVALSHA, for a server without the script."""
        if not self.script:
            return self
        return Command(("EVAL", self.script, *self.arguments[2:]), self.script, name=self.name)


class Script:
    """A Lua script, called by its SHA-1 digest."""

    def __init__(self, name: str, folder: Path = _LUA) -> None:
        """Load `<name>.lua` and its includes: scripts cannot call each other."""
        self._name = name
        self._text = _INCLUDE.sub(lambda line: _source(folder, line[1]), _source(folder, name))
        self._sha = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    def call(self, keys: Sequence[str], *arguments: Argument, optional: bool = False) -> Command:
        """Create a call. In a cluster all keys must be in one slot."""
        arguments = ("EVALSHA", self._sha, len(keys), *keys, *arguments)
        return Command(arguments, self._text, optional, self._name)


def _source(folder: Path, name: str) -> str:
    return (folder / f"{name}.lua").read_text(encoding="utf-8")


class RoundTripExtension(Protocol):
    """Commands of another component that are appended to a session's round trips."""

    def commands(self) -> Sequence[Command]:
        """Return the commands to append to a round trip of a miss."""

    def receive(self, replies: Sequence[Any]) -> None:
        """Process the replies to `commands`. It is not called if Redis fails."""


class CombinedExtension:
    """Several extensions as one."""

    def __init__(self, *extensions: RoundTripExtension) -> None:
        self._extensions = extensions
        self._numbers: list[int] = []

    def commands(self) -> list[Command]:
        """Return the commands of all."""
        commands = [extension.commands() for extension in self._extensions]
        self._numbers = [len(each) for each in commands]
        return [command for each in commands for command in each]

    def receive(self, replies: Sequence[Any]) -> None:
        """Pass each extension the replies to its commands."""
        remaining = iter(replies)
        for extension, number in zip(self._extensions, self._numbers, strict=True):
            extension.receive(list(islice(remaining, number)))
