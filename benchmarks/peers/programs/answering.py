"""What the libraries' programs share: texts in on standard input, times out on standard output, one JSON line each."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

# Given texts, whatever can be done before the clock starts; then the work itself.
Prepare = Callable[[Sequence[str]], Any]
Work = Callable[[Any], Any]


def answer(work: Work, prepare: Prepare = list, lone: Work | None = None) -> None:
    """Answer until standard input ends.

    {"kind": "vectors", "texts": […]}    their vectors
    {"kind": "load", "requests": [[…]…], "least": n, "least_s": s}
        each request is one call; at the least `least` of them, and more until `least_s` seconds are over

    work   vectors of many texts, prepared; in their order, as lists or as an array
    lone   the same for a request of one text, where another way is faster
    """
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        if job["kind"] == "vectors":
            result: Any = [[float(value) for value in vector] for vector in work(prepare(job["texts"]))]
        else:
            result = _timed(work, prepare, lone or work, job)
        print(json.dumps(result), flush=True)


def _timed(work: Work, prepare: Prepare, lone: Work, job: dict[str, Any]) -> dict[str, Any]:
    prepared = [(lone if len(texts) == 1 else work, prepare(texts)) for texts in job["requests"]]
    taken_ms: list[float] = []
    cpu_s, started_s = time.process_time(), time.perf_counter()
    for call, given in prepared:
        before_s = time.perf_counter()
        call(given)
        now_s = time.perf_counter()
        taken_ms.append(1000 * (now_s - before_s))
        if len(taken_ms) >= job["least"] and now_s - started_s >= job["least_s"]:
            break
    return {
        "taken_ms": taken_ms,
        "elapsed_s": time.perf_counter() - started_s,
        "cpu_s": time.process_time() - cpu_s,
    }
