"""The wheels that were reviewed: name, hash, and what becomes of every binary in them: wheels.toml."""

import base64
import hashlib
import re
import shutil
import tomllib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from musl.elf import MAGIC, SharedLibrary
from musl.errors import AlteredWheel, UnknownFile, UnknownWheel

REVIEWED = Path(__file__).with_name("wheels.toml")
_MUSL_TAG = re.compile(r"-musllinux_[^-]*\.whl$")


@dataclass(frozen=True)
class Wheel:
    """A wheel that was reviewed.

    file       its file name; sha256 of its bytes
    repair     binaries to repair: path in the wheel → path on musl, whose Python asks for another ending
    leave_out  binaries that do not come along, each with the reason
    """

    file: str
    sha256: str
    repair: dict[str, str]
    leave_out: dict[str, str]

    @property
    def name(self) -> str:
        return self.file.split("-")[0]

    def check(self, path: Path) -> None:
        """raises AlteredWheel, UnknownFile"""
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != self.sha256:
            raise AlteredWheel(f"{self.file} has sha256 {found}, reviewed was {self.sha256}")
        with zipfile.ZipFile(path) as archive:
            binaries = {entry.filename for entry in archive.infolist() if archive.open(entry).read(4) == MAGIC}
        known = self.repair.keys() | self.leave_out.keys()
        if binaries != known:
            odd = ", ".join(sorted(binaries ^ known))
            raise UnknownFile(f"{self.file} holds other binaries than were reviewed: {odd}")

    def library(self, path: Path, inside: str) -> SharedLibrary:
        """One of the binaries, as it is in the wheel at `path`. raises NotElf"""
        with zipfile.ZipFile(path) as archive:
            return SharedLibrary(archive.read(inside), Path(inside).name)

    def unpack(self, path: Path, target: Path) -> None:
        """Put the files into `target`; binaries to repair go under their names on musl, unchanged as yet."""
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir() and entry.filename not in self.leave_out:
                    place = target / self.repair.get(entry.filename, entry.filename)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(entry) as source, place.open("wb") as copy:
                        shutil.copyfileobj(source, copy)

    def record(self, target: Path) -> None:
        """Write RECORD anew for the files as they are in `target` now, and name this tool as the installer.

        source  https://packaging.python.org/en/latest/specifications/recording-installed-packages/
        """
        folder = next(target.glob(f"{'-'.join(self.file.split('-')[:2])}.dist-info"))
        (folder / "INSTALLER").write_text("vectorspace-musl\n")
        record = folder / "RECORD"
        names = {line.rsplit(",", 2)[0] for line in record.read_text().splitlines()} - self.leave_out.keys()
        names = {self.repair.get(name, name) for name in names} | {f"{folder.name}/INSTALLER"}
        lines = []
        for name in sorted(names):
            data = (target / name).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{name},,\n" if target / name == record else f"{name},sha256={digest},{len(data)}\n")
        record.write_text("".join(lines))


def reviewed(path: Path = REVIEWED) -> list[Wheel]:
    """The wheels of wheels.toml."""
    return [Wheel(**entry) for entry in tomllib.loads(path.read_text())["wheel"]]


def find(folder: Path, wheels: Iterable[Wheel]) -> list[tuple[Wheel, Path]]:
    """The wheels in `folder`, each with its review.

    raises  UnknownWheel, also where one that was reviewed is not there
    """
    by_file = {wheel.file: wheel for wheel in wheels}
    paths = sorted(folder.glob("*.whl"))
    for path in paths:
        if _MUSL_TAG.search(path.name):
            raise UnknownWheel(f"{path.name} is already built for musl: install it as it is")
        if path.name not in by_file:
            raise UnknownWheel(f"{path.name} was not reviewed; reviewed were {', '.join(sorted(by_file))}")
    missing = by_file.keys() - {path.name for path in paths}
    if missing:
        raise UnknownWheel(f"{folder} lacks {', '.join(sorted(missing))}")
    return [(by_file[path.name], path) for path in paths]
