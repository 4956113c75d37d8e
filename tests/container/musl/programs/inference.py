"""inference MODEL TEXTS: embed 200 texts in several batch shapes on several numbers of threads; print a hash each."""

import json
import platform
import sys
from pathlib import Path

import onnxruntime

from tests.container.musl.programs.batches import batches, run, session, short_hash, token_ids

model, texts = map(Path, sys.argv[1:])
ids = token_ids(model, texts, 200)
outputs = {}
for threads in (1, 2, 4):
    network = session(model, threads)
    for size in (1, 7, 32):
        for number, batch in enumerate(batches(ids, size)):
            shape = "x".join(map(str, batch["input_ids"].shape))
            outputs[f"{threads} threads, batch {number} of {size}: {shape}"] = short_hash(run(network, batch))
libc = "glibc" if platform.libc_ver()[0] == "glibc" else "musl"
tokens = short_hash(json.dumps(ids).encode())
print(json.dumps({"libc": libc, "onnxruntime": onnxruntime.__version__, "tokens": tokens, "outputs": outputs}))
