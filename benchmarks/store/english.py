"""English texts that every machine here has: the docstrings of Python's standard library, of all lengths."""

import ast
import random
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

from benchmarks.store.report import NotMeasured

LEAST_CHARACTERS = 40
HAVE = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def texts(count: int, seed: int) -> list[str]:
    """`count` different ones, by chance: half have fewer than some 130 characters, a few have thousands."""
    found = list(dict.fromkeys(_docstrings(Path(sysconfig.get_path("stdlib")))))
    if len(found) < count:
        raise NotMeasured(f"this Python's standard library has {len(found)} docstrings, and {count} are needed")
    return random.Random(seed).sample(found, count)


def _docstrings(library: Path) -> Iterator[str]:
    for path in sorted(library.rglob("*.py")):
        if {"site-packages", "test"} & set(path.parts):
            continue
        try:
            with warnings.catch_warnings(action="ignore"):
                module = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):  # lib2to3 keeps files that are wrong on purpose
            continue
        for node in ast.walk(module):
            text = ast.get_docstring(node) if isinstance(node, HAVE) else None
            if text and len(text) >= LEAST_CHARACTERS:
                yield text
