"""What the settings say of the queue, where it is made: each of its limits is the queue's own."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.embedding.cache import VectorCache
from app.embedding.embedder import Embedder
from app.errors import QueueFull, WaitTooLong
from app.parts.embedding import build_embedder
from app.settings import Settings
from tests.fakes import FakeEncoder, card
from tests.unit.test_embedder import tokenizer

TEXTS = [f"{'a ' * count}b" for count in range(1, 9)]


def over(encoder: FakeEncoder, scenario: Callable[[Embedder], Awaitable[None]], **settings: object) -> None:
    """`scenario` with an embedder that these settings make, one batch at a time and nothing kept."""

    def on_death(error: BaseException) -> None:
        raise AssertionError("the queue has died") from error

    async def run() -> None:
        values = Settings.model_validate({"threads": 1, "cache_mb": 0, **settings})
        opened = build_embedder(values, card(max_tokens=64), 0, tokenizer(64), encoder, on_death, VectorCache(0))
        try:
            await scenario(opened.embedder)
        finally:
            encoder.open.set()
            opened.close()

    asyncio.run(run())


async def begun(encoder: FakeEncoder, embedder: Embedder, text: str) -> asyncio.Task[object]:
    """Somebody's text that is in the encoder, where it stays."""
    encoder.open.clear()
    task: asyncio.Task[object] = asyncio.create_task(embedder.embed([text]))
    assert await asyncio.to_thread(encoder.entered.wait, 10)
    return task


@pytest.mark.parametrize("limit", [3, 7])
def test_as_many_texts_wait_as_max_queue_texts_says(limit: int) -> None:
    encoder = FakeEncoder()

    async def scenario(embedder: Embedder) -> None:
        tasks = [await begun(encoder, embedder, "b")]
        for text in TEXTS[:limit]:
            tasks.append(asyncio.create_task(embedder.embed([text])))
            await asyncio.sleep(0.01)
        with pytest.raises(QueueFull, match=rf"{limit} \(MAX_QUEUE_TEXTS\)"):
            await embedder.embed([TEXTS[limit]])
        encoder.open.set()
        await asyncio.gather(*tasks)

    over(encoder, scenario, max_queue_texts=limit)


def test_the_wait_may_be_as_long_as_max_queue_s_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a pace that is told, not measured: a second a token of what waits."""
    monkeypatch.setattr("app.embedding.pace.Pace.seconds", lambda _, tokens: float(tokens))
    encoder = FakeEncoder()

    async def scenario(embedder: Embedder) -> None:
        tasks = [await begun(encoder, embedder, "b")]
        for text in ("a", "a b a b a b a b"):
            tasks.append(asyncio.create_task(embedder.embed([text])))
            await asyncio.sleep(0.01)
        with pytest.raises(WaitTooLong, match=r"longer than 6 s \(MAX_QUEUE_S\)"):
            await embedder.embed(["a a"])
        encoder.open.set()
        await asyncio.gather(*tasks)

    over(encoder, scenario, max_queue_s=6)


@pytest.mark.parametrize("limit", [64, 256])
def test_a_batch_has_as_many_tokens_as_max_batch_tokens_says(limit: int) -> None:
    encoder = FakeEncoder()

    async def scenario(embedder: Embedder) -> None:
        await embedder.embed([f"{'a ' * 28}{'b ' * number}" for number in range(1, 30)])
        padded = [len(batch) * max(map(len, batch)) for batch in encoder.batches]
        assert limit / 2 < max(padded) <= limit

    over(encoder, scenario, max_batch_tokens=limit)
