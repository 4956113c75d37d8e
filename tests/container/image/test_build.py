"""The build fails closed: with an altered hash, and with an import that nobody has judged, it stops and says which."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CONTEXT = ("app", "models", "musl", "scripts", "requirements.txt", "Dockerfile.alpine", ".dockerignore")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A copy of what the image is built from, to be altered."""
    folder = tmp_path / "context"
    folder.mkdir()
    made = shutil.ignore_patterns("int8", "fp32", "__pycache__", ".cache")
    for name in CONTEXT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=made)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def build(context: Path, stage: str) -> "subprocess.CompletedProcess[str]":
    """Build one stage; what the unaltered stages made is in the builder's cache."""
    client = os.environ.get("DOCKER") or "docker"
    command = [client, "build", "-f", "Dockerfile.alpine", "--target", stage, "."]
    return subprocess.run(
        command,
        cwd=context,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )


@pytest.mark.parametrize("package", ["onnxruntime", "tokenizers"])
def test_an_altered_hash_stops_the_build(context: Path, package: str) -> None:
    pins = context / "requirements.txt"
    entry = re.compile(rf"^{package}==(?:.*\\\n)+.*\n", re.MULTILINE)
    altered = entry.sub(
        lambda found: re.sub(r"[0-9a-f]{64}", lambda digest: digest[0][::-1], found[0]), pins.read_text()
    )
    assert altered != pins.read_text()
    pins.write_text(altered)
    done = build(context, "wheels")
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stdout
    assert package in done.stdout.split("DO NOT MATCH THE HASHES", 1)[1]


@pytest.mark.parametrize("symbol", ["strtoll_l@GLIBC_2.3.3", "__pthread_key_create@GLIBC_2.2.5"])
def test_an_import_without_a_verdict_stops_the_build(context: Path, symbol: str) -> None:
    """The second is weak: nothing would fail at load, and every lock would be one in name only."""
    table = context / "musl" / "symbols.toml"
    struck = re.sub(rf'"{re.escape(symbol)}",?', "", table.read_text())
    assert struck != table.read_text()
    table.write_text(struck)
    done = build(context, "wheels")
    assert done.returncode != 0
    assert "UnknownSymbol" in done.stdout
    assert symbol in done.stdout
