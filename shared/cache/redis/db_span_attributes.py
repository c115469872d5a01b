"""How round trips are told to traces: as OpenTelemetry's conventions for databases have it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.cache.redis.commands import Command
    from shared.observability.timings import Attributes


def described(asked: "tuple[Sequence[Command], Mapping[str, Any]]") -> "tuple[str, Attributes]":
    """Name a round trip: its commands, and to which server, by the options of its client.

    A script is told by its name, and nothing by its arguments.
    """
    commands, options = asked
    told: dict[str, str | int] = {"db.system.name": "redis", **_server(options)}
    if len(commands) != 1:
        told |= {"db.operation.name": "PIPELINE", "db.operation.batch.size": len(commands)}
        return "PIPELINE", told
    operation = str(commands[0].arguments[0])
    told["db.operation.name"] = operation
    script = commands[0].name
    if not script:
        return operation, told
    return f"{operation} {script}", told | {"db.stored_procedure.name": script}


def _server(options: Mapping[str, Any]) -> dict[str, str | int]:
    told = {
        "server.address": options.get("host") or options.get("path"),
        "server.port": options.get("port"),
    }
    return {name: value for name, value in told.items() if isinstance(value, str | int)}
