"""Packages of an optional extra, located without importing them.

Packages with model weights import frameworks that Tercet does not install.
"""

from importlib.util import find_spec
from pathlib import Path

from shared.errors import ConfigurationError


def package_folder(package: str, *others: str, extra: str) -> Path:
    """Return the folder of `package`; check that it and the others are installed.

    Raises:
        ConfigurationError: a package is missing; the message has the command to install it.
    """
    specs = {name: find_spec(name) for name in (package, *others)}
    missing = [name for name, spec in specs.items() if spec is None]
    if missing:
        raise ConfigurationError(
            f"{', '.join(missing)} not installed: in the folder of Tercet run"
            f" uv sync --inexact --extra {extra}, or pip install '.[{extra}]'"
        )
    spec = specs[package]
    return Path(spec.origin).parent if spec and spec.origin else Path()
