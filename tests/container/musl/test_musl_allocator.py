"""Every process of the image allocates with mimalloc and copies with our memcpy, whatever its environment says."""

from musl.allocator import PROGRAM, as_chosen
from tests.container.image.engine import LOCKED, docker
from tests.container.musl.sides import Image


def test_malloc_is_mimallocs_which_gives_pages_back_at_once_and_memcpy_is_ours(musl: Image) -> None:
    done = docker("run", "--rm", *LOCKED, "--env", "LD_PRELOAD=", "--entrypoint", "python", musl.name, "-c", PROGRAM)
    assert as_chosen(done.stdout), done.stdout
    assert done.stdout.split()[2].startswith("32")  # mimalloc 3.2
