"""Packages that come with an extra, found without importing them.

Some carry a model's weights and import whole frameworks that are not installed with them.
"""

from importlib.util import find_spec
from pathlib import Path

from shared.errors import ConfigurationError


def package_folder(package: str, *others: str, extra: str) -> Path:
    """Where `package` is installed; it and the others must be there.

    Raises:
        ConfigurationError: one of them is not installed; `extra` is what brings them.
    """
    specs = {name: find_spec(name) for name in (package, *others)}
    missing = [name for name, spec in specs.items() if spec is None]
    if missing:
        raise ConfigurationError(f"{', '.join(missing)} not installed: install tercet[{extra}]")
    spec = specs[package]
    return Path(spec.origin).parent if spec and spec.origin else Path()
