"""Keep what says which packages are in the image, and only for those that are: apk's record, and pip's METADATA."""

import json
from pathlib import Path

# What names a component of a CycloneDX bill.
NAMING = ("type", "name", "version", "purl")


def prune_apk(root: Path) -> list[str]:
    """Drop from Alpine's record the packages of which no file is left, and the files that are gone.

    Scanners read it to find known flaws: a package that is not there must not be reported, one that is there must.
    Format: one block a package, `P:` name, `F:` folder, `R:` file in it, `a:` and `Z:` their attributes
    (https://wiki.alpinelinux.org/wiki/Apk_spec).

    returns  the names of the packages that stay
    """
    record = root / "lib/apk/db/installed"
    blocks = []
    names = []
    for block in record.read_text().strip().split("\n\n"):
        kept, files = _present(root, block.splitlines())
        if files:
            blocks.append("\n".join(kept))
            names.append(next(line[2:] for line in kept if line.startswith("P:")))
    record.write_text("\n\n".join(blocks) + "\n\n")
    return names


def _present(root: Path, lines: list[str]) -> tuple[list[str], int]:
    """The lines of a block less its missing files, and how many files are left."""
    kept: list[str] = []
    folder, files, here = "", 0, True
    for line in lines:
        kind = line[:2]
        if kind == "F:":
            folder = line[2:]
            here = (root / folder).is_dir()
        elif kind == "R:":
            path = root / folder / line[2:]
            here = path.exists() or path.is_symlink()
            files += here
        elif kind not in ("a:", "Z:", "M:"):
            here = True
        if here:
            kept.append(line)
    return kept, files


def trim_metadata(site_packages: Path) -> int:
    """Cut the long description (a README) from each METADATA; headers stay. Returns the bytes saved."""
    saved = 0
    for path in site_packages.glob("*.dist-info/METADATA"):
        text = path.read_text(encoding="utf-8")
        headers = text.split("\n\n", 1)[0] + "\n"
        saved += len(text.encode()) - len(headers.encode())
        path.write_text(headers, encoding="utf-8")
    return saved


def trim_bills(site_packages: Path) -> int:
    """Cut each package's own bill of materials down to what names its parts. Returns the bytes saved.

    A package has them where its maker linked other code into it, as Rust crates are.
    source  https://peps.python.org/pep-0770/
    """
    saved = 0
    for path in site_packages.glob("*.dist-info/sboms/*.json"):
        bill = json.loads(path.read_bytes())
        parts = [{key: each[key] for key in NAMING if key in each} for each in bill.get("components", [])]
        head = {key: bill[key] for key in ("bomFormat", "specVersion")}
        saved += path.stat().st_size
        path.write_text(json.dumps(head | {"version": 1, "components": parts}, separators=(",", ":")), encoding="utf-8")
        saved -= path.stat().st_size
    return saved
