"""Who is compared: each peer with its environment, its weights and its command."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from app.embedding.kernels import LIBRARY
from benchmarks.peers import environments, weights
from benchmarks.peers.figures import BARE, LIGHT_EMBED, ONNX_RUNTIME, OURS, TORCH
from benchmarks.peers.libraries import Library
from benchmarks.peers.servers import INFINITY, MODEL, OPENAI, PLAIN, Server

CHECKOUT = environments.CHECKOUT
PROGRAMS = Path(__file__).parent / "programs"
OUR_MODEL = CHECKOUT / "models" / "all-MiniLM-L6-v2" / "int8"
Peer = Server | Library


# The others let any number wait for any time; ours would refuse 64 clients with 32 long texts on a slow machine.
PATIENT = {"MAX_QUEUE_S": "120"}


def ours(settings: Mapping[str, str] | None = None) -> Server:
    """With its defaults but for `settings`."""
    python = environments.service_environment()
    return Server(
        OURS,
        lambda port: [python, "-m", "app", "serve"],
        OPENAI,
        [python.parents[1], CHECKOUT / "app", LIBRARY, OUR_MODEL.resolve()],
        {"LOG_LEVEL": "warning", "HOST": "127.0.0.1", "MODELS_DIRECTORY": str(CHECKOUT / "models")}
        | dict(settings or {}),
        CHECKOUT,
    )


def torch() -> Server:
    python, model = environments.environment("torch"), _origin()
    return Server(TORCH, _uvicorn(python, "torch_app:app"), PLAIN, [python.parents[1], model], {"MODEL": str(model)})


def infinity() -> Server:
    """Its torch engine, with its defaults."""
    python, model = environments.environment("infinity"), _origin()
    return Server("infinity, torch", _infinity(python, model, "torch"), INFINITY, [python.parents[1], model])


def infinity_optimum() -> Server:
    """Its engine on ONNX Runtime, which fuses the graph by itself and keeps the result in the cache.

    Its own guess is to take the first token's vector; the model's way is the mean. Its working directory is the
    model's: optimum finds a file at the top of a folder alone, and by a relative name.
    """
    python, model = environments.environment("infinity"), _exported()
    command = _infinity(python, Path("."), "optimum", "--pooling-method", "mean")
    own = {"HF_HUB_CACHE": str(environments.FOLDER / "infinity-cache")}
    return Server("infinity, optimum", command, INFINITY, [python.parents[1], *_onnx_files(model)], own, model)


def fastembed() -> Server:
    python, model = environments.environment("fastembed"), _exported()
    command = _uvicorn(python, "fastembed_app:app")
    return Server("fastembed", command, PLAIN, [python.parents[1], *_onnx_files(model)], {"MODEL": str(model)})


def light_embed() -> Library:
    python, model = environments.environment(LIGHT_EMBED), _exported()
    command = [python, PROGRAMS / "light_embed_program.py", model]
    return Library(LIGHT_EMBED, command, [python.parents[1], *_onnx_files(model)])


def bare(name: str, library: str | Path) -> Library:
    """ONNX Runtime and nothing else. library: of operators; "" for none"""
    python = environments.service_environment()
    cpus = str(len(os.sched_getaffinity(0)))
    return Library(name, [python, PROGRAMS / "bare.py", OUR_MODEL, library, cpus], [])


# In the table's order. A function raises NotMeasured where its peer cannot be had.
PEERS: dict[str, Callable[[], Peer]] = {
    OURS: lambda: ours(PATIENT),
    TORCH: torch,
    "infinity, torch": infinity,
    "infinity, optimum": infinity_optimum,
    "fastembed": fastembed,
    LIGHT_EMBED: light_embed,
    ONNX_RUNTIME: lambda: bare(ONNX_RUNTIME, ""),
    BARE: lambda: bare(BARE, LIBRARY),
}


def _infinity(python: Path, model: Path, engine: str, *more: str) -> Callable[[int], list[str | Path]]:
    start: list[str | Path] = [python, PROGRAMS / "infinity_server.py", "v2", "--model-id", model, "--engine", engine]
    options = ["--served-model-name", MODEL, "--device", "cpu", "--host", "127.0.0.1", *more]
    return lambda port: [*start, *options, "--port", str(port)]


def _uvicorn(python: Path, app: str) -> Callable[[int], list[str | Path]]:
    options: list[str | Path] = ["--app-dir", PROGRAMS, "--host", "127.0.0.1", "--no-access-log"]
    return lambda port: [python, "-m", "uvicorn", app, *options, "--port", str(port)]


def _origin() -> Path:
    return weights.origin_folder(environments.FOLDER / "weights")


def _exported() -> Path:
    """The origin's folder with the ONNX file in it, which only the environment of infinity-emb can export."""
    folder = _origin()
    weights.export(folder, environments.environment("infinity"))
    return folder


def _onnx_files(folder: Path) -> list[Path]:
    """What a library on ONNX Runtime needs of the folder: not the safetensors."""
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".safetensors"]
