"""The two sides of a comparison: a program under a glibc Python here, and the same program in the image."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.container.image.engine import LOCKED, docker

CHECKOUT = Path(__file__).resolve().parents[3]
# What the programs are made of: modules of these folders, which both sides see under their names.
FOLDERS = ("tests/container/musl/programs", "benchmarks/musl")
TIMEOUT_S = 900
VERSION = "3.12"  # onnxruntime's wheel is for the image's CPython alone


class Side(Protocol):
    """Where a program can run."""

    def run(self, module: str, *arguments: str | Path) -> Any:
        """The JSON that a module prints; paths among the arguments are readable to it."""


@dataclass(frozen=True)
class Process:
    """A Python on this machine: of the image's version, with the image's packages from the same wheels."""

    python: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, module: str, *arguments: str | Path) -> Any:
        environment = os.environ | {"PYTHONPATH": str(CHECKOUT)} | dict(self.environment)
        command = [*self.python, "-m", module, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, env=environment)
        return _json(done, self.python[0])


@dataclass(frozen=True)
class Image:
    """The image, locked as it is in service."""

    name: str
    options: tuple[str, ...] = ()

    def run(self, module: str, *arguments: str | Path) -> Any:
        paths = {CHECKOUT / folder: f"/programs/{folder}" for folder in FOLDERS}
        paths |= {path: f"/given/{n}-{path.name}" for n, path in enumerate(arguments) if isinstance(path, Path)}
        words = [paths[word] if isinstance(word, Path) else word for word in arguments]
        options = [option for path, place in paths.items() for option in ("--volume", f"{path}:{place}:ro")]
        options += ["--volume", "/data", "--env", "PYTHONPATH=/opt/vectorspace:/programs", "--entrypoint", "python"]
        command = ["run", "--rm", *LOCKED, *options, *self.options, self.name, "-m", module, *words]
        done = docker(*command, check=False, timeout_s=TIMEOUT_S)
        return _json(done, self.name)


def _json(done: subprocess.CompletedProcess[str], side: str) -> Any:
    """The last line that a program printed; its failure is the test's."""
    if done.returncode:
        said = f"{done.stdout}{done.stderr}"[-6000:]
        pytest.fail(f"{side}: the program ended with {done.returncode}:\n{said}", pytrace=False)
    return json.loads(done.stdout.splitlines()[-1])


def glibc_side(cache: Path) -> Process:
    """A virtual environment in `cache`, made anew when a pin changes, with the packages of requirements.txt."""
    requirements = CHECKOUT / "requirements.txt"
    folder = cache / sha256(requirements.read_bytes()).hexdigest()[:12]
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        shutil.rmtree(cache, ignore_errors=True)
        subprocess.run([find_python(), "-m", "venv", folder], check=True)
        pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--require-hashes", "--only-binary=:all:", "-r", requirements], check=True)
        complete.touch()
    return Process((str(python),))


def find_python() -> Path:
    """A CPython 3.12 on glibc: $PYTHON312, python3.12 on the PATH, or one of pyenv's.

    fails  where there is none: a comparison with nothing would prove nothing
    """
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [os.environ.get("PYTHON312"), shutil.which(f"python{VERSION}")]
    candidates += [str(path) for path in sorted(versions.glob(f"{VERSION}.*/bin/python{VERSION}"), reverse=True)]
    question = "import os, sys; print(sys.version_info[:2] == (3, 12) and os.confstr('CS_GNU_LIBC_VERSION'))"
    for candidate in filter(None, candidates):
        asked = subprocess.run([candidate, "-c", question], capture_output=True, text=True)
        if asked.stdout.startswith("glibc"):
            return Path(candidate)
    pytest.fail(
        f"no CPython {VERSION} on glibc: the image is compared with it. Put python{VERSION} on the PATH, "
        "install it with pyenv, or name one in PYTHON312",
        pytrace=False,
    )
