"""Whether a directory outlives its container, read from what the kernel says of mounts."""

from pathlib import Path

import pytest

from app.store.embedded.volume import ends_with_container

IN_DOCKER = """\
812 709 0:188 / / rw,relatime master:250 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A
813 812 0:191 / /proc rw,nosuid - proc proc rw
830 812 254:1 /volumes/x/_data /data rw,relatime - ext4 /dev/root rw
831 812 254:1 /volumes/y/_data /my\\040files rw,relatime master:1 - ext4 /dev/root rw
832 812 0:60 / /run/data rw - tmpfs tmpfs rw
833 832 0:61 / /run/data rw - overlay overlay rw
"""


@pytest.mark.parametrize(
    ("directory", "ends"),
    [
        ("/", True),
        ("/srv/data", True),
        ("/data", False),
        ("/data/deep/in/it", False),
        ("/database", True),  # no part of /data
        ("/my files/store", False),
        ("/run/data", True),
    ],
)
def test_a_directory_is_on_the_nearest_mount_above_it(tmp_path: Path, directory: str, ends: bool) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(IN_DOCKER)
    assert ends_with_container(Path(directory), mounts) is ends


def test_nobody_is_warned_where_the_kernel_does_not_say(tmp_path: Path) -> None:
    assert not ends_with_container(tmp_path, tmp_path / "missing")
