"""What an answer is made of: sources in, and the events that tell it, in their order."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

AnswerKind = Literal["generated", "extracted", "none"]


@dataclass(frozen=True)
class Source:
    """A passage that was found; what an answer cites as [number].

    number      from 1, by rank
    start, end  of `text` in its document, in characters (Unicode code points)
    score       the search's
    metadata    the document's; never sent to a language model
    """

    number: int
    document: str
    start: int
    end: int
    text: str
    score: float
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sentence:
    """A sentence taken out of a source, word for word: [start, end) of the document.

    score  cosine similarity to the question, -1 to 1
    """

    source: int
    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True)
class Found:
    """First of all events: the sources.

    left_out   those that did not fit into what a language model is sent
    truncated  (tokens of the question, those of them by which sources were looked for), where it was too long
    words_left_out  different words of the question that keyword search did not look for, being too many
    """

    sources: Sequence[Source]
    left_out: int = 0
    truncated: tuple[int, int] | None = None
    words_left_out: int = 0


@dataclass(frozen=True)
class Text:
    """The next piece of a written answer. Every [n] in it is the number of a source, and comes in one piece."""

    text: str


@dataclass(frozen=True)
class Fallback:
    """The language model failed, before its first word or after some; sentences follow in its place."""

    kind: str
    reason: str


@dataclass(frozen=True)
class Extracted:
    """The sentences that answer best, in the order of their sources."""

    sentences: Sequence[Sentence]

    @property
    def text(self) -> str:
        """One line, the number of its source after each sentence."""
        return " ".join(f"{' '.join(sentence.text.split())} [{sentence.source}]" for sentence in self.sentences)


@dataclass(frozen=True)
class Finish:
    """How a written answer ended.

    reason  `stop`; `length`, cut at the token budget; `content_filter`, cut by the service
    cited   sources in the order in which the answer first names them
    tokens  as the service counted them; None where it does not say
    """

    reason: str
    cited: tuple[int, ...] = ()
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True)
class Done:
    """Last of all events. model, finish: of a written answer."""

    kind: AnswerKind
    cited: tuple[int, ...] = ()
    model: str | None = None
    finish: Finish | None = None


Event = Found | Text | Fallback | Extracted | Done


class Writer(Protocol):
    """A language model that answers from sources."""

    model: str

    def fitting(self, question: str, sources: Sequence[Source]) -> list[Source]:
        """The first of `sources` that fit into what the model is sent, or a part of the first; none where the question
        leaves no room."""

    def write(self, question: str, sources: Sequence[Source]) -> AsyncGenerator[Text | Finish, None]:
        """The answer, and last how it ended. raises RemoteFailed, before the first Text or after some"""
