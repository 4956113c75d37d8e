"""Import through the whole pipeline beside the encoder alone, on the same texts, in turns.

    python -m benchmarks.store.importing [--texts 3000] [--rounds 5] [--quick] [--json]

The encoder's side is the best that it can do: the passages that the import would make of the texts, already cut, in
one call after another, several under way, so that no lane ever waits and batches are full of texts of one length.
The import's side reads NDJSON, checks, cuts, looks up, embeds, and is done when the last commit is on disk. Each round
has a new store, since a text that is kept is not embedded again, and changes who goes first.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from app.pipeline.pipeline import Pipeline
from benchmarks.store import english, opening, report
from benchmarks.store.report import Figure, span

NAME, SEED, BAR = "imported", 11, 0.90
IN_A_CALL, CALLS_AT_ONCE = 1024, 3


async def encoded(pipeline: Pipeline, passages: list[str]) -> None:
    free = asyncio.Semaphore(CALLS_AT_ONCE)

    async def call(first: int) -> None:
        async with free:
            await pipeline.embedder.embed(passages[first : first + IN_A_CALL])

    await asyncio.gather(*(call(first) for first in range(0, len(passages), IN_A_CALL)))


@dataclass(frozen=True)
class Taken:
    """Seconds by the clock, and of processor time in all threads; the second hardly depends on the machine's load."""

    clock_s: float
    cpu_s: float


async def timed(work: Callable[[], Awaitable[object]]) -> Taken:
    started, started_cpu = time.perf_counter(), time.process_time()
    await work()
    return Taken(time.perf_counter() - started, time.process_time() - started_cpu)


@dataclass(frozen=True)
class Round:
    """What each side took for the same passages, and the seconds until the index had them."""

    passages: int
    encoder: Taken
    imported: Taken
    index_s: float


async def one_round(texts: list[str], body: bytes, *, encoder_first: bool) -> Round:
    with TemporaryDirectory() as directory, opening.opened(Path(directory)) as pipeline:
        spans = await pipeline.embedder.split(texts)
        passages = [text[start:end] for text, of in zip(texts, spans, strict=True) for start, end in of]
        await pipeline.embedder.embed(passages[:200])  # warm
        into = opening.collection(pipeline, NAME)
        if encoder_first:
            encoder = await timed(lambda: encoded(pipeline, passages))
        imported = await timed(lambda: opening.import_into(pipeline, into, body))
        index_s = opening.settle(pipeline)
        if not encoder_first:
            encoder = await timed(lambda: encoded(pipeline, passages))
        assert pipeline.store.collection(NAME).passages == len(passages)
    return Round(len(passages), encoder, imported, index_s)


def measure(count: int, rounds: int) -> list[Figure]:
    texts = english.texts(count, SEED)
    body = opening.ndjson(texts)
    done = [asyncio.run(one_round(texts, body, encoder_first=number % 2 == 0)) for number in range(rounds)]
    encoder = [each.passages / each.encoder.clock_s for each in done]
    imported = [each.passages / each.imported.clock_s for each in done]
    ratios = [mine / alone for mine, alone in zip(imported, encoder, strict=True)]
    cpu = [each.encoder.cpu_s / each.imported.cpu_s for each in done]
    index_s = [each.index_s for each in done]
    return [
        Figure("encoder alone [passages/s]", median(encoder), span(encoder)),
        Figure("import [passages/s]", median(imported), span(imported)),
        Figure("import / encoder alone", median(ratios), span(ratios), bar=BAR),
        Figure("the same by processor time", median(cpu), span(cpu)),
        Figure("then until the index has it [s]", median(index_s), span(index_s)),
    ]


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("--texts", type=int)
    parser.add_argument("--rounds", type=int)
    given = parser.parse_args()
    texts, rounds = given.texts or (500 if given.quick else 3000), given.rounds or (2 if given.quick else 5)
    report.tell(f"import of {texts} texts", lambda: measure(texts, rounds), as_json=given.json)


if __name__ == "__main__":
    main()
