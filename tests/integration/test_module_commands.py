"""The commands that are run as `python -m …`: usage, wrong arguments, Ctrl-C and a closed pipe."""

import signal
import socket
import subprocess
import sys

import pytest

from tests.support.command import ROOT, environment

_INTERNAL = {"infra.local.smollm2"}  # a child process with arguments of its parent


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


@pytest.mark.parametrize("module", sorted({*_modules()} - _INTERNAL))
def test_command_prints_its_usage_and_refuses_unknown_options(module: str) -> None:
    helped, refused = start(module, "--help"), start(module, "--no-such-option")
    out, errors = helped.communicate(timeout=120)
    assert (helped.returncode, out[:7], errors) == (0, "usage: ", "")
    out, errors = refused.communicate(timeout=120)
    assert (refused.returncode, out, errors[:7]) == (2, "", "usage: ")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("infra.export", "the following arguments are required: USER_ID"),
        ("infra.cost inputs.toml other.toml", "unrecognized arguments: other.toml"),
        ("tests.benchmarks hits none", "unknown part: none; available: hits, "),
        ("tests.evaluation none", "unknown part: none; available: "),
        ("tests.peers none", "unknown part: none; available: matching, "),
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
        process = start("infra.smoke_test", url, TERCET_TOKEN="e30.eyJzdWIiOiJhbm4ifQ.")
        listener.accept()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "\ninterrupted\n")


def test_ctrl_c_ends_the_token_issuer() -> None:
    process = start("infra.container.development_issuer", ISSUER_PORT="0")
    assert process.stdout
    assert process.stdout.readline().startswith("tokens: http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_closed_pipe_ends_a_command_without_a_traceback() -> None:
    process = start("infra.cost")
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == ""
    assert process.wait(60) == 1


def test_missing_inputs_of_the_cost_are_an_error_of_one_line() -> None:
    process = start("infra.cost", "no-such-file.toml")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("cannot compute the cost: no-such-file.toml: FileNotFoundError")
    assert errors.count("\n") == 1
