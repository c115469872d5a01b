"""Azure Functions: bindings, poison messages, traces and the published files."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from shared.errors import InvalidChangeError
from shared.settings import Settings
from tests.integration.clouds.deployments import ROOT, AzureDeployment, azure
from tests.support.local_environment import LocalEnvironment
from tests.support.queues import body
from tests.support.traces import traced, trees

HERE = ROOT / "infra" / "azure"
HOST: dict[str, Any] = json.loads((HERE / "host.json").read_text(encoding="utf-8"))


@pytest.fixture
async def deployment(local: LocalEnvironment) -> AsyncIterator[AzureDeployment]:
    async with azure() as opened:
        yield opened


def trigger(deployment: AzureDeployment, name: str) -> dict[str, Any]:
    binding: dict[str, Any] = deployment.functions[name].get_trigger().get_dict_repr()
    return binding


async def test_http_trigger_routes_every_path_without_a_function_key(
    deployment: AzureDeployment,
) -> None:
    http = trigger(deployment, "http")
    assert (http["route"], http["authLevel"]) == ("/{*route}", func.AuthLevel.ANONYMOUS)
    assert HOST["extensions"]["http"]["routePrefix"] == ""


async def test_queue_trigger_uses_the_queue_of_the_guide(deployment: AzureDeployment) -> None:
    queue = trigger(deployment, "note_changed")
    assert (queue["type"], queue["queueName"]) == ("queueTrigger", "note-changes")
    assert "az storage queue create --name note-changes" in (HERE / "README.md").read_text()


async def test_malformed_message_raises_so_that_it_becomes_a_poison_message(
    deployment: AzureDeployment,
) -> None:
    with pytest.raises(InvalidChangeError, match="operation: Field required"):
        await deployment.send_change('{"user_id": "ann", "note_id": "n"}')
    assert HOST["extensions"]["queues"]["maxDequeueCount"] == 5


@pytest.mark.parametrize("wrapped", [False, True])
async def test_change_continues_the_trace_of_its_sender_or_of_the_host(
    deployment: AzureDeployment, *, wrapped: bool
) -> None:
    """A storage queue has no message attributes; only a CloudEvent can carry the sender's trace."""
    of_host, of_sender = (f"00-{digit * 32}-b7ad6b7169203331-01" for digit in "12")
    message: Any = json.loads(body("ann", "n", "created", 1, "Faith is trust."))
    if wrapped:
        message = {"specversion": "1.0", "traceparent": of_sender, "data": message}
    with traced(Settings()) as collected:
        await deployment.send_change(json.dumps(message), traceparent=of_host)
    (tree,) = trees(collected.get_finished_spans())
    assert tree.trace_id == ("2" if wrapped else "1") * 32
    assert tree.name == "process note-changes"
    assert tree.attributes()["messaging.system"] == "azure_queue_storage"


def test_published_files_contain_every_imported_module(
    local: LocalEnvironment, tmp_path: Path
) -> None:
    """The guide copies only `functions` and `shared` beside the app."""
    command = "cp -r functions shared infra/azure/function_app.py infra/azure/host.json build/azure"
    assert command in (HERE / "README.md").read_text(encoding="utf-8")
    for package in ("functions", "shared"):
        (tmp_path / package).symlink_to(ROOT / package)
    (tmp_path / "function_app.py").symlink_to(HERE / "function_app.py")
    program = (
        "import sys; sys.path.insert(0, '.'); import function_app;"
        " assert not [name for name in sys.modules if name.partition('.')[0] == 'infra'];"
        " print(len(function_app.app.get_functions()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "2\n"), result.stderr
