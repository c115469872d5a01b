"""`tercet serve`: run all functions in one process, on the loopback address."""

import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import click
import uvicorn

from functions.ask import app as ask
from functions.bootstrap import configure_observability
from functions.http import health_route
from functions.http.app_factory import build_app
from functions.http.auth.local_mode import USER_HEADER, check_local_mode
from functions.invalidate import app as invalidate
from functions.notes import app as notes
from functions.stats import app as stats
from infra.local.commands.options import data_option, embedder_option, model_option
from infra.local.embedded import open_embedded
from infra.local.playground import app as playground
from shared.errors import UnavailableError
from shared.generation_settings import IN_PROCESS

if TYPE_CHECKING:
    from types import FrameType

    from fastapi import FastAPI

    from infra.local.embedded import Model
    from infra.local.embedder_choice import EmbedderChoice
    from shared.container import Container


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8000, help="The port; 0 selects a free port."
)
@click.option("--host", default="127.0.0.1", help="A loopback address.")
@data_option
@model_option
@embedder_option
def serve(
    *,
    port: int,
    host: str,
    data: Path,
    model: "Model | None",
    embedder: "EmbedderChoice | None",
) -> None:
    """Serve every function, the playground and the dashboard over HTTP until Ctrl-C.

    There is no authentication: the header X-Tercet-User is the user id.
    """
    check_local_mode(os.environ, host)
    # uvicorn raises the signal again after its shutdown; exit normally, so that Valkey is stopped.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)
    environ = {"WARM_QUEUE_URL": IN_PROCESS, **os.environ, "TERCET_LOCAL": "true"}
    with (
        _listen(host, port) as listener,
        open_embedded(data, model=model, embedder=embedder, environ=environ) as container,
    ):
        configure_observability(container.settings)
        config = uvicorn.Config(build_local_app(container), log_config=None, access_log=False)
        address = f"[{host}]" if ":" in host else host
        url = f"http://{address}:{listener.getsockname()[1]}"
        click.echo(
            f"Tercet listens at {url} (user id: header {USER_HEADER}; stop with Ctrl-C)\n"
            f"  playground  {url}/playground\n"
            f"  dashboard   {url}/v1/assistant/dashboard"
        )
        uvicorn.Server(config).run(sockets=[listener])


def build_local_app(container: "Container") -> "FastAPI":
    """Build one app that serves every function and the playground."""
    modules = (ask, invalidate, notes, stats, health_route, playground)
    return build_app(container, *(module.build_routes(container) for module in modules))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise UnavailableError(
            f"cannot listen on {host} port {port}: {error.strerror}; --port 0 selects a free port"
        ) from None
    # asyncio sets TCP_NODELAY only on sockets that it creates; without it a response takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _exit(_number: int, _frame: "FrameType | None") -> None:
    raise SystemExit(0)
