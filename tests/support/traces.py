"""Collection of spans in memory, and an OTLP collector over HTTP."""

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
    """A span and its children, in the order of their start."""

    span: ReadableSpan
    children: "list[Tree]"

    @property
    def names(self) -> Any:
        """The span's name, or a list of it and its children's names."""
        return (
            [self.span.name, *(each.names for each in self.children)]
            if self.children
            else self.name
        )

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def trace_id(self) -> str:
        assert self.span.context
        return f"{self.span.context.trace_id:032x}"

    def attributes(self, *path: str) -> dict[str, Any]:
        """The attributes of the first descendant with this path of names."""
        if not path:
            return dict(self.span.attributes or {})
        return next(each for each in self.children if each.name == path[0]).attributes(*path[1:])


def trees(spans: Sequence[ReadableSpan]) -> list[Tree]:
    """Build a tree from each span whose parent is not among the spans."""

    def tree(span: ReadableSpan) -> Tree:
        return Tree(span, [tree(each) for each in ordered if _parent(each) == _id(span)])

    ordered = sorted(spans, key=lambda span: span.start_time or 0)
    ids = {_id(span) for span in spans}
    return [tree(span) for span in ordered if _parent(span) not in ids]


def _id(span: ReadableSpan) -> int:
    assert span.context
    return int(span.context.span_id)


def _parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


@contextmanager
def traced(settings: Settings) -> Iterator[InMemorySpanExporter]:
    """Enable tracing and collect the spans."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    timings.set_tracer(OpenTelemetryTracer(provider, settings).start_span)
    try:
        yield exporter
    finally:
        timings.set_tracer(None)


@dataclass
class Collector:
    """An OTLP/HTTP collector as an ASGI app; it responds after `seconds`."""

    seconds: float = 0.0
    spans: list[str] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        request = Request(scope, receive)
        exported = ExportTraceServiceRequest.FromString(await request.body())
        for resource_spans in exported.resource_spans:
            for each in resource_spans.resource.attributes:
                if each.key == "service.name":
                    self.services.add(each.value.string_value)
            for scope_spans in resource_spans.scope_spans:
                self.spans += [span.name for span in scope_spans.spans]
        await asyncio.sleep(self.seconds)
        await Response()(scope, receive, send)
