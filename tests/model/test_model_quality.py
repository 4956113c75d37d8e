"""Vectors of the made models beside those of the origin's own code, and beside themselves in other batches."""

import numpy as np
import pytest

from app.embedding.encoder import F32, OnnxEncoder
from models.check import compare
from models.recipe import Recipe
from models.reference_texts import Reference
from tests.model.conftest import Model

# The bars of the project: a recipe may ask for more, never for less.
BARS = {"int8": (0.997, 0.99), "fp32": (0.9999, 0.9999)}


def test_a_recipe_asks_for_no_less_than_the_project(recipe: Recipe) -> None:
    for precision, (mean, least) in BARS.items():
        bars = recipe.precisions[precision]
        assert bars.mean_cosine >= mean
        assert bars.least_cosine >= least


@pytest.fixture(scope="session")
def alone(model: Model, reference: Reference) -> F32:
    """The vector of each reference text, alone in its batch."""
    return model.alone(reference.texts)


def test_vectors_are_near_the_reference(model: Model, alone: F32, reference: Reference, recipe: Recipe) -> None:
    quality = compare(alone, reference.vectors)
    bars = recipe.precisions[model.folder.card.precision]
    assert quality.mean >= bars.mean_cosine
    assert quality.least >= bars.least_cosine, reference.texts[quality.worst]


def test_without_our_operators_they_are_as_near(reference: Reference, recipe: Recipe) -> None:
    """What ONNX Runtime computes by what the operators mean, as where there is no library for the CPU."""
    plain = Model.opened("int8", library=None)
    assert plain.encoder.kernels == ""
    quality = compare(plain.alone(reference.texts), reference.vectors)
    assert quality.mean >= recipe.precisions["int8"].mean_cosine
    assert quality.least >= recipe.precisions["int8"].least_cosine, reference.texts[quality.worst]


def test_vectors_have_length_one(alone: F32) -> None:
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(("size", "seed"), [(2, 1), (7, 2), (32, 3)])
def test_a_vector_does_not_depend_on_its_batch(
    model: Model, alone: F32, reference: Reference, size: int, seed: int
) -> None:
    """Padding and neighbours move nothing but the last bit: no scale is found from a batch."""
    some = slice(seed, None, 8)  # words beside texts of 256 tokens
    difference = np.abs(model.together(reference.texts[some], size, seed) - alone[some])
    assert difference.max() <= 1e-6


def test_what_is_alone_has_the_same_bits_on_two_threads(model: Model, alone: F32, reference: Reference) -> None:
    """Whether a text met others decides on the session that computes it, and on nothing else."""
    card = model.folder.card
    both = OnnxEncoder.from_file(
        model.folder.network, dimension=card.dimension, pad_token_id=card.pad_token_id, processors=2
    )
    ids = model.ids(reference.texts)
    np.testing.assert_array_equal(np.concatenate([both.encode([each], alone=True) for each in ids]), alone)
    some = [each[:40] for each in ids[::16]]
    np.testing.assert_array_equal(both.encode(some, alone=True), both.encode(some))


def test_texts_are_read_to_the_models_limit(int8: Model, reference: Reference) -> None:
    """Not to 128 tokens, as the origin's tokenizer.json has it: what stands behind them still counts."""
    limit = int8.folder.card.max_tokens
    assert limit == 256
    long = [text for text, ids in zip(reference.texts, int8.ids(reference.texts), strict=True) if len(ids) == limit]
    assert len(long) >= 10
    (whole,) = int8.ids(long[:1])
    half, all_of_it = int8.encoder.encode([whole[:127] + whole[-1:]]), int8.encoder.encode([whole])
    assert compare(half, all_of_it).least < 0.999
