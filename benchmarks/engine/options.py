"""What each session option and batch size is worth, beside the one chosen (docs/decisions/0013-engine.md).

    python -m benchmarks.engine.options [--rounds 5] [--model models/all-MiniLM-L6-v2/int8]

Each variant differs from the chosen one in one thing and runs in a process of its own, in turn with the others, so
that whatever else the machine does falls on all of them. Medians; wall time, and CPU time, which is disturbed less.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median

import onnxruntime as ort

from app.embedding import kernels
from app.embedding.encoder import OnnxEncoder
from app.embedding.tokenizer import TextTokenizer
from app.embedding.waiting import Entry, Waiting
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "all-MiniLM-L6-v2" / "int8"
TEXTS = ROOT / "models" / "all-MiniLM-L6-v2" / "reference" / "texts.jsonl"
SHORT = "a short question of about ten words, as people ask"
LONE_CALLS = 60
TOKENS: int = Settings.model_fields["max_batch_tokens"].default
ORT_LEVELS = ort.GraphOptimizationLevel

Change = Callable[[ort.SessionOptions], None]


def _set(**values: object) -> Change:
    def change(options: ort.SessionOptions) -> None:
        for name, value in values.items():
            setattr(options, name, value)

    return change


def _entry(**values: str) -> Change:
    def change(options: ort.SessionOptions) -> None:
        for name, value in values.items():
            options.add_session_config_entry(f"session.{name}", value)

    return change


def _threads(spin: str, stop: str = "0") -> Change:
    """Two a call. spin: whether the second waits for its work awake; stop: and no longer than the call lasts"""

    def change(options: ort.SessionOptions) -> None:
        options.intra_op_num_threads = 2
        options.add_session_config_entry("session.intra_op.allow_spinning", spin)
        options.add_session_config_entry("session.force_spinning_stop", stop)

    return change


def _memory(*, arena: bool) -> Change:
    """In place of the pool that comes with our operators."""

    def change(options: ort.SessionOptions) -> None:
        options.enable_cpu_mem_arena = arena
        options.add_session_config_entry("session.use_env_allocators", "0")

    return change


# name → (lanes, tokens in a batch, what else differs)
VARIANTS: dict[str, tuple[int, int, Change]] = {
    f"chosen: 2 lanes × 1 thread, {TOKENS} tokens": (2, TOKENS, _set()),
    "no session for what is alone": (2, TOKENS, _set()),
    "1 lane × 2 threads, spinning": (1, TOKENS, _threads("1")),
    "1 lane × 2 threads, not spinning": (1, TOKENS, _threads("0")),
    "ONNX Runtime's arena": (2, TOKENS, _memory(arena=True)),
    "memory from malloc": (2, TOKENS, _memory(arena=False)),
    "memory pattern off": (2, TOKENS, _set(enable_mem_pattern=False)),
    "graph level extended": (2, TOKENS, _set(graph_optimization_level=ORT_LEVELS.ORT_ENABLE_EXTENDED)),
    "graph level basic": (2, TOKENS, _set(graph_optimization_level=ORT_LEVELS.ORT_ENABLE_BASIC)),
    "graph level none": (2, TOKENS, _set(graph_optimization_level=ORT_LEVELS.ORT_DISABLE_ALL)),
    "optimised beforehand": (2, TOKENS, _set()),
    "denormals as zero": (2, TOKENS, _entry(set_denormal_as_zero="1")),
    "without our operators": (2, TOKENS, _set()),
    "128 tokens": (2, 128, _set()),
    "256 tokens": (2, 256, _set()),
    "384 tokens": (2, 384, _set()),
    "1024 tokens": (2, 1024, _set()),
    "2048 tokens": (2, 2048, _set()),
}
BEFOREHAND, PLAIN = "optimised beforehand", "without our operators"
SHARED = "no session for what is alone"


def measure(model: Path, name: str) -> dict[str, float]:
    """One variant in this process: milliseconds to open and for a lone text, texts a second and CPU under load, MB."""
    lanes, max_batch_tokens, change = VARIANTS[name]
    card = json.loads((model / "card.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        network = model / "model.onnx"
        if name == BEFOREHAND:
            options = _options(_set(optimized_model_filepath=f"{folder}/model.onnx"))
            ort.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
            shutil.copy(network.with_name("model.onnx_data"), folder)
            network = Path(folder) / "model.onnx"
            change = _set(graph_optimization_level=ORT_LEVELS.ORT_DISABLE_ALL)
        started = time.perf_counter()
        sessions = [
            ort.InferenceSession(str(network), _options(*some, ours=name != PLAIN), providers=["CPUExecutionProvider"])
            for some in ([change], [change, _threads("1", stop="1")])[: 1 if lanes == 1 or name == SHARED else 2]
        ]
        opened_ms = (time.perf_counter() - started) * 1000
    encoder = OnnxEncoder(*sessions, dimension=card["dimension"], pad_token_id=card["pad_token_id"])
    tokenizer = TextTokenizer.from_file(model / "tokenizer.json", card["max_tokens"])
    lone = [read.ids for read in chain.from_iterable(tokenizer.read([SHORT]))]
    calls_ms = []
    for _ in range(LONE_CALLS):
        started = time.perf_counter()
        encoder.encode(lone, alone=True)
        calls_ms.append((time.perf_counter() - started) * 1000)
    texts = [json.loads(line)["text"] for line in TEXTS.read_text().splitlines()]
    sequences = [read.ids for read in chain.from_iterable(tokenizer.read(texts))]
    _under_load(encoder, sequences[::8], lanes, max_batch_tokens)  # warm
    cpu, started = time.process_time(), time.perf_counter()
    _under_load(encoder, sequences, lanes, max_batch_tokens)
    took, used = time.perf_counter() - started, time.process_time() - cpu
    return {
        "opening ms": opened_ms,
        "a lone text ms": median(calls_ms),
        "texts/s": len(texts) / took,
        "CPU ms/text": used / len(texts) * 1000,
        "peak MB": getrusage(RUSAGE_SELF).ru_maxrss / 1000,
    }


def _options(*changes: Change, ours: bool = True) -> ort.SessionOptions:
    """The service's options (app/embedding/encoder.py), and what differs."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = True
    options.log_severity_level = 3
    if ours:
        kernels.register(options)
    for change in changes:
        change(options)
    return options


def _under_load(encoder: OnnxEncoder, sequences: list[list[int]], lanes: int, max_batch_tokens: int) -> None:
    """Encode all in batches as the service would make them of as many waiting texts."""
    queue, lock = Waiting[None](), threading.Lock()
    for ids in sequences:
        queue.add(Entry(tuple(ids)))

    def lane() -> None:
        while True:
            with lock:
                batch = queue.take(max_batch_tokens)
            if not batch:
                return
            encoder.encode([entry.ids for entry in batch])

    threads = [threading.Thread(target=lane) for _ in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.model, given.one)))
        return
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in VARIANTS}
    for _ in range(given.rounds):
        for name in VARIANTS:
            command = [sys.executable, "-m", "benchmarks.engine.options", "--model", str(given.model), "--one", name]
            done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
            runs[name].append(json.loads(done.stdout))
    medians = {name: {key: median(run[key] for run in some) for key in some[0]} for name, some in runs.items()}
    chosen = next(iter(medians.values()))
    print(f"Medians of {given.rounds} rounds; in brackets the ratio to the chosen one.\n")
    print("| variant | " + " | ".join(chosen) + " |\n|---" + "|---" * len(chosen) + "|")
    for name, values in medians.items():
        cells = [f"{value:.4g} ({value / chosen[key]:.2f})" for key, value in values.items()]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
