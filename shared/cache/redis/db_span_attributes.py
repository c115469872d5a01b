"""Attributes of the trace span of a round trip.

OpenTelemetry's semantic conventions for databases:
https://opentelemetry.io/docs/specs/semconv/db/redis/
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.cache.redis.commands import Command
    from shared.observability.timings import Attributes


def describe_round_trip(
    round_trip: "tuple[Sequence[Command], Mapping[str, Any]]",
) -> "tuple[str, Attributes]":
    """Return the span's name and attributes. They contain no command arguments.

    Args:
        round_trip: the commands, and the connection options of redis-py, which name the server.
    """
    commands, options = round_trip
    attributes: dict[str, str | int] = {"db.system.name": "redis", **_server(options)}
    if len(commands) != 1:
        attributes["db.operation.name"] = "PIPELINE"
        attributes["db.operation.batch.size"] = len(commands)
        return "PIPELINE", attributes
    operation = str(commands[0].arguments[0])
    attributes["db.operation.name"] = operation
    script = commands[0].name
    if not script:
        return operation, attributes
    attributes["db.stored_procedure.name"] = script
    return f"{operation} {script}", attributes


def _server(options: Mapping[str, Any]) -> dict[str, str | int]:
    server = {
        "server.address": options.get("host") or options.get("path"),
        "server.port": options.get("port"),
    }
    return {name: value for name, value in server.items() if isinstance(value, str | int)}
