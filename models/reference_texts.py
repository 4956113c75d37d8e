"""A model's reference: texts of this repository, and their vectors from the origin's own code."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.errors import ReferenceUnfit
from models.recipe import Recipe

F32 = npt.NDArray[np.float32]

TEXTS = "reference/texts.jsonl"
VECTORS = "reference/vectors.npy"


@dataclass(frozen=True)
class Reference:
    """vectors (texts, dimension) float32, each of length 1: what the origin's code makes of each text, as a passage."""

    texts: list[str]
    vectors: F32


def read_reference(recipe: Recipe) -> Reference:
    """raises  ReferenceUnfit, when there is not one vector of the model's dimension for each text"""
    texts, path = read_texts(recipe.texts_folder / TEXTS), recipe.folder / VECTORS
    vectors = np.load(path)
    if vectors.shape != (len(texts), recipe.dimension):
        raise ReferenceUnfit(path, f"shape {(len(texts), recipe.dimension)}", f"{vectors.shape}")
    return Reference(texts, vectors)


def write_reference(recipe: Recipe, vectors: F32, makers: Sequence[str]) -> Path:
    """Keep vectors that the recipe's own weights gave, and what made them: packages of `makers`, with their versions.

    returns  the file of the vectors
    """
    path = recipe.folder / VECTORS
    path.parent.mkdir(exist_ok=True)
    np.save(path, vectors.astype(np.float32))
    made = {
        "made_with": {name: version(name) for name in makers},
        "texts_sha256": hashlib.sha256((recipe.texts_folder / TEXTS).read_bytes()).hexdigest(),
        "weights_sha256": recipe.files.weights.sha256,
    }
    path.with_suffix(".json").write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    return path


def read_texts(path: Path) -> list[str]:
    """The texts of a file with one JSON object a line, {"kind": …, "text": …}, in its order."""
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").split("\n") if line]
