"""The image's bill of materials in CycloneDX's JSON: every package in the tree, what pinned it, where it came from.

It is made from the finished tree, so that it cannot name what is not there. No time and no serial number go in: the
same tree gives the same bytes. source  https://cyclonedx.org/docs/1.6/json/
"""

import email
import json
import platform
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

Component = dict[str, Any]

PLACE = "usr/share/sbom/vectorspace.cdx.json"
SITE_PACKAGES = "usr/local/lib/python3.12/site-packages"
# What takes glibc's place for the repaired wheels (musl/README.md): built here, in no package's record.
COMPAT = "musl.libs"
# Folders that are not called as the package that brings them is.
FOLDERS = {"chromadb_rust_bindings": "chromadb", "rpds": "rpds-py", "yaml": "pyyaml"}
ALLOCATOR = ("usr/local/lib/libmimalloc.so.3", "usr/local/lib/libmimalloc_options.so")
COPIES = "usr/local/lib/libcopies.so"
_library = re.compile(r"\.so(\.[0-9.]+)?$")
_pin = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)")


def write(root: Path, *, pins: Sequence[Path], allocator_pin: Path, models: Path, version: str, output: Path) -> None:
    """Write the bill of the image whose system and packages are in `root` and whose models are in `models`.

    raises  ValueError, naming a package that no pin accounts for, or a library that belongs to no package
    """
    packages = _packages(root / SITE_PACKAGES, read_pins("\n".join(path.read_text() for path in pins)))
    (allocator,) = read_pins(allocator_pin.read_text()).items()
    components = [
        _interpreter(),
        *packages,
        _allocator(root, *allocator),
        _compatibility(root / SITE_PACKAGES / COMPAT),
        _copies(root),
        *apk_packages(root),
        *(_model(card) for card in sorted(models.glob("*/*/card.json"))),
    ]
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _service(version)},
        "components": components,
        "compositions": [
            {"aggregate": "complete", "assemblies": ["vectorspace"]},
            # Rust crates are in it where a wheel says which it has; C++ libraries in its machine code are in no record.
            {"aggregate": "incomplete", "assemblies": [each["bom-ref"] for each in packages if "components" in each]},
        ],
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(bill, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{output}: {len(components)} components, {len(packages)} of them Python packages")


def read_pins(text: str) -> dict[str, tuple[str, list[str]]]:
    """A requirements file with hashes: name, normalised → version, the SHA-256 of each file that is let in."""
    found: dict[str, tuple[str, list[str]]] = {}
    for entry in text.replace("\\\n", " ").splitlines():
        if named := _pin.match(entry):
            found[normalised(named[1])] = (named[2], re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))
    return found


def normalised(name: str) -> str:
    """source  https://packaging.python.org/en/latest/specifications/name-normalization/"""
    return re.sub(r"[-_.]+", "-", name).lower()


def _service(version: str) -> Component:
    return {
        "type": "application",
        "bom-ref": "vectorspace",
        "name": "vectorspace",
        "version": version,
        "licenses": _licences("Apache-2.0"),
    }


def _interpreter() -> Component:
    """The build runs on the interpreter of its base image, the one that the tree holds."""
    version = platform.python_version()
    return {
        "type": "platform",
        "bom-ref": f"pkg:generic/python@{version}",
        "name": "python",
        "version": version,
        "licenses": _licences("PSF-2.0"),
        "cpe": f"cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*",
        "purl": f"pkg:generic/python@{version}",
    }


def _packages(site_packages: Path, pins: dict[str, tuple[str, list[str]]]) -> list[Component]:
    """Each distribution, with the shared libraries that it brought."""
    libraries: dict[str, list[Path]] = {}
    for path in sorted(path for path in site_packages.rglob("*") if _library.search(path.name) and path.is_file()):
        libraries.setdefault(_of_package(path, site_packages), []).append(path)
    libraries.pop(normalised(COMPAT.removesuffix(".libs")), None)
    found = [_package(path, pins) for path in sorted(site_packages.glob("*.dist-info"))]
    if unknown := sorted(set(libraries) - {each["name"] for each in found}):
        raise ValueError(f"libraries of {', '.join(unknown)}, which is no package here: sbom.py, FOLDERS")
    return [_with_files(each, site_packages, libraries.get(each["name"], [])) for each in found]


