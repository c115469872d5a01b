"""compose.yaml, by its parts: no container engine runs here. The smoke test is its first client."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from infra.local.valkey import start_valkey
from shared.settings import Settings
from tests.integration.clouds.deployments import CONTAINERFILE, ROOT, run_image_command
from tests.support.huggingface import FakeHuggingFace, serving
from tests.support.listening import wait_for_port
from tests.support.postgres import PostgresServer

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
PAGE = (ROOT / "infra/container/README.md").read_text()


def environment(service: str) -> dict[str, str]:
    """The variables of a service; those without a value come from the shell."""
    named: dict[str, str | None] = SERVICES[service]["environment"]
    return {name: value for name, value in named.items() if value is not None}


def python(service: str) -> list[str]:
    """The command of a service, with this Python."""
    command: list[str] = SERVICES[service]["command"]
    assert command[0] == "python"
    return [sys.executable, *command[1:]]


def test_services_have_known_keys_and_start_in_order() -> None:
    keys = {key for service in SERVICES.values() for key in service}
    assert keys <= {
        *("image", "build", "environment", "env_file", "command", "ports", "volumes"),
        *("depends_on", "healthcheck", "network_mode", "stop_grace_period"),
    }
    conditions = {"service_healthy", "service_completed_successfully"}
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] in conditions
            if how["condition"] == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"], name
    assert (ROOT / SERVICES["tercet"]["build"]["dockerfile"]) == CONTAINERFILE
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_hosts_of_the_settings_are_services() -> None:
    settings = Settings.from_env(environment("tercet"))
    assert {
        httpx.URL(url).host for url in (settings.redis_url, settings.database_url)
    } <= SERVICES.keys()
    assert settings.jwks_url.startswith("http://127.0.0.1:8081/")
    assert SERVICES["issuer"]["network_mode"] == "service:tercet"


@dataclass
class Stack:
    """The addresses of a running stack."""

    url: str
    issuer: str

    def token(self, user: str) -> str:
        return httpx.get(f"{self.issuer}/token", params={"user": user}).text.strip()

    def smoke_test(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "infra/smoke_test.py", self.url, *arguments],
            cwd=ROOT,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def running_issuer() -> Iterator[str]:
    variables = (
        os.environ | environment("issuer") | {"ISSUER_HOST": "127.0.0.1", "ISSUER_PORT": "0"}
    )
    with subprocess.Popen(
        python("issuer"), cwd=ROOT, env=variables, stdout=subprocess.PIPE
    ) as process:
        yield f"http://127.0.0.1:{wait_for_port(process)}"
        process.terminate()


@pytest.fixture
async def database(postgres_server: PostgresServer) -> str:
    url = await postgres_server.new_database()
    subprocess.run(python("migrate"), cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, check=True)  # noqa: ASYNC221 - nothing else runs
    return url


@pytest.fixture
def stack(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    options = dict(zip(*[iter(SERVICES["valkey"]["command"][1:])] * 2, strict=True))
    config = {name.removeprefix("--").replace("-", "_"): value for name, value in options.items()}
    with (
        start_valkey(**config) as valkey,
        serving(FakeHuggingFace()) as models,
        running_issuer() as issuer,
    ):
        variables = environment("tercet") | {
            "REDIS_CACHE_URL": valkey.url,
            "REDIS_CACHE_TIMEOUT": "2",  # the test machine may be busy
            "DATABASE_URL": database,
            "AUTH_JWKS_URL": f"{issuer}/jwks.json",
            "HF_EMBEDDING_URL": f"{models}/embed",
            "HF_CHAT_URL": f"{models}/v1/chat/completions",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with run_image_command() as server:
            yield Stack(server.url, issuer)


def test_smoke_test_succeeds_and_leaves_no_note(stack: Stack) -> None:
    bearer = stack.token("ann")
    done = stack.smoke_test(TERCET_TOKEN=bearer)
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
        "health",
        "note created, question answered from it",
        "question answered from the cache",
        "note updated, question answered from it",
        "question answered from the cache",
        "note deleted; the smoke test succeeded",
    ]
    headers = {"Authorization": f"Bearer {bearer}"}
    assert httpx.get(f"{stack.url}/v1/notes", headers=headers).json()["notes"] == []

    lost = stack.smoke_test("--send", "cat > /dev/null", "--seconds", "0", TERCET_TOKEN=bearer)
    assert lost.returncode == 1
    assert "smoke test failed: the note change was not applied within 0 seconds" in lost.stderr
    sent = f"curl -sf {stack.url}/v1/notes/changes -H 'Authorization: Bearer {bearer}' -d @-"
    assert stack.smoke_test("--send", sent, TERCET_TOKEN=bearer).returncode == 0
    other = stack.token("ben").rpartition(".")[0] + ".signature"
    refused = stack.smoke_test(TERCET_TOKEN=other)
    assert (refused.returncode, "status 401" in refused.stderr) == (1, True)
    nowhere = Stack("http://127.0.0.1:1", "").smoke_test("--seconds", "0", TERCET_TOKEN=bearer)
    assert (nowhere.returncode, "Traceback" in nowhere.stderr) == (1, False)
    assert "must be a JSON Web Token" in stack.smoke_test(TERCET_TOKEN="x").stderr


def test_commands_of_the_page_use_the_published_ports() -> None:
    section = PAGE.partition("## Compose")[2].partition("\n## ")[0]
    published = {port.rpartition(":")[2] for port in SERVICES["tercet"]["ports"]}
    assert "docker compose up" in section
    assert set(re.findall(r"localhost:(\d+)", section)) == published


@pytest.mark.parametrize("guide", ["aws", "azure", "container", "google"])
def test_guide_ends_with_the_smoke_test(guide: str) -> None:
    text = Path(ROOT, "infra", guide, "README.md").read_text()
    use = re.findall(r"infra/smoke_test\.py [^`]*", text)[-1]
    assert guide == "container" or "--send" in use
