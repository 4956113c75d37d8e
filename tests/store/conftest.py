"""Every test that asks for `store` runs once for each store behind the Protocol."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.store.store import Store
from tests.store.opening import STORES


@pytest.fixture(params=sorted(STORES))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the store, again where it was open; closed in the end."""
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
