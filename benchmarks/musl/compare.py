"""musl against glibc: the same programs on the image's files and under a glibc Python here, in turns; prints a table.

Both run as plain processes of this machine: a container costs some 7 % of a Chroma query on either side, in system
calls, which would be counted against musl. The image's files are unpacked, and its own loader starts its Python.

The sides alternate, and each round changes who goes first, so that a busy spell of the machine falls on both. The ratio
is taken round by round; its spread tells how much of it to believe.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from tests.container.image.engine import docker
from tests.container.musl.sides import CHECKOUT, Process, glibc_side

CACHE = CHECKOUT / "artefacts" / "glibc-python"
MODEL = CHECKOUT / "models" / "all-MiniLM-L6-v2"
LOADER = "lib/ld-musl-x86_64.so.1"
Figures = dict[str, float]


def add_options(options: "argparse._ActionsContainer") -> None:
    options.add_argument("--image", default=os.environ.get("VECTORSPACE_IMAGE", "vectorspace:latest"))
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--model", type=Path, default=MODEL / "int8", help="folder of the model to run")
    options.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="for the image's side alone")


def run(given: argparse.Namespace) -> str:
    """The table; says on stderr how far it is."""
    texts = MODEL / "reference" / "texts.jsonl"
    rounds: list[dict[str, Figures]] = []
    with unpacked(given.image) as root, tempfile.TemporaryDirectory(dir=memory()) as scratch:
        both = {"TMPDIR": scratch}
        own = dict(value.split("=", 1) for value in given.env)
        glibc = replace(glibc_side(CACHE), environment=both)
        sides = {"musl": musl_side(root, both | own), "glibc": glibc}
        for number in range(given.rounds):
            order = list(sides) if number % 2 else list(reversed(sides))
            rounds.append({name: measure(sides[name], given.model, texts) for name in order})
            print(f"musl: round {number + 1} of {given.rounds}", file=sys.stderr, flush=True)
    return table(rounds)


def memory() -> str | None:
    """A folder in memory, so that no disk is measured; None, the usual place, where the system has none."""
    return next((folder for folder in ("/dev/shm",) if os.access(folder, os.W_OK)), None)  # noqa: S108  made private


@contextmanager
def unpacked(image: str) -> Iterator[Path]:
    """The files of an image in a folder, for as long as they are needed."""
    with tempfile.TemporaryDirectory() as name:
        root, archive = Path(name) / "root", Path(name) / "image.tar"
        root.mkdir()
        container = docker("create", image).stdout.strip()
        try:
            docker("export", "--output", str(archive), container)
        finally:
            docker("rm", container)
        subprocess.run(["tar", "-x", "-f", archive, "-C", root, "--exclude=dev/*", "--no-same-owner"], check=True)
        archive.unlink()
        yield root
        shutil.rmtree(root)


def musl_side(root: Path, environment: dict[str, str]) -> Process:
    """The image's Python, started by the image's loader with the image's libraries."""
    folders = ":".join(str(root / folder) for folder in ("usr/local/lib", "lib", "usr/lib"))
    command = (str(root / LOADER), "--library-path", folders, str(root / "usr/local/bin/python3.12"))
    own = {"PYTHONHOME": str(root / "usr/local"), "PYTHONDONTWRITEBYTECODE": "1"}
    return Process(command, environment | own)


def measure(side: Process, model: Path, texts: Path) -> Figures:
    """All figures of one side, once."""
    inference: Figures = side.run("benchmarks.musl.inference", model, texts)
    chroma: Figures = side.run("benchmarks.musl.chroma")
    return inference | chroma


def table(rounds: list[dict[str, Figures]]) -> str:
    """Markdown: the median of each side, and the ratio musl to glibc: its median, least and most over the rounds."""
    lines = [f"| {len(rounds)} rounds | musl | glibc | musl / glibc | least to most |", "|---|---|---|---|---|"]
    for name in rounds[0]["musl"]:
        ratios = [figures["musl"][name] / figures["glibc"][name] for figures in rounds]
        musl, glibc = (median(figures[side][name] for figures in rounds) for side in ("musl", "glibc"))
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        lines.append(f"| {name} | {musl:.4g} | {glibc:.4g} | {median(ratios):.3f} | {spread} |")
    return "\n".join(lines)
