"""The shapes of requests and responses about collections, their documents, and search in them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from app.api.schemas import Strict

MAX_DIMENSION = 65_536
# Numbers, or base64 of little-endian float32.
Vector = Annotated[list[float], Field(fail_fast=True, max_length=MAX_DIMENSION)] | str


class Space(Strict):
    """What a collection is created with. What is left out is the served model's."""

    model: str | None = Field(None, description="Name of the model that makes the vectors. Default: the one served.")
    dimension: int | None = Field(
        None, ge=1, le=MAX_DIMENSION, description="Length of a vector. Needed only where the model is not served here."
    )
    distance: Literal["cosine", "dot", "euclidean"] = Field("cosine", description="How two vectors are compared.")
    metadata: dict[str, Any] = Field({}, description="Anything worth noting about the collection.")


class Collection(BaseModel):
    name: str
    model: str
    dimension: int
    distance: Literal["cosine", "dot", "euclidean"]
    metadata: dict[str, Any]
    created_at_unix_s: float
    documents: int
    passages: int


class Collections(BaseModel):
    collections: list[Collection]


class NewDocument(Strict):
    """A document to keep. Its text is cut into passages and embedded, unless a vector comes with it."""

    id: str | None = Field(
        None, description="1 to 512 characters, none a control character; not `.` or `..`. Default: made."
    )
    text: str = Field("", description="Needed, unless a vector comes with the document.")
    metadata: dict[str, Any] = Field({}, description="Keys to filter by are at its top.")
    vector: Vector | None = Field(
        None, description="The whole text's vector: numbers, or base64 of little-endian float32."
    )


class NewDocuments(Strict):
    documents: list[NewDocument] = Field(min_length=1, fail_fast=True)


class Kept(BaseModel):
    ids: list[str] = Field(description="In the order of the request.")
    documents: int = Field(description="How many different documents that was.")


class PassageOfDocument(BaseModel):
    start: int
    end: int
    vector: list[float]


class Document(BaseModel):
    id: str
    text: str
    metadata: dict[str, Any]
    updated_at_unix_s: float
    passages: list[PassageOfDocument] | None = Field(None, description="Only with `vectors=true`.")


class Documents(BaseModel):
    documents: list[Document]
    cursor: str | None = Field(description="Asks for the documents after these; null after the last one.")


class Deletion(Strict):
    """Which documents to delete: those with one of the ids that the filter matches. At least one must be given."""

    ids: Annotated[list[str], Field(fail_fast=True)] | None = None
    filter: dict[str, Any] | None = None


class Deleted(BaseModel):
    deleted: int


class SearchRequest(Strict):
    query: str = Field("", description="What is looked for, in words.")
    mode: Literal["hybrid", "semantic", "keyword"] | None = Field(
        None, description="Default: hybrid, or semantic where only a vector is given or the store cannot rank by words."
    )
    vector: Vector | None = Field(
        None, description="In place of the query's own: numbers, or base64 of little-endian float32."
    )
    filter: dict[str, Any] | None = Field(None, description="`$eq $ne $gt $gte $lt $lte $in $nin $and $or`.")
    limit: int | None = Field(None, ge=1, description="Documents in the answer. Default: 10, or MAX_LIMIT if less.")
    offset: int = Field(0, ge=0)
    min_score: float | None = Field(None, description="Leave out hits whose `score` is less.")
    include: Annotated[list[Literal["text", "metadata", "passage"]], Field(fail_fast=True)] = Field(
        ["text", "metadata", "passage"], description="What to send beside ids and scores."
    )


class PassageFound(BaseModel):
    start: int = Field(description="In characters (Unicode code points) of the document's text.")
    end: int
    text: str


class Rank(BaseModel):
    rank: int = Field(description="Place in this ranking, from 1.")
    score: float


class Hit(BaseModel):
    id: str
    score: float = Field(description="What the order is by: of the one ranking, or in hybrid mode of both, fused.")
    text: str | None = None
    metadata: dict[str, Any] | None = None
    passage: PassageFound | None = None
    semantic: Rank | None = None
    keyword: Rank | None = None


class QueryCut(BaseModel):
    tokens: int
    kept: int


class SearchResponse(BaseModel):
    mode: Literal["hybrid", "semantic", "keyword"]
    hits: list[Hit]
    truncated: QueryCut | None = Field(None, description="Where the model could not read the whole query.")
    words_left_out: int | None = Field(
        None, description="Different words of the query after the first 64, which alone keyword search looks for."
    )
