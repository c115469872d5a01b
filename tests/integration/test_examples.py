"""The examples and the snippets of the documentation, run against `tercet serve`."""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager

from infra.local.valkey import start_valkey
from tests.support.command import environment, start_tercet
from tests.support.event_stream import parse_events
from tests.support.listening import wait_for_port

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
NOTE = {"title": "Shifts", "text": "An on-call shift lasts one week."}
QUESTION = {"query": "How long is an on-call shift?"}
MAX_LINES = 100

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("data")
    # Warming would turn an expected miss into a hit at some time.
    process = start_tercet("serve", "--port", "0", "--data", data, CACHE_WARMING="off")
    assert process.stdout
    yield process.stdout.readline().split()[3]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


def run(*command: str | Path, url: str, cwd: Path = ROOT) -> str:
    """Return the standard output of a command that knows the server's address."""
    environ = os.environ | {"TERCET_URL": url}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environ,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def without_ttl(output: str) -> str:
    """Return the output without the seconds until an answer expires."""
    return re.sub("; ttl=[0-9]+", "", output)


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(EXAMPLES.rglob("*")) if path.is_file()],
    ids=lambda path: path.name,
)
def test_example_is_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < MAX_LINES


def test_curl_shows_a_miss_a_hit_a_follow_up_and_a_change(url: str) -> None:
    output = run(program("sh"), EXAMPLES / "curl.sh", url=url)
    statuses = re.findall("cache-status: (.*)", without_ttl(output))
    miss = "Tercet; fwd=miss; stored"
    # Without a language model the follow-up cannot be rewritten, so it bypasses the cache.
    assert statuses == [miss, "Tercet; hit", "Tercet; fwd=bypass", miss]
    bodies = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    answers = [body["answer"] for body in bodies if "answer" in body]
    assert "one week" in answers[0]
    assert "two weeks" in answers[-1]
    (_, change) = (body for body in bodies if "dropped" in body)
    assert change["dropped"] == 1


async def test_python_back_end_streams_answers_and_changes_notes(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERCET_URL", url)
    spec = importlib.util.spec_from_file_location("backend", EXAMPLES / "backend.py")
    assert spec
    assert spec.loader
    backend: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
    async with (
        LifespanManager(backend.app) as running,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(running.app), base_url="http://back.end"
        ) as browser,
    ):
        browser.cookies.set("user", "python")
        saved = await browser.put("/api/notes/shifts", json=NOTE)
        assert saved.status_code == 201
        stale = {"If-Match": '"0"'}
        assert (await browser.put("/api/notes/shifts", json=NOTE, headers=stale)).status_code == 412
        streamed = await browser.post(
            "/api/ask", json=QUESTION, headers={"Accept": "text/event-stream"}
        )
        hit = await browser.post("/api/ask", json=QUESTION)
        refused = await browser.post("/api/ask", json={})
    events = parse_events(streamed.content)
    assert [name for name, _ in events][-1] == "done"
    assert "one week" in events[-1][1]["answer"]
    assert hit.headers["cache-status"].startswith("Tercet; hit; ttl=")
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"


def test_page_reads_the_stream_with_fetch_in_node(url: str, tmp_path: Path) -> None:
    script = tmp_path / "ask.mjs"
    module = json.dumps(str(EXAMPLES / "nextjs" / "app" / "tercet.mjs"))
    script.write_text(
        f"""
        import {{ ask }} from {module};
        const url = `${{process.env.TERCET_URL}}/v1/assistant/query`;
        const headers = {{ "X-Tercet-User": "node" }};
        await fetch(`${{process.env.TERCET_URL}}/v1/notes/shifts`, {{
          method: "PUT",
          headers: {{ ...headers, "Content-Type": "application/json" }},
          body: {json.dumps(json.dumps(NOTE))},
        }});
        let text = "";
        for await (const {{ event, data }} of ask(url, {json.dumps(QUESTION)}, {{ headers }})) {{
          if (event === "delta") text += data.text;
          if (event === "done") console.log(JSON.stringify([text, data.answer]));
        }}
        try {{
          for await (const _ of ask(url, {{ query: "" }}, {{ headers }}));
        }} catch (error) {{
          console.log(JSON.stringify(error.message));
        }}
        """
    )
    (text, answer), problem = map(json.loads, run(program("node"), script, url=url).splitlines())
    assert text == answer
    assert "one week" in answer
    assert problem == "the question must hold at least one letter or digit"


