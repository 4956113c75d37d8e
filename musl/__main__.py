"""Repair wheels for musl, and help to review new ones.

python -m musl repair --wheels DIR --target DIR   the reviewed wheels in DIR, repaired, into a folder of packages
python -m musl allocator --wheels DIR --root DIR  mimalloc and our memcpy in front of musl's, below a root
python -m musl symbols FILE.whl                   what a wheel imports, each name with its verdict, unknown ones first
"""

import argparse
import sys
import zipfile
from collections import Counter
from pathlib import Path

from musl import allocator
from musl.elf import MAGIC, SharedLibrary
from musl.errors import RepairError
from musl.repair import prove_repaired, repair
from musl.verdicts import Table
from musl.wheels import reviewed


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m musl", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("repair")
    step.add_argument("--wheels", type=Path, required=True, help="folder with the wheels as they were downloaded")
    step.add_argument("--target", type=Path, required=True, help="folder of packages that tokenizers is installed in")
    step = steps.add_parser("allocator")
    step.add_argument("--wheels", type=Path, required=True, help="folder with mimalloc's wheel")
    step.add_argument("--root", type=Path, required=True, help="where the changed files go, by their places below /")
    step = steps.add_parser("symbols")
    step.add_argument("wheel", type=Path)
    arguments = parser.parse_args()
    try:
        if arguments.step == "repair":
            table = Table.load()
            repair(arguments.wheels, arguments.target, reviewed(), table)
            prove_repaired(arguments.wheels, arguments.target, reviewed(), table)
            print("repaired, and loaded by musl")
        elif arguments.step == "allocator":
            version = allocator.install(arguments.wheels, Path(sys.executable).resolve(), arguments.root)
            print(f"Python starts with mimalloc {version}")
        else:
            symbols(arguments.wheel)
    except RepairError as error:
        sys.exit(f"musl: {type(error).__name__}: {error}")


def symbols(wheel: Path) -> None:
    """Print the imports of every binary in a wheel, and how many there are of each verdict."""
    table = Table.load()
    name = wheel.name.split("-")[0]
    with zipfile.ZipFile(wheel) as archive:
        binaries = [entry for entry in archive.namelist() if archive.open(entry).read(4) == MAGIC]
        libraries = [SharedLibrary(archive.read(entry), entry) for entry in binaries]
    for library in libraries:
        print(f"{library.name}: {library.machine}, needs {', '.join(library.needed)}")
        found = {symbol: table.look_up(name, symbol) for symbol in library.imports}
        kinds = {symbol: verdict.kind if verdict else "UNKNOWN" for symbol, verdict in found.items()}
        for symbol, kind in sorted(kinds.items(), key=lambda entry: (entry[1], entry[0])):
            print(f"  {kind:8}{'weak ' if symbol.weak else '     '}{symbol}")
        print("  " + ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(kinds.values()).items())))


if __name__ == "__main__":
    main()
