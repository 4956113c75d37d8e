"""The embedder: prompts, limits, and the order of its refusals."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from app.embedding.batcher import Batcher
from app.embedding.cache import ENTRY_BYTES, VectorCache
from app.embedding.embedder import FEW_TEXTS, INLINE_CHARACTERS, Cut, Embeddings, ModelEmbedder
from app.embedding.registry import Prompts
from app.embedding.tokenizer import BLOCK_CHARACTERS, Read, Side, TextTokenizer
from app.errors import EmptyText, EncoderFailed, QueueFull, TextTooLong
from tests.fakes import DIMENSION, FakeEncoder, card

T = TypeVar("T")
WORDS = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "b": 4, "find": 5}


def tokenizer(max_tokens: int) -> TextTokenizer:
    plain = Tokenizer(WordLevel(WORDS, unk_token="[UNK]"))
    plain.pre_tokenizer = Whitespace()
    plain.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return TextTokenizer(plain, max_tokens)


def embed(*texts: str, **more: object) -> tuple[Embeddings, FakeEncoder]:
    return over(lambda model: model.embed(texts, **more))  # type: ignore[arg-type]


def over(ask: Callable[[ModelEmbedder], Awaitable[T]], cache_bytes: int = 10_000) -> tuple[T, FakeEncoder]:
    """What an embedder over the words above answers, and the encoder behind it."""
    encoder = FakeEncoder()

    async def scenario() -> T:
        batcher = Batcher(
            encoder, lanes=1, max_batch_tokens=64, max_queue_texts=9, max_queue_s=60, on_death=lambda error: None
        )
        try:
            model = card(max_tokens=6, prompts=Prompts(query="find "))
            return await ask(ModelEmbedder(model, 0, tokenizer(6), batcher, VectorCache(cache_bytes)))
        finally:
            batcher.close()

    return asyncio.run(scenario()), encoder


def test_vectors_and_tokens() -> None:
    result, encoder = embed("a", "a b")
    assert result.tokens == 7
    assert result.cuts == ()
    np.testing.assert_array_equal(result.vectors[1], encoder.vector([1, 3, 4, 2]))


def test_a_prompt_comes_before_the_text_of_its_role() -> None:
    asked, encoder = embed("a", role="query")
    np.testing.assert_array_equal(asked.vectors[0], encoder.vector([1, 5, 3, 2]))
    kept, encoder = embed("a", role="passage")
    np.testing.assert_array_equal(kept.vectors[0], encoder.vector([1, 3, 2]))


def test_without_a_role_there_is_no_prompt() -> None:
    plain, encoder = embed("a", role=None)
    np.testing.assert_array_equal(plain.vectors[0], encoder.vector([1, 3, 2]))


def test_long_texts_go_through_another_thread_to_the_same_end() -> None:
    text = "a" + " " * INLINE_CHARACTERS + "b"
    result, encoder = embed(text)
    np.testing.assert_array_equal(result.vectors[0], encoder.vector([1, 3, 4, 2]))


def test_one_too_long_refuses_all_and_names_it() -> None:
    with pytest.raises(TextTooLong, match="text 1 of the input has 7 tokens and the model reads 6"):
        embed("a", "a b a b a")


def test_the_limit_itself_is_allowed() -> None:
    assert embed("a b a b")[0].tokens == 6


def test_truncate_cuts_and_counts() -> None:
    result, encoder = embed("a", "a b a b a b a", truncate=True)
    assert result.cuts == (Cut(index=1, tokens=9, kept=6),)
    assert result.tokens == 3 + 6
    np.testing.assert_array_equal(result.vectors[1], encoder.vector([1, 3, 4, 3, 4, 2]))


def test_truncate_on_the_left_keeps_the_end() -> None:
    result, encoder = embed("a a a a b b b b", truncate=True, side="left")
    assert result.cuts == (Cut(index=0, tokens=10, kept=6),)
    np.testing.assert_array_equal(result.vectors[0], encoder.vector([1, 4, 4, 4, 4, 2]))


@pytest.mark.parametrize("blanks", [1, INLINE_CHARACTERS])
def test_tokens_have_their_prompt_before_them(blanks: int) -> None:
    text = "a" + " " * blanks + "b"
    (found,) = over(lambda model: model.tokenize([text], role="query", special=False))[0]
    assert [(token.text, token.start) for token in found] == [("find", 0), ("a", 5), ("b", 6 + blanks)]
    with pytest.raises(EmptyText, match="text 1"):
        over(lambda model: model.tokenize(["a", ""]))


def test_an_empty_text_is_named() -> None:
    with pytest.raises(EmptyText, match="text 2"):
        embed("a", "b", "")


def test_a_text_seen_before_is_not_encoded_again_and_costs_its_tokens() -> None:
    encoder = FakeEncoder()

    async def scenario() -> list[Embeddings]:
        batcher = Batcher(
            encoder, lanes=1, max_batch_tokens=64, max_queue_texts=9, max_queue_s=60, on_death=lambda error: None
        )
        embedder = ModelEmbedder(card(max_tokens=6), 0, tokenizer(6), batcher, VectorCache(10_000))
        answers = [await embedder.embed(["a b", "b"]), await embedder.embed(["b", "a", "b"])]
        answers.append(await embedder.embed(["a b a b a b"], truncate=True))
        with pytest.raises(TextTooLong, match="text 1 of the input has 8 tokens"):
            await embedder.embed(["a", "a b a b a b"])
        batcher.close()
        return answers

    first, second, _ = asyncio.run(scenario())
    np.testing.assert_array_equal(second.vectors[[0, 2]], first.vectors[[1, 1]])
    assert (first.tokens, second.tokens) == (7, 9)
    assert [ids for batch in encoder.batches for ids in batch] == [
        [1, 3, 4, 2],
        [1, 4, 2],
        [1, 3, 2],
        [1, 3, 4, 3, 4, 2],
    ]


# More than few at once, each of four words.
MANY = [" ".join("ab"[number >> place & 1] for place in range(4)) for number in range(FEW_TEXTS + 1)]


@pytest.mark.parametrize(("texts", "encoded"), [(MANY, [9, 9, 0]), (MANY[:FEW_TEXTS], [8, 0, 0])])
def test_a_few_texts_at_once_are_kept_and_of_many_those_that_come_again(texts: list[str], encoded: list[int]) -> None:
    async def ask(model: ModelEmbedder) -> list[Embeddings]:
        return [await model.embed(texts) for _ in encoded]

    (first, *others), encoder = over(ask)
    assert sum(map(len, encoder.batches)) == sum(encoded)
    for other in others:
        np.testing.assert_array_equal(other.vectors, first.vectors)


def test_many_texts_that_come_once_push_out_nothing() -> None:
    async def ask(model: ModelEmbedder) -> list[Embeddings]:
        return [await model.embed(texts) for texts in (["a b a"], MANY, ["a b a"])]

    (first, _, again), encoder = over(ask, 2 * (4 * DIMENSION + ENTRY_BYTES))
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert sum(map(len, encoder.batches)) == 1 + len(MANY)


@pytest.mark.parametrize(
    ("how", "first"),
    [
        ({}, False),
        ({"role": "passage", "urgent": True}, True),
        ({"role": None, "urgent": True}, True),
        ({"role": "query"}, True),
    ],
)
def test_who_is_waited_for_goes_before_texts_that_wait_already(how: dict[str, Any], first: bool) -> None:
    encoder = FakeEncoder()
    encoder.open.clear()

    async def scenario() -> None:
        batcher = Batcher(
            encoder, lanes=1, max_batch_tokens=3, max_queue_texts=1, max_queue_s=60, on_death=lambda error: None
        )
        embedder = ModelEmbedder(card(max_tokens=6), 0, tokenizer(6), batcher, VectorCache(0))
        tasks = [asyncio.create_task(embedder.embed(["a"]))]
        assert await asyncio.to_thread(encoder.entered.wait, 10)
        tasks.append(asyncio.create_task(embedder.embed(["b"])))
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(embedder.embed(["find"], **how)))
        await asyncio.sleep(0)
        encoder.open.set()
        *_, asked = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(asked, Embeddings if first else QueueFull)  # those that wait leave no place for more of them
        batcher.close()

    asyncio.run(scenario())
    assert encoder.batches == [[[1, 3, 2]], *([[[1, 5, 2]]] if first else []), [[1, 4, 2]]]


def test_a_failure_is_not_kept() -> None:
    encoder = FakeEncoder()

    async def scenario() -> Embeddings:
        batcher = Batcher(
            encoder, lanes=1, max_batch_tokens=64, max_queue_texts=9, max_queue_s=60, on_death=lambda error: None
        )
        embedder = ModelEmbedder(card(max_tokens=6), 0, tokenizer(6), batcher, VectorCache(10_000))
        encoder.failure = ValueError("no")
        with pytest.raises(EncoderFailed):
            await embedder.embed(["a"])
        encoder.failure = None
        try:
            return await embedder.embed(["a"])
        finally:
            batcher.close()

    np.testing.assert_array_equal(asyncio.run(scenario()).vectors[0], encoder.vector([1, 3, 2]))


def test_a_text_cut_on_the_other_side_is_another_text_to_the_cache() -> None:
    async def ask(model: ModelEmbedder) -> list[Embeddings]:
        return [await model.embed(["a b a b b"], truncate=True, side=side) for side in ("right", "left", "right")]

    (right, left, again), encoder = over(ask)
    np.testing.assert_array_equal(right.vectors[0], encoder.vector([1, 3, 4, 3, 4, 2]))
    np.testing.assert_array_equal(left.vectors[0], encoder.vector([1, 4, 3, 4, 4, 2]))
    np.testing.assert_array_equal(again.vectors, right.vectors)
    assert len(encoder.batches) == 2


def test_a_long_text_takes_the_place_of_what_the_model_reads_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the idle service refused everybody else for as long as it was tokenised."""
    announced: list[tuple[int, int]] = []
    arriving = Batcher.arriving

    def noted(self: Batcher, texts: int, tokens: int, *, urgent: bool = False) -> AbstractContextManager[None]:
        announced.append((texts, tokens))
        return arriving(self, texts, tokens, urgent=urgent)

    monkeypatch.setattr(Batcher, "arriving", noted)
    result, _ = embed("a " * 1_000_000, "b" * 7, truncate=True)
    assert announced == [(2, 6 + 2)]
    assert result.cuts == (Cut(0, 1_000_002, 6),)


def test_who_hangs_up_is_tokenised_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, first = 0, threading.Event()
    reading = TextTokenizer.read

    def watched(self: TextTokenizer, texts: Sequence[str], side: Side = "right") -> Iterator[list[Read]]:
        nonlocal steps
        for some in reading(self, texts, side):
            steps += 1
            first.set()
            yield some

    async def ask(model: ModelEmbedder) -> None:
        asked = asyncio.create_task(model.embed(["a " * 1_000_000], truncate=True))
        await asyncio.to_thread(first.wait, 10)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert asked.cancelled()
        at_the_end = steps
        await asyncio.get_running_loop().shutdown_default_executor()
        assert steps <= at_the_end + 1

    monkeypatch.setattr(TextTokenizer, "read", watched)
    over(ask)
    assert 0 < steps < 2_000_000 / BLOCK_CHARACTERS
