"""HEAD: what GET would answer, without its body."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.routes import Routes


class AnswerHead:
    """Asks for GET in place of HEAD, and drops the body; its length stays in the head, as RFC 9110, 9.3.2 wants it.

    Not where the answer is a stream: all of it would be made, and for nobody. It is logged and counted as HEAD.
    """

    def __init__(self, app: ASGIApp, routes: Routes) -> None:
        self._app = app
        self._routes = routes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        asked = scope["type"] == "http" and scope["method"] == "HEAD"
        return (self._answer if asked else self._app)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        found = self._routes.find("GET", scope["path"])
        if found is not None and not found.streamed:
            scope["method"] = "GET"
        try:
            await self._app(scope, receive, send_head)
        finally:
            scope["method"] = "HEAD"
