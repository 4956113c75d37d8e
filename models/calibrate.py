"""`python -m models.calibrate NAME`: find a model's calibration values and write them beside its recipe.

Needs onnxruntime and tokenizers. The values depend in their last bits on the machine that finds them; making a model
only reads them. Method: SmoothQuant, with the channels of the widest range after GELU left in float32.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from tokenizers import Tokenizer

from models import bert
from models.arithmetic import Activation, Float32
from models.calibration import Calibration, LayerCalibration, Site, write_calibration
from models.check import session_options
from models.errors import MakingFailed
from models.folding import fold_biases
from models.graph import Graph
from models.make import CALIBRATION
from models.recipe import Recipe, read_recipe
from models.reference_texts import read_texts
from models.source import fetch
from models.tokenizer import read_tokenizer
from models.weights import Layer, Linear, read_weights

F32 = npt.NDArray[np.float32]

HERE = Path(__file__).resolve().parent
TEXTS = "calibration/texts.jsonl"
# How much of the spread moves from activations to weights. Mean and least cosine to the reference with 0.5: 0.9980 and
# 0.9917; with 0.6: 0.9982 and 0.9933; with 0.7: 0.9984 and 0.9940.
ALPHA = 0.7
# Channels after GELU that reach far beyond all others. Sixteen are no better than eight.
OUTLIERS = 8
SMALLEST = 1e-5


class Tapped(Float32):
    """Float32, with the input of every linear layer an output of the graph as well. Filled while the graph is built."""

    def __init__(self) -> None:
        self.sites: dict[str, str] = {}

    def activate(self, graph: Graph, site: str, tensor: str) -> Activation:
        if tensor not in self.sites.values():
            graph.output(tensor, np.float32, "rows", "width")
        self.sites[site] = tensor
        return Activation(tensor)


def calibrate(recipe: Recipe, weights: bytes, tokenizer: bytes, texts: list[str]) -> Calibration:
    """The values that suit `texts`, each read alone so that padding has no part in them."""
    encoder = fold_biases(read_weights(recipe, weights))
    tapped = Tapped()
    graph = bert.build(encoder, recipe.network, tapped)
    session = ort.InferenceSession(graph.to_bytes(recipe.name), session_options())
    spreads = {site: Spread() for site in tapped.sites}
    for ids in _token_ids(recipe, tokenizer, texts):
        states = session.run(list(tapped.sites.values()), {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        for spread, state in zip(spreads.values(), states, strict=True):
            spread.add(state)
    layers = (_layer(f"layer.{index}", layer, spreads) for index, layer in enumerate(encoder.layers))
    return Calibration(tuple(layers))


class Spread:
    """The range of each channel of one site: low, high (width,) float32."""

    def __init__(self) -> None:
        self.low = self.high = np.zeros(1, np.float32)

    def add(self, states: F32) -> None:
        """states (tokens, width) float32"""
        self.low = np.minimum(self.low, states.min(axis=0))
        self.high = np.maximum(self.high, states.max(axis=0))

    @property
    def most(self) -> F32:
        return np.maximum(-self.low, self.high)


def _token_ids(recipe: Recipe, tokenizer: bytes, texts: list[str]) -> list[Any]:
    reader = Tokenizer.from_buffer(read_tokenizer(recipe, tokenizer))
    reader.no_padding()
    reader.enable_truncation(recipe.max_tokens)
    return [np.array([reader.encode(recipe.prompts.passage + text).ids], np.int64) for text in texts]


def _layer(name: str, layer: Layer, spreads: dict[str, Spread]) -> LayerCalibration:
    narrow = spreads[f"{name}.narrow"]
    outliers = np.sort(np.argsort(-narrow.most, kind="stable")[:OUTLIERS])
    kept = np.delete(np.stack([narrow.low, narrow.high]), outliers, axis=1)
    return LayerCalibration(
        attention=_site(spreads[f"{name}.attention"], layer.query, layer.key, layer.value),
        context=_site(spreads[f"{name}.context"], layer.attention_output),
        widen=_site(spreads[f"{name}.widen"], layer.widen),
        narrow=Site(low=float(kept[0].min()), high=float(kept[1].max())),
        outliers=tuple(outliers.tolist()),
    )


def _site(spread: Spread, *readers: Linear) -> Site:
    """Smoothing of one site, s = activations**alpha / weights**(1 - alpha) a channel, of geometric mean 1.

    source  Xiao et al. 2023, SmoothQuant, equation 4
    """
    weights = np.max([np.abs(linear.matrix).max(axis=1) for linear in readers], axis=0)
    factors = np.maximum(spread.most, SMALLEST) ** ALPHA / np.maximum(weights, SMALLEST) ** (1 - ALPHA)
    factors = (factors / np.exp(np.log(factors).mean())).astype(np.float32)
    return Site(float((spread.low / factors).min()), float((spread.high / factors).max()), factors)


def main(words: Sequence[str] | None = None) -> int:
    """The command; `words` stand for its command line in tests."""
    parser = argparse.ArgumentParser(prog="python -m models.calibrate", description=__doc__)
    parser.add_argument("name", help="a folder with a recipe.toml and calibration/texts.jsonl")
    parser.add_argument("--models", type=Path, default=HERE, help="the folder of the recipes (default: this one)")
    arguments = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        recipe = read_recipe(arguments.models / arguments.name)
        files = fetch(recipe, arguments.models / ".cache")
    except MakingFailed as error:
        print(error, file=sys.stderr)
        return 1
    texts = read_texts(recipe.texts_folder / TEXTS)
    write_calibration(recipe.folder / CALIBRATION, calibrate(recipe, files["weights"], files["tokenizer"], texts))
    print(f"wrote {recipe.folder / CALIBRATION} from {len(texts)} texts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
