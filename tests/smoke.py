"""The embedding smoke test: does this service embed, keep and find real text as it should? Standard library only.

    python tests/smoke.py URL [--wait SECONDS]

The key, where one is set, is the environment's API_KEY. Prints a table of checks; exits with 1 when one of them fails,
with 2 when the service cannot be reached.
"""

import argparse
import base64
import json
import math
import os
import struct
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

# Each row: two sentences that mean alike, and one about something else.
RELATED = [
    ("A man is playing a guitar on stage.", "Someone performs music with a guitar.", "The stock market fell sharply."),
    ("How do I reset my password?", "I forgot my login and need a new one.", "Which wine goes with grilled salmon?"),
    ("The cat sleeps on the sofa.", "A kitten is napping on the couch.", "Parliament passed the budget on Tuesday."),
    ("Heavy rain flooded the streets.", "The storm left roads under water.", "She baked a chocolate cake."),
]


class Failed(Exception):
    """A check that found something wrong; its message says what."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    ms: float


class Service:
    """The service under test, at `url`, spoken to over plain HTTP."""

    def __init__(self, url: str, api_key: str | None) -> None:
        self.url = url.rstrip("/")
        self.headers = {"Content-Type": "application/json"}
        if api_key:
            self.headers["Authorization"] = f"Bearer {api_key}"
        self.model = ""
        self.dimension = self.max_tokens = 0
        # Its own name, so that nothing that is kept there is touched.
        self.collection = f"/v1/collections/smoke-test-{uuid.uuid4().hex}"

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, self.headers, method=method)
        started = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                status, raw = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, raw = error.code, error.read()
        ms = (time.perf_counter() - started) * 1000
        try:
            return Answer(status, json.loads(raw) if raw else None, ms)
        except ValueError:
            raise Failed(f"{path} answered {status} with something that is not JSON: {raw[:80]!r}") from None

    def embed(self, texts: "str | list[str]", **more: Any) -> Answer:
        return self.ask("/v1/embeddings", {"model": self.model, "input": texts, **more})

    def vectors(self, texts: "str | list[str]") -> list[list[float]]:
        answer = self.embed(texts)
        expect(answer.status == 200, f"status {answer.status}: {answer.body}")
        return [row["embedding"] for row in answer.body["data"]]


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Failed(otherwise)


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def health(service: Service) -> str:
    answer = service.ask("/health")
    expect(answer.status == 200, f"/health answered {answer.status}: {answer.body}")
    expect(answer.body["status"] == "ready", f"status is {answer.body['status']!r}, not 'ready'")
    model = answer.body["model"]
    service.model, service.dimension, service.max_tokens = model["name"], model["dimension"], model["max_tokens"]
    return f"{model['name']} {model['precision']}, version {answer.body['version']}"


def models(service: Service) -> str:
    answer = service.ask("/v1/models")
    expect(answer.status == 200, f"/v1/models answered {answer.status}")
    names = [entry["id"] for entry in answer.body["data"]]
    expect(service.model in names, f"/v1/models lists {names} and /health says {service.model!r}")
    return ", ".join(names)


def dimension(service: Service) -> str:
    answer = service.embed("Good morning.")
    expect(answer.status == 200, f"status {answer.status}: {answer.body}")
    found = len(answer.body["data"][0]["embedding"])
    expect(found == service.dimension, f"{found} numbers, and the model has {service.dimension} dimensions")
    expect(answer.body["usage"]["prompt_tokens"] > 0, f"usage is {answer.body['usage']}")
    return f"{found} numbers, {answer.body['usage']['prompt_tokens']} tokens, {answer.ms:.1f} ms"


def unit_length(service: Service) -> str:
    lengths = [math.sqrt(dot(v, v)) for v in service.vectors([text for row in RELATED for text in row])]
    worst = max(abs(length - 1) for length in lengths)
    expect(worst < 1e-3, f"a vector's length differs from 1 by {worst:.6f}")
    return f"{len(lengths)} vectors, off by {worst:.1e} at most"


def meaning(service: Service) -> str:
    margins = []
    for first, related, unrelated in RELATED:
        a, b, c = service.vectors([first, related, unrelated])
        margins.append(dot(a, b) - dot(a, c))
        # A tenth of what there is between the unrelated one and the same: some models have all their vectors near.
        least = 0.1 * (1 - dot(a, c))
        expect(margins[-1] > least, f"{first!r} is {dot(a, b):.3f} to {related!r}, {dot(a, c):.3f} to {unrelated!r}")
    return f"related sentences nearer by {min(margins):.2f} at least"


def base64_equals_float(service: Service) -> str:
    texts = [row[0] for row in RELATED]
    answer = service.embed(texts, encoding_format="base64")
    expect(answer.status == 200, f"status {answer.status}: {answer.body}")
    worst = 0.0
    for row, plain in zip(answer.body["data"], service.vectors(texts), strict=True):
        raw = base64.b64decode(row["embedding"], validate=True)
        packed = struct.unpack(f"<{len(raw) // 4}f", raw)
        worst = max(worst, max(abs(x - y) for x, y in zip(packed, plain, strict=True)))
    expect(worst < 1e-6, f"base64 and float differ by {worst:.2e}")
    return f"differ by {worst:.1e} at most"


def tei_equals_openai(service: Service) -> str:
    texts = [row[0] for row in RELATED]
    answer = service.ask("/embed", {"inputs": texts, "prompt_name": "passage"})
    expect(answer.status == 200, f"status {answer.status}: {answer.body}")
    least = min(dot(a, b) for a, b in zip(answer.body, service.vectors(texts), strict=True))
    expect(least > 0.999, f"a text by /embed and by /v1/embeddings has cosine {least:.5f}")
    info = service.ask("/info").body
    expect(info["max_input_length"] > 0, f"/info says {info}")
    return f"{info['model_id']}, cosine {least:.6f} at least"


def smaller_numbers(service: Service) -> str:
    texts = [row[0] for row in RELATED]
    least = 1.0
    for row, whole in zip(
        service.embed(texts, embedding_dtype="int8").body["data"], service.vectors(texts), strict=True
    ):
        small = row["embedding"]
        least = min(least, dot(small, whole) / math.sqrt(dot(small, small)))
    expect(least > 0.999, f"an int8 vector has cosine {least:.5f} to its own float vector")
    bits = len(service.embed("a", embedding_dtype="binary").body["data"][0]["embedding"])
    expect(bits == math.ceil(service.dimension / 8), f"{bits} bytes hold the signs of {service.dimension} numbers")
    return f"int8: cosine {least:.5f} at least; binary: {bits} bytes"


def batch_equals_singles(service: Service) -> str:
    # New texts, and asked for once more as cut on the other side, which is nothing to a text that fits: else the
    # service's cache would answer, with what the batch has made.
    texts = [text for row in RELATED for text in row] + ["one", "word " * 100]
    texts = [f"{text} {uuid.uuid4().hex}" for text in texts]
    batch = service.vectors(texts)
    least = 1.0
    for text, vector in zip(texts, batch, strict=True):
        body = {"inputs": text, "prompt_name": "passage", "truncate": True, "truncation_direction": "Left"}
        answer = service.ask("/embed", body)
        expect(answer.status == 200, f"status {answer.status}: {answer.body}")
        least = min(least, dot(answer.body[0], vector))
    expect(least > 0.999, f"a text alone and in a batch has cosine {least:.5f}")
    return f"{len(texts)} texts, cosine {least:.6f} at least"


def clear_errors(service: Service) -> str:
    cases: list[tuple[str, Any, int, str]] = [
        ("token ids", {"model": service.model, "input": [[101, 7592, 102]]}, 400, "token"),
        ("an unknown model", {"model": "no-such-model", "input": "a"}, 404, "no-such-model"),
        ("an empty text", {"model": service.model, "input": ["a", ""]}, 400, "empty"),
        ("a text that is too long", {"model": service.model, "input": "word " * 5000}, 400, "tokens"),
        ("no input", {"model": service.model}, 400, "input"),
    ]
    for name, body, status, word in cases:
        answer = service.ask("/v1/embeddings", body)
        expect(answer.status == status, f"{name}: status {answer.status} instead of {status}: {answer.body}")
        message = answer.body.get("error", {}).get("message", "")
        expect(word in message, f"{name}: the message does not say {word!r}: {message!r}")
    return f"{len(cases)} kinds of bad input refused by name"


def create(service: Service) -> str:
    answer = service.ask(service.collection, {"metadata": {"by": "the smoke test"}}, "PUT")
    expect(answer.status == 201, f"status {answer.status}: {answer.body}")
    expect(answer.body["model"] == service.model, f"its model is {answer.body['model']!r}, not {service.model!r}")
    return f"{answer.body['model']}, {answer.body['dimension']} dimensions, {answer.body['distance']}"


def store(service: Service) -> str:
    documents = [
        {"id": f"{row}-{place}", "text": text, "metadata": {"row": row, "related": place < 2}}
        for row, texts in enumerate(RELATED)
        for place, text in enumerate(texts)
    ]
    sentences = service.max_tokens  # of ten tokens or more each: ten times what the model reads
    long = " ".join(f"Sentence {i} of the report speaks of nothing much." for i in range(sentences))
    documents.append({"id": "long", "text": f"{long} The code word is zanzibar.", "metadata": {"row": -1}})
    answer = service.ask(f"{service.collection}/documents", {"documents": documents})
    expect(answer.status == 200, f"status {answer.status}: {answer.body}")
    found = service.ask(service.collection).body
    expect(found["documents"] == len(documents), f"{found['documents']} documents of {len(documents)} are there")
    expect(found["passages"] > len(documents) + 5, f"{found['passages']} passages: a long text was not split")
    return f"{found['documents']} documents in {found['passages']} passages, {answer.ms:.0f} ms"


def hits(service: Service, query: str, **more: Any) -> list[Any]:
    answer = service.ask(f"{service.collection}/search", {"query": query, **more})
    expect(answer.status == 200, f"status {answer.status}: {answer.body}")
    found: list[Any] = answer.body["hits"]
    return found


def find_by_meaning(service: Service) -> str:
    for row, (first, related, _) in enumerate(RELATED):
        ids = [hit["id"] for hit in hits(service, first, mode="semantic", limit=2, filter={"row": {"$gte": 0}})]
        expect(set(ids) == {f"{row}-0", f"{row}-1"}, f"{first!r} finds {ids}, not itself and {related!r}")
    return f"{len(RELATED)} sentences find themselves and the one that means alike"


def find_by_word(service: Service) -> str:
    for mode in ("keyword", "hybrid"):
        first = hits(service, "zanzibar", mode=mode)[0]
        expect(first["id"] == "long", f"{mode}: 'zanzibar' finds {first['id']!r} first")
        passage = first["passage"]
        expect("zanzibar" in passage["text"], f"{mode}: the passage [{passage['start']}, {passage['end']}) lacks it")
    expect(hits(service, '" OR NEAR( * -- 🙂', mode="keyword") is not None, "operators were taken as such")
    return "in a long text, its passage marked, by keyword and hybrid"


def filter_hits(service: Service) -> str:
    found = hits(service, "music", filter={"row": 1})
    expect({hit["metadata"]["row"] for hit in found} == {1}, f"row 1 was asked for: {[h['id'] for h in found]}")
    both = hits(service, "music", filter={"$or": [{"row": {"$lt": 1}}, {"row": 2}], "related": True})
    ids = sorted(hit["id"] for hit in both)
    expect(ids == ["0-0", "0-1", "2-0", "2-1"], f"a combined filter finds {ids}")
    return f"{len(found)} and {len(both)} documents"


def delete(service: Service) -> str:
    documents = f"{service.collection}/documents"
    one = service.ask(f"{documents}/long", method="DELETE")
    expect(one.status == 204, f"status {one.status}: {one.body}")
    expect(not hits(service, "zanzibar", mode="keyword"), "what was deleted is still found")
    several = service.ask(f"{documents}/delete", {"filter": {"related": False}})
    expect(several.body == {"deleted": len(RELATED)}, f"deleting by filter answered {several.body}")
    return f"1 by id, {len(RELATED)} by filter"


def remove(service: Service) -> str:
    expect(service.ask(service.collection, method="DELETE").status == 204, "the collection cannot be deleted")
    gone = service.ask(service.collection)
    expect(gone.status == 404, f"a deleted collection answers {gone.status}")
    return "the collection is gone"


CHECKS: dict[str, Callable[[Service], str]] = {
    "health": health,
    "models": models,
    "dimension and usage": dimension,
    "unit length": unit_length,
    "related is closer": meaning,
    "base64 equals float": base64_equals_float,
    "int8 and binary": smaller_numbers,
    "TEI equals OpenAI": tei_equals_openai,
    "batch equals singles": batch_equals_singles,
    "clear errors": clear_errors,
    "create a collection": create,
    "store documents": store,
    "find by meaning": find_by_meaning,
    "find by word": find_by_word,
    "filter": filter_hits,
    "delete documents": delete,
    "delete the collection": remove,
}


def run(service: Service) -> Iterator[tuple[str, bool, str]]:
    """Each check's name, whether it passed, and what it saw."""
    for name, check in CHECKS.items():
        try:
            yield name, True, check(service)
        except (Failed, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            yield name, False, str(error) if isinstance(error, Failed) else f"unexpected shape: {error!r}"


def wait(service: Service, seconds: float) -> None:
    """Until the service is ready; the last error once `seconds` have gone."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if service.ask("/health").status == 200 or time.monotonic() > deadline:
                return
        except (OSError, Failed):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description="Check a running VectorSpace.", epilog="The key: API_KEY.")
    parser.add_argument("url", help="for example http://localhost:8000")
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="how long to wait until it is ready")
    arguments = parser.parse_args()
    key, *_ = os.environ.get("API_KEY", "").split(",")  # the first, where the service takes several
    service = Service(arguments.url, key.strip() or None)
    try:
        wait(service, arguments.wait)
        results = list(run(service))
    except (OSError, Failed) as error:
        print(f"{service.url} cannot be reached: {error}", file=sys.stderr)
        return 2
    finally:  # nothing stays behind, whatever went wrong; mostly it is gone already
        with suppress(OSError, Failed):
            service.ask(service.collection, method="DELETE")
    for name, passed, seen in results:
        print(f"{'pass' if passed else 'FAIL'}  {name:22}  {seen}")
    failures = sum(not passed for _, passed, _ in results)
    print(f"{len(results) - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
