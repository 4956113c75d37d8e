"""The same inputs give the same bytes: twice here, and those that the recipe pins everywhere."""

import pytest

from models.make import build_network, sha256_of
from models.onnx_file import DATA, MODEL
from models.recipe import Recipe
from models.source import fetch
from tests.model.conftest import MODELS, PRECISIONS, Model, sha256_of_network


@pytest.fixture(scope="module")
def weights(recipe: Recipe) -> bytes:
    return fetch(recipe, MODELS / ".cache")["weights"]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_making_twice_gives_the_pinned_bytes(recipe: Recipe, weights: bytes, precision: str) -> None:
    first, again = (build_network(recipe, precision, weights) for _ in range(2))
    assert first == again
    assert sha256_of(first) == recipe.precisions[precision].sha256


def test_the_made_folders_hold_the_pinned_networks(model: Model, recipe: Recipe) -> None:
    assert sha256_of_network(model.folder) == recipe.precisions[model.folder.card.precision].sha256


def test_int8_is_a_quarter_of_fp32(int8: Model) -> None:
    assert sum((int8.folder.path / name).stat().st_size for name in (MODEL, DATA)) < 24_000_000


def test_a_model_folder_carries_its_licence(model: Model, recipe: Recipe) -> None:
    assert model.folder.card.licence == "Apache-2.0"
    assert (model.folder.path / "LICENSE").read_text() == (recipe.folder / "LICENSE").read_text()
    assert "LICENSE" in model.folder.card.files
