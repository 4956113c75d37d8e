"""A made model's card: what it is, and the hash of each of its files. The service reads it at start."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from models.recipe import Recipe

CARD = "card.json"
CARD_VERSION = 1


def card(recipe: Recipe, precision: str, files: Mapping[str, bytes]) -> bytes:
    """The card's JSON. No dates, no paths: the same inputs give the same bytes.

    files  name in the model's folder, content
    """
    content = {
        "card_version": CARD_VERSION,
        "name": recipe.name,
        "origin": recipe.origin,
        "revision": recipe.revision,
        "licence": recipe.licence,
        "dimension": recipe.dimension,
        "max_tokens": recipe.max_tokens,
        "pooling": recipe.pooling,
        "normalised": True,
        "precision": precision,
        "pad_token_id": recipe.pad_token_id,
        "prompts": asdict(recipe.prompts),
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in sorted(files.items())
        },
        "note": recipe.note,
    }
    if recipe.matryoshka_dimensions:
        content["matryoshka_dimensions"] = recipe.matryoshka_dimensions
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
