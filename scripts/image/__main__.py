"""The steps of the image build that make a tree smaller: `python -m image STEP PATH`."""

import argparse
import compileall
import os
import py_compile
from pathlib import Path

from .bytecode import compile_tree
from .check import check
from .cut import apply, read_list
from .libraries import drop_orphans
from .records import prune_apk, trim_bills, trim_metadata
from .sbom import PLACE, write
from .strip import strip_tree

LIST = Path(__file__).with_name("cuts.toml")
STDLIB = "usr/local/lib/python3.12"
SITE_PACKAGES = f"/{STDLIB}/site-packages"
# Docstrings that code reads while it is imported: numpy makes some out of others, and takes no None.
DOCSTRINGS = frozenset(
    {
        *(f"numpy/_core/{module}.py" for module in ("fromnumeric", "multiarray", "numeric")),
        "numpy/lib/_shape_base_impl.py",
        "numpy/ma",
    }
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="image", description=__doc__)
    parser.add_argument("step", choices=("system", "dependencies", "application", "check", "sbom"))
    parser.add_argument("path", type=Path, help="root of the tree, changed in place (check, sbom: only read)")
    arguments = parser.parse_args()
    steps = {"system": system, "dependencies": dependencies, "application": application, "check": check, "sbom": sbom}
    steps[arguments.step](arguments.path)


def system(root: Path) -> None:
    """Alpine and Python: cut, then drop the libraries that nothing needs any more."""
    _cut(root, "system")
    for path in drop_orphans(root):
        print(f"  no one needs {path.relative_to(root)}")
    print(f"  apk's record keeps: {' '.join(prune_apk(root))}")
    compile_tree(root / STDLIB, f"/{STDLIB}", frozenset())
    print(f"{strip_tree(root) / 1e6:7.2f} MB  stripped")


def dependencies(site_packages: Path) -> None:
    """Third-party packages."""
    _cut(site_packages, "dependencies")
    print(f"{trim_metadata(site_packages) / 1e6:7.2f} MB  long descriptions in METADATA")
    print(f"{trim_bills(site_packages) / 1e6:7.2f} MB  all but the names in the packages' own bills of materials")
    compile_tree(site_packages, SITE_PACKAGES, DOCSTRINGS)
    print(f"{strip_tree(site_packages) / 1e6:7.2f} MB  stripped")


def application(folder: Path) -> None:
    """The service: sources stay, for readable tracebacks; bytecode beside them that depends on no file's date."""
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(folder, quiet=1, invalidation_mode=unchecked, stripdir=str(folder.parent)):
        raise SystemExit(f"{folder} does not compile")


def sbom(root: Path) -> None:
    """The bill of materials, under /bill. In the working directory's parent are the pins, in /models the models."""
    pins = Path("..")
    write(
        root,
        pins=(pins / "requirements.txt", Path("image/traces.txt")),  # the latter for images that send traces
        allocator_pin=pins / "musl/mimalloc.txt",
        models=Path("/models"),
        version=os.environ["VERSION"],
        output=Path("/bill", PLACE),
    )


def _cut(root: Path, name: str) -> None:
    for why, saved in apply(root, read_list(LIST, name)):
        print(f"{saved / 1e6:7.2f} MB  {why}")


if __name__ == "__main__":
    main()
