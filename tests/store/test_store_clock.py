"""The wall clock may jump: it is written down, and decides nothing."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from app.store.embedded.index import openings
from app.store.embedded.ledger.ledger import Ledger
from app.store.store import Query, Store
from tests.store.opening import PLANE, random_documents, settled, vector

YEAR_S = 365 * 86400


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A wall clock that is somewhere between 1970 and 2080 each time that it is asked."""
    chance = random.Random(3)
    monkeypatch.setattr("time.time", lambda: chance.uniform(0, 110 * YEAR_S))
    yield
    monkeypatch.undo()


def test_nothing_in_a_store_depends_on_the_wall_clock(jumping: None, opened: Callable[[], Store]) -> None:
    store = opened()
    store.create_collection("a", PLANE, {})
    documents = random_documents(60)
    for each in documents:
        store.upsert("a", [each])
    store.upsert("a", documents[:30])
    store.delete_documents("a", ids=["d59"])
    for _ in range(2):
        ids, cursor = list[str](), None
        for _ in count():
            page = store.documents("a", cursor=cursor, limit=7)
            ids += [each.document.id for each in page.documents]
            if (cursor := page.cursor) is None:
                break
        assert ids == sorted(f"d{i}" for i in range(59))
        settled(store)
        found = store.search("a", Query("semantic", vector=vector(1, 0, 0, 0), limit=100))
        assert {hit.document.document.id for hit in found} == set(ids)
        assert store.unchanged("a", documents) == [True] * 59 + [False]
        store = opened()


def test_ends_noted_on_another_clock_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three ends within ten minutes make the index suspect; where the clock has jumped they are not within them."""
    now_s = [1e9]
    monkeypatch.setattr("app.store.embedded.index.openings.time", type("Clock", (), {"time": lambda: now_s[0]}))
    with closing(Ledger(tmp_path)) as ledger:
        for step_s in (1, -YEAR_S, 1, 1, 2 * YEAR_S, 1, 1):
            now_s[0] += step_s
            with ledger.writing() as connection:
                assert openings.note(connection)
        now_s[0] += 1
        with ledger.writing() as connection:
            assert not openings.note(connection)
