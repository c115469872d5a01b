"""The deployments other than Lambda, run by their vendor's library, behind one interface."""

import base64
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Protocol

import azure.functions as func
import functions_framework
import httpx
from asgi_lifespan import LifespanManager

from tests.support.listening import wait_for_port
from tests.support.tokens import token

ROOT = Path(__file__).resolve().parents[3]
CONTAINERFILE = ROOT / "infra" / "container" / "Containerfile"
_ENV = re.compile(r"(UVICORN_\w+)=(\S+)")


class Deployment(Protocol):
    """Sends requests and note changes to a deployment."""

    async def send(self, method: str, path: str, headers: dict[str, str], body: Any) -> Any:
        """Send a request; return a response with `status_code` and `json()`."""

    async def send_change(self, message: str) -> None:
        """Deliver a note change; raise if it must be redelivered."""


class AzureDeployment:
    """Calls the functions of the app as the Azure Functions worker does."""

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

    async def send_change(self, message: str, *, traceparent: str = "") -> None:
        user = self.functions["note_changed"].get_user_function()
        traced = SimpleNamespace(trace_parent=traceparent, trace_state="")
        context = SimpleNamespace(invocation_id="2", trace_context=traced)
        await user(func.QueueMessage(id="7", body=message.encode()), context)


class HTTPDeployment:
    """Sends everything over HTTP; with `pubsub`, changes have the envelope of a Pub/Sub push."""

    def __init__(self, client: httpx.AsyncClient, *, pubsub: bool = False) -> None:
        self._client = client
        self._pubsub = pubsub

    async def send(self, method: str, path: str, headers: dict[str, str], body: Any) -> Any:
        return await self._client.request(method, path, headers=headers, json=body)

    async def send_change(self, message: str) -> None:
        body: Any = json.loads(message)
        if self._pubsub:
            data = base64.b64encode(message.encode()).decode()
            body = {"message": {"data": data, "messageId": "7"}, "subscription": "note-changes"}
        bearer = f"Bearer {token(sub='the queue', scope='notes:write')}"
        response = await self.send("POST", "/notes/changes", {"Authorization": bearer}, body)
        response.raise_for_status()


def load(path: Path) -> ModuleType:
    """Load a module under a new name, as a cold start does."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@asynccontextmanager
async def azure() -> AsyncIterator[AzureDeployment]:
    deployment = AzureDeployment(module := load(ROOT / "infra" / "azure" / "function_app.py"))
    yield deployment
    if deployment.app.startup_task_done:
        await deployment.app.middleware.notify_shutdown()  # type: ignore[no-untyped-call]  # it has no types
    # Otherwise the app shuts down at garbage collection, in an event loop of its own.
    deployment.app.startup_task_done = False
    await module.container.aclose()


@asynccontextmanager
async def google() -> AsyncIterator[HTTPDeployment]:
    source = ROOT / "infra" / "google" / "main.py"
    framework = functions_framework.create_app("tercet", str(source))  # type: ignore[no-untyped-call]  # it has no types
    transport = httpx.ASGITransport(framework)
    async with (
        LifespanManager(sys.modules.pop("main")._app),  # the framework does not run its shutdown
        httpx.AsyncClient(transport=transport, base_url="https://tercet.run.app") as client,
    ):
        yield HTTPDeployment(client, pubsub=True)


@asynccontextmanager
async def container() -> AsyncIterator[HTTPDeployment]:
    with run_image_command() as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            yield HTTPDeployment(client)


class Server:
    """Runs the image's command with the image's environment on a free loopback port."""

    def __init__(self) -> None:
        variables = dict(_ENV.findall(CONTAINERFILE.read_text(encoding="utf-8")))
        variables |= {"UVICORN_HOST": "127.0.0.1", "UVICORN_PORT": "0"}
        variables["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environ = os.environ | variables
        self.process = self.start("CMD")

    def start(self, instruction: str) -> "subprocess.Popen[str]":
        """Start the command of the last such instruction in exec form."""
        text = CONTAINERFILE.read_text(encoding="utf-8")
        lines = text.replace("\\\n", " ").splitlines()
        matching = [line for line in lines if line.startswith(instruction)]
        line = matching[-1]
        command = json.loads(line[line.index("[") :])
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environ, stderr=subprocess.PIPE, text=True
        )

    def wait(self) -> None:
        try:
            port = wait_for_port(self.process)
        except ChildProcessError:
            raise ChildProcessError(self.process.communicate()[1]) from None
        self.environ["UVICORN_PORT"] = str(port)
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> str:
        """Send SIGTERM, as a container engine does; return the stderr output."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=30)[1]


@contextmanager
def run_image_command() -> Iterator[Server]:
    server = Server()
    try:
        server.wait()
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


DEPLOYMENTS: dict[str, Callable[[], AbstractAsyncContextManager[Deployment]]] = {
    "azure": azure,
    "google": google,
    "container": container,
}
