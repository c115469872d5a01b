"""Spans, collected in memory, or as a collector gets them over HTTP."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.requests import Request
from starlette.responses import Response

from shared.observability import timings
from shared.observability.tracing import OpenTelemetryTracer
from shared.settings import Settings

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@dataclass(frozen=True)
class Tree:
    """A span and those within it, in the order in which they began."""

    span: ReadableSpan
    within: "list[Tree]"

    @property
    def names(self) -> Any:
        """The name, or where there are spans within: it and theirs."""
        return [self.span.name, *(each.names for each in self.within)] if self.within else self.name

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def trace_id(self) -> str:
        assert self.span.context
        return f"{self.span.context.trace_id:032x}"

    def told(self, *path: str) -> dict[str, Any]:
        """The attributes of the first span under these names."""
        if not path:
            return dict(self.span.attributes or {})
        return next(each for each in self.within if each.name == path[0]).told(*path[1:])


def trees(spans: Sequence[ReadableSpan]) -> list[Tree]:
    """Every span whose parent is not among them, with what is within."""

    def tree(span: ReadableSpan) -> Tree:
        return Tree(span, [tree(each) for each in begun if _parent(each) == _id(span)])

    begun = sorted(spans, key=lambda span: span.start_time or 0)
    known = {_id(span) for span in spans}
    return [tree(span) for span in begun if _parent(span) not in known]


def _id(span: ReadableSpan) -> int:
    assert span.context
    return int(span.context.span_id)


def _parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


@contextmanager
def traced(settings: Settings) -> Iterator[InMemorySpanExporter]:
    """Trace what goes on within."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    timings.set_tracer(OpenTelemetryTracer(provider, settings))
    try:
        yield exporter
    finally:
        timings.set_tracer(None)


@dataclass
class Collector:
    """Takes spans over OTLP/HTTP: an ASGI app; it answers after `seconds`."""

    seconds: float = 0.0
    spans: list[str] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        request = Request(scope, receive)
        taken = ExportTraceServiceRequest.FromString(await request.body())
        for of_resource in taken.resource_spans:
            for each in of_resource.resource.attributes:
                if each.key == "service.name":
                    self.services.add(each.value.string_value)
            for of_scope in of_resource.scope_spans:
                self.spans += [span.name for span in of_scope.spans]
        await asyncio.sleep(self.seconds)
        await Response()(scope, receive, send)
