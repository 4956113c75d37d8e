"""Questions in, answers out: passages are found, and a language model writes from them, or their sentences answer."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from app.answer.answer import Done, Event, Extracted, Fallback, Found, Sentence, Source, Text, Writer
from app.answer.extractive import extract
from app.embedding.embedder import Embedder
from app.embedding.passages import sentences
from app.errors import RemoteFailed, TooManyAsks
from app.pipeline.retrieve import Retrieve
from app.store.store import Hit, Query

# More of a passage is not read: only one whose vector was brought along is longer, since it is its whole document.
SOURCE_CHARACTERS = 4000
# Sentences that are compared with a question; those of the best sources come first.
COMPARED = 256


@dataclass(frozen=True)
class Question:
    """query: how sources are looked for, its text the question. extract: take sentences, whatever else there is."""

    collection: str
    query: Query
    extract: bool = False


class Ask:
    """Answers questions from collections. Safe to use from many tasks at once.

    embedder  compares sentences with the question: the model that is served, whatever the collection's is
    writer    the language model; None where there is none
    observer  is told of each answer: its kind, and the kind of the failure where it fell back, else ""
    """

    def __init__(
        self,
        retrieve: Retrieve,
        embedder: Embedder,
        writer: Writer | None,
        *,
        max_asks: int,
        observer: Callable[[str, str], None] | None = None,
    ) -> None:
        self._retrieve = retrieve
        self._embedder = embedder
        self._writer = writer
        self._max_asks, self._asks = max_asks, 0
        self._observer = observer

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """Found; then Text … and Done; or Extracted and Done; or Text …, Fallback, Extracted and Done.

        raises  TooManyAsks; what `Retrieve.find` raises; what the embedder raises
        """
        if self._asks >= self._max_asks:
            raise TooManyAsks(self._max_asks)
        self._asks += 1
        try:
            async with aclosing(self._events(question)) as events:
                async for event in events:
                    yield event
        finally:
            self._asks -= 1

    async def _events(self, question: Question) -> AsyncGenerator[Event, None]:
        query = replace(question.query, include=frozenset(("passage", "metadata")))
        found = await self._retrieve.find(question.collection, query)
        text, every = question.query.text, _sources(found.hits)
        writer = None if question.extract or not every else self._writer
        fitting = every if writer is None else writer.fitting(text, every)
        sources = fitting or every
        cut = None if found.cut is None else (found.cut.tokens, found.cut.kept)
        yield Found(sources, len(every) - len(sources), cut, found.words_left_out)
        failed = ""
        if writer is not None:
            try:
                if not fitting:
                    raise RemoteFailed("refused", "the question leaves no room for a source (OPENAI_CONTEXT_TOKENS)")
                async with aclosing(writer.write(text, sources)) as parts:
                    async for part in parts:
                        if isinstance(part, Text):
                            yield part
                        else:
                            yield self._done(Done("generated", part.cited, writer.model, part))
                return
            except RemoteFailed as failure:
                failed = failure.kind
                yield Fallback(failure.kind, failure.reason)
        chosen = await self._extracted(text, sources)
        yield Extracted(chosen)
        cited = dict.fromkeys(sentence.source for sentence in chosen)
        yield self._done(Done("extracted" if chosen else "none", tuple(cited)), failed)

    async def _extracted(self, question: str, sources: Sequence[Source]) -> list[Sentence]:
        candidates = [each for source in sources for each in _sentences(source)][:COMPARED]
        if not candidates:
            return []
        asked = await self._embedder.embed([question], role="query", truncate=True)
        made = await self._embedder.embed([each.text for each in candidates], truncate=True, urgent=True)
        return extract(asked.vectors[0], candidates, made.vectors)

    def _done(self, done: Done, failed: str = "") -> Done:
        if self._observer is not None:
            self._observer(done.kind, failed)
        return done


def _sources(hits: Sequence[Hit]) -> list[Source]:
    """Those that have a text."""
    found: list[Source] = []
    for hit in hits:
        document, end = hit.document.document, min(hit.end, hit.start + SOURCE_CHARACTERS)
        if (text := hit.passage[:SOURCE_CHARACTERS]).strip():
            found.append(Source(len(found) + 1, document.id, hit.start, end, text, hit.score, document.metadata))
    return found


def _sentences(source: Source) -> list[Sentence]:
    return [
        Sentence(source.number, source.start + start, source.start + end, source.text[start:end], 0.0)
        for start, end in sentences(source.text)
    ]
