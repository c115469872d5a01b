"""What `sam build` makes of this checkout, made once however many tests and processes ask.

`sam_build("x86_64")` is a folder:

    SharedLayer/python/...                  third-party packages and `shared`
    AskFunction/functions/...               `functions`, the same in each function
    StatsFunction/functions/...
    InvalidateFunction/functions/...
    template.yaml                           as `sam deploy` takes it

In Lambda the layer's `python` is `/opt/python` and a function's folder `/var/task`, both on
`sys.path`, the function's first. `lambda_python()` finds the Python that it is for.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from infra.aws.emulator.runtime import SAM

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE_PATHS = (ROOT / "template.yaml", *sorted((ROOT / "infra" / "aws").glob("*.yaml")))
BUILT = ROOT / "build" / "lambda"

_SOURCES = ("functions", "shared", "infra/aws/packaging", "pyproject.toml", "uv.lock")


def sam(*arguments: str | Path) -> str:
    """Run `sam`, which needs neither Docker nor credentials for what tests ask of it.

    Raises:
        AssertionError: it failed; says what it printed.
    """
    uvx = shutil.which("uvx")
    if uvx is None:
        pytest.skip("uvx is not on PATH, and SAM comes by it")
    environ = os.environ | {"AWS_DEFAULT_REGION": "eu-central-1", "SAM_CLI_TELEMETRY": "0"}
    environ.pop("PYTHONPYCACHEPREFIX", None)  # what it compiles belongs to what it builds
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
    """Build for `x86_64` or `arm64`, unless another process has built the same sources already."""
    folder = BUILT / architecture
    BUILT.mkdir(parents=True, exist_ok=True)
    # One at a time: SAM keeps a file beside the folder that it builds.
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
    """Name what is built from by its content."""
    digest = hashlib.sha256()
    for top in (*TEMPLATE_PATHS, *(ROOT / name for name in _SOURCES)):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def lambda_python() -> str:
    """Where Python 3.13 is, which the functions are deployed on; skips the test without one."""
    found = subprocess.run(
        [ROOT / "infra" / "aws" / "packaging" / "find-python"],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        pytest.skip("Python 3.13, which the functions are deployed on, is not on this machine")
    return found.stdout.strip()