def _package(information: Path, pins: dict[str, tuple[str, list[str]]]) -> Component:
    headers = email.message_from_string((information / "METADATA").read_text(encoding="utf-8"))
    name, version = normalised(headers["Name"]), headers["Version"]
    pinned, hashes = pins.get(name, ("", []))
    if pinned != version:
        raise ValueError(f"{name} {version} is in the tree, and what is pinned is {pinned or 'none'}")
    component = _pypi(name, version, hashes)
    component["licenses"] = _licences(headers["License-Expression"] or headers["License"])
    linked = [part for bill in sorted(information.glob("sboms/*.json")) for part in _linked(bill, component["bom-ref"])]
    return component | {"components": linked} if linked else component


def _linked(bill: Path, package: str) -> Iterator[Component]:
    """What a package's own bill says that its maker has linked into it: Rust crates, C libraries."""
    for number, part in enumerate(json.loads(bill.read_bytes()).get("components", ())):
        yield part | {"bom-ref": f"{package}#{bill.name}/{number}"}


def _of_package(library: Path, site_packages: Path) -> str:
    """The name of the package that a library in `site_packages` is of, by its folder: records of files are cut."""
    folder = library.relative_to(site_packages).parts[0]
    return FOLDERS.get(folder) or normalised(folder.removesuffix(".libs"))


def _pypi(name: str, version: str, hashes: list[str]) -> Component:
    purl = f"pkg:pypi/{name}@{version}"
    source = {
        "type": "distribution",
        "url": purl,
        "comment": "One of the files with these hashes; the build lets in no other.",
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in hashes],
    }
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "externalReferences": [source],
    }


def _allocator(root: Path, name: str, pin: tuple[str, list[str]]) -> Component:
    component = _pypi(name, *pin) | {"licenses": _licences("MIT")}
    return _with_files(component, root, [root / path for path in ALLOCATOR])


def _compatibility(folder: Path) -> Component:
    component = _own("musl-compat", "What glibc has and musl lacks, built from musl/compat.")
    return _with_files(component, folder.parent, sorted(folder.iterdir()))


def _copies(root: Path) -> Component:
    component = _own("musl-copies", "memcpy and memmove, built from musl/allocation.")
    return _with_files(component, root, [root / COPIES])


def _own(name: str, description: str) -> Component:
    return {
        "type": "library",
        "bom-ref": f"vectorspace/{name}",
        "name": f"vectorspace-{name}",
        "description": description,
        "licenses": _licences("Apache-2.0"),
    }


def _with_files(component: Component, root: Path, files: list[Path]) -> Component:
    """The component with its shared libraries as they are in the image: several were repaired or stripped."""
    held = [
        {
            "type": "file",
            "bom-ref": f"{component['bom-ref']}#{path.relative_to(root)}",
            "name": str(path.relative_to(root)),
            "hashes": [{"alg": "SHA-256", "content": sha256(path.read_bytes()).hexdigest()}],
        }
        for path in files
        if path.is_file()
    ]
    return component | {"components": [*component.get("components", ()), *held]} if held else component


def apk_packages(root: Path) -> Iterator[Component]:
    """Alpine's packages, from its own record less what was cut: records.py."""
    release = dict(line.split("=", 1) for line in (root / "etc/os-release").read_text().splitlines() if "=" in line)
    distro = f"alpine-{release['VERSION_ID'].strip(chr(34))}"
    for block in (root / "lib/apk/db/installed").read_text().strip().split("\n\n"):
        fields = {line[0]: line[2:] for line in block.splitlines() if line[1:2] == ":" and line[0] in "PVAL"}
        purl = f"pkg:apk/alpine/{fields['P']}@{fields['V']}?arch={fields['A']}&distro={distro}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": fields["P"],
            "version": fields["V"],
            "licenses": _licences(fields.get("L")),
            "purl": purl,
        }


def _model(card: Path) -> Component:
    """A model with the files that its card names, by the hashes that the service checks at its start."""
    told = json.loads(card.read_text())
    reference = f"{told['origin']}@{told['revision']}/{told['precision']}"
    return {
        "type": "machine-learning-model",
        "bom-ref": reference,
        "name": told["origin"],
        "version": told["revision"],
        "description": f"{told['name']}, {told['precision']}",
        "licenses": _licences(told["licence"]),
        "components": [
            {
                "type": "file",
                "bom-ref": f"{reference}#{name}",
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": entry["sha256"]}],
            }
            for name, entry in sorted(told["files"].items())
        ],
    }


def _licences(text: str | None) -> list[dict[str, Any]]:
    """By name: only some makers write an SPDX expression, and a name is never wrong. One line of it."""
    return [{"license": {"name": text.strip().splitlines()[0]}}] if text and text.strip() else []
