"""The shapes of requests and responses, but for those of collections: collection_schemas.py."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field, model_validator
from pydantic_core import PydanticCustomError

from app.embedding.representation import EmbeddingDtype
from app.errors import TokenInput


class Strict(BaseModel):
    """A request body: unknown fields and values of another type are refused, never ignored or converted.

    For the first that is wrong: an error for each of a million would hold up everybody. So its lists `fail_fast`.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _with_one_unknown_field(cls, value: Any) -> Any:
        """Of those that it does not know, the first is enough to refuse it."""
        known = cls.model_fields
        if not isinstance(value, dict) or len(value) <= len(known):
            return value
        first = next(key for key in value if key not in known)
        return {key: value[key] for key in (*known, first) if key in value}


def texts_only(value: Any) -> Any:
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, list) and first:
        first = first[0]
    if isinstance(first, int) and not isinstance(first, bool):
        error = TokenInput()
        raise PydanticCustomError(error.code, "{message}", {"message": str(error)})
    return [value] if isinstance(value, str) else value


Texts = Annotated[
    list[str],
    FailFast(),  # said by `Field`, it would come after what stands before the list
    BeforeValidator(texts_only, json_schema_input_type=str | list[str]),
    Field(min_length=1),
]


class EmbeddingsRequest(Strict):
    """OpenAI's embeddings request, and fields of our own: `input_type`, `truncate`, `embedding_dtype`."""

    input: Texts = Field(description="A text or a list of texts.")
    model: str = Field(description="The model's name, as `GET /v1/models` lists it.")
    encoding_format: Literal["float", "base64"] = Field(
        "float", description="`base64`: the bytes of little-endian float32; not with another `embedding_dtype`."
    )
    dimensions: int | None = Field(None, ge=1, description="Length of the vectors, where the model offers a choice.")
    user: str | None = Field(None, description="Accepted as OpenAI does; not used, not logged.")
    input_type: Literal["query", "passage"] = Field(
        "passage", description="What the texts are, for models that prompt the two differently."
    )
    embedding_dtype: EmbeddingDtype = Field(
        "float",
        description="`int8`: a byte a number, one scale for all. `binary`: a sign a bit, eight to a signed byte.",
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
