"""Questions in, events out, over a fake embedder and a store in memory."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from app.answer.answer import Done, Event, Extracted, Fallback, Finish, Found, Source, Text
from app.errors import CollectionNotFound, RemoteFailed, TooManyAsks
from app.pipeline.ask import COMPARED, SOURCE_CHARACTERS, Ask, Question
from app.pipeline.drafts import Draft
from app.pipeline.pipeline import Pipeline
from app.store.store import Query
from tests.fakes import FakeEmbedder, unit
from tests.unit.pipeline.conftest import run

SALT = "Salt slows yeast down. It keeps bread as well."


class Scripted:
    """A writer that says what it is given, then fails where it has a failure. asked: the sources of each call."""

    model = "scripted"

    def __init__(self, *texts: str, failure: RemoteFailed | None = None, fits: int = 100) -> None:
        self._texts, self._failure, self._fits = texts, failure, fits
        self.asked: list[list[int]] = []
        self.closed = 0

    def fitting(self, question: str, sources: Sequence[Source]) -> list[Source]:
        return list(sources[: self._fits])

    async def write(self, question: str, sources: Sequence[Source]) -> AsyncGenerator[Text | Finish, None]:
        self.asked.append([source.number for source in sources])
        try:
            for text in self._texts:
                yield Text(text)
            if self._failure is not None:
                raise self._failure
            yield Finish("stop", (1,), 3, 4)
        finally:
            self.closed += 1


def asking(pipeline: Pipeline, writer: Scripted | None = None, **more: Any) -> Ask:
    return Ask(pipeline.retrieve, pipeline.embedder, writer, max_asks=2, **more)


def events(ask: Ask, text: str = "salt", *, extract: bool = False, name: str = "ours", **query: Any) -> list[Event]:
    async def collect() -> list[Event]:
        question = Question(name, Query("keyword", text, **query), extract)
        async with aclosing(ask.answer(question)) as told:
            return [event async for event in told]

    return run(collect())


@pytest.fixture(autouse=True)
def documents(pipeline: Pipeline) -> None:
    run(pipeline.ingest.keep("ours", [Draft(SALT, "bread", {"n": 1}), Draft("Sea salt is salt.", "sea")]))


def test_sentences_answer_where_there_is_no_writer(pipeline: Pipeline, embedder: FakeEmbedder) -> None:
    told: list[tuple[str, str]] = []
    found, extracted, done = events(asking(pipeline, observer=lambda *what: told.append(what)))
    assert isinstance(found, Found)
    assert [(source.number, source.document) for source in found.sources] == [(1, "bread"), (2, "sea")]
    assert found.sources[0].metadata == {"n": 1}
    assert isinstance(extracted, Extracted)
    for sentence in extracted.sentences:
        text = {1: SALT, 2: "Sea salt is salt."}[sentence.source]
        assert text[sentence.start : sentence.end] == sentence.text
        assert sentence.score == pytest.approx(float(unit("salt") @ unit(sentence.text)), abs=1e-6)
    assert isinstance(done, Done)
    assert (done.kind, set(done.cited)) == ("extracted", {sentence.source for sentence in extracted.sentences})
    assert told == [("extracted", "")]
    assert embedder.roles[-2:] == ["query", "passage"]
    assert embedder.urgent == [False, False, True]  # the documents, the question (its role is enough), the sentences


def test_a_writer_gets_what_fits(pipeline: Pipeline) -> None:
    writer = Scripted("Salt ", "[1].", fits=1)
    found, *texts, done = events(asking(pipeline, writer))
    assert isinstance(found, Found)
    assert ([source.number for source in found.sources], found.left_out) == ([1], 1)
    assert texts == [Text("Salt "), Text("[1].")]
    assert done == Done("generated", (1,), "scripted", Finish("stop", (1,), 3, 4))
    assert writer.asked == [[1]]


@pytest.mark.parametrize("texts", [(), ("Salt ", "slows ")])
def test_sentences_of_the_same_sources_follow_a_failure(pipeline: Pipeline, texts: tuple[str, ...]) -> None:
    told: list[tuple[str, str]] = []
    writer = Scripted(*texts, failure=RemoteFailed("cut_off", "it broke off"), fits=1)
    found, *written, fallback, extracted, done = events(
        asking(pipeline, writer, observer=lambda *what: told.append(what))
    )
    assert isinstance(found, Found)
    assert written == [Text(text) for text in texts]
    assert fallback == Fallback("cut_off", "it broke off")
    assert isinstance(extracted, Extracted)
    assert {sentence.source for sentence in extracted.sentences} == {1}
    assert done == Done("extracted", (1,))
    assert told == [("extracted", "cut_off")]


def test_a_question_that_leaves_no_room_is_answered_with_sentences(pipeline: Pipeline) -> None:
    writer = Scripted("Yes.", fits=0)
    found, fallback, extracted, _ = events(asking(pipeline, writer))
    assert isinstance(found, Found)
    assert (len(found.sources), found.left_out) == (2, 0)
    assert isinstance(fallback, Fallback)
    assert "OPENAI_CONTEXT_TOKENS" in fallback.reason
    assert isinstance(extracted, Extracted)
    assert writer.asked == []


@pytest.mark.parametrize(("text", "extract"), [("nowhere", False), ("salt", True)])
def test_nobody_is_asked_where_there_is_nothing_or_where_sentences_are_wanted(
    pipeline: Pipeline, text: str, extract: bool
) -> None:
    writer = Scripted("Yes.")
    *_, done = events(asking(pipeline, writer), text, extract=extract)
    assert isinstance(done, Done)
    assert done.kind == ("extracted" if extract else "none")
    assert writer.asked == []


def test_documents_without_a_text_are_no_sources(pipeline: Pipeline) -> None:
    vector = np.array([1, 0, 0], np.float32)
    run(pipeline.ingest.keep("foreign", [Draft("", "bare", {}, vector), Draft("green salt", "green", {}, vector)]))

    async def collect() -> list[Event]:
        question = Question("foreign", Query("semantic", "salt", vector))
        return [event async for event in asking(pipeline).answer(question)]

    found, *_ = run(collect())
    assert isinstance(found, Found)
    assert [(source.number, source.document) for source in found.sources] == [(1, "green")]


def test_a_passage_that_is_a_whole_book_is_read_at_its_beginning(pipeline: Pipeline, embedder: FakeEmbedder) -> None:
    book = "salt " + "Word after word ends here. " * 2000
    vector = np.array([1, 0, 0], np.float32)
    run(pipeline.ingest.keep("foreign", [Draft(book, str(n), {}, vector) for n in range(20)]))
    found, *_ = events(asking(pipeline), name="foreign", limit=20)
    assert isinstance(found, Found)
    assert len(found.sources) == 20
    for source in found.sources:
        assert (source.start, source.end) == (0, SOURCE_CHARACTERS)
        assert source.text == book[:SOURCE_CHARACTERS]
    assert len(embedder.texts) - embedder.texts.index("salt") - 1 == COMPARED


def test_whoever_leaves_makes_room_and_takes_the_writer_along(pipeline: Pipeline) -> None:
    writer = Scripted("Salt ", "slows ")
    ask = asking(pipeline, writer)

    async def leave() -> None:
        question = Question("ours", Query("keyword", "salt"))
        begun = [ask.answer(question) for _ in range(2)]
        for told in begun:
            assert isinstance(await anext(told), Found)
            assert isinstance(await anext(told), Text)
        with pytest.raises(TooManyAsks, match="2 questions"):
            await anext(ask.answer(question))
        await begun[0].aclose()
        assert writer.closed == 1
        assert len([event async for event in ask.answer(question)]) == 4
        await begun[1].aclose()

    run(leave())
    with pytest.raises(CollectionNotFound):
        events(ask, name="none")
    assert len(events(ask)) == 4
