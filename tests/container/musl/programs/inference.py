"""inference MODEL TEXTS: embed 200 texts in several batch shapes on several numbers of threads; print a hash each.

By ONNX Runtime alone, and with our operators, whose instruction set is printed too.
"""

import json
import platform
import sys
from itertools import product
from pathlib import Path

import onnxruntime

from app.embedding.kernels import LIBRARY, register
from tests.container.musl.programs.batches import batches, run, session, short_hash, token_ids

model, texts = map(Path, sys.argv[1:])
ids = token_ids(model, texts, 200)
outputs = {}
for threads, library in product((1, 2, 4), (Path("none"), LIBRARY)):
    network = session(model, threads, library)
    for size in (1, 7, 32):
        for number, batch in enumerate(batches(ids, size)):
            shape = "x".join(map(str, batch["input_ids"].shape))
            name = f"{library.stem}, {threads} threads, batch {number} of {size}: {shape}"
            outputs[name] = short_hash(run(network, batch))
libc = "glibc" if platform.libc_ver()[0] == "glibc" else "musl"
tokens = short_hash(json.dumps(ids).encode())
kernels = register(onnxruntime.SessionOptions())
versions = {"libc": libc, "onnxruntime": onnxruntime.__version__, "kernels": kernels}
print(json.dumps({**versions, "tokens": tokens, "outputs": outputs}))
