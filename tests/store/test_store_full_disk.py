"""On a full disk a write is refused by name and changes nothing, reads go on, and with room again writes do too."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import StorageFull
from app.store.embedded.backup import backup, restore
from app.store.store import Query, Store
from tests.store.opening import PLANE, document, indexed, random_documents, scanned, settled, vector

EAST = vector(1, 0, 0, 0)
MEGABYTE = 2**20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], capture_output=True, text=True
    )
    if done.returncode:
        reason = f"a small file system cannot be mounted here: {done.stderr.strip()}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path, but: int = 0) -> Path:
    """Take all the room but so many bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(MEGABYTE // 4))
        except OSError:
            file.truncate(max(0, file.tell() - but))
    return ballast


def written_until_full(store: Store) -> int:
    """How many documents were acknowledged."""
    for count in range(10_000):
        try:
            store.upsert("a", [document(f"d{count}", f"number {count} " + "x" * 20_000, EAST)])
        except StorageFull:
            return count
    raise AssertionError("the disk never filled")


def state_of(store: Store) -> tuple[object, ...]:
    query = Query("hybrid", "word7", EAST)
    return store.collection("a"), [each.document.id for each in store.export("a")], store.search("a", query)


@pytest.mark.parametrize("room", [0, 64 * 1024, MEGABYTE])
def test_a_write_without_room_changes_nothing(disk: Path, room: int) -> None:
    store = scanned(disk / "data")
    store.create_collection("a", PLANE, {})
    store.upsert("a", random_documents(500))
    before = state_of(store)
    ballast = fill(disk, room)
    large = [document("big", "word " * 400_000, EAST), *random_documents(3000, seed=2)]
    for _ in range(2):
        with pytest.raises(StorageFull, match="make room"):
            store.upsert("a", large)
        assert state_of(store) == before
    ballast.unlink()
    store.upsert("a", large)
    assert store.document("a", "big").document.text == large[0].text
    store.close()


def test_writes_go_on_until_there_is_no_room(disk: Path) -> None:
    """The index shares the disk: it may fail, the writes that were acknowledged may not."""
    store = indexed(disk / "data")
    store.create_collection("a", PLANE, {})
    ballast = fill(disk, 8 * MEGABYTE)
    kept = written_until_full(store)
    assert kept
    assert store.collection("a").documents == kept
    assert len(store.search("a", Query("semantic", vector=EAST, limit=10_000))) == kept
    assert store.index_state().state in ("opening", "ready", "rebuilding", "failed")
    store.close()
    store = indexed(disk / "data")
    assert len(store.search("a", Query("semantic", vector=EAST, limit=10_000))) == kept
    ballast.unlink()
    settled(store)
    store.upsert("a", [document("more", "x" * 20_000, EAST)])
    assert len(store.search("a", Query("semantic", vector=EAST, limit=10_000))) == kept + 1
    store.close()


def filled(directory: Path) -> tuple[object, ...]:
    """The state of a store that was made there, and closed."""
    store = scanned(directory)
    store.create_collection("a", PLANE, {})
    store.upsert("a", random_documents(100))
    state = state_of(store)
    store.close()
    return state


def test_a_store_opens_on_a_full_disk(disk: Path) -> None:
    before = filled(disk / "data")
    fill(disk, 32 * 1024 * 3)
    store = scanned(disk / "data")
    assert state_of(store) == before
    store.close()


def test_a_disk_without_any_room_at_the_start_is_named_and_nothing_is_lost(disk: Path) -> None:
    before = filled(disk / "data")
    ballast = fill(disk)
    for _ in range(2):
        with pytest.raises(StorageFull, match=r"nothing was written, the disk is full .*: make room or enlarge"):
            scanned(disk / "data")
    ballast.unlink()
    store = scanned(disk / "data")
    assert state_of(store) == before
    store.close()


def test_neither_a_backup_nor_a_restored_one_is_left_half(disk: Path, tmp_path: Path) -> None:
    store = scanned(tmp_path / "data")
    store.create_collection("a", PLANE, {})
    store.upsert("a", random_documents(2000))
    backup(tmp_path / "data", tmp_path / "file")
    ballast = fill(disk, MEGABYTE // 4)
    with pytest.raises(StorageFull):
        backup(tmp_path / "data", disk / "file")
    with pytest.raises(StorageFull):
        restore(tmp_path / "file", disk / "data")
    store.close()
    assert not (disk / "file").exists()
    ballast.unlink()
    assert {path.name for path in (disk / "data").iterdir()} <= {"owner"}
