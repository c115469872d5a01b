"""The parts of Lambda that the emulator needs, and the build of the functions.

The runtime interface emulator, `aws-lambda-rie`, is part of the SAM CLI package.
"""

import platform
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Self

from shared.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "3.13"
# uvx runs the SAM CLI, so that its pinned packages are not part of the project's environment.
SAM = "aws-sam-cli==1.170.0"

_FOLDER = ROOT / "build" / "emulator"
# Platform name: the emulator's file, Lambda's name of the architecture.
_MACHINES = {
    "x86_64": ("aws-lambda-rie-x86_64", "x86_64"),
    "aarch64": ("aws-lambda-rie-arm64", "arm64"),
}
_FIND_PYTHON = ROOT / "infra" / "aws" / "packaging" / "find-python"
_FIND_SAM = "import importlib.util as i; print(i.find_spec('samcli').submodule_search_locations[0])"
_LAMBDA_PACKAGES = ("awslambdaric", "boto3")  # installed in Lambda's Python


@dataclass(frozen=True, slots=True)
class Runtime:
    """The paths of a Python, of the folder with Lambda's packages and of the emulator."""

    python: Path
    packages: Path
    emulator: Path

    @classmethod
    def prepare(cls) -> Self:
        """Find Python and the emulator; install Lambda's packages.

        Raises:
            ConfigurationError: the platform is not supported, or uv or Python 3.13 is missing.
        """
        emulator, _ = _machine()
        sam = run_uv("tool", "run", "--from", SAM, "python", "-c", _FIND_SAM)
        found = subprocess.run([_FIND_PYTHON], check=False, capture_output=True, text=True)
        if found.returncode:
            raise ConfigurationError(f"Python {PYTHON} not found: uv python install {PYTHON}")
        python, packages = found.stdout.strip(), _FOLDER / f"python{PYTHON}"
        names = [f"{name}=={version(name)}" for name in _LAMBDA_PACKAGES]
        target = ("--python", python, "--target", str(packages))
        run_uv("pip", "install", "--compile-bytecode", *target, *names)
        return cls(Path(python), packages, Path(sam, "local", "rapid", emulator))


def build() -> Path:
    """Run `sam build` for this machine's architecture; return the build folder.

    Raises:
        ConfigurationError: the build failed.
    """
    folder = _FOLDER / "built"
    _, architecture = _machine()
    run_uv(
        *("tool", "run", "--from", SAM, "sam", "build"),
        *("--template", str(ROOT / "template.yaml"), "--build-dir", str(folder)),
        *("--parameter-overrides", f"Architecture={architecture}"),
    )
    return folder


def run_uv(*arguments: str) -> str:
    """Run uv and return its output.

    Raises:
        ConfigurationError: uv is not installed or failed.
    """
    uv = shutil.which("uv")
    if uv is None:
        raise ConfigurationError("uv is not on PATH")
    result = subprocess.run([uv, *arguments], check=False, capture_output=True, text=True)
    if result.returncode:
        raise ConfigurationError(f"uv {arguments[0]} failed: {result.stderr.strip()}")
    return result.stdout.strip()


def _machine() -> tuple[str, str]:
    if platform.system() != "Linux" or platform.machine() not in _MACHINES:
        raise ConfigurationError(
            "Lambda's emulator requires Linux on x86_64 or arm64; use `sam local invoke`"
        )
    return _MACHINES[platform.machine()]
