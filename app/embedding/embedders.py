"""Which embedder makes a collection's vectors: the model that is served here, or one of a service, by its name."""

from app.embedding.embedder import Embedder
from app.embedding.registry import Card
from app.embedding.remote import RemoteModels, card_of, is_remote
from app.errors import RemoteUnset


class Embedders:
    """served: the model that this service has; remote: those of an OpenAI-compatible service, None where none is set"""

    def __init__(self, served: Embedder, remote: RemoteModels | None = None) -> None:
        self.served = served
        self._remote = remote

    def of(self, model: str, dimension: int) -> Embedder:
        """The one for a collection of this model; where nobody has it, the served one, whose card says that it is not.

        raises  RemoteUnset
        """
        if not is_remote(model):
            return self.served
        if self._remote is None:
            raise RemoteUnset(model)
        return self._remote.embedder(model, dimension)

    def card_of(self, model: str, dimension: int) -> Card:
        """The card of the same, whether it can be asked or not."""
        return card_of(model, dimension) if is_remote(model) else self.served.card

    async def dimension_of(self, model: str, wanted: int | None) -> int:
        """The length of a remote model's vectors.

        raises  RemoteUnset, unless it is said and the vectors may be brought; UnsupportedDimension; RemoteFailed
        """
        if self._remote is not None:
            return await self._remote.dimension_of(model, wanted)
        if wanted is None:
            raise RemoteUnset(model)
        return wanted
