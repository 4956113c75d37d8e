"""processes MODEL TEXTS: sessions and stores in children, by fork and by spawn; print what each answered."""

import json
import multiprocessing
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from tests.container.musl.programs.batches import batches, run, session, short_hash, token_ids
from tests.container.musl.programs.stores import open_store


def answer(model: str, texts: str, inherited: ort.InferenceSession | None, out: Connection) -> None:
    """Embed with the parent's session, if it came along, and with one of this process's own; then use a store."""
    feed = batches(token_ids(Path(model), Path(texts), 16), 16)[0]
    hashes = [short_hash(run(network, feed)) for network in (inherited, session(Path(model), 2)) if network]
    with tempfile.TemporaryDirectory() as folder:
        notes = open_store(folder).create_collection("notes")
        notes.add(ids=["a", "b"], embeddings=np.eye(2, 8, dtype=np.float32))
        found = notes.query(query_embeddings=np.eye(1, 8, dtype=np.float32), n_results=1)["ids"]
    out.send([*hashes, found])


if __name__ == "__main__":
    model, texts = sys.argv[1:]
    alone = session(Path(model), 1)  # no threads of its own, so that a fork loses nothing
    feed = batches(token_ids(Path(model), Path(texts), 16), 16)[0]
    results: dict[str, Any] = {"parent": short_hash(run(alone, feed))}
    for method in ("fork", "spawn"):
        context: Any = multiprocessing.get_context(method)
        for turn in range(2):
            here, there = context.Pipe()
            child = context.Process(target=answer, args=(model, texts, alone if method == "fork" else None, there))
            child.start()
            there.close()
            try:
                results[f"{method} {turn}"] = here.recv()
            except EOFError:
                results[f"{method} {turn}"] = "no answer"
            child.join()
            results[f"{method} {turn} exit"] = child.exitcode
    results["parent, afterwards"] = short_hash(run(alone, feed))
    print(json.dumps(results))
