"""What the image is: its size, its user, its labels, and what is not in it. No container is started."""

import re
import stat
import tarfile
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.container.image.engine import docker

BUDGET_BYTES = 200_000_000
APPLICATION_BUDGET_BYTES = 5_000_000
UID = 10001
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def files(image: str) -> Iterator[dict[str, tarfile.TarInfo]]:
    """Every path of the image, as a fresh container would see it."""
    name = f"vectorspace-test-{uuid.uuid4().hex[:12]}"
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "root.tar"
        docker("create", "--name", name, image)
        try:
            docker("export", "--output", str(archive), name)
        finally:
            docker("rm", "--force", name)
        with tarfile.open(archive) as root:
            # What the engine itself puts into a container is not the image's.
            engines = (".dockerenv", "dev", "proc", "sys", "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab")
            yield {
                member.name: member
                for member in root
                if member.name not in engines and not member.name.startswith(("dev/", "proc/", "sys/"))
            }


def test_size_is_within_the_budget(image: str) -> None:
    size = int(docker("image", "inspect", "--format", "{{.Size}}", image).stdout)
    assert size <= BUDGET_BYTES, f"{size} bytes, {size - BUDGET_BYTES} above the budget"


def test_layers_go_from_seldom_to_often_changed(layers: list[tarfile.TarFile]) -> None:
    """System, dependencies, model, data directory, application: a change in the last ships nothing of the others."""
    stack = [{member.name: member for member in layer} for layer in layers]
    files = [sorted(path for path, member in layer.items() if member.isfile()) for layer in stack]
    whose = [
        "system" if any(path.endswith("ld-musl-x86_64.so.1") for path in paths)
        else "model" if any(path.endswith("model.onnx") for path in paths)
        else "application" if any(path.endswith("app/__main__.py") for path in paths)
        else "dependencies" if any("site-packages" in path for path in paths)
        else "empty"
        for paths in files
    ]  # fmt: skip
    assert [name for name in whose if name != "empty"] == ["system", "dependencies", "model", "application"]
    application = stack[whose.index("application")]
    size = sum(member.size for member in application.values())
    assert size < APPLICATION_BUDGET_BYTES, f"the application's layer is {size} bytes"
    assert all(path.startswith("opt/vectorspace") or path == "opt" for path in (p.rstrip("/") for p in application))


def test_nothing_of_the_machine_that_built_it_is_in_it(layers: list[tarfile.TarFile]) -> None:
    """A builder gives each step its own resolver and hosts, which a copy of /etc would take along."""
    paths = {member.name.removeprefix("./") for layer in layers for member in layer}
    assert "etc/os-release" in paths
    assert paths & {"etc/resolv.conf", "etc/hosts", "etc/hostname", ".dockerenv"} == set()


def test_runs_as_appuser_of_a_fixed_uid(config: dict[str, Any], files: dict[str, tarfile.TarInfo]) -> None:
    assert config["User"] == f"{UID}:{UID}"
    assert files["data"].uid == files["data"].gid == UID
    assert files["data"].mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["title", "description", "licenses", "version", "revision", "created", "base.name"])
def test_carries_oci_labels(config: dict[str, Any], name: str) -> None:
    assert config["Labels"][f"org.opencontainers.image.{name}"]


def test_commands_are_in_exec_form(config: dict[str, Any]) -> None:
    assert config["Entrypoint"] == ["python", "-m", "app"]
    assert config["Cmd"] == ["serve"]
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "app", "health"]
    assert config["StopSignal"] == "SIGTERM"
    assert list(config["ExposedPorts"]) == ["8000/tcp"]
    assert not config.get("Volumes"), "some platforms refuse images that declare volumes"


def test_holds_no_tools(files: dict[str, tarfile.TarInfo]) -> None:
    """No compiler, pip, header, test, package manager or shell."""
    names = {Path(path).name for path, member in files.items() if not member.isdir()}
    programs = {"apk", "pip", "pip3", "gcc", "cc", "clang", "ld", "zig", "ziglang", "patchelf", "make", "cmake", "sh"}
    programs |= {"ash", "bash", "busybox", "wget", "curl"}
    assert not names & programs
    unwanted = [
        path for path in files
        if path.endswith((".h", ".a", ".pyi", ".pxd", ".c", ".whl", "/tests"))
        or "/tests/" in path or "/ensurepip" in path or "/site-packages/pip" in path
        or "/site-packages/setuptools" in path
    ]  # fmt: skip
    assert not unwanted


def test_no_file_lends_rights_or_is_open_to_change(files: dict[str, tarfile.TarInfo]) -> None:
    """No setuid or setgid file, nothing that all may write, nothing but the data directory that appuser may write."""
    real = {path: member for path, member in files.items() if not member.issym()}
    assert not [path for path, member in real.items() if member.mode & (stat.S_ISUID | stat.S_ISGID)]
    assert not [path for path, member in real.items() if member.mode & stat.S_IWOTH]
    assert {path for path, member in real.items() if member.uid != 0 or member.gid != 0} == {"data"}
    assert not [path for path, member in real.items() if member.mode & stat.S_IWGRP and member.gid != 0]


def test_licences_and_names_of_what_is_inside_remain(files: dict[str, tarfile.TarInfo]) -> None:
    """Scanners and lawyers read these: METADATA and licence of each wheel, Alpine's record, the model's licence."""
    packages = {path.split("/")[-2] for path in files if path.endswith(".dist-info/METADATA")}
    for name in ("chromadb", "onnxruntime", "numpy", "granian", "fastapi", "tokenizers"):
        assert [package for package in packages if package.startswith(f"{name}-")], name
    assert [path for path in files if "numpy" in path and "licenses" in path]
    assert "lib/apk/db/installed" in files
    assert "etc/os-release" in files
    assert "usr/share/licenses/mimalloc/LICENSE" in files
    assert [path for path in files if path.startswith("opt/vectorspace/models/") and path.endswith("LICENSE")]


def test_bytecode_is_compiled(files: dict[str, tarfile.TarInfo]) -> None:
    """Nothing is compiled at start: third-party code is bytecode alone, the service's own has it beside its sources."""
    python = [path for path in files if path.startswith("usr/local/lib/python3") and path.endswith(".py")]
    assert not python
    own = [path for path in files if path.startswith("opt/vectorspace/app/") and path.endswith(".py")]
    assert own
    for path in own:
        source = Path(path)
        assert str(source.parent / "__pycache__" / f"{source.stem}.cpython-312.pyc") in files, path


def test_nothing_of_what_sends_traces_is_in_it(files: dict[str, tarfile.TarInfo]) -> None:
    """Unless it is built with OTEL=1. The interface that it stands behind comes with chromadb."""

    def pinned(file: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9-]+)==", (ROOT / file).read_text(), re.MULTILINE))

    senders = pinned("scripts/image/traces.txt") - pinned("requirements.txt")
    assert {"opentelemetry-exporter-otlp-proto-http", "opentelemetry-proto"} <= senders
    installed = {
        found[1].replace("_", "-").lower()
        for path in files
        if (found := re.search(r"site-packages/([^/]+)-[^/-]+\.dist-info/METADATA$", path))
    }
    assert "fastapi" in installed
    assert not senders & installed
    assert not [path for path in files if "opentelemetry/exporter" in path or "opentelemetry/proto/" in path]
