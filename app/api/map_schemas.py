"""The shapes of requests and responses about a collection's map."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.api.collection_schemas import QueryCut
from app.api.schemas import Strict

Layout = Literal["components", "neighbours"]


class Point(BaseModel):
    id: str
    x: float = Field(description="Within -1 to 1, as `y`, on the same scale.")
    y: float
    cluster: int = Field(description="From 0, the largest cluster first.")
    text: str = Field(description="The first 200 characters.")
    metadata: dict[str, Any]


class Map(BaseModel):
    layout: Layout
    documents: int = Field(description="In the collection.")
    shown: int = Field(description="Points below.")
    sampled: bool = Field(description="Whether there are more documents than points.")
    variance: list[float] | None = Field(description="Share of the variance along each axis; null for `neighbours`.")
    clusters: int = Field(description="Groups of points that mean similar things; none depends on the layout.")
    points: list[Point] = Field(description="One a document, by id.")


class Placing(Strict):
    query: str = Field(description="What to place, in words.")
    layout: Layout = "components"
    limit: int | None = Field(None, ge=1, description="As the map was asked for.")


class Place(BaseModel):
    x: float
    y: float
    truncated: QueryCut | None = Field(None, description="Where the model could not read the whole query.")
