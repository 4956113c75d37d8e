"""Rewrite weights into equal ones that are cheaper, or easier to quantise.

Only elementwise operations and sums in a fixed order: the product of a BLAS library differs in its last bits from one
machine to the next, and the made file would with it.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from models.calibration import Calibration, LayerCalibration, Site
from models.errors import CalibrationUnfit
from models.weights import Bert, Layer, Linear, Norm

F32 = npt.NDArray[np.float32]

PLAIN = Site(low=0, high=0)  # not smoothed


def fold_biases(bert: Bert) -> Bert:
    """Drop the biases of keys, values, and all normalisations but the last.

    A key's bias adds the same to every score of a row, which softmax does not see. A row of attention sums to 1, so a
    value's bias passes through unchanged and joins the output's bias. A normalisation's bias is the same for every
    token, so it joins the biases of the linear layers that read it and, for the residual stream, the bias of the one
    that is added to it.
    """
    before = [bert.embedding_norm, *(layer.output_norm for layer in bert.layers[:-1])]
    layers = [_fold_layer(layer, norm) for layer, norm in zip(bert.layers, before, strict=True)]
    layers = [replace(layer, output_norm=_without_bias(layer.output_norm)) for layer in layers[:-1]] + layers[-1:]
    return replace(bert, embedding_norm=_without_bias(bert.embedding_norm), layers=tuple(layers))


def _fold_layer(layer: Layer, before: Norm) -> Layer:
    """before  the normalisation that the layer reads"""
    output, between = layer.attention_output, layer.attention_norm
    assert before.bias is not None
    assert between.bias is not None
    value = _read_bias(layer.value, before.bias)
    assert value.bias is not None
    passed = Linear(output.matrix, _sum(output, product(value.bias, output.matrix)))
    return replace(
        layer,
        query=_read_bias(layer.query, before.bias),
        key=Linear(layer.key.matrix, None),
        value=Linear(layer.value.matrix, None),
        attention_output=Linear(output.matrix, _sum(passed, before.bias)),
        attention_norm=_without_bias(between),
        widen=_read_bias(layer.widen, between.bias),
        narrow=Linear(layer.narrow.matrix, _sum(layer.narrow, between.bias)),
    )


def _read_bias(linear: Linear, bias: F32) -> Linear:
    """The same linear layer for inputs that lack `bias`, (inputs,)."""
    return Linear(linear.matrix, _sum(linear, product(bias, linear.matrix)))


def _sum(linear: Linear, more: npt.NDArray[np.floating]) -> F32:
    assert linear.bias is not None
    return (linear.bias + more).astype(np.float32)


def _without_bias(norm: Norm) -> Norm:
    return replace(norm, bias=None)


def product(row: F32, matrix: F32) -> npt.NDArray[np.float64]:
    """row @ matrix, (inputs,) by (inputs, outputs), summed from the first input to the last in float64."""
    total = np.zeros(matrix.shape[1], np.float64)
    for factor, weights in zip(row.astype(np.float64), matrix.astype(np.float64), strict=True):
        total += factor * weights
    return total


def smooth(bert: Bert, calibration: Calibration) -> Bert:
    """Move the spread between channels from activations, which get one scale, into weights, which get many.

    Each site's activations are divided by its smoothing, for free in the layer normalisation or the linear layer
    before; the weights after it are multiplied by the same. Outlier channels go last, where they are easily split off.

    raises  CalibrationUnfit
    source  Xiao et al. 2023, SmoothQuant, section 4
    """
    if len(calibration.layers) != len(bert.layers):
        raise CalibrationUnfit("layers", str(len(bert.layers)), str(len(calibration.layers)))
    for index, (layer, values) in enumerate(zip(bert.layers, calibration.layers, strict=True)):
        _check(index, layer, values)
    # a layer's last norm feeds the next layer's attention; the last one's feeds the pooling, which wants it plain
    first, *following = [values.attention for values in calibration.layers]
    layers = [
        replace(_smooth_layer(layer, values), output_norm=_divide_norm(layer.output_norm, site))
        for layer, values, site in zip(bert.layers, calibration.layers, [*following, PLAIN], strict=True)
    ]
    return replace(bert, embedding_norm=_divide_norm(bert.embedding_norm, first), layers=tuple(layers))


def _smooth_layer(layer: Layer, values: LayerCalibration) -> Layer:
    wide = layer.widen.matrix.shape[1]
    kept = np.setdiff1d(np.arange(wide), values.outliers)
    order = np.concatenate([kept, np.array(values.outliers, kept.dtype)])
    widen = _multiply_inputs(layer.widen, values.widen)
    assert widen.bias is not None
    return replace(
        layer,
        query=_multiply_inputs(layer.query, values.attention),
        key=_multiply_inputs(layer.key, values.attention),
        value=_divide_outputs(_multiply_inputs(layer.value, values.attention), values.context),
        attention_output=_multiply_inputs(layer.attention_output, values.context),
        attention_norm=_divide_norm(layer.attention_norm, values.widen),
        widen=Linear(np.ascontiguousarray(widen.matrix[:, order]), widen.bias[order]),
        narrow=Linear(layer.narrow.matrix[order], layer.narrow.bias),
        outliers=len(values.outliers),
    )


def _multiply_inputs(linear: Linear, site: Site) -> Linear:
    if site.smoothing is None:
        return linear
    return Linear(linear.matrix * site.smoothing[:, None], linear.bias)


def _divide_outputs(linear: Linear, site: Site) -> Linear:
    if site.smoothing is None:
        return linear
    assert linear.bias is None, "fold the value's bias before smoothing"
    return Linear(linear.matrix / site.smoothing, None)


def _divide_norm(norm: Norm, site: Site) -> Norm:
    if site.smoothing is None:
        return norm
    assert norm.bias is None, "fold the normalisation's bias before smoothing"
    return Norm(norm.gain / site.smoothing, None, restore=site.smoothing)


def _check(index: int, layer: Layer, values: LayerCalibration) -> None:
    width, wide = layer.widen.matrix.shape
    for name in ("attention", "context", "widen"):
        smoothing = getattr(values, name).smoothing
        if smoothing is not None and smoothing.shape != (width,):
            raise CalibrationUnfit(f"layer {index}, {name}", f"{width} smoothing values", str(smoothing.size))
    if values.narrow.smoothing is not None:
        raise CalibrationUnfit(f"layer {index}, narrow", "no smoothing: GELU stands before it", "some")
    if list(values.outliers) != sorted({each for each in values.outliers if 0 <= each < wide}):
        raise CalibrationUnfit(f"layer {index}, outliers", f"ascending channels below {wide}", str(values.outliers))
