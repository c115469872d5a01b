"""Each deployment beyond Lambda, as its vendor's own library runs it, behind one interface."""

import base64
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Protocol

import azure.functions as func
import functions_framework
import httpx
from asgi_lifespan import LifespanManager

from infra.local.valkey import free_port
from tests.support.tokens import token

ROOT = Path(__file__).resolve().parents[3]
CONTAINERFILE = ROOT / "infra" / "container" / "Containerfile"
BEGINNING = (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)
"""What a server does that is not there yet, or has just begun to listen."""

PORTS_TRIED = 3
"""Another process may take a free port before the server does."""

_ENV = re.compile(r"(UVICORN_\w+)=(\S+)")


class Door(Protocol):
    """How requests and note changes come in."""

    async def send(self, method: str, path: str, headers: dict[str, str], body: Any) -> Any:
        """Give the response: its `status_code` and its body as `json`."""

    async def change(self, message: str) -> None:
        """Bring a note change; raise where it must come again."""


class AzureDoor:
    """What Azure's worker does with the functions that it finds in the app."""

    def __init__(self, module: ModuleType) -> None:
        self.app: func.AsgiFunctionApp = module.app
        self.functions = {each.get_function_name(): each for each in self.app.get_functions()}

    async def send(self, method: str, path: str, headers: dict[str, str], body: Any) -> Any:
        request = func.HttpRequest(
            method=method,
            url=f"https://tercet.azurewebsites.net{path}",
            headers=headers | {"Content-Type": "application/json"},
            body=json.dumps(body).encode(),
        )
        user = self.functions["http"].get_user_function()
        response = await user(request, SimpleNamespace(invocation_id="1"))
        return httpx.Response(response.status_code, content=response.get_body())

    async def change(self, message: str, *, traceparent: str = "") -> None:
        user = self.functions["note_changed"].get_user_function()
        traced = SimpleNamespace(trace_parent=traceparent, trace_state="")
        context = SimpleNamespace(invocation_id="2", trace_context=traced)
        await user(func.QueueMessage(id="7", body=message.encode()), context)


class HTTPDoor:
    """Everything over HTTP; `pubsub` puts a change into the envelope of a Pub/Sub push."""

    def __init__(self, client: httpx.AsyncClient, *, pubsub: bool = False) -> None:
        self._client = client
        self._pubsub = pubsub

    async def send(self, method: str, path: str, headers: dict[str, str], body: Any) -> Any:
        return await self._client.request(method, path, headers=headers, json=body)

    async def change(self, message: str) -> None:
        body: Any = json.loads(message)
        if self._pubsub:
            data = base64.b64encode(message.encode()).decode()
            body = {"message": {"data": data, "messageId": "7"}, "subscription": "note-changes"}
        bearer = f"Bearer {token(sub='the queue', scope='notes:write')}"
        response = await self.send("POST", "/notes/changes", {"Authorization": bearer}, body)
        response.raise_for_status()


def load(path: Path) -> ModuleType:
    """Load a module as a cold start does."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@asynccontextmanager
async def azure() -> AsyncIterator[AzureDoor]:
    door = AzureDoor(module := load(ROOT / "infra" / "azure" / "function_app.py"))
    yield door
    if door.app.startup_task_done:
        await door.app.middleware.notify_shutdown()  # type: ignore[no-untyped-call]  # it has no types
    # Else the app would do that when it is collected, in a loop of its own.
    door.app.startup_task_done = False
    await module.container.aclose()


@asynccontextmanager
async def google() -> AsyncIterator[HTTPDoor]:
    source = ROOT / "infra" / "google" / "main.py"
    framework = functions_framework.create_app("tercet", str(source))  # type: ignore[no-untyped-call]  # it has no types
    transport = httpx.ASGITransport(framework)
    async with (
        LifespanManager(sys.modules.pop("main")._app),  # which the framework does not end
        httpx.AsyncClient(transport=transport, base_url="https://tercet.run.app") as client,
    ):
        yield HTTPDoor(client, pubsub=True)


@asynccontextmanager
async def container() -> AsyncIterator[HTTPDoor]:
    with running() as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            yield HTTPDoor(client)


class Server:
    """The image's own command with the image's own environment, on a free loopback port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        given = dict(_ENV.findall(CONTAINERFILE.read_text(encoding="utf-8")))
        given |= {"UVICORN_HOST": "127.0.0.1", "UVICORN_PORT": str(self.port)}
        given["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environ = os.environ | given
        self.process = self.start("CMD")

    def start(self, instruction: str) -> "subprocess.Popen[str]":
        """Start what the last `instruction` of the Containerfile that is a list says."""
        lines = CONTAINERFILE.read_text(encoding="utf-8").splitlines()
        said = [line for line in lines if line.startswith(instruction)][-1]
        command = json.loads(said[said.index("[") :])
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environ, stderr=subprocess.PIPE, text=True
        )

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ChildProcessError(self.process.communicate()[1])
            try:
                httpx.get(f"{self.url}/health", timeout=30).raise_for_status()
            except BEGINNING:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError("the server never answered")

    def stop(self) -> str:
        """Ask it to stop, as a container's engine does; what it wrote."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=30)[1]


@contextmanager
def running() -> Iterator[Server]:
    for left in reversed(range(PORTS_TRIED)):
        server = Server()
        try:
            server.wait()
        except ChildProcessError as ended:
            if not left or "address already in use" not in str(ended):
                raise
        else:
            break
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


DOORS: dict[str, Callable[[], AbstractAsyncContextManager[Door]]] = {
    "azure": azure,
    "google": google,
    "container": container,
}
