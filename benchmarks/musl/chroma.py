"""chroma: vectors added and queries answered a second, 384 numbers each; prints JSON."""

import json
import random
import tempfile

from benchmarks.musl.measure import resident_mb, timed
from tests.container.musl.programs.stores import open_store
from tests.container.musl.programs.vectors import noise

DIMENSION, ROWS, CHUNK, QUERIES = 384, 4000, 100, 600


def main() -> None:
    vectors = noise(random.Random(7), ROWS + QUERIES, DIMENSION)
    notes = open_store(tempfile.mkdtemp()).create_collection("notes")

    def add(start: int) -> None:
        rows = range(start, start + CHUNK)
        notes.add(
            ids=[f"id-{row}" for row in rows],
            embeddings=vectors[start : start + CHUNK],
            documents=[f"text number {row}" for row in rows],
            metadatas=[{"row": row, "parity": row % 2} for row in rows],
        )

    def ask(row: int) -> None:
        notes.query(query_embeddings=vectors[row : row + 1], n_results=10)

    results = timed("Chroma adds", "vectors", add, range(0, ROWS, CHUNK), ROWS)
    for row in range(ROWS, ROWS + 20):
        ask(row)  # warm
    results |= timed("Chroma queries", "queries", ask, range(ROWS, ROWS + QUERIES), QUERIES)
    results["memory after Chroma [MB]"] = resident_mb()
    print(json.dumps(results))


if __name__ == "__main__":
    main()
