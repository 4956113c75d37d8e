"""Every process of the image allocates with mimalloc, whatever its environment says."""

from tests.container.image.engine import LOCKED, docker
from tests.container.musl.sides import Image

CODE = """
import ctypes
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
print(bool(library.mi_is_in_heap_region(ctypes.c_void_p(library.malloc(100)))), library.mi_option_get(15))
"""


def test_malloc_is_mimallocs_and_gives_pages_back_at_once(musl: Image) -> None:
    done = docker("run", "--rm", *LOCKED, "--env", "LD_PRELOAD=", "--entrypoint", "python", musl.name, "-c", CODE)
    assert done.stdout.split() == ["True", "0"]
