"""Models of an OpenAI-compatible service, named `openai/…`: what is known of them without asking it."""

from typing import Protocol

from app.embedding.embedder import Embedder
from app.embedding.estimate import BYTES_AT_MOST
from app.embedding.registry import Card, Prompts

PREFIX = "openai/"
# Tokens that OpenAI's models read of a text; and in estimated tokens, what is below that whatever the text is.
# https://platform.openai.com/docs/guides/embeddings
TEXT_TOKENS = 8191
MAX_TOKENS = TEXT_TOKENS // BYTES_AT_MOST


class RemoteModels(Protocol):
    """The embedding models of a service, by their names here."""

    def embedder(self, model: str, dimension: int) -> Embedder:
        """The same one each time."""

    async def dimension_of(self, model: str, wanted: int | None) -> int:
        """The length of a model's vectors, or that it can give the one that is wanted, by asking it for one.

        raises  UnsupportedDimension; RemoteFailed
        """


def is_remote(model: str) -> bool:
    return model.startswith(PREFIX)


def card_of(model: str, dimension: int) -> Card:
    """A card without files. Its revision tells vectors of one length from those of another."""
    return Card(
        card_version=1,
        name=model,
        origin=model,
        revision=f"{model}:{dimension}",
        licence="",
        dimension=dimension,
        max_tokens=MAX_TOKENS,
        pooling="",
        normalised=True,
        precision="remote",
        pad_token_id=0,
        prompts=Prompts(),
        files={},
    )
