"""The pages in docs/clients are programs: each runs against a real service and prints what it says that it prints.

LangChain and LlamaIndex are large: they have an environment of their own, which `make clients` installs.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.conftest import ROOT, Process

PAGES = ROOT / "docs" / "clients"
ENVIRONMENT = ROOT / "artefacts" / "clients"
LARGE = {"langchain", "llamaindex"}
# chromadb without its trace exporter, which is not installed here: see the module.
BEFORE = {"chroma": "import app.store.library\n"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = Process(tmp_path_factory.mktemp("service") / "output.txt").ready()
    yield process
    assert process.end() == 0, process.log


def blocks(name: str, language: str) -> str:
    """All of a page, as one text."""
    return "".join(re.findall(rf"^```{language}\n(.*?)^```$", (PAGES / f"{name}.md").read_text(), re.M | re.DOTALL))


@pytest.mark.parametrize("name", sorted(page.stem for page in PAGES.glob("*.md")))
def test_a_page_prints_what_it_says(service: Process, tmp_path: Path, name: str) -> None:
    python = Path(sys.executable)
    if name in LARGE:
        if not (ENVIRONMENT / "complete").exists():
            pytest.skip("its packages are not installed: make clients")
        python = ENVIRONMENT / "bin" / "python"
    code = blocks(name, "python")
    assert "http://localhost:8000" in code
    program = tmp_path / "page.py"
    program.write_text(BEFORE.get(name, "") + code.replace("http://localhost:8000", service.url))
    environment = {key: value for key, value in os.environ.items() if key != "API_KEY"}
    done = subprocess.run(
        [python, program],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == blocks(name, "text")


def test_every_page_is_named_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [page.name for page in PAGES.glob("*.md") if f"docs/clients/{page.name}" not in readme] == []
