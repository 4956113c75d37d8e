"""errors MODEL: make every layer fail; print the type and the message of each exception as JSON.

Paths are relative to a fresh folder. Its name is masked, like identifiers, which differ from run to run, and the words
of the dynamic loader, which are no part of what was repaired.
"""

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime as ort

from tests.container.musl.programs.stores import open_store

LOADER = re.compile(r"(Failed to load library \S+ with error: ).*")  # each loader has its own words
CONSTANT = re.compile(r"(tensor|initializer:) \S+( offset: \d+ size to read: \d+)?")  # which comes first differs
UNIQUE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ort.set_default_logger_severity(4)  # the exceptions alone are compared

model = Path(sys.argv[1]).resolve() / "model.onnx"
network = model.read_bytes()
os.chdir(tempfile.mkdtemp())
outcomes: dict[str, str] = {}


def masked(message: str) -> str:
    for pattern, mask in ((UNIQUE, "UNIQUE"), (LOADER, r"\1LOADER"), (CONSTANT, r"\1 CONSTANT")):
        message = pattern.sub(mask, message)
    return message.replace(os.getcwd(), "FOLDER")


def attempt(name: str, call: Callable[[], object]) -> None:
    try:
        outcomes[name] = f"no error: {type(call()).__name__}"
    except BaseException as error:  # a panic of Rust is no Exception
        outcomes[name] = f"{type(error).__module__}.{type(error).__qualname__}: {masked(str(error))}"


def load(data: bytes | str) -> ort.InferenceSession:
    return ort.InferenceSession(data, providers=["CPUExecutionProvider"])


Path("garbage.onnx").write_bytes(b"\x00\xff garbage" * 100)
Path("empty.onnx").write_bytes(b"")
Path("cut.onnx").write_bytes(network[: len(network) // 2])
Path("folder").mkdir()
Path("loop").symlink_to("loop")
for kind in (
    "nowhere.onnx",
    "garbage.onnx",
    "empty.onnx",
    "cut.onnx",
    "folder",
    "loop",
    "x" * 300,
    "garbage.onnx/below",
):
    attempt(f"a session from {kind[:20]}", partial(load, kind))
attempt("a session from no bytes", lambda: load(b""))
attempt("a session from cut bytes", lambda: load(network[:5000]))
Path("whole.onnx").write_bytes(network)
attempt("a session without its constants", lambda: load("whole.onnx"))
shutil.copyfile(model.with_name("model.onnx_data"), "model.onnx_data")
Path("renamed.onnx").write_bytes(network.replace(b"MatMul", b"MatMal"))
attempt("a session with a renamed operator", lambda: load("renamed.onnx"))
attempt("a session with its constants", lambda: load("whole.onnx"))
os.truncate("model.onnx_data", 5000)
attempt("a session with cut constants", lambda: load("whole.onnx"))
attempt("a session with an unknown provider option", lambda: ort.SessionOptions().add_session_config_entry("", "1"))
attempt(
    "a library of operators that is not there", lambda: ort.SessionOptions().register_custom_ops_library("nowhere.so")
)

good = load(str(model))
ones = np.ones((2, 8), np.int64)
feeds: dict[str, dict[str, object]] = {
    "a missing input": {"input_ids": ones},
    "an unknown input": {"input_ids": ones, "attention_mask": ones, "unknown": ones},
    "another type": {"input_ids": ones.astype(np.float32), "attention_mask": ones},
    "another rank": {"input_ids": ones[0], "attention_mask": ones},
    "sizes that disagree": {"input_ids": ones, "attention_mask": np.ones((2, 5), np.int64)},
    "a token beyond the vocabulary": {"input_ids": ones * 10**9, "attention_mask": ones},
    "too many tokens": {"input_ids": np.ones((1, 4000), np.int64), "attention_mask": np.ones((1, 4000), np.int64)},
    "no array": {"input_ids": "text", "attention_mask": ones},
    "nothing": {},
}
for name, feed in feeds.items():
    attempt(f"a run with {name}", partial(good.run, None, feed))
attempt("a run for an unknown output", lambda: good.run(["unknown"], {"input_ids": ones, "attention_mask": ones}))
attempt("a run after all that", lambda: good.run(None, {"input_ids": ones, "attention_mask": ones}))

attempt("a store in a file", lambda: open_store("garbage.onnx"))
attempt("a store below a file", lambda: open_store("garbage.onnx/below"))
attempt("a store with a long name", lambda: open_store("x" * 300))
attempt("a store in a loop of links", lambda: open_store("loop"))
Path("damaged").mkdir()
Path("damaged/chroma.sqlite3").write_bytes(b"no database" * 1000)
attempt("a damaged store", lambda: open_store("damaged"))

store = open_store("store")
notes = store.create_collection("notes")
vector = [0.5] * 8
notes.add(ids=["a", "b"], embeddings=[vector, vector], metadatas=[{"n": 1}, {"n": 2}])
attempt("a bad name", lambda: store.create_collection("!"))
attempt("a name twice", lambda: store.create_collection("notes"))
attempt("an unknown collection", lambda: store.get_collection("unknown"))
attempt("another dimension", lambda: notes.add(ids=["c"], embeddings=[[0.5] * 9]))
attempt("a query of another dimension", lambda: notes.query(query_embeddings=[[0.5] * 9]))
attempt("a bad filter", lambda: notes.query(query_embeddings=[vector], where={"$bad": 1}))
attempt("a bad comparison", lambda: notes.get(where={"n": {"$gt": "text"}}))
attempt("a bad expression", lambda: notes.get(where_document={"$regex": "("}))
attempt("an id twice", lambda: notes.add(ids=["d", "d"], embeddings=[vector, vector]))
attempt("no number", lambda: notes.add(ids=["e"], embeddings=[["text"] * 8]))
attempt("a good query after all that", lambda: notes.query(query_embeddings=[vector], where={"n": 1}))
store.delete_collection("notes")
attempt("a deleted collection", lambda: notes.add(ids=["f"], embeddings=[vector]))
store._system.stop()
attempt("a closed store", lambda: store.get_or_create_collection("late"))
print(json.dumps(outcomes))
