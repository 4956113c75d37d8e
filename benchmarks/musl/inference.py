"""inference MODEL TEXTS: texts embedded a second, one by one and in batches of 32, on one thread; prints JSON."""

import json
import sys
from pathlib import Path

from benchmarks.musl.measure import resident_mb, timed
from tests.container.musl.programs.batches import batches, run, session, token_ids

TEXTS = 192


def main() -> None:
    model, texts = map(Path, sys.argv[1:])
    ids = token_ids(model, texts, TEXTS)
    network = session(model, 1)
    single, grouped = batches(ids, 1), batches(ids, 32)
    for batch in (*single[::8], *grouped):
        run(network, batch)  # warm
    results = timed("inference, one text a call", "texts", lambda batch: run(network, batch), single, TEXTS)
    results |= timed("inference, batches of 32", "texts", lambda batch: run(network, batch), grouped, TEXTS)
    results["memory after inference [MB]"] = resident_mb()
    print(json.dumps(results))


if __name__ == "__main__":
    main()
