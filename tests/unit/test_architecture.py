"""The arrows of the architecture: who may import whom, read from the code itself."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[2] / "app"
# What each part may import of the service. `main` knows all; nobody imports `main` but the server that runs it.
MAY = {
    "errors": set(),
    "exact_json": set(),
    "keys": set(),
    "settings": {"errors", "keys"},
    "remote": {"remote", "errors"},
    "embedding": {"embedding", "remote", "errors"},
    "answer": {"answer", "remote", "errors"},
    "store": {"store", "errors"},
    "observability": {"observability"},
    "projection": {"projection"},
    "pipeline": {"pipeline", "embedding", "store", "answer", "projection", "errors", "exact_json"},
    "api": {
        "api",
        "pipeline",
        "embedding",
        "store",
        "answer",
        "observability",
        "errors",
        "exact_json",
        "settings",
        "keys",
    },
    "main": {"api", "pipeline", "embedding", "store", "parts", "observability", "errors", "settings"},
    "parts": {"parts", "answer", "embedding", "store", "remote", "observability", "settings"},
    "privileges": {"errors", "settings"},
    "probe": set(),
    "unread": set(),
    "server": {"main", "api", "privileges", "observability", "errors", "settings", "unread"},
    "commands": {"commands", "store", "errors", "exact_json", "settings", "keys"},
    "__main__": {"errors"},
}
# The rooms of the store: what each may import of the others. The rest of `store` is its contract, open to all of them.
ROOMS = {
    "embedded": {"embedded", "embedded.ledger", "embedded.index", "embedded.search"},
    "embedded.ledger": {"embedded.ledger"},
    "embedded.index": {"embedded.index", "embedded.ledger"},
    "embedded.search": {"embedded.search", "embedded.index", "embedded.ledger"},
    "postgres": {"postgres"},
    "chroma": {"chroma"},
}
CONTRACT = {"store", "filters", "fusion", "keyword", "checks", "cursor", "similarity", "library"}
# Packages that modules are imported from, and not names.
WHOLE = {"app", "app.api", "app.store"}
HTTP = {"fastapi", "starlette", "granian", "httpx"}
# Chroma's client lets through what this library raises, and takes its limits from it.
KNOWS_ITS_CLIENT = {"remote/client.py", "store/chroma/failures.py", "store/chroma/timed.py"}
ENVIRONMENT = {"settings.py", "probe.py", "service.py"}
WALL_CLOCK = re.compile(r"\btime\.time\b|\bfrom time import .*\btime\b|\.now\(|\.utcnow\(|\.today\(")
FILES = sorted(path for path in APP.rglob("*.py") if path != APP / "__init__.py")


def imports(path: Path) -> set[str]:
    """Modules that `path` imports, with their dots."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            base = node.module or ""
            found |= {f"{base}.{name.name}" for name in node.names} if base in WHOLE else {base}
    return found


def part(path: Path) -> str:
    return path.relative_to(APP).parts[0].removesuffix(".py")


def room(module: str) -> str:
    """The package that a module of the store is in, or the module's own name where it is in none."""
    names = module.split(".")[2:]
    while ".".join(names) not in ROOMS and len(names) > 1:
        names.pop()
    return ".".join(names)


def module(path: Path) -> str:
    return ".".join(("app", *path.relative_to(APP).with_suffix("").parts))


def test_every_part_is_in_the_tables() -> None:
    assert {part(path) for path in FILES} == set(MAY)
    assert {room(module(path)) for path in FILES if part(path) == "store"} == ROOMS.keys() | CONTRACT | {"__init__"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(APP)))
def test_arrows_point_one_way(path: Path) -> None:
    used = {name.split(".")[1] for name in imports(path) if name.startswith("app.")} - {"__version__"}
    assert used <= MAY[part(path)]


@pytest.mark.parametrize(
    "path", [path for path in FILES if part(path) == "store"], ids=lambda path: str(path.relative_to(APP))
)
def test_arrows_point_one_way_inside_the_store(path: Path) -> None:
    used = {room(name) for name in imports(path) if name.startswith("app.store.")}
    assert used <= ROOMS.get(room(module(path)), set()) | CONTRACT


def test_routes_take_nothing_from_each_other() -> None:
    """What several of them need has a module of its own: limits, responses, dependencies, schemas."""
    routes = {
        f"app.api.{path.stem}": path for path in FILES if part(path) == "api" and "APIRouter(" in path.read_text()
    }
    assert len(routes) > 10
    assert [name for name, path in routes.items() if imports(path) & routes.keys()] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(APP)))
def test_only_the_edge_knows_http(path: Path) -> None:
    known = {"httpx"} if path.relative_to(APP).as_posix() in KNOWS_ITS_CLIENT else set()
    if part(path) not in {"api", "main", "server", "observability"}:
        assert {name.split(".")[0] for name in imports(path)} & HTTP == known


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(APP)))
def test_only_settings_and_two_light_commands_read_the_environment(path: Path) -> None:
    reads = "os.environ" in path.read_text() or "getenv" in path.read_text()
    assert not reads or path.name in ENVIRONMENT


def test_what_is_imported_is_asked_for_by_name() -> None:
    """And not only because something else brings it: that may stop."""
    project = tomllib.loads((APP.parent / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["traces"]]
    names = {re.split(r"[^a-z0-9-]", line)[0] for line in asked}
    used = {name.split(".")[0] for path in FILES for name in imports(path)} - sys.stdlib_module_names - {"app"}
    bring = packages_distributions()
    unasked = [
        module for module in sorted(used) if not names & {each.lower().replace("_", "-") for each in bring[module]}
    ]
    assert used > {"fastapi", "chromadb"}
    assert unasked == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(APP)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_the_wall_clock_is_written_down_and_decides_nothing() -> None:
    """It may jump. Where durations count, the monotonic one is used; `openings` leaves out what is not the last ten
    minutes, and tests/store/test_store_clock.py has it jump. Observability dates the spans of a trace with it."""
    asked = {path.relative_to(APP).as_posix() for path in FILES if WALL_CLOCK.search(path.read_text())}
    assert asked == {
        "observability/requests.py",
        "observability/timing.py",
        "store/embedded/lock.py",
        "store/embedded/ledger/contents.py",
        "store/embedded/ledger/catalogue.py",
        "store/embedded/index/openings.py",
    }
