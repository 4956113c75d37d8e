"""The library of operators that `python -m kernels` makes, told to ONNX Runtime: kernels/README.md."""

import ctypes
import logging
from pathlib import Path

import onnxruntime as ort

log = logging.getLogger(__name__)

LIBRARY = Path(__file__).resolve().parents[2] / "kernels" / "library.so"


def register(options: ort.SessionOptions, library: Path = LIBRARY) -> str:
    """Let sessions with these options compute our operators by the library, where there is one for this CPU, and take
    the memory of their tensors from it.

    Without it ONNX Runtime computes what the model says that they mean, a quarter slower.

    returns  the instruction set that the library uses, "avx512" or "avx2"; "" where it is not used
    """
    if not library.is_file():
        return ""
    try:
        variant = ctypes.CDLL(str(library)).kernels_variant
        options.register_custom_ops_library(str(library))
    except (OSError, AttributeError, RuntimeError) as error:
        log.warning("%s is not used: %s", library, error)
        return ""
    variant.argtypes, variant.restype = [], ctypes.c_char_p
    return bytes(variant()).decode()
