"""Every process of the image allocates with mimalloc, whatever its environment says."""

from musl.allocator import PROGRAM
from tests.container.image.engine import LOCKED, docker
from tests.container.musl.sides import Image


def test_malloc_is_mimallocs_and_gives_pages_back_at_once(musl: Image) -> None:
    done = docker("run", "--rm", *LOCKED, "--env", "LD_PRELOAD=", "--entrypoint", "python", musl.name, "-c", PROGRAM)
    ours, others, version, purge_delay = done.stdout.split()
    assert (ours, others, purge_delay) == ("True", "False", "0")
    assert version.startswith("32")  # 3.2
