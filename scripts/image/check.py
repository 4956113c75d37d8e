"""Refuse a finished root that holds what it must not, or lacks a library that something in it needs."""

import os
import stat
from pathlib import Path

from .libraries import closure

# Names of programs and files that a finished image has no use for.
FORBIDDEN = (
    "**/pip", "**/pip-*.dist-info", "**/setuptools", "sbin/apk", "**/gcc*", "**/zig", "**/ziglang", "**/*.h",
    "**/*.a", "**/*.pyi", "**/cc", "**/ld", "**/patchelf", "**/ensurepip", "bin/sh",
)  # fmt: skip


class Unfit(ValueError):
    """The root must not become an image."""


def check(root: Path) -> None:
    """Check the tree that becomes the image.

    raises  Unfit, naming each finding; MissingLibrary
    """
    findings = [f"must not be there: /{path.relative_to(root)}" for glob in FORBIDDEN for path in root.glob(glob)]
    files = []
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            continue
        if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
            findings.append(f"runs as another user: /{path.relative_to(root)}")
        if status.st_mode & stat.S_IWOTH:
            findings.append(f"writable by all: /{path.relative_to(root)}")
        if stat.S_ISREG(status.st_mode):
            files.append(path)
    if findings:
        raise Unfit("\n".join(findings))
    libraries = closure(root, files)
    size = sum(path.lstat().st_size for path in files)
    print(f"{root}: {len(files)} files, {size / 1e6:.1f} MB, {len(libraries)} shared libraries, all found", flush=True)
    _imports(root)


def _imports(root: Path) -> None:
    """Start the Python of the tree, in it and with nothing else, and import what the service stands on."""
    child = os.fork()
    if child == 0:
        os.chroot(root)
        os.chdir("/")
        code = (
            "import encodings.idna, ssl, sqlite3, hashlib, zlib, asyncio, multiprocessing, subprocess, unicodedata\n"
            "import numpy, onnxruntime, tokenizers, granian, fastapi, orjson, pydantic_settings\n"
            "import chromadb_rust_bindings\n"
            "assert numpy.unique([2, 1, 2]).tolist() == [1, 2]\n"
            "assert numpy.allclose(numpy.linalg.inv(numpy.eye(3) * 2), numpy.eye(3) / 2)\n"
            "for package in (numpy, onnxruntime, fastapi):\n"
            "    print('imports:', package.__name__, package.__version__)\n"
        )
        # No shell is there to start it with, and none is wanted.
        os.execve("/usr/local/bin/python3.12", ["python3.12", "-I", "-c", code], {"LANG": "C.UTF-8"})  # noqa: S606
    _, status = os.waitpid(child, 0)
    if status:
        raise Unfit(f"imports fail in {root}: exit code {os.waitstatus_to_exitcode(status)}")
