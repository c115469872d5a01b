"""`sam` commands and the output of `sam build`, built once per set of sources.

`sam_build("x86_64")` is a folder:

    SharedLayer/python/...                  third-party packages and `shared`
    AskFunction/functions/...               `functions`; identical in each function
    StatsFunction/functions/...
    InvalidateFunction/functions/...
    template.yaml                           the input of `sam deploy`

In Lambda the layer's `python` is `/opt/python` and a function's folder `/var/task`, both on
`sys.path`, the function's folder first. `lambda_python()` returns the path of Python 3.13.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.lambda_emulator.runtime import SAM

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE_PATHS = (ROOT / "template.yaml", *sorted((ROOT / "infra" / "aws").glob("*.yaml")))
BUILT = ROOT / "build" / "lambda"

_SOURCES = ("functions", "shared", "infra/aws/packaging", "pyproject.toml", "uv.lock")


def sam(*arguments: str | Path) -> str:
    """Run the SAM CLI; the tests use no command that needs Docker or credentials.

    Raises:
        AssertionError: the command failed; the message has its output.
    """
    uvx = shutil.which("uvx")
    if uvx is None:
        pytest.skip("uvx, which runs the SAM CLI, is not on PATH")
    environ = os.environ | {"AWS_DEFAULT_REGION": "eu-central-1", "SAM_CLI_TELEMETRY": "0"}
    environ.pop("PYTHONPYCACHEPREFIX", None)  # the build contains its bytecode
    ended = subprocess.run(
        [uvx, "--from", SAM, "sam", *map(str, arguments)],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@cache
def sam_build(architecture: str) -> Path:
    """Build for `x86_64` or `arm64`, unless a build of the same sources exists."""
    folder = BUILT / architecture
    BUILT.mkdir(parents=True, exist_ok=True)
    # One build at a time: SAM writes a file beside the build folder.
    with (BUILT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
        stamp = BUILT / f"{architecture}.sources"
        sources = _sources()
        if not folder.is_dir() or not stamp.exists() or stamp.read_text() != sources:
            stamp.unlink(missing_ok=True)
            sam(
                "build",
                *("--template", TEMPLATE_PATHS[0]),
                *("--build-dir", folder),
                *("--parameter-overrides", f"Architecture={architecture}"),
            )
            stamp.write_text(sources)
    return folder


def _sources() -> str:
    """Hash the files that a build depends on."""
    digest = hashlib.sha256()
    for top in (*TEMPLATE_PATHS, *(ROOT / name for name in _SOURCES)):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def lambda_python() -> str:
    """Return the path of Python 3.13, Lambda's version; skip the test without it."""
    found = subprocess.run(
        [ROOT / "infra" / "aws" / "packaging" / "find-python"],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        pytest.skip("Python 3.13 is not installed")
    return found.stdout.strip()
