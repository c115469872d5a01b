"""OpenTelemetry spans for requests, their steps and their calls to other servers.

Imported only where `Settings.tracing_enabled` is true, because it loads OpenTelemetry. Spans hold
no private text: an error is recorded by its type, a Redis script by its name. The trace context is
not sent to the model host.
"""

# ruff: noqa: PLC0415  # the SDK and the exporter are not needed if a provider exists already

import os
import re
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.errors import ConfigurationError
from shared.notes.database_url import is_postgres
from shared.observability import timings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.observability.timings import Attributes
    from shared.settings import Settings

_FLUSH_SECONDS = 1.0
"""How long an invocation waits for the export of its spans; later spans are sent with the next."""

_POSTGRES_PORT = 5432
_STORE_STEPS = frozenset({"search", "read_note", "write_note"})
_W3C = TraceContextTextMapPropagator()
_XRAY = re.compile(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24});Parent=([0-9a-f]{16})(?:;Sampled=([01]))?")


def start_tracing(settings: "Settings") -> None:
    """Enable spans, with the global tracer provider or a new one that exports over OTLP.

    Raises:
        ConfigurationError: no provider exists, and `OTEL_TRACES_EXPORTER` is not `otlp`.
        ModuleNotFoundError: no provider exists, and the extra `traces` is not installed.
    """
    lambda_function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        if settings.traces_exporter not in {"", "otlp"}:
            raise ConfigurationError(
                f"OTEL_TRACES_EXPORTER must be otlp or none, not {settings.traces_exporter!r}:"
                " for other exporters set up a tracer provider before Tercet starts"
            )
        provider = _create_provider(lambda_function or "tercet")
        trace.set_tracer_provider(provider)
    # Lambda suspends the process between invocations, and with it the exporter's thread.
    tracer = OpenTelemetryTracer(provider, settings)
    timings.set_tracer(tracer.start_span, tracer.flush if lambda_function else None)


def _create_provider(service: str) -> trace.TracerProvider:
    """Set up the SDK; its own environment variables take precedence over `service`."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: service}))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class OpenTelemetryTracer:
    """Starts spans by OpenTelemetry's semantic conventions; see `timings.set_tracer`."""

    def __init__(self, provider: trace.TracerProvider, settings: "Settings") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("tercet")
        self._store = _store_attributes(settings)

    @contextmanager
    def start_span(
        self, name: str, attributes: "Attributes", kind: str, carrier: "Mapping[str, str]"
    ) -> "Iterator[timings.Span]":
        """Start a span; an exception that ends it is recorded by its type."""
        if name in _STORE_STEPS:  # a step that is one call to the note store
            kind, attributes = "client", {**self._store, "db.operation.name": name}
        with self._tracer.start_as_current_span(
            name,
            context=_parent_context(carrier),
            kind=SpanKind[kind.upper()],
            attributes=attributes,
            # An exception's message may quote a note.
            record_exception=False,
            set_status_on_exception=False,
        ) as started:
            span = _Span(started)
            try:
                yield span
            except BaseException as error:
                span.set_attributes({"error.type": type(error).__name__})
                raise

    def flush(self) -> None:
        """Wait for the export of ended spans, at most `_FLUSH_SECONDS`."""
        if force_flush := getattr(self._provider, "force_flush", None):
            # The SDK ignores its own time limit: open-telemetry/opentelemetry-python#4568.
            flushing = Thread(target=force_flush, daemon=True)
            flushing.start()
            flushing.join(_FLUSH_SECONDS)


class _Span(timings.Span):
    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self.trace_id = trace.format_trace_id(span.get_span_context().trace_id)

    def set_attributes(self, attributes: "Attributes") -> None:
        self._span.set_attributes(attributes)
        if "error.type" in attributes:
            self._span.set_status(Status(StatusCode.ERROR))

    def update_name(self, name: str) -> None:
        self._span.update_name(name)


def _store_attributes(settings: "Settings") -> "Attributes":
    """Describe the note store; its address too, unless it is a file or comes from a secret."""
    if settings.database_url_secret:
        return {"db.system.name": "postgresql"}  # the only store whose URL can be a secret
    if not is_postgres(settings.database_url):
        return {"db.system.name": "sqlite"}
    attributes: dict[str, str | int] = {"db.system.name": "postgresql"}
    with suppress(ValueError):  # the store reports an invalid URL when it opens
        url = urlsplit(settings.database_url)
        if url.hostname:
            port = url.port or _POSTGRES_PORT
            attributes |= {"server.address": url.hostname, "server.port": port}
    return attributes


def _parent_context(carrier: "Mapping[str, str]") -> Context | None:
    """Read the parent from W3C's `traceparent` or X-Ray's `AWSTraceHeader`.

    Returns:
        None if the carrier has neither: the current span, if any, is the parent.
    """
    if "traceparent" not in carrier and (found := _XRAY.search(carrier.get("awstraceheader", ""))):
        epoch, unique, parent, sampled = found.groups()
        carrier = {"traceparent": f"00-{epoch}{unique}-{parent}-0{sampled or 0}"}
    return _W3C.extract(carrier) if "traceparent" in carrier else None
