"""What the library computes is what the operators mean, on both instruction sets, to the bit on each other's."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from models.operators import GELU_QUANTIZE
from tests.unit.kernels import operators
from tests.unit.kernels.conftest import variant
from tests.unit.kernels.operators import Call

CALLS = {
    "gelu": operators.gelu(5, 1536, 1528),
    "gelu, nothing apart": operators.gelu(3, 48, 48),
    "gelu, all apart": operators.gelu(2, 32, 0),
    "gelu, apart from the middle": operators.gelu(2, 64, 21),
    "gelu, no rows": operators.gelu(0, 64, 60),
    "normalise": operators.normalise(7, 384),
    "normalise, short": operators.normalise(2, 16),
    "normalise, no rows": operators.normalise(0, 384),
    "attention": operators.attend([31, 17, 1], 31, 12, 32),
    "attention, one token": operators.attend([1], 1, 1, 32),
    "attention, two blocks": operators.attend([16, 32], 32, 2, 32),
    "attention, as long as the model": operators.attend([256], 256, 2, 32),
    "attention, longer": operators.attend([515, 13], 515, 1, 32),
    "attention, wide heads": operators.attend([33, 8], 40, 3, 64),
    "attention, an empty text": operators.attend([0, 5], 9, 2, 32),
    "attention, one key wins": operators.attend([24], 24, 2, 32, spread=5),
    "attention, one key always": operators.attend([24], 24, 2, 32, spread=100),
    "attention, all alike": operators.attend([200], 200, 2, 32, spread=0.01),
}
ATTENTIONS = {name: call for name, call in CALLS.items() if name.startswith("attention")}
# Scores in the thousands are not what this is made for: both instruction sets agree, and not with float32.
NEAR = {name: call for name, call in CALLS.items() if name != "attention, one key always"}


def compared(call: Call, library: Path | None) -> list[npt.NDArray[Any]]:
    """The outputs, of attention only the rows that are no padding: in the others each may have what it likes."""
    outputs = call.run(library)
    return [each[operators.is_real(call)] for each in outputs] if "lengths" in call.inputs else outputs


@pytest.mark.parametrize("call", NEAR.values(), ids=NEAR)
def test_the_library_computes_what_the_operator_means(call: Call, widest: Path) -> None:
    """Of the steps of 8 bits, few lie so near the middle between two that another rounding gives the next one."""
    meant, found = compared(call, None), compared(call, widest)
    assert [each.shape for each in found] == [each.shape for each in meant]
    steps = np.abs(found[0].astype(int) - meant[0].astype(int))
    assert steps.max(initial=0) <= 1
    assert steps.mean() <= 0.015 if steps.size else True
    for ours, theirs in zip(found[1:], meant[1:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_both_instruction_sets_compute_the_same_bits(call: Call, widest: Path, avx2: Path) -> None:
    assert variant(avx2) == "avx2"
    if variant(widest) == "avx2":
        pytest.skip("this CPU has no AVX-512 with VNNI")
    for wide, narrow in zip(call.run(widest), call.run(avx2), strict=True):
        np.testing.assert_array_equal(wide.view(np.uint8), narrow.view(np.uint8))


def test_the_operators_are_in_use(widest: Path) -> None:
    """Else all of this would compare ONNX Runtime with itself."""
    call = operators.attend([40], 40, 2, 32)
    assert not np.array_equal(call.run(widest)[0], call.run(None)[0])
    padded = operators.attend([3], 8, 2, 32)
    zero = int(padded.inputs["zero"])
    assert (padded.run(widest)[0][3:] == zero).all()
    assert not (padded.run(None)[0][3:] == zero).all()


@pytest.mark.parametrize("call", ATTENTIONS.values(), ids=ATTENTIONS)
def test_a_text_is_computed_alike_in_any_batch(call: Call, widest: Path) -> None:
    """Alone and without padding: not a bit differs."""
    _, tokens, width = call.inputs["shape"]
    (together,) = call.run(widest)
    for place, length in enumerate(call.inputs["lengths"]):
        rows = slice(place * tokens, place * tokens + length)
        shape = np.array([1, length, width], np.int64)
        inputs = {**call.inputs, "parts": call.inputs["parts"][rows], "shape": shape, "lengths": np.array([length])}
        (alone,) = Call(call.function, inputs, call.attributes).run(widest)
        np.testing.assert_array_equal(together[rows], alone)


def test_gelu_is_near_the_function_itself(widest: Path) -> None:
    """By ONNX Runtime's erf, over the whole range where it bends, and far outside."""
    x = np.concatenate([np.linspace(-12, 12, 64 * 1024), [0, -0.0, 1e30, -1e30, 5, -5, 1e-30]]).astype(np.float32)
    x = np.pad(x, (0, -len(x) % 64)).reshape(-1, 64)
    inputs = {"x": x, **operators.steps(0.05, 9), "first": np.array([0], np.int64)}
    call = Call(GELU_QUANTIZE, inputs)
    ours, theirs = call.run(widest)[1], call.run(None)[1]
    np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=1.2e-5)


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf, 3e38, 1e-40])
@pytest.mark.parametrize("library", ["widest", "avx2"])
def test_strange_numbers_stay_in_their_text(strange: float, library: str, request: pytest.FixtureRequest) -> None:
    """Nothing is written outside, and texts beside it are what they were."""
    path = request.getfixturevalue(library)
    plain = operators.attend([20, 20], 20, 2, 32)
    parts = plain.inputs["parts"].copy()
    parts[:20][::3, ::5] = strange
    (before,) = plain.run(path)
    (after,) = Call(plain.function, {**plain.inputs, "parts": parts}, plain.attributes).run(path)
    np.testing.assert_array_equal(before[20:], after[20:])
    for call in (operators.gelu(4, 64, 60), operators.normalise(4, 64)):
        x = call.inputs["x"].copy()
        x[1, ::3] = strange
        for usual, moved in zip(
            call.run(path), Call(call.function, {**call.inputs, "x": x}, call.attributes).run(path), strict=True
        ):
            np.testing.assert_array_equal(np.delete(usual, 1, 0), np.delete(moved, 1, 0))


