"""The bill of materials in the image, against what the image holds; and no secret in any of its layers."""

import hashlib
import io
import json
import re
import tarfile
from typing import Any

import pytest

from tests.container.image.conftest import StartContainer
from tests.container.image.engine import docker

PLACE = "usr/share/sbom/vectorspace.cdx.json"
MODELS = "opt/vectorspace/models/"
# Names that hold secrets, and the words that open the best known kinds of them.
SECRET_FILES = re.compile(
    r"(^|/)(\.env(\..*)?|\.netrc|\.npmrc|\.pypirc|pip\.conf|id_(rsa|ed25519|ecdsa)|.*\.(key|p12|pfx))$"
)
SECRETS = re.compile(
    rb"-----BEGIN (?:RSA |EC |OPENSSH |ENCRYPTED )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}"
    rb"|\bAKIA[0-9A-Z]{16}\b|\bghp_[A-Za-z0-9]{36}\b|\bsk-[A-Za-z0-9]{40,}\b|https?://[^\s/:@\"'{}<>]+:[^\s/:@\"'{}<>]{6,}@[a-z0-9]"
)


@pytest.fixture(scope="module")
def bill(layers: list[tarfile.TarFile]) -> dict[str, Any]:
    (file,) = [layer.extractfile(PLACE) for layer in layers if PLACE in layer.getnames()]
    assert file is not None
    found: dict[str, Any] = json.load(file)
    return found


def named(bill: dict[str, Any], kind: str) -> set[tuple[str, str]]:
    """(name, version) of the components whose package URL is of this kind."""
    return {(each["name"], each["version"]) for each in bill["components"] if each.get("purl", "").startswith(kind)}


def test_every_installed_distribution_is_in_it_and_no_other(bill: dict[str, Any], start: StartContainer) -> None:
    code = (
        "import importlib.metadata as m, platform, re\n"
        "for d in m.distributions(): print(re.sub('[-_.]+', '-', d.metadata['Name']).lower(), d.version)\n"
        "print('python', platform.python_version())"
    )
    container = start("--network", "none", "--entrypoint", "python", command=("-c", code))
    assert container.wait_exit() == 0
    installed = {tuple(line.split()) for line in container.logs().splitlines()}
    python = named(bill, "pkg:generic/python@")
    # mimalloc comes out of a wheel, and is installed as a library of the system.
    packages = {each for each in named(bill, "pkg:pypi/") if each[0] != "cmeel-mimalloc"}
    assert len(packages) > 20
    assert packages | python == installed


def test_every_alpine_package_and_every_shared_library_is_in_it(
    bill: dict[str, Any], layers: list[tarfile.TarFile]
) -> None:
    record = next(layer for layer in layers if "lib/apk/db/installed" in layer.getnames())
    file = record.extractfile("lib/apk/db/installed")
    assert file is not None
    alpine = re.findall(r"^P:(\S+)\nV:(\S+)$", file.read().decode(), re.MULTILINE)
    assert len(alpine) > 5
    assert named(bill, "pkg:apk/alpine/") == set(alpine)

    packaged = [each for each in bill["components"] if each["type"] != "machine-learning-model"]
    parts = [each for component in packaged for each in component.get("components", [])]
    listed = {each["name"] for each in parts if each["type"] == "file"}
    packages = "usr/local/lib/python3.12/site-packages/"
    there = {
        member.name.removeprefix(packages)
        for layer in layers
        for member in layer
        if member.isfile() and member.name.startswith(packages) and re.search(r"\.so(\.[0-9.]+)?$", member.name)
    }
    assert there
    assert there == {name for name in listed if not name.startswith("usr/")}


def test_the_rust_crates_in_the_packages_machine_code_are_in_it(bill: dict[str, Any]) -> None:
    crates = {
        package["name"]: {each["name"] for each in package["components"] if "pkg:cargo/" in each.get("purl", "")}
        for package in bill["components"]
        if "components" in package
    }
    expected = {"chromadb": "hnswlib", "tokenizers": "onig", "granian": "hyper", "orjson": "simdutf8"}
    for package, crate in expected.items():
        assert crate in crates[package], sorted(crates[package])


def test_the_model_and_the_service_are_in_it(
    bill: dict[str, Any], config: dict[str, Any], layers: list[tarfile.TarFile]
) -> None:
    service = bill["metadata"]["component"]
    assert service["version"] == config["Labels"]["org.opencontainers.image.version"]
    (model,) = [each for each in bill["components"] if each["type"] == "machine-learning-model"]
    assert model["name"] == "sentence-transformers/all-MiniLM-L6-v2"
    held = {}
    for layer in layers:
        for member in layer:
            if member.name.startswith(MODELS) and member.isfile() and not member.name.endswith("card.json"):
                file = layer.extractfile(member)
                assert file is not None
                held[member.name.rpartition("/")[2]] = hashlib.sha256(file.read()).hexdigest()
    assert {"model.onnx", "model.onnx_data"} < held.keys()
    assert {each["name"]: each["hashes"][0]["content"] for each in model["components"]} == held
    assert config["Labels"]["vectorspace.sbom"] == f"/{PLACE}"


def secrets_in(layer: tarfile.TarFile) -> list[str]:
    found = []
    for member in layer:
        if SECRET_FILES.search(member.name):
            found.append(member.name)
        file = layer.extractfile(member) if member.isfile() else None
        if file is not None and (secret := SECRETS.search(file.read())):
            found.append(f"{member.name}: {secret[0][:20]!r}")
    return found


def test_no_layer_holds_a_secret(layers: list[tarfile.TarFile]) -> None:
    assert [found for layer in layers for found in secrets_in(layer)] == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("opt/vectorspace/.env", b"A=1"),
        ("root/.netrc", b""),
        ("etc/pip.conf", b""),
        ("home/x/.ssh/id_ed25519", b""),
        ("etc/ssl/server.key", b""),
        ("a.pem", b"-----BEGIN PRIVATE KEY-----\n" + b"MIIEvQIB" * 8),
        ("a.py", b'key = "AKIA' + b"ABCDEFGHIJ234567" + b'"'),
        ("a.py", b"token = 'ghp_" + b"a1B2" * 9 + b"'"),
        ("a.json", b'{"key": "sk-' + b"a1B2" * 12 + b'"}'),
        ("a.txt", b"index-url = https://user:" + b"pass-word@host/simple"),
    ],
)
def test_a_secret_would_be_found(name: str, content: bytes) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as made:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        made.addfile(entry, io.BytesIO(content))
    held.seek(0)
    with tarfile.open(fileobj=held) as layer:
        assert len(secrets_in(layer)) == 1


def test_no_secret_is_in_the_history_or_the_environment(image: str, config: dict[str, Any]) -> None:
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image).stdout
    for text in (history, *config["Env"], *config["Labels"].values()):
        assert not SECRETS.search(text.encode())
        assert not re.search(r"(?i)(api_?key|token|password|secret)\s*=", text)
