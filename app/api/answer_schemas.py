"""The shapes of a question and of its answer."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.api.collection_schemas import QueryCut
from app.api.schemas import Strict


class AskRequest(Strict):
    question: str = Field(description="In words; also what the sources are looked for with.")
    mode: Literal["hybrid", "semantic", "keyword"] | None = Field(
        None, description="How sources are looked for. Default: `hybrid`, and `semantic` where the store has no words."
    )
    filter: dict[str, Any] | None = Field(None, description="`$eq $ne $gt $gte $lt $lte $in $nin $and $or`.")
    limit: int | None = Field(None, ge=1, description="Sources. Default: 5, or MAX_SOURCES if less.")
    min_score: float | None = Field(None, description="Leave out sources whose `score` is less.")
    extract: bool = Field(
        False, description="Answer with sentences of the sources, also where a language model is set."
    )
    stream: bool | None = Field(
        None, description="As server-sent events. Default: where `Accept` asks for `text/event-stream`."
    )


class Source(BaseModel):
    number: int = Field(description="What the answer calls it: `[1]`.")
    id: str = Field(description="The document.")
    start: int = Field(description="In characters (Unicode code points) of the document's text.")
    end: int
    text: str
    score: float = Field(description="The search's.")
    metadata: dict[str, Any]


class Sentence(BaseModel):
    source: int
    start: int = Field(description="In characters of the document's text.")
    end: int
    text: str
    score: float = Field(description="Cosine similarity to the question.")


class Usage(BaseModel):
    prompt_tokens: int | None
    completion_tokens: int | None


class Fallback(BaseModel):
    kind: str
    reason: str


class Answer(BaseModel):
    kind: Literal["generated", "extracted", "none"] = Field(
        description="Written by a language model; sentences of the sources, word for word; nothing was found."
    )
    answer: str = Field(description="With the numbers of its sources: `[1]`.")
    sources: list[Source]
    cited: list[int] = Field(description="Sources in the order in which the answer first names them.")
    left_out: int = Field(description="Sources that did not fit into what the language model is sent.")
    truncated: QueryCut | None = Field(
        None, description="Where sources were looked for by a part of the question alone, as it is too long."
    )
    words_left_out: int | None = Field(
        None, description="Different words of the question after the first 64, which alone keyword search looks for."
    )
    sentences: list[Sentence] | None = Field(None, description="Of an extracted answer.")
    model: str | None = Field(None, description="The language model that wrote it.")
    finish: Literal["stop", "length", "content_filter"] | str | None = Field(
        None, description="How a written answer ended; `length`: cut off at OPENAI_ANSWER_TOKENS."
    )
    usage: Usage | None = Field(None, description="Of a written answer, as the service counted.")
    fallback: Fallback | None = Field(None, description="Why the language model did not answer, where it should have.")
