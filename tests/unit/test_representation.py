"""Shorter and smaller vectors, on arrays made by hand."""

import math

import numpy as np
import pytest

from app.embedding.representation import INT8_RANGE_RMS, represent, shorten, to_binary, to_int8


def test_a_shorter_vector_has_length_1_again() -> None:
    vectors = np.array([[3 / 13, 4 / 13, 12 / 13], [0, 0, 1]], np.float32)
    found = shorten(vectors, 2)
    np.testing.assert_allclose(found, np.array([[0.6, 0.8], [0, 0]]), rtol=1e-6)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    assert shorten(vectors, 3) is vectors


def test_int8_has_one_scale_for_all_vectors() -> None:
    wide = np.zeros((2, 100), np.float32)
    wide[0, :2] = [0.3, -0.1]
    wide[1, 0] = 0.15
    scale = 127 * math.sqrt(100) / INT8_RANGE_RMS  # 254
    found = to_int8(wide)
    assert found.dtype == np.int8
    assert found[0, :3].tolist() == [round(0.3 * scale), round(-0.1 * scale), 0]
    assert found[1, 0] == round(0.15 * scale)


def test_int8_holds_what_is_beyond_its_range() -> None:
    wide = np.zeros((1, 100), np.float32)
    wide[0, :2] = [0.8, -0.6]
    assert to_int8(wide)[0, :2].tolist() == [127, -127]


def test_binary_is_a_sign_a_bit_highest_first_less_128() -> None:
    vectors = np.array([[1, -1, 0, -1, -1, -1, -1, 1, 0.5, -1]], np.float32)
    found = to_binary(vectors)
    assert found.dtype == np.int8
    assert found.tolist() == [[0b10000001 - 128, 0b10000000 - 128]]
    assert (found.astype(np.int16) + 128).tolist() == np.packbits(vectors > 0, axis=1).tolist()


def test_binary_is_what_voyage_ai_publishes_as_its_own() -> None:
    # https://docs.voyageai.com/docs/flexible-dimensions-and-quantization, "Binary quantization example"
    row = [-0.03955078, 0.006214142, -0.07446289, -0.039001465, 0.0046463013, 0.00030612946, -0.08496094, 0.03994751]
    assert to_binary(np.array([row], np.float32)).tolist() == [[-51]]


@pytest.mark.parametrize(("dtype", "kind"), [("float", np.float32), ("int8", np.int8), ("binary", np.int8)])
def test_each_name_gives_its_kind(dtype: str, kind: type) -> None:
    assert represent(np.eye(8, dtype=np.float32), dtype).dtype == kind  # type: ignore[arg-type]
