"""Quantisation on arrays whose answer is plain to see."""

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.arithmetic import Int8
from models.calibration import Calibration
from models.graph import Graph
from models.quantisation import BLOCK, activation_scale, quantise_blocks, quantise_columns, quantise_rows


def test_a_columns_largest_pair_of_one_sign_becomes_127() -> None:
    matrix = np.array([[2, 1], [1, -4], [0, 0.5], [-2.5, 0.5]], np.float32)  # pairs: 3 and -2.5; -4 and 1
    quantised = quantise_columns(matrix)
    np.testing.assert_allclose(quantised.scale, [3 / 127, 4 / 127], rtol=1e-6)
    np.testing.assert_array_equal(quantised.values, np.array([[85, 32], [42, -127], [0, 16], [-106, 16]], np.int8))
    assert quantised.values.dtype == np.int8


def test_an_odd_input_is_a_pair_of_its_own() -> None:
    quantised = quantise_columns(np.array([[1], [1], [4]], np.float32))
    np.testing.assert_array_equal(quantised.values, np.array([[32], [32], [127]], np.int8))


def test_rows_get_a_scale_each_and_eight_bits() -> None:
    quantised = quantise_rows(np.array([[127, -127, 1], [0, 254, -2]], np.float32))
    np.testing.assert_array_equal(quantised.values, np.array([[127, -127, 1], [0, 127, -1]], np.int8))
    np.testing.assert_array_equal(quantised.scale, np.array([[1], [2]], np.float32))


def test_blocks_get_a_scale_each_and_four_bits_around_eight() -> None:
    row = np.zeros(2 * BLOCK, np.float32)
    row[:4] = [16, -14, 2, 0]  # the farthest is positive, so its scale is negative: -2
    row[BLOCK] = -8
    quantised = quantise_blocks(row[None])
    np.testing.assert_array_equal(quantised.scale, np.array([[-2, 1]], np.float32))
    assert [f"{byte:02x}" for byte in quantised.values[0, [0, 1, 2, 16, 17]]] == ["f0", "87", "88", "80", "88"]
    assert quantised.values.shape == (1, BLOCK)


def test_a_table_that_had_four_bits_before_comes_back_without_loss_through_the_runtime() -> None:
    random = np.random.default_rng(9)
    steps = random.integers(-8, 8, (7, 3, BLOCK)).astype(np.float32)
    steps[:, :, 5] = -8
    steps[3] = 0
    table = (steps * random.standard_normal((7, 3, 1)).astype(np.float16).astype(np.float32)).reshape(7, -1)
    graph = Graph()
    ids = graph.input("ids", np.int64, "batch", "tokens")
    Int8(Calibration(()), table_bits=4).look_up(graph, "words", table, ids)
    graph.output("words", np.float32, "batch", "tokens", table.shape[1])
    session = ort.InferenceSession(graph.to_bytes("words"), providers=["CPUExecutionProvider"])
    wanted = np.array([[6, 0, 3], [1, 1, 5]])
    np.testing.assert_array_equal(session.run(None, {"ids": wanted})[0], table[wanted])


def test_zeros_stay_zeros() -> None:
    quantised = quantise_columns(np.zeros((4, 2), np.float32))
    assert not quantised.values.any()
    assert (quantised.scale > 0).all()


def test_what_comes_back_is_within_half_a_step() -> None:
    matrix = np.random.default_rng(5).standard_normal((40, 30)).astype(np.float32)
    for quantised in (quantise_columns(matrix), quantise_rows(matrix)):
        error = np.abs(quantised.values * quantised.scale - matrix)
        assert (error <= quantised.scale * 0.5001).all()


@given(arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 3)), elements=st.floats(-9, 9, width=32)))
def test_two_neighbouring_products_fit_sixteen_bits(matrix: npt.NDArray[np.float32]) -> None:
    """What a CPU without VNNI adds up in 16 signed bits must not saturate there, whatever the two activations."""
    values = quantise_columns(matrix).values.astype(np.int64)
    for start in range(0, len(values), 2):
        pair = values[start : start + 2]
        assert (255 * np.maximum(pair, 0).sum(axis=0)).max() <= np.iinfo(np.int16).max
        assert (255 * np.minimum(pair, 0).sum(axis=0)).min() >= np.iinfo(np.int16).min


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero"),
    [
        (0.0, 255.0, 1.0, 0),
        (-255.0, 0.0, 1.0, 255),
        (-51.0, 204.0, 1.0, 51),
        (-1.0, 2.0, 3 / 255, 85),
        (10.0, 25.5, 0.1, 0),  # widened to hold 0, which padding and GELU give
        (0.0, 0.0, 1e-12, 0),
    ],
)
def test_a_range_becomes_a_scale_and_a_zero_point(low: float, high: float, scale: float, zero: int) -> None:
    found_scale, found_zero = activation_scale(low, high)
    assert float(found_scale) == pytest.approx(scale)
    assert int(found_zero) == zero
    assert isinstance(found_scale, np.float32)
    assert isinstance(found_zero, np.uint8)
