"""The stores side by side: what one passage costs to write, to keep and to find, embedded, in PostgreSQL, in Chroma.

    python -m benchmarks.store.stores [--passages 50000] [--dimension 384] [--queries 200] [--store NAME]

Prints a table in Markdown; with --store the figures of that one, as JSON. Each is measured in a process of its own,
with its server beside it on this machine. The vectors and texts are those of `semantic`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from app.store.chroma.store import ChromaStore
from app.store.embedded.store import EmbeddedStore
from app.store.filters import Filter, parse
from app.store.postgres.store import PostgresStore
from app.store.store import F32, Mode, Query, Space, Store, default_mode
from benchmarks.store.report import NotMeasured, load, number
from benchmarks.store.semantic import PASSAGES_IN_A_CLUSTER, clustered, fill, median_ms, resident_mb, settle, texts
from tests.store.chroma_server import ChromaServer
from tests.store.cluster import Cluster

CHECKOUT = Path(__file__).resolve().parents[2]
MOST, CONNECTIONS, TIMEOUT_S = 1, 8, 600
NONE = float("nan")


@dataclass(frozen=True)
class Opened:
    """A store, and where it or its server keeps everything."""

    store: Store
    kept_in: Path


@contextmanager
def embedded() -> Iterator[Opened]:
    with tempfile.TemporaryDirectory() as directory:
        store = EmbeddedStore(Path(directory), max_collections=MOST, on_fatal=lambda death: sys.exit(str(death)))
        yield Opened(store, Path(directory))
        store.close()


@contextmanager
def postgres() -> Iterator[Opened]:
    cluster = Cluster()
    try:
        store = PostgresStore(cluster.database(), max_collections=MOST, connections=CONNECTIONS, timeout_s=TIMEOUT_S)
        yield Opened(store, cluster.directory / "data")
        store.close()
    finally:
        cluster.close()


@contextmanager
def chroma() -> Iterator[Opened]:
    server = ChromaServer()
    try:
        store = ChromaStore(server.url(), max_collections=MOST, connections=CONNECTIONS, timeout_s=TIMEOUT_S)
        yield Opened(store, server.directory / "data")
        store.close()
    finally:
        server.close()


STORES = {"embedded": embedded, "postgres": postgres, "chroma": chroma}


@dataclass(frozen=True)
class Figures:
    """Memory in MB, of this process beyond its start and of its server; what is shared counts once. NaN: cannot."""

    written_per_s: float
    index_s: float
    semantic_ms: float
    filtered_ms: float
    keyword_ms: float
    hybrid_ms: float
    recall_at_10: float
    process_mb: float
    server_mb: float
    disk_mb: float


def measure(name: str, passages: int, dimension: int, queries: int) -> Figures:
    random = np.random.default_rng(0)
    centres = clustered(passages // PASSAGES_IN_A_CLUSTER, dimension, np.zeros((1, dimension), np.float32), random)
    vectors = clustered(passages, dimension, centres, random)
    asked = clustered(queries, dimension, centres, random)
    words = list(texts(queries, random))
    nearest = [set(np.argpartition(-(vectors @ query), 10)[:10].tolist()) for query in asked]
    with STORES[name]() as opened:
        store, before_mb = opened.store, resident_mb()
        store.create_collection("bench", Space("bench", dimension), {})
        written_per_s = fill(store, vectors, random)
        index_s = settle(store)

        def search(mode: Mode, filter: Filter | None = None) -> Callable[[int], object]:
            return lambda i: store.search("bench", Query(mode, " ".join(words[i].split()[:6]), asked[i], filter))

        modes: list[Mode] = ["semantic"] if default_mode(store) == "semantic" else ["semantic", "keyword", "hybrid"]
        search("semantic")(0)
        found = {mode: median_ms(search(mode), queries) for mode in modes}
        filtered = median_ms(search("semantic", parse({"n": {"$lt": passages // 10}})), queries)
        return Figures(
            written_per_s,
            index_s,
            found["semantic"],
            filtered,
            found.get("keyword", NONE),
            found.get("hybrid", NONE),
            recall(store, asked, nearest),
            resident_mb() - before_mb,
            sum(shared_fairly_mb(process) for process in descendants()),
            sum(path.stat().st_size for path in opened.kept_in.rglob("*") if path.is_file()) / 1e6,
        )


def recall(store: Store, asked: F32, nearest: list[set[int]]) -> float:
    right = 0
    for query, wanted in zip(asked, nearest, strict=True):
        hits = store.search("bench", Query("semantic", vector=query))
        right += len(wanted & {int(hit.document.document.id[1:]) for hit in hits})
    return right / (10 * len(nearest))


def descendants(process: str = "self") -> Iterator[str]:
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield child
            yield from descendants(child)


def shared_fairly_mb(process: str) -> float:
    """What several processes share, as PostgreSQL's do, is divided among them.

    source  https://www.kernel.org/doc/html/latest/filesystems/proc.html, smaps_rollup
    """
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6


def side_by_side(passages: int, dimension: int, queries: int) -> str:
    """A table in Markdown: each store in a process of its own, one after the other, with the load beside it.

    raises  NotMeasured, where one of them does not run here
    """
    sizes = [f"--passages={passages}", f"--dimension={dimension}", f"--queries={queries}"]
    rows: dict[str, dict[str, float]] = {}
    loads = []
    for name in STORES:
        before = load()
        command = [sys.executable, "-m", "benchmarks.store.stores", f"--store={name}", *sizes]
        done = subprocess.run(command, cwd=CHECKOUT, stdout=subprocess.PIPE)
        if done.returncode:
            raise NotMeasured(f"the store {name} ended with {done.returncode}: its own words are above")
        rows[name] = json.loads(done.stdout)
        loads.append(f"{before}, then {load()}")
    lines = [
        f"| {passages} passages of {dimension} numbers | {' | '.join(rows)} |",
        "|---" * (1 + len(rows)) + "|",
        f"| load average | {' | '.join(loads)} |",
    ]
    for figure in rows["embedded"]:
        values = [rows[name][figure] for name in rows]
        shown = ["-" if value != value else number(value) for value in values]
        lines.append(f"| {figure.replace('_', ' ')} | {' | '.join(shown)} |")
    return "\n".join(lines)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--passages", type=int, default=50_000)
    arguments.add_argument("--dimension", type=int, default=384)
    arguments.add_argument("--queries", type=int, default=200)
    arguments.add_argument("--store", choices=sorted(STORES))
    given = arguments.parse_args()
    if given.store:
        print(json.dumps(asdict(measure(given.store, given.passages, given.dimension, given.queries))))
    else:
        print(side_by_side(given.passages, given.dimension, given.queries))


if __name__ == "__main__":
    main()
