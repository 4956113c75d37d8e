#!/usr/bin/env python3
"""What an image weighs, layer by layer and part by part: size.py IMAGE --budget BYTES

The size is the one of `docker image inspect`: the bytes of all files in all layers, uncompressed. Layers and parts are
counted from `docker save` and must add up to it. Exits 1 above the budget, naming by how much.
"""

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

SITE_PACKAGES = "usr/local/lib/python3.12/site-packages/"
# First match wins.
PARTS = [
    ("model", re.compile(r"opt/vectorspace/models/")),
    ("page", re.compile(r"opt/vectorspace/app/web/")),
    ("application", re.compile(r"opt/vectorspace/")),
    ("chromadb", re.compile(SITE_PACKAGES + r"chromadb")),
    ("onnxruntime", re.compile(SITE_PACKAGES + r"onnxruntime")),
    ("granian", re.compile(SITE_PACKAGES + r"granian")),
    ("tokenizers", re.compile(SITE_PACKAGES + r"tokenizers")),
    ("numpy", re.compile(SITE_PACKAGES + r"numpy")),
    ("pydantic, FastAPI, Starlette", re.compile(SITE_PACKAGES + r"(pydantic|fastapi|starlette)")),
    ("shared by the wheels (libstdc++, libgcc_s, glibc's part)", re.compile(SITE_PACKAGES + r"[^/]+\.libs/")),
    ("other Python packages", re.compile(SITE_PACKAGES)),
    ("Python: interpreter", re.compile(r"usr/local/(bin/|lib/libpython)")),
    ("Python: extension modules", re.compile(r"usr/local/lib/python3\.12/lib-dynload/")),
    ("Python: standard library", re.compile(r"usr/local/lib/python")),
    ("Alpine: OpenSSL", re.compile(r"usr/lib/lib(crypto|ssl)")),
    ("Alpine: SQLite", re.compile(r"usr/lib/libsqlite")),
    ("Alpine: musl and the rest", re.compile(r"")),
]


@dataclass(frozen=True)
class Layer:
    """One layer: what made it, its files by path with their bytes, and its bytes when compressed as for a push."""

    made_by: str
    files: dict[str, int]
    compressed_bytes: int

    @property
    def size_bytes(self) -> int:
        return sum(self.files.values())


def docker() -> str:
    """The engine's client: $DOCKER, else the one on the path."""
    found = os.environ.get("DOCKER") or shutil.which("docker")
    if not found:
        sys.exit("size: no docker client; set DOCKER or put docker on the PATH")
    return found


def run(*arguments: str) -> str:
    done = subprocess.run([docker(), *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"size: docker {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def read_layers(image: str) -> list[Layer]:
    """The layers of an image, lowest first."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "image.tar"
        run("save", "-o", str(archive), image)
        with tarfile.open(archive) as saved:
            manifest = json.load(_member(saved, "manifest.json"))[0]
            history = json.load(_member(saved, manifest["Config"]))["history"]
            steps = [step.get("created_by", "") for step in history if not step.get("empty_layer")]
            return [_layer(_member(saved, name), step) for name, step in zip(manifest["Layers"], steps, strict=True)]


def _member(archive: tarfile.TarFile, name: str) -> io.BytesIO:
    file = archive.extractfile(name)
    if file is None:
        sys.exit(f"size: docker save wrote no {name}")
    return io.BytesIO(file.read())


def _layer(data: io.BytesIO, step: str) -> Layer:
    """Count one layer's archive. Engines save layers plain or compressed; the compressed size is gzip's at level 6."""
    files: dict[str, int] = {}
    with tarfile.open(fileobj=data) as archive:
        for member in archive:
            if member.isfile() or member.issym():
                files[member.name] = member.size if member.isfile() else len(member.linkname)
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    plain = data.getvalue()
    packed = len(plain) if plain[:2] == b"\x1f\x8b" else len(packer.compress(plain)) + len(packer.flush())
    return Layer(step, files, packed)


def by_part(layers: list[Layer]) -> Counter[str]:
    """Bytes by part of the product."""
    parts: Counter[str] = Counter()
    for layer in layers:
        for path, size in layer.files.items():
            parts[next(name for name, pattern in PARTS if pattern.match(path))] += size
    return parts


def short(step: str) -> str:
    """What made a layer, as the Dockerfile says it: builders put different words around it."""
    step = re.sub(r"^/bin/sh -c |#\(nop\) *|# buildkit$", "", step).strip()
    return re.sub(r"(file|dir|multi):[0-9a-f]{64} in", "", step)[:90]


def megabytes(size: float) -> str:
    return f"{size / 1e6:8.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    parser.add_argument("--budget", type=int, default=200_000_000, help="bytes; default %(default)s")
    arguments = parser.parse_args()

    size = int(run("image", "inspect", "--format", "{{.Size}}", arguments.image))
    layers = read_layers(arguments.image)
    print(f"{'MB':>8} {'gzip':>8}  layer")
    for layer in layers:
        print(f"{megabytes(layer.size_bytes)} {megabytes(layer.compressed_bytes)}  {short(layer.made_by)}")
    print(f"\n{'MB':>8}  part")
    for name, part_size in by_part(layers).most_common():
        print(f"{megabytes(part_size)}  {name}")
    total = sum(layer.size_bytes for layer in layers)
    print(f"{megabytes(total)}  sum; {sum(layer.compressed_bytes for layer in layers) / 1e6:.1f} MB compressed")
    print(f"{megabytes(size)}  docker image inspect; budget {arguments.budget / 1e6:.1f}")
    if abs(total - size) > size // 100:
        sys.exit(f"size: the layers' files are {total} bytes, docker image inspect says {size}")
    if size > arguments.budget:
        sys.exit(
            f"size: {arguments.image} is {size} bytes, {size - arguments.budget} above its budget of {arguments.budget}"
        )


if __name__ == "__main__":
    main()
