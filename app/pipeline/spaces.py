"""The space that a new collection is to have, and who makes the vectors of one that is there."""

from contextlib import suppress

from app.embedding.embedder import Embedder
from app.embedding.embedders import Embedders
from app.embedding.remote import is_remote
from app.errors import CollectionNotFound, InvalidInput, UnsupportedDimension, VectorsElsewhere
from app.pipeline.workers import Workers
from app.store.store import Collection, Distance, Space, Store


class Spaces:
    """Safe to use from many tasks at once."""

    def __init__(self, store: Store, embedders: Embedders, workers: Workers) -> None:
        self._store = store
        self._embedders = embedders
        self._workers = workers

    async def wanted(self, name: str, model: str | None, dimension: int | None, distance: Distance) -> Space:
        """What a collection `name` is to hold; no model means the one that is served.

        raises  UnsupportedDimension, where the model has another; InvalidInput, where nobody can know it; RemoteUnset,
                RemoteFailed
        """
        if "\0" in (model or ""):
            raise InvalidInput("the model's name holds the character U+0000, which no store keeps", param="model")
        card = self._embedders.served.card
        if model is None or card.answers_to(model):
            if dimension not in (None, card.dimension):
                raise UnsupportedDimension(card.name, dimension or 0, card.dimension)
            return Space(card.name, card.dimension, distance)
        if is_remote(model):
            return Space(model, await self._dimension(name, model, dimension), distance)
        if dimension is None:
            raise InvalidInput(
                f"the model {model!r} is not served here, only {card.name}: name its dimension and bring vectors",
                param="dimension",
            )
        return Space(model, dimension, distance)

    async def _dimension(self, name: str, model: str, wanted: int | None) -> int:
        """Of a remote model. What is known of a collection that is there is not asked for again."""
        with suppress(CollectionNotFound):
            space = (await self._workers.run(self._store.collection, name)).space
            if space.model == model and wanted in (None, space.dimension):
                return space.dimension
        return await self._embedders.dimension_of(model, wanted)


def embedder_for(collection: Collection, embedders: Embedders) -> Embedder:
    """Who makes vectors for `collection`. raises VectorsElsewhere, naming both models; RemoteUnset"""
    space = collection.space
    embedder = embedders.of(space.model, space.dimension)
    card = embedder.card
    if space.model != card.name:
        raise VectorsElsewhere(collection.name, "model", space.model, card.name)
    if space.dimension != card.dimension:
        raise VectorsElsewhere(collection.name, "dimension", space.dimension, card.dimension)
    return embedder
