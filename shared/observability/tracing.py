"""OpenTelemetry spans for requests, their steps and what they ask of other servers.

Imported only where `Settings.tracing_enabled` is true, because it loads OpenTelemetry.
Nothing that anybody wrote goes into a span: an error is told by its type, a statement by its name.
Nor does the trace's context leave with what is asked of the models' host, which is a stranger.
"""

# ruff: noqa: PLC0415  # a provider that is set up already may come without SDK and exporter

import os
import re
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.errors import ConfigurationError
from shared.observability import timings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.observability.timings import Attributes
    from shared.settings import Settings

_FLUSH_SECONDS = 1.0
"""How long an invocation waits for its spans to be taken; later ones go with the next."""

_POSTGRES_PORT = 5432
_STORE_STEPS = frozenset({"search", "read_note", "write_note"})
_KINDS = {"server": SpanKind.SERVER, "consumer": SpanKind.CONSUMER}
_W3C = TraceContextTextMapPropagator()
_XRAY = re.compile(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24});Parent=([0-9a-f]{16})(?:;Sampled=([01]))?")


def start(settings: "Settings") -> None:
    """Make spans from now on: with the provider that is set up already, or one of our own.

    Raises:
        ConfigurationError: there is none yet, and `OTEL_TRACES_EXPORTER` names another exporter
            than OTLP.
        ModuleNotFoundError: there is none yet, and the extra `traces` is not installed.
    """
    lambda_function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        if settings.traces_exporter not in {"", "otlp"}:
            raise ConfigurationError(
                f"OTEL_TRACES_EXPORTER must be otlp or none, not {settings.traces_exporter!r}:"
                " for others, set up a tracer provider before Tercet starts"
            )
        provider = _provider(lambda_function or "tercet")
        trace.set_tracer_provider(provider)
    # Lambda lets a container stand still between invocations, its exporter too.
    timings.trace(Tracing(provider, settings, flushing=bool(lambda_function)))


def _provider(service: str) -> trace.TracerProvider:
    """Set up the SDK, as far as its own variables do not."""
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


class Tracing:
    """Spans as OpenTelemetry's semantic conventions have them: see `timings.Tracing`."""

    def __init__(
        self, provider: trace.TracerProvider, settings: "Settings", *, flushing: bool = False
    ) -> None:
        """`flushing`: whether `flush` is to wait until what ended is sent off."""
        self._provider = provider
        self._tracer = provider.get_tracer("tercet")
        self._store = _store(settings)
        self._flushing = flushing

    def timed(self, name: str) -> "_Span":
        """Trace a step; what is one call to the note store is told as that."""
        if name not in _STORE_STEPS:
            return _Span(self._tracer, name, SpanKind.INTERNAL, {})
        attributes = {**self._store, "db.operation.name": name}
        return _Span(self._tracer, name, SpanKind.CLIENT, attributes)

    def call(self, name: str, attributes: "Attributes") -> "_Span":
        """Trace what is asked of another server."""
        return _Span(self._tracer, name, SpanKind.CLIENT, attributes)

    def root(
        self, name: str, kind: str, attributes: "Attributes", carried: "Mapping[str, str]"
    ) -> "_Span":
        """Trace a request, under what was carried with it, else under what goes on here."""
        return _Span(self._tracer, name, _KINDS[kind], attributes, _context(carried))

    def flush(self) -> None:
        """Wait a little until what ended is sent off."""
        force = getattr(self._provider, "force_flush", None)
        if not (self._flushing and force):
            return
        # The SDK's own time limit is not kept to: open-telemetry/opentelemetry-python#4568.
        flushing = Thread(target=force, daemon=True)
        flushing.start()
        flushing.join(_FLUSH_SECONDS)


class _Span(timings.Span):
    """A span that begins and ends with a `with` statement."""

    def __init__(
        self,
        tracer: trace.Tracer,
        name: str,
        kind: SpanKind,
        attributes: "Attributes",
        context: Context | None = None,
    ) -> None:
        self._begin = partial(tracer.start_span, name, context, kind, attributes)

    def __enter__(self) -> Self:
        self._span = self._begin()
        self._token = attach(trace.set_span_in_context(self._span))
        self.trace_id = trace.format_trace_id(self._span.get_span_context().trace_id)
        return self

    def __exit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        if kind is not None:
            self.tell({"error.type": kind.__name__})  # no message: it may quote a note
        detach(self._token)
        self._span.end()

    def tell(self, attributes: "Attributes") -> None:
        """Add attributes; one that tells of an error marks the span as failed."""
        self._span.set_attributes(attributes)
        if "error.type" in attributes:
            self._span.set_status(Status(StatusCode.ERROR))

    def rename(self, name: str) -> None:
        """Give it another name."""
        self._span.update_name(name)


def _store(settings: "Settings") -> "Attributes":
    """Say what the note store is, and where, if it is no file and its URL no secret."""
    if settings.database_url_secret:
        return {"db.system.name": "postgresql"}  # a secret is of that form alone
    if not settings.database_url.startswith(("postgresql://", "postgres://")):
        return {"db.system.name": "sqlite"}
    told: dict[str, str | int] = {"db.system.name": "postgresql"}
    with suppress(ValueError):  # the store itself says what is wrong with it
        url = urlsplit(settings.database_url)
        if url.hostname:
            told |= {"server.address": url.hostname, "server.port": url.port or _POSTGRES_PORT}
    return told


def _context(carried: "Mapping[str, str]") -> Context | None:
    """Read the trace that a request is a part of: W3C's form, or X-Ray's on AWS' own queues."""
    if "traceparent" not in carried and (found := _XRAY.search(carried.get("awstraceheader", ""))):
        epoch, rest, parent, sampled = found.groups()
        carried = {"traceparent": f"00-{epoch}{rest}-{parent}-0{sampled or 0}"}
    # None keeps what goes on here, such as the request that pushed a message.
    return _W3C.extract(carried) if "traceparent" in carried else None
