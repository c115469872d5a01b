"""The commands that are run as `python -m …`: usage, wrong arguments, Ctrl-C and a closed pipe."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support.command import ROOT, environment

_INTERNAL = {"infra.local.smollm2"}  # a child process with arguments of its parent

TOKEN = "e30.eyJzdWIiOiJhbm4ifQ."
TOKEN_SETTINGS = {"AUTH_ISSUER": "https://issuer.example", "AUTH_AUDIENCE": "tercet"}


def _modules() -> list[str]:
    """The modules of `infra`, and the packages of `tests`, that are commands."""
    files = [*ROOT.glob("infra/**/*.py"), *ROOT.glob("tests/*/__main__.py")]
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for path in files
        if 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")
    )


def start(module: str, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
    # As in a terminal: the tests may run in a background process, which ignores SIGINT.
    program = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env=environment() | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


_COMMANDS = sorted({*_modules()} - _INTERNAL)
_RUN_EACH = """
import contextlib, io, json, runpy, sys
ended = []
for module in sys.argv[1:]:
    for option in ("--help", "--no-such-option"):
        out, errors, code = io.StringIO(), io.StringIO(), None
        sys.argv[1:] = [option]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            try:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            except SystemExit as exit:
                code = exit.code
        ended.append([module, option, code, out.getvalue(), errors.getvalue()])
print(json.dumps(ended))
"""


@pytest.fixture(scope="module")
def ended() -> dict[tuple[str, str], tuple[int, str, str]]:
    """Exit code, output and errors by module and option; one process imports what they share."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore::RuntimeWarning:runpy", "-c", _RUN_EACH, *_COMMANDS],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return {(module, option): (*result,) for module, option, *result in json.loads(ran.stdout)}


@pytest.mark.xdist_group("module commands")
@pytest.mark.parametrize("module", _COMMANDS)
def test_command_prints_its_usage_and_refuses_unknown_options(
    ended: dict[tuple[str, str], tuple[int, str, str]], module: str
) -> None:
    code, out, errors = ended[module, "--help"]
    assert (code, out[:7], errors) == (0, "usage: ", "")
    code, out, errors = ended[module, "--no-such-option"]
    assert (code, out, errors[:7]) == (2, "", "usage: ")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("infra.export", "the following arguments are required: USER_ID"),
        ("infra.cost inputs.toml other.toml", "unrecognized arguments: other.toml"),
        ("tests.benchmarks hits none", "unknown part: none; available: hits, "),
        ("tests.evaluation none", "unknown part: none; available: "),
        ("tests.peers none", "unknown part: none; available: matching, "),
        ("tests.load --seconds 0", "argument --seconds: must be at least 1"),
        ("tests.scale none", "invalid choice: 'none'"),
    ],
)
def test_wrong_arguments_are_named_with_exit_code_2(command: str, message: str) -> None:
    process = start(*command.split())
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert message in errors


@pytest.mark.parametrize("command", ["infra.migrate", "infra.reembed", "infra.export ann"])
def test_ctrl_c_ends_a_command_that_waits_for_the_database_with_130(command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # it sends nothing
        listener.settimeout(60)
        url = f"postgresql://127.0.0.1:{listener.getsockname()[1]}/notes"
        process = start(*command.split(), DATABASE_URL=url)
        listener.accept()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "\ninterrupted\n" in errors  # asyncpg may print more
    assert "Traceback" not in errors


def test_ctrl_c_ends_a_smoke_test_that_waits_with_130() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # it sends nothing
        listener.settimeout(60)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        process = start("infra.smoke_test", url, TERCET_TOKEN=TOKEN)
        listener.accept()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "\ninterrupted\n")


def test_ctrl_c_ends_the_token_issuer() -> None:
    process = start("infra.container.development_issuer", ISSUER_PORT="0", **TOKEN_SETTINGS)
    assert process.stdout
    assert process.stdout.readline().startswith("tokens: http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("module", ["infra.cost", "infra.openapi"])
def test_closed_pipe_ends_a_command_without_a_traceback(module: str) -> None:
    process = start(module)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == ""
    assert process.wait(60) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("module", ["infra.cost", "infra.openapi"])
def test_full_disk_is_an_error_of_one_line(module: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", module],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.endswith("No space left on device\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "token", "code", "message"),
    [
        ("host", "", 2, "the URL must begin with https:// or http://"),
        ("http://host", "x", 1, "TERCET_TOKEN must be a JSON Web Token with the claim sub"),
        ("http://host", "e30.W10.", 1, "TERCET_TOKEN must be a JSON Web Token with the claim sub"),
        ("http://host", "e30.eyJzdWIiOiJhbm4ifQ.\u05d0", 1, "TERCET_TOKEN must be a JSON Web"),
        ("http://host/ x", TOKEN, 1, "/health: no response in JSON; is this the URL before /v1?"),
    ],
)
def test_smoke_test_names_the_wrong_argument(url: str, token: str, code: int, message: str) -> None:
    process = start("infra.smoke_test", url, "--seconds", "0", TERCET_TOKEN=token)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert message in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (b"<html>", "/health: no response in JSON; is this the URL before /v1?"),
        (b"[]", "unexpected response"),
    ],
)
def test_smoke_test_of_another_server_asks_for_the_right_url(
    httpserver_page: Callable[[bytes], str], page: bytes, message: str
) -> None:
    process = start("infra.smoke_test", httpserver_page(page), TERCET_TOKEN=TOKEN)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert message in errors
    assert "Traceback" not in errors


@pytest.fixture
def httpserver_page() -> Iterator[Callable[[bytes], str]]:
    """Return the URL of a server whose every page is the given one."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()

        def serve(page: bytes) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(page)

            server.RequestHandlerClass = Handler
            return f"http://127.0.0.1:{server.server_port}"

        yield serve
        server.shutdown()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "set AUTH_AUDIENCE and AUTH_ISSUER"),
        (TOKEN_SETTINGS | {"ISSUER_PORT": "x"}, "cannot listen at ISSUER_HOST and ISSUER_PORT"),
        (TOKEN_SETTINGS | {"ISSUER_PORT": "99999"}, "cannot listen at ISSUER_HOST and ISSUER_PORT"),
    ],
)
def test_token_issuer_names_the_wrong_setting(settings: dict[str, str], message: str) -> None:
    process = start("infra.container.development_issuer", **settings)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert message in errors
    assert "Traceback" not in errors


def test_inputs_of_the_cost_that_are_not_text_are_an_error(tmp_path: Path) -> None:
    (inputs := tmp_path / "inputs.toml").write_bytes(b"a\xff")
    process = start("infra.cost", str(inputs))
    _, errors = process.communicate(timeout=60)
    assert errors == f"cannot compute the cost: {inputs} is not UTF-8 at byte 1\n"


def test_missing_inputs_of_the_cost_are_an_error_of_one_line() -> None:
    process = start("infra.cost", "no-such-file.toml")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("cannot compute the cost: no-such-file.toml: FileNotFoundError")
    assert errors.count("\n") == 1
