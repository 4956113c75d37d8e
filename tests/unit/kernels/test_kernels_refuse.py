"""A call that makes no sense is an exception of ONNX Runtime's that says what it should be."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from tests.unit.kernels import operators
from tests.unit.kernels.operators import Call

I64 = np.int64
GELU, NORM, ATTENTION = operators.gelu(2, 32, 30), operators.normalise(2, 32), operators.attend([3, 4], 4, 2, 32)
WRONG: dict[str, tuple[Call, Mapping[str, Any], str]] = {
    "gelu of a vector": (GELU, {"x": np.ones(32, np.float32)}, "x should be"),
    "gelu, odd width": (GELU, {"x": np.ones((2, 20), np.float32)}, "multiple of 16"),
    "gelu, no width": (GELU, {"x": np.ones((2, 0), np.float32)}, "x should be"),
    "gelu of four dimensions": (GELU, {"x": np.ones((1, 1, 2, 32), np.float32)}, "more than three dimensions"),
    "gelu from behind": (GELU, {"first": np.array([33], I64)}, "0 to the width"),
    "gelu from before": (GELU, {"first": np.array([-1], I64)}, "0 to the width"),
    "gelu from two": (GELU, {"first": np.array([1, 2], I64)}, "one channel"),
    "no step": (GELU, {"scale": np.array(0, np.float32)}, "above 0"),
    "a step that is none": (GELU, {"scale": np.array(np.nan, np.float32)}, "above 0"),
    "several steps": (GELU, {"scale": np.ones(2, np.float32)}, "one number"),
    "residual of another shape": (NORM, {"residual": np.ones((3, 32), np.float32)}, "shaped as x"),
    "gain of another width": (NORM, {"gain": np.ones(16, np.float32)}, "of x's width"),
    "restore of another width": (NORM, {"restore": np.ones((1, 32), np.float32)}, "of x's width"),
    "parts of another width": (ATTENTION, {"parts": np.ones((8, 64), np.float32)}, "3 \\* width"),
    "parts of fewer rows": (ATTENTION, {"parts": np.ones((7, 192), np.float32)}, "texts \\* tokens"),
    "shape of two": (ATTENTION, {"shape": np.array([2, 4], I64)}, "texts, tokens and width"),
    "negative texts": (ATTENTION, {"shape": np.array([-2, -4, 64], I64)}, "texts, tokens and width"),
    "a text longer than its rows": (ATTENTION, {"lengths": np.array([3, 5], I64)}, "0 to the tokens"),
    "a text shorter than nothing": (ATTENTION, {"lengths": np.array([3, -1], I64)}, "0 to the tokens"),
    "more rows than there are numbers": (
        ATTENTION,
        {
            "parts": np.ones((0, 192), np.float32),
            "shape": np.array([4, 2**62, 64], I64),
            "lengths": np.array([2**20] * 4, I64),
        },
        "texts \\* tokens",
    ),
    "a length too few": (ATTENTION, {"lengths": np.array([3], I64)}, "for each text"),
}


@pytest.mark.parametrize(("call", "changed", "said"), WRONG.values(), ids=WRONG)
def test_a_call_that_makes_no_sense_is_refused(call: Call, changed: Mapping[str, Any], said: str, widest: Path) -> None:
    call.run(widest)  # as it is it runs
    with pytest.raises(InvalidArgument, match=said):
        Call(call.function, {**call.inputs, **changed}, call.attributes).run(widest)


@pytest.mark.parametrize("heads", [0, 1, 3, 4, -2])
def test_heads_of_other_widths_are_refused(heads: int, widest: Path) -> None:
    """64 channels are two heads of 32; one of 64 would do too."""
    call = Call(ATTENTION.function, ATTENTION.inputs, {**ATTENTION.attributes, "heads": heads})
    if heads == 1:
        call.run(widest)
    else:
        with pytest.raises(InvalidArgument, match="heads"):
            call.run(widest)
