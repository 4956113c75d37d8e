"""What many clients ask at once of a small instance: long texts, many texts, an import, and searches meanwhile."""

import http.client
import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

MODEL = "all-MiniLM-L6-v2"
PATIENCE_S = 300
LONG_REQUESTS, LONG_TEXTS, LONG_WORDS = 12, 32, 120
WIDE_REQUESTS, WIDE_TEXTS = 2, 1024
DOCUMENTS = 1000
SEARCHES = 60


class Client:
    """One caller, who brings the key. Every request has its own connection."""

    def __init__(self, url: str, key: str) -> None:
        self._address = urlsplit(url).netloc
        self._headers = {"X-API-Key": key}

    def send(
        self, method: str, path: str, body: bytes = b"{}", content_type: str = "application/json", host: str = "test"
    ) -> http.client.HTTPConnection:
        """A request that is sent whole; its answer is not read yet."""
        connection = http.client.HTTPConnection(self._address, timeout=PATIENCE_S)
        connection.request(method, path, body, {**self._headers, "Content-Type": content_type, "Host": host})
        return connection

    def ask(self, *request: str | bytes, **more: str) -> tuple[int, bytes]:
        """Status and body; the arguments are those of `send`."""
        return received(self.send(*request, **more))  # type: ignore[arg-type]


def received(connection: http.client.HTTPConnection) -> tuple[int, bytes]:
    """Status and body of the answer to what was sent."""
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def embedding(texts: list[str]) -> bytes:
    return json.dumps({"model": MODEL, "input": texts, "truncate": True}).encode()


def words(chance: random.Random, count: int) -> str:
    """A text that no other is like: nothing is answered from what was embedded before."""
    return " ".join(
        f"{chance.choice(('harbour', 'winter', 'engine', 'paper'))}{chance.randrange(10**4)}" for _ in range(count)
    )


def documents(chance: random.Random) -> Iterator[bytes]:
    for number in range(DOCUMENTS):
        yield json.dumps({"id": str(number), "text": words(chance, 12), "metadata": {"kind": number % 7}}).encode()


def run(client: Client, collection: str) -> tuple[Counter[tuple[str, int]], dict[str, Any]]:
    """All of it at once, until every answer is there.

    returns  how often each kind of request got each status, and the import's summary
    """
    chance = random.Random(5)
    long = [embedding([words(chance, LONG_WORDS) for _ in range(LONG_TEXTS)]) for _ in range(LONG_REQUESTS)]
    wide = [embedding([words(chance, 4) for _ in range(WIDE_TEXTS)]) for _ in range(WIDE_REQUESTS)]
    search = [json.dumps({"query": words(chance, 3), "filter": {"kind": {"$ne": 3}}}).encode() for _ in range(SEARCHES)]
    path = f"/v1/collections/{collection}"
    with ThreadPoolExecutor(1 + LONG_REQUESTS + WIDE_REQUESTS + 4) as pool:
        body = b"\n".join(documents(chance))
        importing = pool.submit(client.ask, "POST", f"{path}/import", body, "application/x-ndjson")
        others: list[tuple[str, Future[tuple[int, bytes]]]] = [
            *(("long", pool.submit(client.ask, "POST", "/v1/embeddings", request)) for request in long),
            *(("wide", pool.submit(client.ask, "POST", "/v1/embeddings", request)) for request in wide),
            *(("search", pool.submit(client.ask, "POST", f"{path}/search", request)) for request in search),
        ]
        statuses = Counter((kind, answer.result()[0]) for kind, answer in others)
        statuses["import", importing.result()[0]] += 1
    last = json.loads(importing.result()[1].splitlines()[-1])
    return statuses, last["summary"]
