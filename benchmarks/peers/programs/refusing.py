"""refusing.py PORT: Granian as the service has it, and behind it nothing but the answer that there is no place.

The least that a refusal costs: its body is read, for a connection that is to be used again, and 429 is said.
"""

import asyncio
import gc
import json
import sys
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

CONNECTIONS = 4096
_body = json.dumps({"error": {"message": "no place", "type": "rate_limit_error", "code": "queue_full"}}).encode()
_head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_body)), (b"retry-after", b"1")]


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 429, "headers": _head})
    await send({"type": "http.response.body", "body": _body})


def main() -> None:
    server = Server(
        refuse,
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.ASGI,
        websockets=False,
        http=HTTPModes.http1,
        backlog=1024,
        backpressure=CONNECTIONS,
        log_enabled=False,
    )
    gc.freeze()
    asyncio.run(server.serve())


if __name__ == "__main__":
    main()
