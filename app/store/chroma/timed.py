"""Chroma's HTTP client with a limit to how long it waits. Of itself it waits for ever, already while it is made.

`HttpClient` finds the class that talks HTTP by its name and makes it, and has no setting for a limit: ours takes that
class's place. tests/store/chroma/test_store_chroma_server.py has a server that hangs.

source  https://github.com/chroma-core/chroma/blob/1.5.9/chromadb/api/fastapi.py
"""

from typing import Any

import httpx

from app.store.library import chromadb

# isort: split
import chromadb.api.fastapi as http_api  # after the stand-in that `library` makes

CONNECT_S = 5.0
# How long a request waits for one of the connections.
ACQUIRE_S = 10.0


class TimedApi(http_api.FastAPI):
    """Gives up a request when nothing of its answer came for `chroma_query_request_timeout_seconds`.

    That setting is for a part of chromadb that is not used here.
    """

    def __init__(self, system: chromadb.config.System) -> None:
        super().__init__(system)
        silence_s = system.settings.chroma_query_request_timeout_seconds
        self._session.timeout = httpx.Timeout(silence_s, connect=CONNECT_S, pool=ACQUIRE_S)

    @http_api.override  # type: ignore[attr-defined]  # its base takes no method in its place without
    def stop(self) -> None:
        """With its connections, which the client leaves open."""
        super().stop()
        self._session.close()


http_api.FastAPI = TimedApi  # type: ignore[misc]


def client(
    url: str,
    *,
    tenant: str,
    database: str,
    headers: dict[str, str],
    connections: int,
    timeout_s: int,
) -> Any:
    """An `HttpClient`. Any: its annotations know no collection without a function that embeds.

    raises  what the client does; it asks the server while it is made
    """
    settings = chromadb.config.Settings(
        anonymized_telemetry=False,
        # Said in full, since it reads from the environment what is left out.
        chroma_server_host=url,
        chroma_server_http_port=0,
        chroma_client_auth_provider=None,
        chroma_otel_collection_endpoint="",
        chroma_http_max_connections=connections,
        chroma_http_max_keepalive_connections=connections,
        chroma_query_request_timeout_seconds=timeout_s,
    )
    return chromadb.HttpClient(url, 0, headers=headers, settings=settings, tenant=tenant, database=database)
