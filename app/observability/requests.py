"""The outermost layer: of every request an id, a log line, numbers for Prometheus, and where its time went."""

import logging
import time
from collections.abc import Awaitable
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.observability.metrics import SECONDS, Counters, Histograms, Metric, Value
from app.observability.request_id import HEADER, id_of, request_id
from app.observability.timing import Timing, current

log = logging.getLogger("app.requests")

# The label of a path that is none of ours, and of a request that was refused before its route was looked for.
OTHER = "other"
# Answers that come in parts, and reasons that may end them: shown from the start, so that the first one is an increase.
CUT_SHORT = {
    "/v1/collections/{name}/import": ("answer_unread", "client_left", "internal_error", "shutdown", "storage_full"),
    "/v1/collections/{name}/export": ("answer_unread", "client_left", "shutdown"),
}
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetrics:
    """How many requests, how long, how large. Used on the event loop's thread alone.

    Labels come from a set that no caller can enlarge: route templates, known methods, statuses.
    """

    def __init__(self) -> None:
        self.in_flight = self.texts = self.tokens = 0
        self._requests = Counters(
            "vectorspace_http_requests_total",
            "Requests answered; status none: the client left before.",
            ("route", "method", "status"),
        )
        self._cut_short = Counters(
            "vectorspace_cut_short_requests_total",
            "Requests whose answer had begun, with its status, and ended early.",
            ("route", "reason"),
        )
        for route, reasons in CUT_SHORT.items():
            for reason in reasons:
                self._cut_short.add(route, reason, amount=0)
        self._seconds = Histograms(
            "vectorspace_http_request_duration_seconds", "Time from a request's head to its end.", SECONDS, "route"
        )

    def ended(self, route: str, method: str, status: int, took_s: float, timing: Timing) -> None:
        self._requests.add(route, method, str(status or "none"))
        self._seconds.observe(route, took_s)
        if timing.cut_short:
            self._cut_short.add(route, timing.cut_short)
        self.texts += timing.texts
        self.tokens += timing.tokens

    def metrics(self) -> list[Metric]:
        texts = "Texts that requests had embedded, those of the cache included."
        tokens = "Tokens that the model reads of these texts."
        return [
            self._requests,
            self._cut_short,
            self._seconds,
            Value("vectorspace_http_requests_in_flight", "gauge", "Requests under way.", lambda: self.in_flight),
            Value("vectorspace_requested_texts_total", "counter", texts, lambda: self.texts),
            Value("vectorspace_requested_tokens_total", "counter", tokens, lambda: self.tokens),
        ]


class Tracer(Protocol):
    """Who makes spans of the requests that ended."""

    def ended(self, scope: Scope, route: str, status: int, began_unix_s: float, took_s: float, timing: Timing) -> None:
        """`timing.stages` is a list."""


class ObserveRequests:
    """Logs one line for each request: id, method, route, status, milliseconds, sizes; never a text, an id or a name."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics, tracer: Tracer | None = None) -> None:
        self._app = app
        self._metrics = metrics
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given, timing = id_of(scope["headers"]), Timing(traced=self._tracer is not None)
        tokens = request_id.set(given.decode("ascii")), current.set(timing)
        status, started_s = 0, time.perf_counter()

        def send_with_head(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                times = server_timing(timing, time.perf_counter() - started_s)
                added = [(HEADER, given), (b"server-timing", times.encode("ascii"))]
                message["headers"] = [*message.get("headers", ()), *added]
            return send(message)

        self._metrics.in_flight += 1
        try:
            await self._app(scope, receive, send_with_head)
        finally:
            self._metrics.in_flight -= 1
            took_s = time.perf_counter() - started_s
            self._ended(scope, status, took_s, timing)
            request_id.reset(tokens[0])
            current.reset(tokens[1])

    def _ended(self, scope: Scope, status: int, took_s: float, timing: Timing) -> None:
        method = scope["method"] if scope["method"] in METHODS else OTHER
        route = getattr(scope.get("route"), "path_format", OTHER)
        self._metrics.ended(route, method, status, took_s, timing)
        if log.isEnabledFor(logging.INFO):
            fields = {
                "method": method,
                "route": route,
                "status": status,
                "duration_ms": round(took_s * 1000, 2),
                **{f"{name}_ms": round(spent_s * 1000, 2) for name, spent_s in _spent(timing)},
            }
            if timing.texts:
                fields |= {"texts": timing.texts, "tokens": timing.tokens}
            if timing.cut_short:
                fields["cut_short"] = timing.cut_short
            log.info("%s %s %s", method, route, status or "no response", extra={"fields": fields})
        if self._tracer is not None:
            self._tracer.ended(scope, route, status, time.time() - took_s, took_s, timing)


def server_timing(timing: Timing, total_s: float) -> str:
    """The header's value: milliseconds so far, those that are known.

    source  https://www.w3.org/TR/server-timing/#the-server-timing-header-field
    """
    stages = "".join([f"{name};dur={spent_s * 1000:.2f}, " for name, spent_s in _spent(timing)])
    return f"{stages}total;dur={total_s * 1000:.2f}"


def _spent(timing: Timing) -> list[tuple[str, float]]:
    """Texts that were all in the cache took no time of queue and model: that is said, with 0."""
    spent = [("queue", timing.queue_s), ("encode", timing.encode_s)] if timing.texts else []
    if timing.store_s:
        spent.append(("store", timing.store_s))
    if timing.remote_s:
        spent.append(("remote", timing.remote_s))
    if timing.map_s:
        spent.append(("map", timing.map_s))
    return spent
