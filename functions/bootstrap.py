"""Start-up of a function's process: container, observability, SnapStart hooks."""

from typing import TYPE_CHECKING

from functions.http import emf_metrics
from functions.lambda_snapshot import register_snapshot_hooks
from shared.container import Container
from shared.errors import ConfigurationError
from shared.observability.json_logging import configure_logging

if TYPE_CHECKING:
    from shared.settings import Settings


def open_container() -> Container:
    """Create the container from the process's environment.

    Raises:
        ConfigurationError: a setting is invalid, or tracing is enabled but not installed.
    """
    container = Container.from_env()
    configure_observability(container.settings)
    if container.settings.redis_password_secret:
        # Loading takes longer than the Redis time-out allows.
        from shared.aws import sdk  # noqa: PLC0415  # only with a Redis password secret

        sdk.preload_boto3()
    register_snapshot_hooks(container)
    return container


def configure_observability(settings: "Settings") -> None:
    """Configure logs, metrics and traces of this process.

    Raises:
        ConfigurationError: tracing is enabled but not installed, or its exporter is unknown.
    """
    configure_logging(settings)
    emf_metrics.enable_request_log()
    if not settings.tracing_enabled:
        return
    try:
        from shared.observability import tracing  # noqa: PLC0415  # loads OpenTelemetry

        tracing.start_tracing(settings)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "OTEL_TRACES_EXPORTER or OTEL_EXPORTER_OTLP_ENDPOINT enables tracing, which needs"
            f" {error.name}: install the extra traces, or set OTEL_TRACES_EXPORTER=none"
        ) from error
