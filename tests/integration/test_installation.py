"""Tercet as users install it, from a copy of the repository and with the package index."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import ROOT, environment
from tests.support.disk import megabytes

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("installation")]

MAX_MB = 300
UV = shutil.which("uv")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files of the repository that git knows."""
    listed = subprocess.run(
        ["/usr/bin/env", "git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if not name.startswith(("tests/", "docs/")) and (ROOT / name).is_file():
            target = tmp_path / "clone" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    return tmp_path / "clone"


def run(folder: Path, *command: str | Path, path: str | None = None) -> str:
    """Run a command with an empty cache of weights; return its output."""
    variables = environment() | {"XDG_CACHE_HOME": str(folder.parent / "cache")}
    for name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONDONTWRITEBYTECODE"):
        variables.pop(name, None)
    if UV:
        variables |= {
            "UV_CACHE_DIR": subprocess.check_output([UV, "cache", "dir"], text=True).strip()
        }
    variables |= {"PATH": path} if path else {}
    done = subprocess.run(
        [*map(str, command)], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def path_without_uv(folder: Path) -> str:
    """Commands of the system and this Python."""
    folder.mkdir()
    (folder / "python3").symlink_to(sys._base_executable)  # type: ignore[attr-defined]
    path = f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"
    if shutil.which("uv", path=path):
        pytest.skip("uv is a command of the system")
    return path


def assert_small(*folders: Path) -> None:
    size = megabytes(*folders)
    print(f"{size:.0f} MB")  # noqa: T201 - shown by pytest -s
    assert size <= MAX_MB


def test_demo_without_uv_prints_commands_that_work_as_they_are(clone: Path, tmp_path: Path) -> None:
    path = path_without_uv(tmp_path / "bin")
    printed = run(clone, "make", "demo", path=path)
    commands = re.findall(r"^  (\S+tercet .+)$", printed, re.MULTILINE)
    assert [command.split()[1] for command in commands] == ["notes", "ask", "serve"]
    importing, asking, serving = commands
    assert "written" in run(clone, "/bin/sh", "-c", importing, path=path)
    assert "25 days" in run(clone, "/bin/sh", "-c", asking, path=path)
    assert "stop with Ctrl-C" in run(
        clone, "/bin/sh", "-c", f"timeout --preserve-status 20 {serving} --port 0", path=path
    )
    assert_small(clone / ".venv", tmp_path / "cache")


def test_pip_installs_no_framework(clone: Path, tmp_path: Path) -> None:
    path = path_without_uv(tmp_path / "bin")
    run(clone, "python3", "-m", "venv", tmp_path / "venv", path=path)
    programs = tmp_path / "venv/bin"
    run(clone, programs / "pip", "install", "--quiet", ".[local]", path=path)
    demo = run(clone, programs / "tercet", "demo", path=path)
    assert f"{programs}/tercet ask" in demo
    assert_small(tmp_path / "venv", tmp_path / "cache")


@pytest.mark.skipif(UV is None, reason="uv is not installed")
def test_uv_tool_installs_no_framework(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_TOOL_DIR", str(tmp_path / "tools"))
    monkeypatch.setenv("UV_TOOL_BIN_DIR", str(tmp_path / "bin"))
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    run(clone, str(UV), "tool", "install", "--quiet", ".[local]", path=path)
    assert "  tercet ask" in run(clone, "tercet", "demo", path=path)
    assert_small(tmp_path / "tools", tmp_path / "cache")
