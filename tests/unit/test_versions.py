"""What is written in several places agrees: the version of the service, and the Python of its image."""

import re
import tomllib
from pathlib import Path

from app import __version__

ROOT = Path(__file__).resolve().parents[2]
RECIPE = (ROOT / "Dockerfile.alpine").read_text()
# python3.12 in a path, cpython-312 and cp312 in a file's name. cp39-abi3 is for every Python from 3.9 on.
PYTHON = re.compile(r"\bpython3\.(\d+)|libpython3\.(\d+)|\bconfig-3\.(\d+)|\bcpython-3(\d+)|\bcp3(\d+)(?!-abi3)")


def test_the_version_is_one() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == __version__
    assert re.findall(r"^ARG VERSION=(.*)$", RECIPE, re.MULTILINE) == [__version__]


def test_the_build_is_for_the_python_of_the_base_image() -> None:
    bases = re.findall(r"^ARG BASE=python:3\.(\d+)-alpine", RECIPE, re.MULTILINE)
    assert len(bases) == 1
    files = [ROOT / "Dockerfile.alpine", *(ROOT / "scripts" / "image").iterdir(), *(ROOT / "musl").iterdir()]
    named = {
        path.relative_to(ROOT).as_posix(): {"".join(found) for found in PYTHON.findall(path.read_text())}
        for path in files
        if path.is_file() and path.suffix != ".txt"  # pins name files of every Python
    }
    assert named["Dockerfile.alpine"] == set(bases)
    assert {file: minors for file, minors in named.items() if minors - set(bases)} == {}
