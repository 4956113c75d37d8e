"""How well the three modes find what is looked for: nDCG at 10 and recall at 1 on real labelled texts.

    python -m benchmarks.store.quality [--documents 4000] [--queries 1000] [--lists FOLDER] [--quick] [--json]

Debian's package descriptions: the one-line summary is the query, the long text of the same package its only right
answer, through the real pipeline, store and model. With one right answer nDCG is 1 / log2(1 + rank).

source  Järvelin and Kekäläinen 2002, Cumulated gain-based evaluation of IR techniques
"""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import numpy as np

from app.pipeline.pipeline import Pipeline
from app.store.store import F32, Mode, Query
from benchmarks.store import opening, report
from benchmarks.store.descriptions import LISTS, Pair, sample
from benchmarks.store.report import Figure

NAME, DEPTH, SEED = "descriptions", 10, 7
Ranks = list[int | None]


def gains(ranks: Ranks) -> F32:
    """nDCG at DEPTH of each query; the rank of its right answer counts from 1, None where it is not among the hits."""
    return np.array([0 if rank is None else 1 / np.log2(1 + rank) for rank in ranks], np.float32)


async def asked(pipeline: Pipeline, mode: Mode, queries: list[str]) -> tuple[Ranks, list[float]]:
    """For query number i the rank of document d<i>, and the milliseconds that the answer took."""
    ranks, taken_ms = Ranks(), list[float]()
    for row, text in enumerate(queries):
        started = time.perf_counter()
        found = await pipeline.retrieve.find(NAME, Query(mode, text, limit=DEPTH))
        taken_ms.append(1000 * (time.perf_counter() - started))
        ids = [hit.document.document.id for hit in found.hits]
        ranks.append(ids.index(f"d{row}") + 1 if f"d{row}" in ids else None)
    return ranks, taken_ms


async def measure(pairs: list[Pair], queries: int) -> list[Figure]:
    with TemporaryDirectory() as directory, opening.opened(Path(directory)) as pipeline:
        into = opening.collection(pipeline, NAME)
        await opening.import_into(pipeline, into, opening.ndjson([text for _, text in pairs]))
        opening.settle(pipeline)
        summaries = [summary for summary, _ in pairs[:queries]]
        ndcg, figures, latencies = dict[Mode, F32](), list[Figure](), list[Figure]()
        for mode in get_args(Mode):
            await asked(pipeline, mode, summaries[:20])  # warm
            ranks, taken_ms = await asked(pipeline, mode, summaries)
            ndcg[mode] = gains(ranks)
            figures.append(Figure(f"{mode}: nDCG@10", float(ndcg[mode].mean()), error(ndcg[mode])))
            first = np.array([rank == 1 for rank in ranks], np.float32)
            figures.append(Figure(f"{mode}: recall@1", float(first.mean()), error(first)))
            latencies.append(Figure(f"{mode}: median [ms]", float(np.median(taken_ms))))
            latencies.append(Figure(f"{mode}: 95th percentile [ms]", float(np.percentile(taken_ms, 95))))
    better: Mode = max(("semantic", "keyword"), key=lambda mode: float(ndcg[mode].mean()))
    ahead = ndcg["hybrid"] - ndcg[better]
    bar = Figure(f"hybrid's nDCG@10 less that of {better}, the better one", float(ahead.mean()), error(ahead), bar=0)
    return [*figures, bar, *latencies]


def error(values: F32) -> str:
    return f"± {values.std(ddof=1) / len(values) ** 0.5:.4f}"


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("--documents", type=int)
    parser.add_argument("--queries", type=int)
    parser.add_argument("--lists", type=Path, default=LISTS, help="folder of apt's lists (default: %(default)s)")
    given = parser.parse_args()
    documents = given.documents or (400 if given.quick else 4000)
    queries = given.queries or (100 if given.quick else 1000)
    report.tell(
        f"quality: {queries} queries on {documents} descriptions",
        lambda: asyncio.run(measure(sample(given.lists, documents, SEED), queries)),
        as_json=given.json,
    )


if __name__ == "__main__":
    main()
