"""A recipe into a model folder. Nothing lands at its place before it is whole and checked."""

import hashlib
import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models import bert
from models.arithmetic import Float32, Int8
from models.calibration import read_calibration
from models.card import CARD, card
from models.errors import NetworkDiffers, RecipeInvalid
from models.folding import fold_biases, smooth
from models.recipe import Recipe
from models.source import fetch
from models.tokenizer import read_tokenizer
from models.weights import read_weights

log = logging.getLogger(__name__)

TOKENIZER = "tokenizer.json"
LICENCE = "LICENSE"
CALIBRATION = "calibration/values.json"


@dataclass(frozen=True)
class Made:
    """A whole model in a folder of its own, not yet at its place."""

    recipe: Recipe
    precision: str
    folder: Path


Check = Callable[[Made], None]


def make(recipe: Recipe, precision: str, *, cache: Path, check: Check) -> Path:
    """Make `recipe.folder / precision`, replacing an older one.

    cache    a folder on the same file system, for downloads and for the work
    check    raises when the model is not good enough; then nothing is installed
    returns  the folder
    raises   MakingFailed, as the tree in models/errors.py
    """
    if precision not in recipe.precisions:
        raise RecipeInvalid(recipe.folder, f"no precision {precision}, only {', '.join(recipe.precisions)}")
    sources = fetch(recipe, cache)
    network = build_network(recipe, precision, sources["weights"])
    if (found := sha256_of(network)) != (pinned := recipe.precisions[precision].sha256):
        raise NetworkDiffers(recipe.name, precision, pinned, found)
    files = {
        **network,
        TOKENIZER: read_tokenizer(recipe, sources["tokenizer"]),
        LICENCE: (recipe.folder / LICENCE).read_bytes(),
    }
    with tempfile.TemporaryDirectory(dir=cache) as work:
        made = Path(work) / precision
        made.mkdir()
        for name, content in files.items():
            (made / name).write_bytes(content)
        check(Made(recipe, precision, made))
        (made / CARD).write_bytes(card(recipe, precision, files))
        target = recipe.folder / precision
        if target.exists():
            target.rename(Path(work) / "older")
        return made.rename(target)


def sha256_of(network: dict[str, bytes]) -> str:
    """The sha256 of a network's files, one after the other, in hex."""
    return hashlib.sha256(b"".join(network.values())).hexdigest()


def build_network(recipe: Recipe, precision: str, weights: bytes) -> dict[str, bytes]:
    """model.onnx, and model.onnx_data with its large constants: their bytes, in this order.

    raises  WeightsUnfit, CalibrationUnfit, RecipeInvalid
    """
    encoder = fold_biases(read_weights(recipe, weights))
    match precision:
        case "fp32":
            graph = bert.build(encoder, recipe.network, Float32())
        case "int8":
            calibration = read_calibration(recipe.folder / CALIBRATION)
            arithmetic = Int8(calibration, table_bits=recipe.network.table_bits)
            graph = bert.build(smooth(encoder, calibration), recipe.network, arithmetic)
        case _:
            raise RecipeInvalid(recipe.folder, f"{precision} cannot be made, only fp32 and int8")
    return graph.to_files(recipe.name)
