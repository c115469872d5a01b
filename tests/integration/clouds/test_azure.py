"""Azure Functions: what its host reads, and what its queue is told."""

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
from tests.integration.clouds.doors import ROOT, AzureDoor, azure
from tests.support.asking import Surroundings
from tests.support.queues import body
from tests.support.traces import traced, trees

HERE = ROOT / "infra" / "azure"
HOST: dict[str, Any] = json.loads((HERE / "host.json").read_text(encoding="utf-8"))


@pytest.fixture
async def door(around: Surroundings) -> AsyncIterator[AzureDoor]:
    async with azure() as opened:
        yield opened


def trigger(door: AzureDoor, name: str) -> dict[str, Any]:
    binding: dict[str, Any] = door.functions[name].get_trigger().get_dict_repr()
    return binding


async def test_every_path_comes_to_the_app_which_verifies_callers_itself(door: AzureDoor) -> None:
    http = trigger(door, "http")
    assert (http["route"], http["authLevel"]) == ("/{*route}", func.AuthLevel.ANONYMOUS)
    assert HOST["extensions"]["http"]["routePrefix"] == ""


async def test_the_queue_is_the_one_that_is_deployed(door: AzureDoor) -> None:
    queue = trigger(door, "note_changed")
    assert (queue["type"], queue["queueName"]) == ("queueTrigger", "note-changes")
    assert "az storage queue create --name note-changes" in (HERE / "README.md").read_text()


async def test_a_message_that_makes_no_sense_raises_and_so_ends_among_the_poisoned(
    door: AzureDoor,
) -> None:
    with pytest.raises(InvalidChangeError, match="operation: Field required"):
        await door.change('{"user_id": "ann", "note_id": "n"}')
    assert HOST["extensions"]["queues"]["maxDequeueCount"] == 5


@pytest.mark.parametrize("wrapped", [False, True])
async def test_a_change_is_a_part_of_the_trace_of_its_sender_or_else_of_the_hosts(
    door: AzureDoor, *, wrapped: bool
) -> None:
    """A storage queue has no attributes: its sender's trace comes in a CloudEvent or not at all."""
    of_host, of_sender = (f"00-{digit * 32}-b7ad6b7169203331-01" for digit in "12")
    message: Any = json.loads(body("ann", "n", "created", 1, "Faith is trust."))
    if wrapped:
        message = {"specversion": "1.0", "traceparent": of_sender, "data": message}
    with traced(Settings()) as collected:
        await door.change(json.dumps(message), traceparent=of_host)
    (tree,) = trees(collected.get_finished_spans())
    assert tree.trace_id == ("2" if wrapped else "1") * 32
    assert tree.name == "process note-changes"
    assert tree.attributes()["messaging.system"] == "azure_queue_storage"


def test_what_is_published_holds_all_that_it_imports(around: Surroundings, tmp_path: Path) -> None:
    """Of the sources the README has only `functions` and `shared` copied beside the app."""
    copied = "cp -r functions shared infra/azure/function_app.py infra/azure/host.json build/azure"
    assert copied in (HERE / "README.md").read_text(encoding="utf-8")
    for package in ("functions", "shared"):
        (tmp_path / package).symlink_to(ROOT / package)
    (tmp_path / "function_app.py").symlink_to(HERE / "function_app.py")
    program = (
        "import sys; sys.path.insert(0, '.'); import function_app;"
        " assert not [name for name in sys.modules if name.partition('.')[0] == 'infra'];"
        " print(len(function_app.app.get_functions()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
