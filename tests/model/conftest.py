"""The made models, opened as the service opens them; without them the error names the command that makes them."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from app.embedding.encoder import F32, OnnxEncoder
from app.embedding.kernels import LIBRARY
from app.embedding.registry import ModelFolder, open_model
from app.embedding.tokenizer import TextTokenizer
from models.make import sha256_of
from models.onnx_file import DATA, MODEL
from models.recipe import Recipe, read_recipe
from models.reference_texts import Reference, read_reference

MODELS = Path(__file__).resolve().parents[2] / "models"
NAME = "all-MiniLM-L6-v2"
PRECISIONS = ("int8", "fp32")


@dataclass(frozen=True)
class Model:
    """One precision of a model, the default one unless named: texts to vectors, by the service's own parts."""

    folder: ModelFolder
    tokenizer: TextTokenizer
    encoder: OnnxEncoder

    @classmethod
    def opened(cls, precision: str, name: str = NAME, library: Path | None = LIBRARY) -> "Model":
        """library  of operators; None: ONNX Runtime alone"""
        folder = open_model(MODELS, name, precision)
        card = folder.card
        return cls(
            folder,
            TextTokenizer.from_file(folder.tokenizer, card.max_tokens),
            OnnxEncoder.from_file(
                folder.network, dimension=card.dimension, pad_token_id=card.pad_token_id, library=library
            ),
        )

    def ids(self, texts: list[str]) -> list[list[int]]:
        return [read.ids for read in chain.from_iterable(self.tokenizer.read(texts))]

    def alone(self, texts: list[str]) -> F32:
        """Each text in a batch of its own: (texts, dimension) float32."""
        return np.concatenate([self.encoder.encode([ids]) for ids in self.ids(texts)])

    def together(self, texts: list[str], size: int, seed: int) -> F32:
        """The texts in batches of `size` as chance mixes them, short ones padded to long ones, in the first order."""
        ids = self.ids(texts)
        order = np.random.default_rng(seed).permutation(len(ids))
        vectors = np.empty((len(ids), self.encoder.dimension), np.float32)
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            vectors[rows] = self.encoder.encode([ids[row] for row in rows])
        return vectors


def sha256_of_network(folder: ModelFolder) -> str:
    return sha256_of({name: (folder.path / name).read_bytes() for name in (MODEL, DATA)})


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return read_recipe(MODELS / NAME)


@pytest.fixture(scope="session")
def reference(recipe: Recipe) -> Reference:
    return read_reference(recipe)


@pytest.fixture(scope="session", params=PRECISIONS)
def model(request: pytest.FixtureRequest) -> Model:
    return Model.opened(request.param)


@pytest.fixture(scope="session")
def int8() -> Model:
    return Model.opened("int8")
