"""Find a model's folder, read its card, and refuse a file that differs from it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.embedding.mapped import Mapped
from app.errors import ModelAltered, ModelMissing, UnsupportedDimension

CARD = "card.json"
NETWORK = "model.onnx"
DATA = "model.onnx_data"
TOKENIZER = "tokenizer.json"


class FileEntry(BaseModel):
    """What the card says of one file: its length in bytes and the sha256 of its content, in hex."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class Prompts(BaseModel):
    """What the model wants before a text, by the text's role; often nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: str = ""
    passage: str = ""

    def before(self, role: str | None) -> str:
        """What goes before a text of this role; nothing without one."""
        return "" if role is None else str(getattr(self, role))


class Card(BaseModel):
    """What a model is and which files hold it. Written by `python -m models`, read at start."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    card_version: Literal[1]
    name: str
    origin: str
    revision: str
    licence: str
    dimension: int = Field(ge=1)
    max_tokens: int = Field(ge=3)
    pooling: str
    normalised: bool
    precision: str
    pad_token_id: int = Field(ge=0)
    prompts: Prompts
    files: dict[str, FileEntry]
    note: str = ""
    matryoshka_dimensions: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (), description="Lengths that the vectors may be cut to, for models trained so; ascending."
    )

    @model_validator(mode="after")
    def _shorter_than_whole(self) -> Self:
        lengths = (*self.matryoshka_dimensions, self.dimension)
        if list(lengths) != sorted(set(lengths)):
            raise ValueError(f"matryoshka_dimensions should ascend to below {self.dimension}, they are {lengths[:-1]}")
        return self

    def length_for(self, dimensions: int | None) -> int:
        """The length of vectors when `dimensions` is asked for; None asks for the whole.

        raises  UnsupportedDimension, with the lengths that there are
        """
        if dimensions is None or dimensions == self.dimension:
            return self.dimension
        if dimensions not in self.matryoshka_dimensions:
            raise UnsupportedDimension(self.name, dimensions, self.dimension, self.matryoshka_dimensions)
        return dimensions

    def answers_to(self, name: str) -> bool:
        """Whether a request for `name` means this model: its short name, or its name at its origin."""
        return name in (self.name, self.origin)


@dataclass(frozen=True)
class ModelFolder:
    """A model folder whose every file has been checked against its card.

    mapped  the network's large constants, where they are in a file of their own: a runtime maps it into memory
    """

    path: Path
    card: Card
    mapped: Mapped | None = None

    @property
    def network(self) -> Path:
        return self.path / NETWORK

    @property
    def tokenizer(self) -> Path:
        return self.path / TOKENIZER

    @property
    def made_at_unix_s(self) -> int:
        """When the folder was made, in seconds since 1970: its card is written last."""
        return int((self.path / CARD).stat().st_mtime)


def open_model(models: Path, name: str, precision: str) -> ModelFolder:
    """Check the folder `models/name/precision` file by file.

    raises  ModelMissing, naming the folder or file and the command that makes it;
            ModelAltered, naming the file, what the card expects and what was found
    """
    path = models / name / precision
    remedy = f"make it with `python -m models {name} --precision {precision}`"
    if not (path / CARD).is_file():
        raise ModelMissing(path / CARD, remedy)
    try:
        card = Card.model_validate_json((path / CARD).read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ModelAltered(path / CARD, "a card of version 1", f"{where}: {first['msg']}") from error
    if (card.name, card.precision) != (name, precision):
        raise ModelAltered(path / CARD, f"the card of {name} {precision}", f"that of {card.name} {card.precision}")
    for file in (NETWORK, TOKENIZER):
        if file not in card.files:
            raise ModelAltered(path / CARD, f"an entry for {file}", f"entries for {', '.join(sorted(card.files))}")
    mapped = Mapped(path / DATA) if DATA in card.files and (path / DATA).is_file() else None
    for file, entry in card.files.items():
        _check(path / file, entry, remedy)
    return ModelFolder(path, card, mapped)


def _check(path: Path, entry: FileEntry, remedy: str) -> None:
    if not path.is_file():
        raise ModelMissing(path, remedy)
    if (size := path.stat().st_size) != entry.bytes:
        raise ModelAltered(path, f"{entry.bytes} bytes", f"{size}")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != entry.sha256:
        raise ModelAltered(path, f"sha256 {entry.sha256}", digest)
