"""What a batch costs before its first token, and what a token costs: a line fitted through batches of all shapes.

    python -m benchmarks.engine.batch_cost [--rounds 40] [--model models/all-MiniLM-L6-v2/int8]

The shapes are run in turn, as they come under load, so that each finds the weights where another batch has left them.
CPU time of one thread, medians, each shape weighed by its own time. The constant in app/embedding/waiting.py is this.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import median

import numpy as np

from app.embedding.encoder import OnnxEncoder
from benchmarks.engine.options import MODEL

SHAPES = [(1, 8), (1, 16), (1, 32), (1, 64), (1, 128), (1, 256), (4, 16), (8, 16), (16, 16), (2, 64), (4, 64), (2, 128)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--model", type=Path, default=MODEL)
    given = parser.parse_args()
    card = json.loads((given.model / "card.json").read_text())
    encoder = OnnxEncoder.from_file(
        given.model / "model.onnx", dimension=card["dimension"], pad_token_id=card["pad_token_id"]
    )
    taken_us: dict[tuple[int, int], list[float]] = {shape: [] for shape in SHAPES}
    for _ in range(given.rounds):
        for rows, length in SHAPES:
            batch = [list(range(1000, 1000 + length))] * rows
            started = time.thread_time()
            encoder.encode(batch)
            taken_us[rows, length].append((time.thread_time() - started) * 1e6)
    measured = np.array([median(taken_us[shape]) for shape in SHAPES])
    terms = np.array([[1, rows * length, rows * length**2] for rows, length in SHAPES])  # batch, tokens, attention
    (batch_us, token_us, _), *_ = np.linalg.lstsq(terms / measured[:, None], np.ones(len(SHAPES)), rcond=None)
    print(f"a batch {batch_us:.0f} us, a token {token_us:.1f} us: a batch costs {batch_us / token_us:.1f} tokens")


if __name__ == "__main__":
    main()
