"""The library of operators as it is built, and one that leaves AVX-512 out."""

import ctypes
from pathlib import Path

import pytest

from kernels.build import build


def variant(library: Path) -> str:
    """The instruction set that the library uses on this CPU."""
    named = ctypes.CDLL(str(library)).kernels_variant
    named.restype = ctypes.c_char_p
    return bytes(named()).decode()


@pytest.fixture(scope="session")
def widest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With everything: the product."""
    return build(tmp_path_factory.mktemp("kernels") / "library.so")


@pytest.fixture(scope="session")
def avx2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without AVX-512, as on a CPU that lacks it."""
    return build(tmp_path_factory.mktemp("kernels") / "avx2.so", "-DFIRST_VARIANT=1")
