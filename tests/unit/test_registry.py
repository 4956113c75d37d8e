"""Model folders: a file that differs from its card is refused by name, before anything is loaded."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from app.embedding.registry import open_model
from app.errors import ModelAltered, ModelChanged, ModelMissing, UnsupportedDimension


def entry(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder of models with one whole model in it: `small`, int8."""
    folder = tmp_path / "small" / "int8"
    folder.mkdir(parents=True)
    files = {"model.onnx": b"network", "model.onnx_data": b"weights", "tokenizer.json": b"{}", "LICENSE": b"free"}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    card = {
        "card_version": 1,
        "name": "small",
        "origin": "somebody/small",
        "revision": "abc",
        "licence": "MIT",
        "dimension": 4,
        "max_tokens": 16,
        "pooling": "mean",
        "normalised": True,
        "precision": "int8",
        "pad_token_id": 0,
        "prompts": {"query": "query: ", "passage": ""},
        "files": {name: entry(content) for name, content in files.items()},
    }
    (folder / "card.json").write_text(json.dumps(card))
    return tmp_path


def change(models: Path, **values: object) -> None:
    path = models / "small" / "int8" / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_whole_folder_opens(models: Path) -> None:
    folder = open_model(models, "small", "int8")
    assert folder.card.prompts.query == "query: "
    assert folder.network.read_bytes() == b"network"
    assert folder.tokenizer.name == "tokenizer.json"
    assert folder.card.answers_to("small")
    assert folder.card.answers_to("somebody/small")
    assert not folder.card.answers_to("somebody/else")


def test_a_vector_may_be_as_long_as_the_card_says(models: Path) -> None:
    card = open_model(models, "small", "int8").card
    assert [card.length_for(None), card.length_for(4)] == [4, 4]
    with pytest.raises(UnsupportedDimension, match="4 dimensions and 2 were asked for; it cannot be cut"):
        card.length_for(2)
    change(models, matryoshka_dimensions=[1, 2])
    card = open_model(models, "small", "int8").card
    assert [card.length_for(None), card.length_for(2)] == [4, 2]
    with pytest.raises(UnsupportedDimension, match="3 were asked for; it can be cut to 1, 2"):
        card.length_for(3)


def test_a_missing_folder_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"card\.json is missing: .*python -m models other --precision fp32"):
        open_model(tmp_path, "other", "fp32")


@pytest.mark.parametrize("file", ["model.onnx", "model.onnx_data", "tokenizer.json", "LICENSE"])
def test_a_file_of_the_same_length_but_other_bytes_is_refused(models: Path, file: str) -> None:
    path = models / "small" / "int8" / file
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(bytes(reversed(path.read_bytes())) if file != "tokenizer.json" else b"[]")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ModelAltered) as refused:
        open_model(models, "small", "int8")
    assert all(part in str(refused.value) for part in (file, expected, found))


def test_a_file_of_another_length_is_refused_with_both(models: Path) -> None:
    (models / "small" / "int8" / "model.onnx").write_bytes(b"net")
    with pytest.raises(ModelAltered, match=r"model\.onnx .* expected 7 bytes, found 3"):
        open_model(models, "small", "int8")


def test_an_absent_file_is_refused_by_name(models: Path) -> None:
    (models / "small" / "int8" / "tokenizer.json").unlink()
    with pytest.raises(ModelMissing, match=r"tokenizer\.json is missing"):
        open_model(models, "small", "int8")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"card_version": 2}, "card_version"),
        ({"dimension": 0}, "dimension"),
        ({"surprise": 1}, "surprise"),
        ({"matryoshka_dimensions": [2, 1]}, r"matryoshka_dimensions should ascend to below 4, they are \(2, 1\)"),
        ({"matryoshka_dimensions": [4]}, "matryoshka_dimensions"),
        ({"matryoshka_dimensions": [0, 2]}, "matryoshka_dimensions"),
        ({"name": "large"}, "expected the card of small int8, found that of large int8"),
        ({"precision": "fp32"}, "expected the card of small int8, found that of small fp32"),
        ({"files": {"model.onnx": entry(b"network")}}, "an entry for tokenizer.json"),
    ],
)
def test_a_card_that_is_wrong_says_where(models: Path, values: dict[str, object], message: str) -> None:
    change(models, **values)
    with pytest.raises(ModelAltered, match=message):
        open_model(models, "small", "int8")


def test_a_card_that_is_no_json_is_refused(models: Path) -> None:
    (models / "small" / "int8" / "card.json").write_text("{")
    with pytest.raises(ModelAltered, match="the whole file"):
        open_model(models, "small", "int8")


def test_what_was_checked_is_watched_since_before_it_was(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = models / "small" / "int8" / "model.onnx_data"
    os.utime(data, ns=(0, 0))  # or both writings might be of one tick of the file system's clock
    file_digest = hashlib.file_digest

    def written_to_right_after(file: BinaryIO, name: str) -> object:
        digest = file_digest(file, name)  # type: ignore[arg-type]
        if Path(file.name) == data:
            data.write_bytes(b"others!")
        return digest

    monkeypatch.setattr("app.embedding.registry.hashlib.file_digest", written_to_right_after)
    folder = open_model(models, "small", "int8")
    assert folder.mapped is not None
    with pytest.raises(ModelChanged, match=r"model\.onnx_data was written to while it was in use"):
        folder.mapped.check()


def test_a_network_without_a_file_beside_it_maps_nothing(models: Path) -> None:
    (models / "small" / "int8" / "model.onnx_data").unlink()
    change(models, files={"model.onnx": entry(b"network"), "tokenizer.json": entry(b"{}")})
    assert open_model(models, "small", "int8").mapped is None
