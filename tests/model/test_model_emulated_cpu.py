"""The int8 model on a CPU without VNNI: the same vectors as here, for products there do not saturate."""

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
CPU = "Haswell"  # AVX2, the oldest kernel that matters; no VNNI


@pytest.fixture(scope="module")
def emulated(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What `on_this_cpu` finds under emulation."""
    if (emulator := shutil.which(EMULATOR)) is None:
        missing = f"{EMULATOR} is missing: apt-get install qemu-user"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    out = tmp_path_factory.mktemp("emulated") / "found.npz"
    command = [emulator, "-cpu", CPU, sys.executable, "-m", "tests.model.on_this_cpu", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(out) as found:
        return dict(found)


def exact_products() -> on_this_cpu.I64:
    activations, matrix = on_this_cpu.factors()
    return np.asarray(activations.astype(np.int64) @ matrix.astype(np.int64), np.int64)


def test_products_at_the_limit_are_exact_here() -> None:
    np.testing.assert_array_equal(on_this_cpu.products(), exact_products())


def test_products_at_the_limit_are_exact_without_vnni(emulated: dict[str, Any]) -> None:
    np.testing.assert_array_equal(emulated["products"], exact_products())


def test_vectors_are_the_same_without_vnni(
    emulated: dict[str, Any],
) -> None:
    here = on_this_cpu.vectors()
    assert len(here) >= 12
    quality = compare(emulated["vectors"], here)
    assert quality.least > 0.9999, on_this_cpu.texts()[quality.worst]
