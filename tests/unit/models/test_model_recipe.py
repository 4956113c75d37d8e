"""A recipe says everything that it means to, in known keys, or is refused."""

from pathlib import Path

import pytest

from models.errors import RecipeInvalid
from models.recipe import RECIPE, read_recipe
from tests.unit.models.tiny import TinyModel

NETWORK = {"weights_format": "safetensors", "layers": 2, "heads": 2, "layer_norm_epsilon": 1e-12}
RECIPES = sorted(Path(__file__).resolve().parents[3].joinpath("models").glob(f"*/{RECIPE}"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.parent.name)
def test_the_recipes_of_this_repository_are_whole(path: Path) -> None:
    recipe = read_recipe(path.parent)
    assert (path.parent / "LICENSE").is_file()
    assert recipe.precisions
    hashes = [recipe.files.weights.sha256, recipe.files.tokenizer.sha256]
    hashes += [source.sha256 for source in recipe.sources]
    hashes += [precision.sha256 for precision in recipe.precisions.values()]
    assert all(len(bytes.fromhex(digest)) == 32 for digest in hashes)


def test_the_default_model_has_a_second_source() -> None:
    (path,) = (path for path in RECIPES if path.parent.name == "all-MiniLM-L6-v2")
    assert len({source.package for source in read_recipe(path.parent).sources}) >= 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folder": "/elsewhere"}, "unknown key folder"),
        ({"surprise": 1}, "unknown key surprise; known here: name, origin, "),
        ({"network": {"layers": 2, "depth": 3}}, "unknown key network.depth; known here: weights_format, layers"),
        ({"sources": [{"package": "x", "url": "y"}]}, r"unknown key sources\[0\]\.url"),
        ({"files": {"weights": {"path": "x", "sha256": "y"}}}, "missing key files.tokenizer"),
        ({"licence": None}, "missing key licence"),
        ({"dimension": "16"}, "dimension should be int, it is '16'"),
        ({"pad_token_id": True}, "pad_token_id should be int, it is True"),
        ({"name": "other"}, "name is 'other', its folder is 'tiny'"),
        ({"pooling": "cls"}, "pooling is 'cls', only 'mean' can be made"),
        (
            {"network": NETWORK | {"table_bits": 2}},
            "network.table_bits is 2 and dimension 16; it should be 8, or 4 with",
        ),
        ({"matryoshka_dimensions": [8, 4]}, r"matryoshka_dimensions is \[8, 4\]; it should ascend .* dimension, 16"),
        ({"matryoshka_dimensions": [8, 16]}, "should ascend from 1 at least to below the dimension, 16"),
        ({"matryoshka_dimensions": [0, 8]}, "should ascend from 1 at least"),
        ({"matryoshka_dimensions": ["8"]}, r"matryoshka_dimensions\[0\] should be int, it is '8'"),
        ({"network": NETWORK | {"table_bits": 4}}, "network.table_bits is 4 and dimension 16; .* in blocks of 32"),
    ],
)
def test_a_recipe_that_is_wrong_says_where(tiny: TinyModel, changes: dict[str, object], message: str) -> None:
    tiny.set(**changes)
    with pytest.raises(RecipeInvalid, match=message):
        read_recipe(tiny.folder)


def test_texts_are_a_models_own_or_those_of_the_one_that_it_names(tiny: TinyModel) -> None:
    assert tiny.recipe.texts_folder == tiny.folder
    tiny.set(texts_of="other")
    assert tiny.recipe.texts_folder == tiny.models / "other"


def test_an_absent_recipe_and_one_that_is_no_toml_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeInvalid, match="there is no such recipe"):
        read_recipe(tmp_path)
    (tmp_path / RECIPE).write_text("name =")
    with pytest.raises(RecipeInvalid, match="Invalid value"):
        read_recipe(tmp_path)
