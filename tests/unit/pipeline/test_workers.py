"""Threads for the store: reads have some that no writer takes."""

import asyncio
import inspect
import threading

from app.pipeline.workers import WRITES, Workers
from app.settings import Settings
from app.store.store import Store


def test_reads_do_not_wait_behind_writers_that_wait_for_each_other() -> None:
    turn = threading.Event()

    def upsert() -> None:
        assert turn.wait(60)

    async def scenario() -> str:
        workers = Workers(threads=2, writers=2)
        writing = [asyncio.create_task(workers.run(upsert)) for _ in range(20)]
        await asyncio.sleep(0)
        found = await workers.run_as("totals", lambda: "read")
        assert not any(each.done() for each in writing)
        turn.set()
        await asyncio.gather(*writing)
        await asyncio.to_thread(workers.close)
        return found

    assert asyncio.run(scenario()) == "read"


def test_the_writes_are_methods_of_the_store() -> None:
    assert {name for name in WRITES if not hasattr(Store, name)} == set()


def test_each_call_finds_a_connection_to_the_database() -> None:
    taken = inspect.signature(Workers).parameters
    threads = taken["threads"].default + taken["writers"].default
    assert Settings.model_fields["database_connections"].default == threads
