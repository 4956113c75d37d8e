"""An environment for each peer, built once from its pins, and how much of the disk it takes."""

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from benchmarks.store.report import NotMeasured

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "artefacts" / "peers"
PINS = Path(__file__).parent / "requirements"
SERVICE_PINS = CHECKOUT / "requirements.txt"


def environment(name: str) -> Path:
    """The Python of `name`'s environment, made anew when a pin changes. raises NotMeasured, with pip's reason"""
    return _built(name, PINS / f"{name}.txt", Path(sys.executable), [])


def service_environment() -> Path:
    """That of the service alone: what the image has, on glibc. On the Python of all peers: builds differ by 2 %."""
    return _built("vectorspace", SERVICE_PINS, Path(sys.executable), ["--require-hashes", "--only-binary=:all:"])


def installed_mb(*paths: Path) -> float:
    """MB of 10^6 bytes that the files under `paths` hold; a file with several names counts once."""
    sizes: dict[tuple[int, int], int] = {}
    for path in paths:
        for file in [path, *path.rglob("*")]:
            if file.is_file() and not file.is_symlink():
                status = file.stat()
                sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values()) / 1e6


def _built(name: str, pins: Path, python: Path, options: list[str]) -> Path:
    folder = FOLDER / name
    key = sha256(pins.read_bytes() + str(python).encode()).hexdigest()
    complete = folder / "complete"
    if not complete.exists() or complete.read_text() != key:
        print(f"peers: installing {name}", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", folder], check=True)
        pip: list[str | Path] = [
            folder / "bin" / "python",
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
            "--no-deps",
        ]
        done = subprocess.run([*pip, *options, "-r", pins], capture_output=True, text=True, env=os.environ)
        if done.returncode:
            reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip said nothing"]
            raise NotMeasured(f"{name} cannot be installed: {reasons[-1]}")
        complete.write_text(key)
    return folder / "bin" / "python"
