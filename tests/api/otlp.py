"""A receiver of OpenTelemetry's traces on loopback, for tests of who sends them."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Receiver:
    """Listens on loopback for OTLP over HTTP, and keeps what was posted to /v1/traces."""

    def __init__(self) -> None:
        received = self.received = list[ExportTraceServiceRequest]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                assert self.headers["Content-Type"] == "application/x-protobuf"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.received
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def of(self, name: str) -> tuple[Span, list[Span]]:
        """The one request of that name, and what it consists of, its parts' parts included, by their beginning."""
        (root,) = [span for span in self.spans if span.name == name]
        below, found = {root.span_id}, list[Span]()
        for _ in range(2):
            children = [span for span in self.spans if span.parent_span_id in below]
            below = {span.span_id for span in children}
            found += children
        return root, sorted(found, key=lambda span: (span.start_time_unix_nano, -span.end_time_unix_nano))
