"""Real clients read the event stream of a real server: `fetch` in Node."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.ask.app import create_app
from tests.support.event_stream import container_before
from tests.support.full_stack import updated
from tests.support.huggingface import FakeHuggingFace, serving

pytestmark = pytest.mark.slow
ANSWER = "Glaube heißt Vertrauen [1]. 😀\n\nSo ist es."
PROGRAM = Path(__file__).with_name("stream.mjs")


@pytest.fixture
async def served() -> Iterator[str]:  # type: ignore[misc]  # an async generator
    host = FakeHuggingFace(answer=lambda _: ANSWER, token_latency=0.1)
    with container_before(host) as container:
        await container.freshness.note_changed(updated("ann", "glaube", "Glaube ist Vertrauen."))
        await container.aclose()
        with serving(create_app(container)) as address:
            yield address


def test_fetch_in_node_reads_the_text_while_it_is_generated(served: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    run = subprocess.run(
        [node, str(PROGRAM), served, "Was ist Glaube?"],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    events = [json.loads(line) for line in run.stdout.splitlines()]
    assert (events[0][0], events[-1][0]) == ("metadata", "done")
    deltas = [(data["text"], at) for name, data, at in events if name == "delta"]
    assert "".join(text for text, _ in deltas) == events[-1][1]["answer"] == ANSWER
    assert len(deltas) > 3
    assert deltas[-1][1] - deltas[0][1] > 300  # ms: they did not arrive in one piece
