"""`python -m models.reference NAME FOLDER`: a model's reference vectors, from sentence-transformers in float32.

Run once, in an environment of its own: it needs sentence-transformers and torch, which nothing else here does. FOLDER
holds the origin's files, e.g. unpacked from a wheel that the recipe names. What made the vectors is written beside
them.
"""

import argparse
import hashlib
import sys
from pathlib import Path

from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found]

from models.recipe import read_recipe
from models.reference_texts import TEXTS, read_texts, write_reference

HERE = Path(__file__).resolve().parent
MAKERS = ("sentence-transformers", "transformers", "tokenizers", "torch", "numpy")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m models.reference", description=__doc__)
    parser.add_argument("name", help="a folder with a recipe.toml and reference/texts.jsonl")
    parser.add_argument("origin", type=Path, help="the folder of the origin's files")
    parser.add_argument("--models", type=Path, default=HERE, help="the folder of the recipes (default: this one)")
    arguments = parser.parse_args()
    recipe = read_recipe(arguments.models / arguments.name)
    weights = hashlib.sha256((arguments.origin / recipe.files.weights.path).read_bytes()).hexdigest()
    if weights != recipe.files.weights.sha256:
        print(f"the recipe's weights have sha256 {recipe.files.weights.sha256}, these {weights}", file=sys.stderr)
        return 1
    model = SentenceTransformer(str(arguments.origin), device="cpu", local_files_only=True)
    model.max_seq_length = recipe.max_tokens
    texts = [recipe.prompts.passage + text for text in read_texts(recipe.texts_folder / TEXTS)]
    vectors = model.encode(texts, batch_size=1, normalize_embeddings=True, convert_to_numpy=True)
    print(f"wrote {write_reference(recipe, vectors, MAKERS)}: {vectors.shape}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
