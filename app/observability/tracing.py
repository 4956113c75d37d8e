"""OpenTelemetry spans of each request, sent over OTLP/HTTP. Imported only where traces are asked for.

The packages are not in the default image (docs/observability.md). That traces are wanted is a setting; where they go
and how, the SDK reads from the standard OTEL_… variables itself, as its users know it.

source  https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

import threading
from collections.abc import Iterable

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue
from starlette.types import Scope

from app.observability.request_id import request_id
from app.observability.requests import METHODS, OTHER
from app.observability.timing import Stage, Timing

# What is not delivered within these seconds of the end is lost: a receiver that is gone must not hold up the shutdown.
LAST_SEND_S = 2.0


class OtlpTracer:
    """Makes the spans of a request when it has ended; a thread of the SDK's sends them.

    Closed once. A caller's `traceparent` is continued, and its decision whether to sample is kept.
    """

    def __init__(self, version: str) -> None:
        own = Resource({"service.name": "vectorspace", "service.version": version})
        resource = Resource.create().merge(own).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("vectorspace", version)
        self._propagator = TraceContextTextMapPropagator()

    def ended(self, scope: Scope, route: str, status: int, began_unix_s: float, took_s: float, timing: Timing) -> None:
        known = route != OTHER
        # Else a caller could make as many names of spans as it likes.
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        named = method if method in METHODS else "HTTP"
        attributes: dict[str, AttributeValue] = {
            "http.request.method": method,
            "url.scheme": scope["scheme"],
            "http.response.header.x-request-id": [request_id.get()],
        }
        if known:
            attributes["http.route"] = route
        if status:
            attributes["http.response.status_code"] = status
        if not 0 < status < 500:
            attributes["error.type"] = str(status or "no response")
        span = self._tracer.start_span(
            f"{named} {route}" if known else named,
            context=self._propagator.extract(_carrier(scope["headers"])),
            kind=SpanKind.SERVER,
            attributes=attributes,
            start_time=_ns(began_unix_s),
        )
        if span.is_recording():
            self._add(timing.stages or (), set_span_in_context(span))
            if not 0 < status < 500:
                span.set_status(Status(StatusCode.ERROR))
        span.end(_ns(began_unix_s + took_s))

    def close(self) -> None:
        """Send what waits, for at most LAST_SEND_S."""
        last = threading.Thread(target=self._provider.shutdown, name="last-traces", daemon=True)
        last.start()
        last.join(LAST_SEND_S)

    def _add(self, stages: Iterable[Stage], context: Context) -> None:
        for stage in stages:
            span = self._tracer.start_span(
                stage.name,
                context=context,
                kind=SpanKind.CLIENT if stage.remote else SpanKind.INTERNAL,
                attributes=dict(stage.attributes),
                start_time=_ns(stage.began_unix_s),
            )
            self._add(stage.parts, set_span_in_context(span))
            span.end(_ns(stage.began_unix_s + stage.took_s))


def _carrier(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The two headers of a trace; one that comes in several lines, as `tracestate` may, is one list."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name in (b"traceparent", b"tracestate"):
            key, text = name.decode("ascii"), value.decode("latin-1")
            found[key] = f"{found[key]},{text}" if key in found else text
    return found


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
