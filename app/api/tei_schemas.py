"""The shapes of text-embeddings-inference's requests and responses, under its own names."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.api.schemas import Strict, Texts

Prompt = Annotated[str | None, Field(description="`query` or `passage`: the model's prompt for it. Unset: none.")]


class Truncation(Strict):
    truncate: bool | None = Field(None, description="Cut texts that the model cannot read whole; unset: refuse them.")
    truncation_direction: Literal["Right", "Left", "right", "left"] = Field(
        "Right", description="The side that is cut off."
    )
    prompt_name: Prompt = None


class EmbedRequest(Truncation):
    inputs: Texts = Field(description="A text or a list of texts.")
    normalize: bool = Field(True, description="Only true: the vectors always have length 1.")
    dimensions: int | None = Field(None, ge=1, description="Length of the vectors, where the model offers a choice.")


class Sentences(Strict):
    source_sentence: str = Field(min_length=1)
    sentences: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1, fail_fast=True)


class SimilarityRequest(Strict):
    inputs: Sentences
    parameters: Truncation | None = None


class TokenizeRequest(Strict):
    inputs: Texts = Field(description="A text or a list of texts.")
    add_special_tokens: bool = True
    prompt_name: Prompt = None


class SimpleToken(BaseModel):
    id: int
    text: str
    special: bool
    start: int | None = Field(description="In characters, prompt included; null for special tokens.")
    stop: int | None


class EmbeddingModel(BaseModel):
    pooling: str


class ModelType(BaseModel):
    embedding: EmbeddingModel


class Info(BaseModel):
    """null: nothing here that the field could truly say."""

    model_id: str
    model_sha: str
    model_dtype: str
    model_type: ModelType
    max_concurrent_requests: None = Field(None, description="Texts are limited, requests are not.")
    max_input_length: int
    max_batch_tokens: int
    max_batch_requests: None = None
    max_client_batch_size: int
    auto_truncate: Literal[False] = False
    tokenization_workers: None = Field(None, description="No thread is set aside for it.")
    version: str
    sha: None = None
    docker_label: None = None


class TEIError(BaseModel):
    error: str
    error_type: Literal["Unhealthy", "Backend", "Overloaded", "Validation", "Empty", "Unauthorized"]
