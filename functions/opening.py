"""How a process of any function begins."""

from shared.container import Container
from shared.telemetry import configure


def open_container() -> Container:
    """Make the container from the process's environment, and set up its log."""
    container = Container.from_env()
    configure(container.settings)
    return container
