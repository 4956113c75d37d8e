"""How near a made model's vectors are to the reference ones. Needs onnxruntime and tokenizers; making does not."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from tokenizers import Tokenizer

from models.errors import BelowBar
from models.make import TOKENIZER, Made
from models.onnx_file import MODEL
from models.recipe import Recipe
from models.reference_texts import Reference, read_reference

log = logging.getLogger(__name__)

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Quality:
    """Cosines to the reference: (texts,) float64."""

    cosines: npt.NDArray[np.float64]

    @property
    def mean(self) -> float:
        return float(self.cosines.mean())

    @property
    def least(self) -> float:
        return float(self.cosines.min())

    @property
    def worst(self) -> int:
        """The place of the text with the least cosine."""
        return int(self.cosines.argmin())


def check(made: Made, kernels: Path | None = None) -> None:
    """Hold a made model against its recipe's bars: by ONNX Runtime alone, and with `kernels` as well.

    raises  BelowBar, naming the bar, what it asks and what was found; ReferenceUnfit
    """
    reference = read_reference(made.recipe)
    for library in (None, kernels) if kernels else (None,):
        _check(made, reference, library)


def _check(made: Made, reference: Reference, kernels: Path | None) -> None:
    options = session_options(kernels)
    session = ort.InferenceSession(made.folder / MODEL, options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(made.folder / TOKENIZER))
    quality = compare(embed(session, tokenizer, made.recipe, reference.texts), reference.vectors)
    log.info(
        "%s %s%s: cosine to the reference over %d texts: mean %.6f, least %.6f",
        *(made.recipe.name, made.precision, " with our kernels" if kernels else ""),
        *(len(reference.texts), quality.mean, quality.least),
    )
    bars = made.recipe.precisions[made.precision]
    worst = reference.texts[quality.worst]
    # "not at least", so that a vector that is no number fails too
    if not quality.mean >= bars.mean_cosine:
        raise BelowBar("mean", bars.mean_cosine, quality.mean, len(reference.texts), worst)
    if not quality.least >= bars.least_cosine:
        raise BelowBar("least", bars.least_cosine, quality.least, len(reference.texts), worst)


def session_options(kernels: Path | None = None) -> Any:
    """kernels  the library that `python -m kernels` makes; None: ONNX Runtime alone"""
    options = ort.SessionOptions()
    options.log_severity_level = 3  # errors only: they are raised as exceptions as well
    if kernels is not None:
        options.register_custom_ops_library(str(kernels))
    return options


def embed(session: Any, tokenizer: Any, recipe: Recipe, texts: list[str]) -> F32:
    """Each text alone, as a passage, cut at the model's limit: (texts, dimension) float32."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(recipe.max_tokens)
    vectors = np.empty((len(texts), recipe.dimension), np.float32)
    for row, text in enumerate(texts):
        ids = np.array([tokenizer.encode(recipe.prompts.passage + text).ids], np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        ((vectors[row],),) = session.run(["sentence_embedding"], inputs)
    return vectors


def compare(vectors: F32, reference: F32) -> Quality:
    """Cosine of each row with its fellow, in float64."""
    ours, theirs = vectors.astype(np.float64), reference.astype(np.float64)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return Quality((ours * theirs).sum(axis=1) / lengths)
