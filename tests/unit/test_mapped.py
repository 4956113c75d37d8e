"""A mapped file: what counts as written to, and what does not."""

import os
from pathlib import Path

import pytest

from app.embedding.mapped import Mapped
from app.errors import ModelChanged


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.write_bytes(b"as checked")
    os.utime(path, ns=(0, 1_000_000_000))
    return path


def test_nothing_has_happened(path: Path) -> None:
    mapped = Mapped(path)
    path.read_bytes()
    path.chmod(0o600)
    mapped.check()
    mapped.check()


@pytest.mark.parametrize("content", [b"as checkeD", b"as checked", b"shorter", b"longer than it was"])
def test_whoever_writes_into_it_is_noticed_from_then_on(path: Path, content: bytes) -> None:
    mapped = Mapped(path)
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()
    for _ in range(2):
        with pytest.raises(ModelChanged, match=f"{path} was written to"):
            mapped.check()


def test_a_longer_one_of_the_same_moment_is_noticed(path: Path) -> None:
    mapped = Mapped(path)
    with path.open("ab") as file:
        file.write(b"more")
    os.utime(path, ns=(0, 1_000_000_000))
    with pytest.raises(ModelChanged):
        mapped.check()


def test_a_file_that_is_removed_or_replaced_is_still_what_it_was(path: Path) -> None:
    mapped = Mapped(path)
    other = path.with_name("other")
    other.write_bytes(b"another model's")
    other.replace(path)
    mapped.check()
    path.unlink()
    mapped.check()


def test_it_closes_its_file(path: Path) -> None:
    def opened() -> int:
        return [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()].count(str(path))

    mapped = Mapped(path)
    assert opened() == 1
    del mapped
    assert opened() == 0
