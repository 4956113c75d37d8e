"""The allocator's wheel is the one that was reviewed. That Python allocates with it is proved where it is put in."""

import sys
from hashlib import sha256
from pathlib import Path

import pytest

from musl.allocator import SHA256, WHEEL, as_chosen, install
from musl.errors import AlteredWheel, UnknownWheel
from tests.unit.musl.conftest import CHECKOUT

PYTHON = Path(sys.executable).resolve()


def test_the_download_is_pinned_to_the_wheel_that_was_reviewed() -> None:
    pins = (CHECKOUT / "musl" / "mimalloc.txt").read_text()
    assert f"cmeel-mimalloc=={WHEEL.split('-')[1]} " in pins
    assert f"--hash=sha256:{SHA256}" in pins


def test_another_allocator_is_refused_with_both_hashes(tmp_path: Path) -> None:
    (tmp_path / WHEEL).write_bytes(b"another")
    with pytest.raises(AlteredWheel, match=f"has sha256 {sha256(b'another').hexdigest()}, reviewed was {SHA256}"):
        install(tmp_path, PYTHON, tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_a_missing_wheel_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownWheel, match=f"lacks {WHEEL}"):
        install(tmp_path, PYTHON, tmp_path / "root")


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("True False 3208 0 libcopies.so libcopies.so\n", True),
        ("False False 3208 0 libcopies.so libcopies.so\n", False),
        ("True False 3208 10 libcopies.so libcopies.so\n", False),
        ("True False 3208 0 ld-musl-x86_64.so.1 libcopies.so\n", False),
        ("True False 3208\n", False),
        ("", False),
    ],
)
def test_what_a_program_says_of_its_allocator_is_believed_as_a_whole(said: str, chosen: bool) -> None:
    assert as_chosen(said) is chosen