def test_python_snippet_of_the_documentation_runs(url: str, tmp_path: Path) -> None:
    (snippet,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL
    )
    script = tmp_path / "snippet.py"
    script.write_text(snippet)
    output = run(sys.executable, script, url=url)
    assert without_ttl(output) == "An on-call shift lasts one week. [1] Tercet; fwd=miss; stored\n"


def test_models_of_ones_own_in_the_documentation_answer(tmp_path: Path) -> None:
    (snippet,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "hosts.md").read_text(), re.DOTALL
    )
    (tmp_path / "own_models.py").write_text(snippet)
    command = [sys.executable, "-m", "uvicorn", "own_models:app", "--port", "0"]
    with start_valkey() as valkey:
        environ = environment() | {
            "TERCET_LOCAL": "true",
            "REDIS_CACHE_URL": valkey.url,
            "DATABASE_URL": "sqlite:///own.db",
        }
        with (
            subprocess.Popen(command, cwd=tmp_path, env=environ) as server,
            httpx.Client(headers={"X-Tercet-User": "ann"}, timeout=30) as client,
        ):
            url = f"http://127.0.0.1:{wait_for_port(server)}/v1"
            assert client.put(f"{url}/notes/shifts", json=NOTE).status_code == 201
            replies = [client.post(f"{url}/assistant/query", json=QUESTION) for _ in range(2)]
            server.terminate()
    assert [reply.json()["answer"] for reply in replies] == [f"{NOTE['text']} [1]"] * 2
    assert [reply.json()["metadata"]["cached"] for reply in replies] == [False, True]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generated TypeScript client, a compiler and the types of React."""
    npm, folder = program("npm"), tmp_path_factory.mktemp("typescript")
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    wanted = ("openapi-typescript@7", "openapi-fetch@0.14", "typescript@5", "@types/node@20")
    react = ("@types/react@19",)
    options = ("--silent", "--no-audit", "--no-fund", "--prefer-offline")
    done = subprocess.run([npm, "install", *options, *wanted, *react], cwd=folder, check=False)
    if done.returncode:
        pytest.skip("npm cannot install packages here")
    document = run(sys.executable, "-m", "infra.openapi", url="")
    (folder / "openapi.json").write_text(document)
    run(
        folder / "node_modules/.bin/openapi-typescript",
        "openapi.json",
        "-o",
        "tercet.d.ts",
        url="",
        cwd=folder,
    )
    return folder


def compile_typescript(folder: Path, *arguments: str) -> None:
    options = "--strict --module esnext --moduleResolution bundler --target es2022 --skipLibCheck"
    run(folder / "node_modules/.bin/tsc", *options.split(), *arguments, url="", cwd=folder)


def test_generated_typescript_client_compiles_and_runs(url: str, packages: Path) -> None:
    shutil.copy(EXAMPLES / "client.ts", packages)
    compile_typescript(packages, "client.ts")
    output = run(program("node"), packages / "client.js", url=url, cwd=packages)
    assert without_ttl(output).splitlines() == [
        "An on-call shift lasts one week. [1] Tercet; fwd=miss; stored",
        "1",
    ]


def test_next_page_passes_the_type_check(packages: Path) -> None:
    for name in ("page.tsx", "tercet.mjs"):
        shutil.copy(EXAMPLES / "nextjs" / "app" / name, packages)
    compile_typescript(packages, "--noEmit", "--jsx", "react-jsx", "--allowJs", "page.tsx")
