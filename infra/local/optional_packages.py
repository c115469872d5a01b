"""Packages of an optional extra."""

from importlib.util import find_spec

from shared.errors import ConfigurationError


def require_package(package: str, *, extra: str) -> None:
    """Check that a package is installed.

    Raises:
        ConfigurationError: it is missing; the message has the command to install it.
    """
    if find_spec(package) is None:
        raise ConfigurationError(
            f"{package} not installed: in the folder of Tercet run"
            f" uv sync --inexact --extra {extra}, or pip install '.[{extra}]'"
        )
