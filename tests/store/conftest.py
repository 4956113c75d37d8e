"""Every test that asks for `store` runs once for each store behind the Protocol."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.store.store import Store
from tests.store.opening import LACKS, STORES


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "wants(ability): of a store, by its name in tests/store/opening.py")


@pytest.fixture(params=sorted(STORES))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the store, again where it was open; closed in the end. Skips what the store cannot do by its name."""
    wanted = {mark.args[0] for mark in request.node.iter_markers("wants")}
    if lacking := wanted & LACKS.get(request.param, frozenset()):
        pytest.skip(f"{request.param} has no {', '.join(sorted(lacking))}")
    stores: list[Store] = []

    def reopen() -> Store:
        for store in stores:
            store.close()
        stores.append(STORES[request.param](tmp_path / "data"))
        return stores[-1]

    yield reopen
    for store in stores:
        store.close()
    shutil.rmtree(tmp_path / "data", ignore_errors=True)


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    return opened()
