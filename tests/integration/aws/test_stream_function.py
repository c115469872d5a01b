"""The start-up command of the function that streams answers, as the Lambda Web Adapter runs it."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from infra.local.valkey import start_valkey
from tests.support.event_stream import parse_events
from tests.support.huggingface import FakeHuggingFace, serving
from tests.support.sam import ROOT
from tests.support.tokens import AUDIENCE, ISSUER, issuing, token

pytestmark = pytest.mark.slow
SCRIPT = ROOT / "infra" / "aws" / "packaging" / "run.sh"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_start_up_command_serves_streams_and_verifies_tokens(tmp_path: Path) -> None:
    port = free_port()
    with issuing() as issuer, start_valkey() as valkey, serving(FakeHuggingFace()) as host:
        environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "LAMBDA_TASK_ROOT": str(ROOT),
            "AWS_LAMBDA_FUNCTION_NAME": "stream",
            "AWS_LWA_PORT": str(port),
            "AUTH_JWKS_URL": issuer.settings().jwks_url,
            "AUTH_ISSUER": ISSUER,
            "AUTH_AUDIENCE": AUDIENCE,
            "REDIS_CACHE_URL": valkey.url,
            "REDIS_CACHE_TIMEOUT": "5",
            "HF_EMBEDDING_URL": f"{host}/embed",
            "DATABASE_URL": f"sqlite:///{tmp_path}/notes.db",
        }
        # The adapter and Lambda have other folders as the current one.
        with subprocess.Popen([str(SCRIPT)], env=environment, cwd=tmp_path) as process:
            try:
                _check(f"http://127.0.0.1:{port}")
            finally:
                process.terminate()


def _check(url: str) -> None:
    question, events = {"query": "What is faith?"}, {"Accept": "text/event-stream"}
    with httpx.Client(base_url=url, timeout=30, headers=events) as client:
        deadline = time.monotonic() + 60
        while True:
            try:
                refused = client.post("/v1/assistant/query", json=question)
                break
            except httpx.ConnectError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert (refused.status_code, refused.json()["status"]) == (401, 401)
        allowed = {"Authorization": f"Bearer {token()}"}
        response = client.post("/v1/assistant/query", json=question, headers=allowed)
    assert response.headers["content-type"] == "text/event-stream"
    names = [name for name, _ in parse_events(response.content)]
    assert names == ["metadata", "delta", "done"]  # of a user without notes
