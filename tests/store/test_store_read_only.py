"""A data directory that takes no writes: refused by name at start; while it is served, reads go on."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import DirectoryUnusable
from tests.store.opening import PLANE, document, random_documents, scanned, vector

# A process of its own: the limit on the size of files stands for a disk that fails, and would hit pytest's as well.
FAILING_WRITES = """
import resource, sys
from pathlib import Path
from app.errors import DirectoryUnusable
from app.store.store import Query
from tests.store.opening import PLANE, document, random_documents, scanned, vector

store = scanned(Path(sys.argv[1]))
store.create_collection("a", PLANE, {})
store.upsert("a", random_documents(100))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
for _ in range(2):
    try:
        store.upsert("a", [document("more", "word " * 100_000, vector(1, 0, 0, 0))])
    except DirectoryUnusable as error:
        print(error)
    assert store.collection("a").documents == 100
    assert len(store.search("a", Query("hybrid", "word7", vector(1, 0, 0, 0), limit=1000))) == 100
    assert len(list(store.export("a"))) == 100
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
store.upsert("a", [document("more", "again", vector(1, 0, 0, 0))])
store.close()
store = scanned(Path(sys.argv[1]))
assert store.collection("a").documents == 101
store.close()
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which can be made read-only."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], capture_output=True, text=True)
    if done.returncode:
        reason = f"a file system cannot be mounted here: {done.stderr.strip()}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("filled", [False, True])
def test_a_directory_on_a_read_only_file_system_is_refused_with_the_reason(disk: Path, filled: bool) -> None:
    if filled:
        store = scanned(disk / "data")
        store.create_collection("a", PLANE, {})
        store.upsert("a", random_documents(10))
        store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for _ in range(2):
        with pytest.raises(DirectoryUnusable, match="cannot be used: Read-only file system"):
            scanned(disk / "data")
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    store = scanned(disk / "data")
    assert len(store.collections()) == filled
    store.create_collection("b", PLANE, {})
    store.upsert("b", [document("a", "x", vector(1, 0, 0, 0))])
    store.close()


def test_writes_that_fail_while_it_is_served_have_a_name_and_reads_go_on(tmp_path: Path) -> None:
    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN  # Python's way: the write fails, nobody is killed
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", FAILING_WRITES, str(tmp_path / "data")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{tmp_path / 'data'} cannot be used: disk I/O error"] * 2
