"""What is sent to Redis: commands, and scripts by their hash. Pure."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Argument: TypeAlias = str | bytes | int

_LUA = Path(__file__).parent.parent / "lua"
_INCLUDE = re.compile(r"^-- include: (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Command:
    """One command as it goes over the wire; `script` is its text, and `name` what it is called.

    Where it is `optional`, and a cluster's node for its key is away, its reply is None.
    """

    arguments: tuple[Argument, ...]
    script: str = ""
    optional: bool = False
    name: str = ""

    @classmethod
    def of(cls, *arguments: Argument, optional: bool = False) -> "Command":
        """Write a command as it stands in Redis' documentation."""
        return cls(arguments, optional=optional)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that it touches: a script's, or a plain command's first."""
        first, count = (3, int(self.arguments[2])) if self.script else (1, 1)
        keys = self.arguments[first : first + count]
        return tuple(key.decode() if isinstance(key, bytes) else str(key) for key in keys)

    def with_text(self) -> "Command":
        """Call a script by its text, for a server that does not know it yet."""
        if not self.script:
            return self
        return Command(("EVAL", self.script, *self.arguments[2:]), self.script, name=self.name)


class Script:
    """A Lua script of `lua/`, called by its hash."""

    def __init__(self, name: str) -> None:
        """Read `lua/<name>.lua`, and what it includes: scripts cannot call each other."""
        self._name = name
        self._text = _INCLUDE.sub(lambda line: _read(line[1]), _read(name))
        self._sha = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    def call(self, keys: Sequence[str], *arguments: Argument) -> Command:
        """Call it; all keys must share a slot."""
        arguments = ("EVALSHA", self._sha, len(keys), *keys, *arguments)
        return Command(arguments, self._text, name=self._name)


def _read(name: str) -> str:
    return (_LUA / f"{name}.lua").read_text(encoding="utf-8")
