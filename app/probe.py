"""The container's health check: one request to `/health` on this machine. Standard library only, so it is quick."""

import http.client
import os
import sys

# Settings that listen on every address, this machine's own among them.
EVERYWHERE = {"", "::", "0.0.0.0"}


def main() -> int:
    """returns  0 when the service says that it is ready, else 1 with the reason on standard error"""
    # Not by settings.py: importing that would cost this check ten times its own time and memory.
    host, port = os.environ.get("HOST", ""), int(os.environ.get("PORT") or 8000)
    connection = http.client.HTTPConnection("127.0.0.1" if host in EVERYWHERE else host, port, timeout=4)
    try:
        connection.request("GET", "/health")
        response = connection.getresponse()
        body = response.read(2000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    print(body, file=sys.stdout if response.status == 200 else sys.stderr)
    return 0 if response.status == 200 else 1
