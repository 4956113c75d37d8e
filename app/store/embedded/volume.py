"""Whether a directory outlives its container: on a volume it does, in the container's own layers it does not."""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
# What engines lay over the layers of an image: Docker, containerd and CRI-O the first, Podman without root the second.
LAYERS = {"overlay", "fuse.fuse-overlayfs"}
_escaped = re.compile(r"\\([0-7]{3})")


def ends_with_container(directory: Path, mounts: Path = MOUNTS) -> bool:
    """True where `directory` lies in a container's own layers; False where it does not, or nobody can say.

    source  proc_pid_mountinfo(5): the fifth field is where it is mounted; the type comes after a field that is "-"
    """
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return False  # no Linux
    directory = directory.resolve()
    nearest, kind = -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        place = Path(_escaped.sub(lambda found: chr(int(found[1], 8)), before.split(" ")[4]))
        # The later of two on the same place hides the earlier.
        if directory.is_relative_to(place) and len(place.parts) >= nearest:
            nearest, kind = len(place.parts), after.split(" ", 1)[0]
    return kind in LAYERS
