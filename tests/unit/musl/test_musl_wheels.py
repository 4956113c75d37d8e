"""Only the wheels that were reviewed, and only as they were reviewed."""

import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from musl.elf import MAGIC
from musl.errors import AlteredWheel, UnknownFile, UnknownWheel
from musl.wheels import Wheel, find, reviewed

FILE = "thing-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"


@pytest.fixture
def made(tmp_path: Path) -> tuple[Wheel, Path]:
    """A wheel with one binary to repair and one to leave out, and its review."""
    path = tmp_path / FILE
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("thing/a-gnu.so", MAGIC + b"a")
        archive.writestr("thing/b.so", MAGIC + b"b")
        archive.writestr("thing/__init__.py", "")
        archive.writestr("thing-1.0.dist-info/RECORD", "thing/a-gnu.so,,\nthing/b.so,,\nthing-1.0.dist-info/RECORD,,\n")
    digest = sha256(path.read_bytes()).hexdigest()
    return Wheel(FILE, digest, {"thing/a-gnu.so": "thing/a-musl.so"}, {"thing/b.so": "twice"}), path


def test_the_official_wheels_are_those_that_were_reviewed(wheels: Path) -> None:
    for wheel, path in find(wheels, reviewed()):
        wheel.check(path)


def test_an_altered_wheel_is_refused_with_both_hashes(made: tuple[Wheel, Path]) -> None:
    wheel, path = made
    path.write_bytes(path.read_bytes() + b"\0")
    found = sha256(path.read_bytes()).hexdigest()
    with pytest.raises(AlteredWheel, match=f"{FILE} has sha256 {found}, reviewed was {wheel.sha256}"):
        wheel.check(path)


def test_a_binary_that_was_not_reviewed_is_named(made: tuple[Wheel, Path]) -> None:
    wheel, path = made
    with pytest.raises(UnknownFile, match=r"holds other binaries than were reviewed: thing/b\.so"):
        replace(wheel, leave_out={}).check(path)


def test_binaries_get_the_names_that_python_on_musl_asks_for(made: tuple[Wheel, Path], tmp_path: Path) -> None:
    wheel, path = made
    wheel.unpack(path, tmp_path / "target")
    wheel.record(tmp_path / "target")
    folder = tmp_path / "target"
    assert sorted(p.name for p in (folder / "thing").iterdir()) == ["__init__.py", "a-musl.so"]
    lines = (folder / "thing-1.0.dist-info" / "RECORD").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "thing-1.0.dist-info/INSTALLER", "thing-1.0.dist-info/RECORD", "thing/a-musl.so",
    ]  # fmt: skip
    assert lines[2].endswith(",5")


def test_a_wheel_that_was_not_reviewed_is_named(made: tuple[Wheel, Path]) -> None:
    wheel, path = made
    path.rename(path.with_name("thing-1.1-cp312-cp312-manylinux_2_28_x86_64.whl"))
    with pytest.raises(UnknownWheel, match=rf"thing-1\.1\S+ was not reviewed; reviewed were {FILE}"):
        find(path.parent, [wheel])


def test_a_wheel_for_musl_needs_no_repair(made: tuple[Wheel, Path]) -> None:
    wheel, path = made
    path.rename(path.with_name("thing-1.0-cp312-cp312-musllinux_1_2_x86_64.whl"))
    with pytest.raises(UnknownWheel, match="is already built for musl: install it as it is"):
        find(path.parent, [wheel])


def test_a_missing_wheel_is_named(made: tuple[Wheel, Path]) -> None:
    wheel, path = made
    path.unlink()
    with pytest.raises(UnknownWheel, match=f"lacks {FILE}"):
        find(path.parent, [wheel])
