"""What the README has a newcomer type answers what the README says."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process.conftest import ROOT, Process

README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = Process(tmp_path_factory.mktemp("service") / "output.txt").ready()
    yield process
    assert process.end() == 0, process.log


def block(section: str, language: str) -> str:
    """The first of a section."""
    found = re.search(rf"^## {section}$.*?^```{language}\n(.*?)^```$", README, re.M | re.DOTALL)
    assert found is not None
    return found[1]


def rounded(value: Any) -> Any:
    """Every number with a point, to two digits after it: CPUs round the third one differently."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, 2) if isinstance(value, float) else value


def test_the_search_finds_what_it_says(service: Process) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    commands = block("Search", "sh")
    assert commands.count("localhost:8000") == 3
    done = subprocess.run(
        [
            "bash",
            "-ec",
            commands.replace("curl ", "curl -sS ")
            .replace("http://localhost:8000", service.url)
            .replace("localhost:8000", service.url),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer = done.stdout[done.stdout.index('{"mode"') :]
    assert rounded(json.loads(answer)) == json.loads(block("Search", "json"))


def test_the_embeddings_are_as_near_as_it_says(service: Process, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(block("Embeddings", "python").replace("http://localhost:8000", service.url))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == block("Embeddings", "text")
