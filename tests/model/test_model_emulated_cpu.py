"""The int8 model on older CPUs: the same vectors as here, for products there do not saturate."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.check import compare
from tests.model import on_this_cpu

ROOT = Path(__file__).resolve().parents[2]
EMULATOR = "qemu-x86_64"
HASWELL = "Haswell"  # AVX2, and no VNNI
NEHALEM = "Nehalem"  # neither: ONNX Runtime computes everything


@pytest.fixture(scope="module", params=[HASWELL, NEHALEM])
def cpu(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def emulated(cpu: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `on_this_cpu` finds under emulation."""
    if (emulator := shutil.which(EMULATOR)) is None:
        missing = f"{EMULATOR} is missing: apt-get install qemu-user"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    out = tmp_path_factory.mktemp("emulated") / "found.npz"
    command = [emulator, "-cpu", cpu, sys.executable, "-m", "tests.model.on_this_cpu", str(out)]
    # numpy's OpenBLAS is to go by the CPU that it finds: what the machine's owner has set for this one is not for that.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(out) as found:
        return dict(found)


@functools.cache
def exact_products() -> on_this_cpu.I64:
    activations, matrix = on_this_cpu.factors()
    return np.asarray(activations.astype(np.int64) @ matrix.astype(np.int64), np.int64)


def test_products_at_the_limit_are_exact_here() -> None:
    np.testing.assert_array_equal(on_this_cpu.products(), exact_products())


def test_products_at_the_limit_are_exact_there(emulated: dict[str, Any]) -> None:
    np.testing.assert_array_equal(emulated["products"], exact_products())


def test_our_operators_are_used_where_the_cpu_has_what_they_need(cpu: str, emulated: dict[str, Any]) -> None:
    assert str(emulated["kernels"]) == {HASWELL: "avx2", NEHALEM: ""}[cpu]


def test_vectors_are_the_same_there(cpu: str, emulated: dict[str, Any]) -> None:
    """As by the same operators here: ours on the one, ONNX Runtime's on the other.

    Without FMA sums round otherwise, and now and then a step of eight bits is another one.
    """
    bar = {HASWELL: 0.9999, NEHALEM: 0.999}[cpu]
    here = on_this_cpu.vectors() if cpu == HASWELL else on_this_cpu.vectors(library=None)
    assert len(here) >= 12
    quality = compare(emulated["vectors"], here)
    assert quality.least > bar, on_this_cpu.texts()[quality.worst]
