"""Apply the list of cuts: delete what the list names, and refuse a line that names nothing."""

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path


class StaleCut(ValueError):
    """A pattern of the list matches nothing: it is misspelt, or what it cut is gone."""


@dataclass(frozen=True)
class Cut:
    """One entry of the list: glob patterns below a root, less those to keep, and the reason."""

    why: str
    paths: tuple[str, ...]
    keep: tuple[str, ...] = ()


def read_list(path: Path, root_name: str) -> list[Cut]:
    """The entries of `[[root_name]]` in the TOML file, in order.

    raises  ValueError for an entry without a reason or without a path
    """
    with path.open("rb") as file:
        tables = tomllib.load(file)[root_name]
    cuts = [Cut(table["why"], tuple(table["paths"]), tuple(table.get("keep", ()))) for table in tables]
    for cut in cuts:
        if not cut.why.strip() or not cut.paths:
            raise ValueError(f"{path.name}: a cut needs a reason and at least one path: {cut}")
    return cuts


def apply(root: Path, cuts: list[Cut]) -> list[tuple[str, int]]:
    """Delete what the cuts name below `root`; returns each reason with the bytes that it saved.

    raises  StaleCut, naming every pattern without a match; nothing is deleted then
    """
    matches = {pattern: sorted(root.glob(pattern)) for cut in cuts for pattern in (*cut.paths, *cut.keep)}
    if stale := [pattern for pattern, found in matches.items() if not found]:
        raise StaleCut(f"cut list: nothing in {root} matches {', '.join(stale)}")
    saved: list[tuple[str, int]] = []
    for cut in cuts:
        kept = {path for pattern in cut.keep for path in matches[pattern]}
        kept |= {parent for path in kept for parent in path.parents}
        total = sum(_delete(path, kept) for pattern in cut.paths for path in matches[pattern])
        saved.append((cut.why, total))
    return saved


def _delete(path: Path, kept: set[Path]) -> int:
    """Delete a file or a tree, leaving `kept`; returns the bytes of its files."""
    if path.is_symlink():
        path.unlink()
        return 0
    if path.is_file():
        if path in kept:
            return 0
        size = path.stat().st_size
        path.unlink()
        return size
    if not path.exists():  # an earlier pattern took it
        return 0
    if path not in kept:
        size = sum(file.lstat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())
        shutil.rmtree(path)
        return size
    return sum(_delete(child, kept) for child in sorted(path.iterdir()))
