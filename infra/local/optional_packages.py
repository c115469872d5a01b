"""Packages of an optional extra, located without importing them."""

from importlib.util import find_spec
from pathlib import Path

from shared.errors import ConfigurationError


def package_folder(package: str, *, extra: str) -> Path:
    """Return the folder of an installed package.

    Raises:
        ConfigurationError: it is missing; the message has the command to install it.
    """
    spec = find_spec(package)
    if spec is None:
        raise ConfigurationError(
            f"{package} not installed: in the folder of Tercet run"
            f" uv sync --inexact --extra {extra}, or pip install '.[{extra}]'"
        )
    return Path(spec.origin).parent if spec.origin else Path()
