"""What Lambda brings along: its Python, the client of its runtime API, and an emulator of that.

The emulator, `aws-lambda-rie`, comes inside SAM's command line, which runs it in its containers.
"""

import platform
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Self

from shared.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "build" / "emulator"
"""Where everything goes that is made for it."""

PYTHON = "3.13"
"""The version that is deployed."""

# SAM's many pinned packages stay out of the project's environment.
SAM = "aws-sam-cli==1.170.0"

_EMULATORS = {"x86_64": "aws-lambda-rie-x86_64", "aarch64": "aws-lambda-rie-arm64"}
_FIND_PYTHON = ROOT / "infra" / "aws" / "packaging" / "find-python"
_FIND_SAM = "import importlib.util as i; print(i.find_spec('samcli').submodule_search_locations[0])"
# Lambda's Python has these two installed; nothing else of the function's comes from there.
_INSTALLED = ("awslambdaric", "boto3")


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where these parts are; `library` is a folder of packages, as Lambda's own."""

    python: Path
    library: Path
    emulator: Path

    @classmethod
    def prepare(cls) -> Self:
        """Find the parts, and install what is to be installed.

        Raises:
            ConfigurationError: something is not to be had here; says what.
        """
        if platform.system() != "Linux" or platform.machine() not in _EMULATORS:
            raise ConfigurationError(
                "Lambda's emulator runs on Linux alone; use `sam local invoke`"
            )
        library = FOLDER / f"python{PYTHON}"
        emulator = Path(
            run_uv("tool", "run", "--from", SAM, "python", "-c", _FIND_SAM),
            *("local", "rapid", _EMULATORS[platform.machine()]),
        )
        found = subprocess.run(  # noqa: S603 - ours
            [_FIND_PYTHON], check=False, capture_output=True, text=True
        )
        if found.returncode:
            return cls(Path(sys.executable), Path(sysconfig.get_path("platlib")), emulator)
        python = Path(found.stdout.strip())
        packages = [f"{name}=={version(name)}" for name in _INSTALLED]
        target = ("--python", str(python), "--target", str(library))
        run_uv("pip", "install", "--compile-bytecode", *target, *packages)
        return cls(python, library, emulator)

    @property
    def deployed(self) -> bool:
        """Whether this is the Python that is deployed; the project's own stands in for it."""
        return self.python != Path(sys.executable)

    def path(self, layer: Path, stand_in: Path) -> list[Path]:
        """Where this Python looks for packages: the layer, then what Lambda brings along.

        The layer's compiled packages are of the deployed version. For another one, its `shared`
        goes alone into the folder `stand_in`, and the packages are the project's own.
        """
        if self.deployed:
            return [layer, self.library]
        link = stand_in / "shared"
        if not link.is_symlink():
            link.symlink_to(layer / "shared")
        return [stand_in, self.library]


def run_uv(*arguments: str) -> str:
    """Run uv: what it prints.

    Raises:
        ConfigurationError: uv is not to be had, or could not do it; says why.
    """
    ended = subprocess.run(  # noqa: S603 - uv, with arguments of ours
        [_find_uv(), *arguments], check=False, capture_output=True, text=True
    )
    if ended.returncode:
        raise ConfigurationError(f"uv could not do its part: {ended.stderr.strip()}")
    return ended.stdout.strip()


def _find_uv() -> str:
    path = shutil.which("uv")
    if path is None:
        raise ConfigurationError("uv is not on PATH, and Lambda's emulator comes by it")
    return path