def test_all_zeros_are_zeros(widest: Path) -> None:
    call = operators.attend([10], 10, 2, 32)
    nothing = np.zeros_like(call.inputs["parts"])
    (found,) = Call(call.function, {**call.inputs, "parts": nothing}, call.attributes).run(widest)
    assert (found == int(call.inputs["zero"])).all()


def test_threads_do_not_disturb_each_other(widest: Path) -> None:
    """Many calls at once, each as when it was alone."""
    calls = [operators.attend([length], length, 4, 32, seed=length) for length in (7, 64, 130, 33)]
    alone = [call.run(widest)[0] for call in calls]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(8):
            for was, now in zip(alone, pool.map(lambda call: call.run(widest)[0], calls), strict=True):
                np.testing.assert_array_equal(was, now)


@pytest.mark.parametrize("library", ["widest", "avx2"])
def test_steps_saturate(library: str, request: pytest.FixtureRequest) -> None:
    """Numbers beyond 0 … 255 become these, however many steps they are; what is no number becomes 0."""
    call = operators.gelu(1, 64, 64)
    x = np.zeros((1, 64), np.float32)
    large = [5, 6, 30, 300, 687, 700, 1e4, 4.5e7, 1e9, 1e30, 3e38, np.inf]
    x[0, : len(large)], x[0, -1] = large, np.nan
    found = Call(call.function, {**call.inputs, "x": x}).run(request.getfixturevalue(library))[0][0]
    assert found[: len(large)].tolist() == [247, *[255] * 11]
    assert found[-1] == 0


@pytest.mark.parametrize("lead", [10, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("library", ["widest", "avx2"])
def test_one_token_far_ahead_of_all_others(lead: float, library: str, request: pytest.FixtureRequest) -> None:
    """However far: all look at it, and get its value."""
    call = operators.attend([40], 40, 1, 32)
    parts = np.zeros((40, 96), np.float32)
    parts[:, 0], parts[17, 32] = np.sqrt(lead), np.sqrt(lead) * np.sqrt(32)
    parts[:, 64:] = np.random.default_rng(1).uniform(-2, 2, (40, 32))
    (found,) = Call(call.function, {**call.inputs, "parts": parts}, call.attributes).run(
        request.getfixturevalue(library)
    )
    steps = np.rint(parts[17, 64:] / call.inputs["scale"]) + call.inputs["zero"]
    assert np.abs(found - steps).max() <= 1
