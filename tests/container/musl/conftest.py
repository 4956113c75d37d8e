"""What the comparison of musl with glibc needs: both sides, the models, the probe."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from musl.compat import GLIBC
from musl.elf import SharedLibrary
from musl.patch import patch
from musl.repair import FOLDER, LIBC
from musl.verdicts import Table
from tests.container.image.conftest import image
from tests.container.musl.sides import CHECKOUT, Image, Process, glibc_side

__all__ = ["image"]

MODEL = CHECKOUT / "models" / "all-MiniLM-L6-v2"
SITE_PACKAGES = "/usr/local/lib/python3.12/site-packages"


@pytest.fixture(scope="session")
def musl(image: str) -> Image:
    return Image(image)


@pytest.fixture(scope="session")
def glibc(pytestconfig: pytest.Config) -> Process:
    return glibc_side(pytestconfig.cache.mkdir("glibc-python"))


@pytest.fixture(scope="session", params=["int8", "fp32"])
def model(request: pytest.FixtureRequest) -> Path:
    """The folder of the model, one precision after the other."""
    folder: Path = MODEL / request.param
    if not (folder / "model.onnx").is_file():
        pytest.fail(f"{folder} holds no model: make it with `make image-test`", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def texts() -> Path:
    return MODEL / "reference" / "texts.jsonl"


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A library compiled for glibc 2.28: as it is, and with its imports repaired as a wheel's are."""
    folder = tmp_path_factory.mktemp("probe")
    plain, repaired = folder / "probe.so", folder / "probe-musl.so"
    compiler = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-gnu.2.28", "-O1", "-shared", "-fPIC"]
    subprocess.run(
        [*compiler, "-Wall", "-Werror", "-o", plain, Path(__file__).parent / "programs" / "probe.c"], check=True
    )
    shutil.copy(plain, repaired)
    table = Table.load()
    verdicts = {symbol: table.look_up("chromadb", symbol) for symbol in SharedLibrary.read(plain).imports}
    renamed = {s.name: v.target(s) for s, v in verdicts.items() if v and v.kind == "renamed"}
    patch(repaired, needed=[GLIBC, LIBC], rpath=f"{SITE_PACKAGES}/{FOLDER}", renamed=renamed)
    return plain, repaired
