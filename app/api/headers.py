"""What every response tells a browser: that this is data and no page, to be neither rendered, framed nor kept.

The page itself (page.py) says otherwise of some, and what a response says of itself counts.
"""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Strict-Transport-Security is not here: whoever ends TLS, a proxy in front of this service, knows whether it may be.
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
NAMES = frozenset(name for name, _ in HEADERS)
# What a web page on another origin may read beside the body, once CORS_ORIGINS names it.
EXPOSED = ["X-Request-Id", "Server-Timing", "Retry-After", "X-Compute-Tokens", "X-Truncated-Texts"]


class ResponseHeaders:
    """Adds HEADERS to each response, errors and preflights included, but for those that it has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._app(scope, receive, send)

        def send_with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                added = HEADERS if own.isdisjoint(NAMES) else [each for each in HEADERS if each[0] not in own]
                message["headers"] = [*message["headers"], *added]
            return send(message)

        return self._app(scope, receive, send_with_headers)
