"""The shapes of requests and responses."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.errors import TokenInput


class Strict(BaseModel):
    """A request body: unknown fields and values of another type are refused, never ignored or converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _no_token_ids(value: Any) -> Any:
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, list) and first:
        first = first[0]
    if isinstance(first, int) and not isinstance(first, bool):
        error = TokenInput()
        raise PydanticCustomError(error.code, "{message}", {"message": str(error)})
    return [value] if isinstance(value, str) else value


class EmbeddingsRequest(Strict):
    """OpenAI's embeddings request, and two fields of our own: `input_type` and `truncate`."""

    input: Annotated[list[str], BeforeValidator(_no_token_ids, json_schema_input_type=str | list[str])] = Field(
        description="A text or a list of texts.", min_length=1
    )
    model: str = Field(description="The model's name, as `GET /v1/models` lists it.")
    encoding_format: Literal["float", "base64"] = Field(
        "float", description="`base64`: little-endian float32, base64-encoded."
    )
    dimensions: int | None = Field(None, ge=1, description="Length of the vectors, where the model offers a choice.")
    user: str | None = Field(None, description="Accepted as OpenAI does; not used, not logged.")
    input_type: Literal["query", "passage"] = Field(
        "passage", description="What the texts are, for models that prompt the two differently."
    )
    truncate: bool = Field(False, description="Cut texts that the model cannot read whole, instead of refusing them.")


class Embedding(BaseModel):
    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class CutText(BaseModel):
    index: int
    tokens: int
    kept: int


class EmbeddingsResponse(BaseModel):
    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Usage
    truncated: list[CutText] | None = Field(None, description="Only with `truncate`: which texts were cut.")


class Model(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="Unix time in seconds.")
    owned_by: str
    dimension: int
    max_tokens: int
    precision: str
    licence: str


class Models(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


class Space(Strict):
    """What a collection is created with. What is left out is the served model's."""

    model: str | None = Field(None, description="Name of the model that makes the vectors. Default: the one served.")
    dimension: int | None = Field(
        None, ge=1, le=65_536, description="Length of a vector. Needed only where the model is not served here."
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

    id: str | None = Field(None, description="1 to 512 characters, none of them a control character. Default: made.")
    text: str = Field("", description="Needed, unless a vector comes with the document.")
    metadata: dict[str, Any] = Field({}, description="Keys to filter by are at its top.")
    vector: list[float] | str | None = Field(
        None, description="The whole text's vector: numbers, or base64 of little-endian float32."
    )


class NewDocuments(Strict):
    documents: list[NewDocument] = Field(min_length=1)


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

    ids: list[str] | None = None
    filter: dict[str, Any] | None = None


class Deleted(BaseModel):
    deleted: int


class SearchRequest(Strict):
    query: str = Field("", description="What is looked for, in words.")
    mode: Literal["hybrid", "semantic", "keyword"] | None = Field(
        None, description="Default: hybrid, or semantic where only a vector is given."
    )
    vector: list[float] | str | None = Field(
        None, description="In place of the query's own: numbers, or base64 of little-endian float32."
    )
    filter: dict[str, Any] | None = Field(None, description="`$eq $ne $gt $gte $lt $lte $in $nin $and $or`.")
    limit: int | None = Field(None, ge=1, description="Documents in the answer. Default: 10, or MAX_LIMIT if less.")
    offset: int = Field(0, ge=0)
    min_score: float | None = Field(None, description="Leave out hits whose `score` is less.")
    include: list[Literal["text", "metadata", "passage"]] = Field(
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


class HealthIndex(BaseModel):
    state: Literal["opening", "ready", "rebuilding", "failed"]
    behind: int
    detail: str


class HealthStore(BaseModel):
    collections: int
    documents: int
    index: HealthIndex


class HealthModel(BaseModel):
    name: str
    precision: str
    dimension: int
    max_tokens: int


class Health(BaseModel):
    status: Literal["ready", "unavailable"]
    version: str
    uptime_s: float
    model: HealthModel | None = None
    store: HealthStore | None = None
    reason: str | None = None


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    param: str | None = None


class OpenAIErrorBody(BaseModel):
    message: str
    type: str
    param: str | None
    code: str


class OpenAIError(BaseModel):
    error: OpenAIErrorBody
