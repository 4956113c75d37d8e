"""The bill of materials: it names what is in the tree, keeps to CycloneDX's schema, and does not guess."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts.image.records import trim_bills
from scripts.image.sbom import SITE_PACKAGES, normalised, read_pins, write

ROOT = Path(__file__).resolve().parents[3]
PINS = "# pins\nsome-thing==1.2 ; python_version > '3' \\\n    --hash=sha256:{} \\\n    --hash=sha256:{}\nother==3\n"
APK = "C:Q1x=\nP:musl\nV:1.2.5-r10\nA:x86_64\nL:MIT\nF:lib\nR:ld.so\n\nP:zlib\nV:1.3\nA:x86_64\nL:Zlib\n"
CRATES = [("library", "serde", "1.0.1", "pkg:cargo/serde@1.0.1"), ("library", "rand", "0.9", "pkg:cargo/rand@0.9")]
OWN_BILL = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "components": [
        {"type": kind, "bom-ref": "x", "author": "A", "name": name, "version": version, "purl": purl}
        for kind, name, version, purl in CRATES
    ],
}
CARD = {
    "name": "m",
    "origin": "maker/m",
    "revision": "abc",
    "precision": "int8",
    "licence": "MIT",
    "files": {"model.onnx_data": {"sha256": "e" * 64}, "model.onnx": {"sha256": "c" * 64}},
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "etc/os-release": 'ID=alpine\nVERSION_ID="3.22.1"\n',
        "lib/apk/db/installed": APK,
        "usr/local/lib/libmimalloc.so.3": "allocator",
        "usr/local/lib/libmimalloc_options.so": "options",
        "usr/local/lib/libcopies.so": "copies",
        f"{SITE_PACKAGES}/musl.libs/libglibc.so": "glibc",
        f"{SITE_PACKAGES}/some_thing/core.cpython-312-x86_64-linux-musl.so": "code",
        f"{SITE_PACKAGES}/some_thing.libs/libgcc_s-1.so.1": "gcc",
        f"{SITE_PACKAGES}/Some_Thing-1.2.dist-info/METADATA": "Name: Some_Thing\nVersion: 1.2\nLicense: Odd, ours\n",
        f"{SITE_PACKAGES}/Some_Thing-1.2.dist-info/sboms/rust.cyclonedx.json": json.dumps(OWN_BILL),
    }
    for name, content in files.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_text(content)
    (tmp_path / "models/m/int8").mkdir(parents=True)
    (tmp_path / "models/m/int8/card.json").write_text(json.dumps(CARD))
    (tmp_path / "pins.txt").write_text(PINS.format("a" * 64, "b" * 64))
    (tmp_path / "more.txt").write_text("")
    (tmp_path / "allocator.txt").write_text(f"mimalloc==3 \\\n    --hash=sha256:{'d' * 64}\n")
    return tmp_path


def bill(folder: Path) -> dict[str, Any]:
    output = folder / "out/bill.json"
    write(
        folder / "tree",
        pins=[folder / "pins.txt", folder / "more.txt"],
        allocator_pin=folder / "allocator.txt",
        models=folder / "models",
        version="0.1.0",
        output=output,
    )
    raw = output.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(raw) is None
    found: dict[str, Any] = json.loads(raw)
    return found


def test_everything_in_the_tree_is_named_and_the_schema_is_kept(tree: Path) -> None:
    parts = {each["name"]: each for each in bill(tree)["components"]}
    ours = {"vectorspace-musl-compat", "vectorspace-musl-copies"}
    assert set(parts) == {"python", "some-thing", "mimalloc", *ours, "musl", "zlib", "maker/m"}
    thing = parts["some-thing"]
    assert thing["purl"] == "pkg:pypi/some-thing@1.2"
    assert thing["licenses"] == [{"license": {"name": "Odd, ours"}}]
    assert [each["content"] for each in thing["externalReferences"][0]["hashes"]] == ["a" * 64, "b" * 64]
    *crates, first, second = thing["components"]
    assert [(each["type"], each["name"], each["version"], each["purl"]) for each in crates] == CRATES
    held = {each["name"]: each["hashes"][0]["content"] for each in (first, second)}
    assert held == {
        "some_thing.libs/libgcc_s-1.so.1": sha256(b"gcc").hexdigest(),
        "some_thing/core.cpython-312-x86_64-linux-musl.so": sha256(b"code").hexdigest(),
    }
    assert parts["musl"]["purl"] == "pkg:apk/alpine/musl@1.2.5-r10?arch=x86_64&distro=alpine-3.22.1"
    files = {each["name"]: each["hashes"] for each in parts["maker/m"]["components"]}
    assert files == {
        "model.onnx": [{"alg": "SHA-256", "content": "c" * 64}],
        "model.onnx_data": [{"alg": "SHA-256", "content": "e" * 64}],
    }
    assert [each["name"] for each in parts["vectorspace-musl-compat"]["components"]] == ["musl.libs/libglibc.so"]
    (copies,) = parts["vectorspace-musl-copies"]["components"]
    assert copies["name"] == "usr/local/lib/libcopies.so"


def test_a_packages_own_bill_is_cut_to_what_names_its_parts(tree: Path) -> None:
    packages = tree / "tree" / SITE_PACKAGES
    before, (own,) = bill(tree), packages.glob("*.dist-info/sboms/*")
    size = own.stat().st_size
    assert trim_bills(packages) == size - own.stat().st_size > 0
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(own.read_text()) is None
    after = bill(tree)
    crates = [part for each in after["components"] for part in each.get("components", []) if part["type"] == "library"]
    assert [(each["name"], each["version"]) for each in crates] == [(name, version) for _, name, version, _ in CRATES]
    assert [each["name"] for each in after["components"]] == [each["name"] for each in before["components"]]


def test_the_same_tree_gives_the_same_bytes(tree: Path) -> None:
    bill(tree)
    first = (tree / "out/bill.json").read_bytes()
    bill(tree)
    assert (tree / "out/bill.json").read_bytes() == first


def test_a_package_that_is_not_as_pinned_stops_it(tree: Path) -> None:
    (tree / "pins.txt").write_text("some-thing==1.3\n")
    with pytest.raises(ValueError, match=r"some-thing 1\.2 is in the tree, and what is pinned is 1\.3"):
        bill(tree)


def test_a_package_of_the_second_list_is_accounted_for(tree: Path) -> None:
    (tree / "pins.txt").rename(tree / "more.txt")
    (tree / "pins.txt").write_text("other==1\n")
    assert "some-thing" in {each["name"] for each in bill(tree)["components"]}


def test_a_library_of_no_package_stops_it(tree: Path) -> None:
    odd = tree / "tree" / SITE_PACKAGES / "stranger/code.so"
    odd.parent.mkdir()
    odd.write_text("code")
    with pytest.raises(ValueError, match="libraries of stranger"):
        bill(tree)


def test_our_pins_are_read() -> None:
    pins = read_pins((ROOT / "requirements.txt").read_text())
    assert pins["onnxruntime"][0] == "1.28.0"
    assert all(hashes and version for version, hashes in pins.values())
    assert set(pins) == {normalised(name) for name in pins}
