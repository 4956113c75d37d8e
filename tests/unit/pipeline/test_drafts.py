"""What a document may be, both sides of each limit."""

from base64 import b64encode
from typing import Any

import numpy as np
import orjson
import pytest

from app.errors import InvalidDocument, InvalidInput
from app.pipeline.drafts import Draft, Rules, from_json, vector_from
from app.store.store import Passage

RULES = Rules(max_metadata_bytes=40, max_metadata_depth=3)
VECTOR = np.ones(3, np.float32)


@pytest.mark.parametrize(
    "draft",
    [
        Draft("a"),
        Draft(vector=VECTOR),
        Draft("a", id="x" * 512),
        Draft("a", id="Ünïcödé / 🙂"),
        Draft("a", id="..."),
        Draft("a", id="../a"),
        Draft("a", metadata={"k": {"k": {"k": 1}}}),
        Draft("a", metadata={"k": "x" * 32}),
        Draft("a", metadata={"k": None, "b": True, "n": {"$k": 1.5}}),
        Draft("a", metadata={"k": 2**63 - 1}),
        Draft("abc", passages=(Passage(0, 3, VECTOR),)),
    ],
)
def test_good_ones(draft: Draft) -> None:
    RULES.check(draft, "0")


@pytest.mark.parametrize(
    ("draft", "word"),
    [
        (Draft(), "empty"),
        (Draft(" \n"), "empty"),
        (Draft("a\0b"), "U\\+0000"),
        (Draft("a", id=""), "0 characters, and 1 to 512"),
        (Draft("a", id="x" * 513), "513 characters, and 1 to 512"),
        (Draft("a", id="a\nb"), "control character"),
        (Draft("a", id="a\x7fb"), "control character"),
        (Draft("a", id="."), "its id is '\\.', .* POST …/documents/delete deletes those that are kept already"),
        (Draft("a", id=".."), "its id is '\\.\\.', .* POST …/documents/delete deletes those that are kept already"),
        (Draft("a", metadata={"": 1}), "''"),
        (Draft("a", metadata={"$gt": 1}), "'\\$gt'"),
        (Draft("a", metadata={"k": {"k": {"k": {}}}}), "deeper than 3 levels \\(MAX_METADATA_DEPTH\\)"),
        (Draft("a", metadata={"k": [[[1]]]}), "deeper than 3 levels"),
        (Draft("a", metadata={"k": "x" * 33}), "41 bytes as JSON and may have 40 \\(MAX_METADATA_BYTES\\)"),
        (Draft("a", metadata={"k": float("nan")}), "not a finite number"),
        (Draft("a", metadata={"k": 2**63}), "an integer beyond ±9223372036854775807"),
        (Draft("a", metadata={"k": 10**25}), "an integer beyond ±9223372036854775807"),
        (Draft("a", metadata={"k": [{"j": -(2**63)}]}), "an integer beyond ±9223372036854775807"),
        (Draft("a", metadata={"k": orjson.loads("[" * 500 + "]" * 500)}), "deeper than 3 levels"),
        (Draft("a", metadata={"k": "\0"}), "U\\+0000"),
        (Draft("abc", passages=(Passage(1, 4, VECTOR),)), "outside its 3 characters"),
    ],
)
def test_bad_ones_are_refused_by_name(draft: Draft, word: str) -> None:
    with pytest.raises(InvalidDocument, match=f"document 7: .*{word}"):
        RULES.check(draft, "7")


def test_a_collections_metadata_keeps_the_same_rules() -> None:
    with pytest.raises(InvalidInput) as refused:
        RULES.check_metadata({"$k": 1})
    assert refused.value.param == "metadata"


def test_vectors_come_as_numbers_or_base64() -> None:
    np.testing.assert_array_equal(vector_from([1, 2.5, -3], "0"), np.array([1, 2.5, -3], np.float32))
    packed = b64encode(np.array([1, 2.5], "<f4").tobytes()).decode()
    np.testing.assert_array_equal(vector_from(packed, "0"), np.array([1, 2.5], np.float32))
    assert np.isinf(vector_from([1e39], "0")).all()


@pytest.mark.parametrize("value", ["%", "AAA=", "AAAA", [1, "2"], [True], {"a": 1}, 7, [None]])
def test_other_vectors_are_refused(value: object) -> None:
    with pytest.raises(InvalidDocument, match="its vector is not"):
        vector_from(value, "0")


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ([], "not a JSON object"),
        ({"text": "a", "lang": "de"}, "'lang' is no field of a document: put your own under metadata"),
        ({"text": None}, "text"),
        ({"text": "a", "id": 7}, "id is not a text"),
        ({"text": "a", "metadata": []}, "metadata is not an object"),
        ({"text": "a", "passages": {}}, "passages is not a list"),
        ({"text": "a", "passages": [1]}, "start, end and vector"),
        ({"text": "a", "passages": [{"start": 0, "end": True, "vector": [1]}]}, "start, end and vector"),
        ({"text": "a", "passages": [{"start": 0, "end": 1, "vector": [1], "key": "zz"}]}, "hexadecimal"),
    ],
)
def test_records_that_are_no_documents(value: Any, word: str) -> None:
    with pytest.raises(InvalidDocument, match=word):
        from_json(value, "of line 3")


def test_ids_are_random_or_follow_from_the_content() -> None:
    draft = Draft("a", metadata={"x": 1, "y": 2})
    assert draft.with_id(from_content=False).id != draft.with_id(from_content=False).id
    again = Draft("a", metadata={"y": 2, "x": 1})
    assert draft.with_id(from_content=True).id == again.with_id(from_content=True).id
    others = [Draft("b"), Draft("a"), Draft("a", vector=VECTOR), Draft("a", vector=VECTOR * 2)]
    assert len({each.with_id(from_content=True).id for each in [draft, *others]}) == 5
    assert Draft("a", id="mine").with_id(from_content=True).id == "mine"
