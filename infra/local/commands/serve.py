"""`tercet serve`: all functions in one process, for one's own machine."""

import os
import signal
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from infra.local.commands.options import Data, ModelOption
from infra.local.embedded import DATA, open_embedded
from shared.errors import UnavailableError

if TYPE_CHECKING:
    from types import FrameType

    from fastapi import FastAPI

    from shared.container import Container

_PORT = 8000


def serve(
    *,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")
    ] = _PORT,
    host: Annotated[str, typer.Option("--host", help="A loopback address.")] = "127.0.0.1",
    data: Data = DATA,
    model: ModelOption = None,
) -> None:
    """Serve every function over HTTP to this machine, until Ctrl-C.

    Whoever asks is believed: the header X-Tercet-User says who it is.
    """
    import uvicorn  # noqa: PLC0415 - slow to load, as what follows

    from functions.bootstrap import configure_observability  # noqa: PLC0415
    from functions.http.auth.local_mode import USER_HEADER, check_local_mode  # noqa: PLC0415

    check_local_mode(os.environ, host)
    # uvicorn ends in order, then raises again the signal that told it to; what was started
    # beside it must still be ended.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    environ = {**os.environ, "TERCET_LOCAL": "true"}
    with (
        _listen(host, port) as listener,
        open_embedded(data, model=model, environ=environ) as container,
    ):
        configure_observability(container.settings)
        config = uvicorn.Config(build_local_app(container), log_config=None, access_log=False)
        taken = listener.getsockname()[1]
        address = f"[{host}]" if ":" in host else host
        typer.echo(
            f"Tercet listens at http://{address}:{taken} (who asks: header {USER_HEADER};"
            f" Ctrl-C ends it)\n"
            f"  playground  http://{address}:{taken}/playground\n"
            f"  dashboard   http://{address}:{taken}/assistant/dashboard"
        )
        uvicorn.Server(config).run(sockets=[listener])


def build_local_app(container: "Container") -> "FastAPI":
    """Build one app that serves every function and the playground."""
    from functions.ask import app as ask  # noqa: PLC0415
    from functions.http import health_route  # noqa: PLC0415 - see above
    from functions.http.app_factory import build_app  # noqa: PLC0415
    from functions.invalidate import app as invalidate  # noqa: PLC0415
    from functions.stats import app as stats  # noqa: PLC0415
    from infra.local.playground import app as playground  # noqa: PLC0415

    parts = (
        ask.build_routes,
        invalidate.build_routes,
        stats.build_routes,
        health_route.build_routes,
        playground.build_routes,
    )
    return build_app(container, *(part(container) for part in parts))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise UnavailableError(
            f"port {port} of {host} cannot be taken: {error.strerror}; --port 0 takes a free one"
        ) from None
    # asyncio sets it on sockets that it makes itself; without it a response waits some 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _leave(_number: int, _frame: "FrameType | None") -> None:
    raise SystemExit(0)
