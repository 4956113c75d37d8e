"""A BERT of a few thousand seeded numbers, all that its recipe needs, and plain float64 arithmetic to judge it by."""

import hashlib
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from models.make import build_network, sha256_of
from models.recipe import Recipe, read_recipe

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

NAME = "tiny"
WIDTH, WIDE, LAYERS, HEADS, POSITIONS, MAX_TOKENS, EPSILON = 16, 64, 2, 2, 20, 12, 1e-12
LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
PROMPT = "p "
TEXTS = ["a", "word", "two words", "zzz", "the quick brown fox jumps over it all and is cut", "?", "mix of o and x"]
OTHER_TEXTS = ["b", "another", "some more words", "qqq", "a lazy dog sleeps under the tree until it rains", "!"]


def tensors() -> dict[str, F32]:
    """Named as a BERT's file names them. Channels differ in size, so that smoothing has something to do."""
    random = np.random.default_rng(11)

    def some(*shape: int, around: float = 0.0, spread: float = 0.3) -> F32:
        return (around + spread * random.standard_normal(shape)).astype(np.float32)

    found = {
        "embeddings.word_embeddings.weight": some(len(VOCABULARY), WIDTH),
        "embeddings.position_embeddings.weight": some(POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": some(2, WIDTH),
        "embeddings.LayerNorm.weight": some(WIDTH, around=1.0),
        "embeddings.LayerNorm.bias": some(WIDTH),
    }
    for index in range(LAYERS):
        for name, outputs, inputs in (
            ("attention.self.query", WIDTH, WIDTH),
            ("attention.self.key", WIDTH, WIDTH),
            ("attention.self.value", WIDTH, WIDTH),
            ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", WIDE, WIDTH),
            ("output.dense", WIDTH, WIDE),
        ):
            found[f"encoder.layer.{index}.{name}.weight"] = some(outputs, inputs)
            found[f"encoder.layer.{index}.{name}.bias"] = some(outputs)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            found[f"encoder.layer.{index}.{name}.weight"] = some(WIDTH, around=1.0)
            found[f"encoder.layer.{index}.{name}.bias"] = some(WIDTH)
    return found


def tokenizer() -> bytes:
    """tokenizer.json, with a truncation and a padding that must not survive."""
    reader = Tokenizer(models.WordPiece({piece: index for index, piece in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    reader.normalizer = normalizers.BertNormalizer()
    reader.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    reader.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    reader.enable_truncation(5)
    reader.enable_padding(length=5)
    return reader.to_str().encode()


def token_ids(text: str) -> list[int]:
    reader = Tokenizer.from_buffer(tokenizer())
    reader.no_padding()
    reader.enable_truncation(MAX_TOKENS)
    ids: list[int] = reader.encode(text).ids
    return ids


def forward(weights: Mapping[str, F32], ids: list[int]) -> F64:
    """What the model should answer, formula by formula, nothing folded: (WIDTH,) float64."""
    w = {name: tensor.astype(np.float64) for name, tensor in weights.items()}

    def linear(x: F64, name: str) -> F64:
        return np.asarray(x @ w[f"{name}.weight"].T + w[f"{name}.bias"], np.float64)

    def norm(x: F64, name: str) -> F64:
        centred = x - x.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
        return np.asarray(centred / deviation * w[f"{name}.weight"] + w[f"{name}.bias"], np.float64)

    def gelu(x: F64) -> F64:
        return np.asarray(x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))), np.float64)

    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for index in range(LAYERS):
        layer, width = f"encoder.layer.{index}", WIDTH // HEADS
        query, key, value = (linear(x, f"{layer}.attention.self.{part}") for part in ("query", "key", "value"))
        context = np.empty_like(x)
        for head in range(HEADS):
            part = slice(head * width, (head + 1) * width)
            scores = np.exp(query[:, part] @ key[:, part].T / math.sqrt(width))
            context[:, part] = scores / scores.sum(axis=1, keepdims=True) @ value[:, part]
        x = norm(x + linear(context, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
        hidden = gelu(linear(x, f"{layer}.intermediate.dense"))
        x = norm(x + linear(hidden, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean = x.mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float64)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_wheel(folder: Path, package: str, files: Mapping[str, bytes], platform: str = "any") -> Path:
    """A wheel of version 1.0 that pip accepts, with `files` under data/."""
    module, information = package.replace("-", "_"), f"{package.replace('-', '_')}-1.0.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{module}-1.0-py3-none-{platform}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"data/{name}", content)
        archive.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        archive.writestr(
            f"{information}/WHEEL",
            f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-{platform}\n",
        )
        archive.writestr(f"{information}/RECORD", "")
    return path


@dataclass(frozen=True)
class TinyModel:
    """A folder of models with the tiny one's recipe in it, and a folder of wheels for pip to find."""

    models: Path
    wheels: Path

    @property
    def folder(self) -> Path:
        return self.models / NAME

    @property
    def cache(self) -> Path:
        return self.models / ".cache"

    @property
    def recipe(self) -> Recipe:
        return read_recipe(self.folder)

    def set(self, **changes: object) -> None:
        """Write the recipe again with top-level values changed; {"key": None} takes one out."""
        table = json.loads((self.folder / "recipe.json").read_text()) | changes
        table = {key: value for key, value in table.items() if value is not None}
        (self.folder / "recipe.json").write_text(json.dumps(table))
        (self.folder / "recipe.toml").write_text("\n".join(f"{key} = {toml(value)}" for key, value in table.items()))

    def pin(self, precision: str) -> None:
        """Put the hash of the network that comes out into the recipe."""
        table = json.loads((self.folder / "recipe.json").read_text())["precisions"]
        network = build_network(self.recipe, precision, safetensors.numpy.save(tensors()))
        table[precision]["sha256"] = sha256_of(network)
        self.set(precisions=table)


def write_model(root: Path) -> TinyModel:
    """The recipe, its texts and vectors, and the wheel that carries the files."""
    tiny = TinyModel(root / "models", root / "wheels")
    files = {"model.safetensors": safetensors.numpy.save(tensors()), "tokenizer.json": tokenizer()}
    wheel = write_wheel(tiny.wheels, "tiny-weights", files)
    for part, texts in (("reference", TEXTS), ("calibration", OTHER_TEXTS)):
        (tiny.folder / part).mkdir(parents=True)
        lines = [json.dumps({"kind": "tiny", "text": text}) for text in texts]
        (tiny.folder / part / "texts.jsonl").write_text("\n".join(lines) + "\n")
    vectors = np.stack([forward(tensors(), token_ids(PROMPT + text)) for text in TEXTS])
    np.save(tiny.folder / "reference" / "vectors.npy", vectors.astype(np.float32))
    (tiny.folder / "LICENSE").write_text("Do as you like.\n")
    (tiny.folder / "recipe.json").write_text("{}")
    tiny.set(
        name=NAME,
        origin="nobody/tiny",
        revision="1",
        licence="CC0-1.0",
        dimension=WIDTH,
        max_tokens=MAX_TOKENS,
        pooling="mean",
        pad_token_id=0,
        prompts={"query": "q ", "passage": PROMPT},
        network={"weights_format": "safetensors", "layers": LAYERS, "heads": HEADS, "layer_norm_epsilon": EPSILON},
        files={
            "weights": {"path": "model.safetensors", "sha256": sha256(files["model.safetensors"])},
            "tokenizer": {"path": "tokenizer.json", "sha256": sha256(files["tokenizer.json"])},
        },
        sources=[
            {"package": "tiny-weights", "version": "1.0", "sha256": sha256(wheel.read_bytes()), "folder": "data"},
        ],
        precisions={
            "fp32": {"sha256": "0" * 64, "mean_cosine": 0.999999, "least_cosine": 0.999999},
            "int8": {"sha256": "0" * 64, "mean_cosine": 0.99, "least_cosine": 0.98},
        },
    )
    return tiny


def toml(value: Any) -> str:
    """A value as TOML writes it inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)
