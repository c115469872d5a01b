"""How a process of any function begins."""

from typing import TYPE_CHECKING

from functions.http import emf_metrics
from functions.lambda_snapshot import prepare_for_snapshots
from shared.container import Container
from shared.errors import ConfigurationError
from shared.observability.json_logging import configure

if TYPE_CHECKING:
    from shared.settings import Settings


def open_container() -> Container:
    """Make the container from the process's environment.

    Raises:
        ConfigurationError: a setting makes no sense, or traces are asked for that cannot be made.
    """
    container = Container.from_env()
    begin_telling(container.settings)
    if container.settings.redis_password_secret:
        # Connections to Redis need it, and are not given as long as it takes to load.
        from shared.aws import sdk  # noqa: PLC0415  # few have one

        sdk.load()
    prepare_for_snapshots(container)
    return container


def begin_telling(settings: "Settings") -> None:
    """Set up this process's log, metrics and traces.

    Raises:
        ConfigurationError: traces are asked for that cannot be made.
    """
    configure(settings)
    emf_metrics.prepare()
    if not settings.tracing_enabled:
        return
    try:
        from shared.observability import tracing  # noqa: PLC0415  # OpenTelemetry, where it is asked for alone

        tracing.start(settings)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "OTEL_TRACES_EXPORTER or OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, which need"
            f" {error.name}: install tercet[traces], or set OTEL_TRACES_EXPORTER=none"
        ) from error
