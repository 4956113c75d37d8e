"""The reference is wide enough to say something, and nothing was calibrated on it."""

import hashlib
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from models.recipe import RECIPE, read_recipe
from models.reference_texts import TEXTS, VECTORS, Reference, read_reference, read_texts
from tests.model.conftest import MODELS

FOLDERS = sorted(path.parents[1] for path in MODELS.glob(f"*/{TEXTS}"))
RECIPES = sorted(path.parent for path in MODELS.glob(f"*/{RECIPE}"))
SCRIPTS = {
    *("LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "BENGALI", "TAMIL", "THAI", "HANGUL"),
    *("HIRAGANA", "KATAKANA", "CJK", "GEORGIAN", "ARMENIAN", "ETHIOPIC"),
}


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_the_reference_is_wide(folder: Path) -> None:
    lines = (folder / TEXTS).read_text(encoding="utf-8").splitlines()
    kinds = {json.loads(line)["kind"] for line in lines}
    assert {"word", "code", "odd", "emoji", "long", "english"} < kinds
    texts = read_texts(folder / TEXTS)
    assert len(set(texts)) == len(texts) >= 300
    letters = {letter for text in texts for letter in text if letter.isalpha()}
    assert {unicodedata.name(letter, "").split(" ")[0] for letter in letters} >= SCRIPTS
    assert {len(text) for text in texts} >= {1, 2}


def test_no_text_was_calibrated_on(folder: Path) -> None:
    calibration = read_texts(folder / "calibration" / "texts.jsonl")
    assert len(calibration) >= 300
    assert not {text.strip().lower() for text in calibration} & {
        text.strip().lower() for text in read_texts(folder / TEXTS)
    }


@pytest.mark.parametrize("model", RECIPES, ids=lambda path: path.name)
def test_the_vectors_belong_to_the_texts_and_the_weights(model: Path) -> None:
    recipe = read_recipe(model)
    made = json.loads((model / VECTORS).with_suffix(".json").read_text())
    assert made["texts_sha256"] == hashlib.sha256((recipe.texts_folder / TEXTS).read_bytes()).hexdigest()
    assert made["weights_sha256"] == recipe.files.weights.sha256
    assert len(read_reference(recipe).vectors) >= 300


def test_the_reference_vectors_have_length_one_and_differ(reference: Reference) -> None:
    np.testing.assert_allclose(np.linalg.norm(reference.vectors, axis=1), 1, atol=1e-5)
    assert len(np.unique(reference.vectors, axis=0)) > 0.97 * len(reference.texts)
