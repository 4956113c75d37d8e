"""Bring the index to where the ledger is, batch by batch, and compare what the two hold."""

import logging
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.store.embedded.ledger import tail
from app.store.embedded.ledger.catalogue import Row
from app.store.embedded.ledger.ledger import Ledger

if TYPE_CHECKING:
    from app.store.embedded.index.chroma import ChromaIndex


log = logging.getLogger(__name__)


class IndexDamaged(Exception):
    """The index is not what the ledger says."""


class Applier:
    """The only one that changes the index.

    exact_below  collections of up to so many passages are not put into the index
    go_on        called between batches; raises to break off
    """

    def __init__(self, ledger: Ledger, index: "ChromaIndex", exact_below: int, go_on: Callable[[], None]) -> None:
        self._ledger = ledger
        self._index = index
        self._exact_below = exact_below
        self._go_on = go_on
        # Collections that cannot be applied, by their keys: those of the `catch_up` that runs or ran last.
        self._unfit: set[int] = set()

    def catch_up(self) -> None:
        """Apply everything that is committed now.

        Each batch is recorded after the index has taken it. Dying in between is harmless: adding and removing the same
        passages again changes nothing. A collection with a passage that the index cannot take stays where it is, and
        keeps none of the others: its tail is scanned, as that of any is.
        """
        told, self._unfit = self._unfit, set()
        with self._ledger.reading() as connection:
            last = tail.last_key(connection)
        self._drop_others()
        while self._round(last, told):
            self._go_on()
        with self._ledger.writing() as connection:
            tail.forget_small(connection, self._exact_below)

    def worn(self) -> list[Row]:
        """The collections in whose index more is dead than alive, and more than a scan of it would be worth."""
        with self._ledger.reading() as connection:
            rows, dead = tail.followed(connection, self._exact_below), tail.dead(connection)
        return [row for row in rows if dead.get(row.key, 0) > max(row.collection.passages, self._exact_below)]

    def renew(self) -> None:
        """Let `catch_up` make the index of what is worn anew. Nobody may be asking it meanwhile."""
        for row in self.worn():
            log.info("the index of the collection %r is made anew: more of it is dead than alive", row.collection.name)
            with self._ledger.writing() as connection:
                tail.forget_collection(connection, row)

    def verify(self) -> None:
        """raises  IndexDamaged, where it holds more or fewer passages than it should, once more is applied as well

        What was replaced while it caught up, before it came here at all, is among the removed all the same, until its
        turn has come.
        """
        if self._difference():
            self.catch_up()
        if difference := self._difference():
            raise IndexDamaged(difference)

    def _difference(self) -> str:
        """Between what it holds and what it should; empty where there is none."""
        with self._ledger.reading() as connection:
            rows = tail.followed(connection, self._exact_below)
            wanted = [(row, tail.expected(connection, row)) for row in rows if row.indexed]
        for row, count in wanted:
            found = self._index.count(row.key)
            if found != count:
                return f"it holds {found} of {count} passages of the collection {row.collection.name!r}"
        return ""

    def _drop_others(self) -> None:
        """Collections that were deleted, and those of which a first batch was under way when the process died."""
        with self._ledger.reading() as connection:
            known = {row.key for row in tail.followed(connection, self._exact_below) if row.indexed}
        for key in self._index.held() - known:
            self._index.drop(key)

    def _round(self, last: int, told: set[int]) -> bool:
        """Apply one batch of each collection; whether more is left of the changes to passages up to the key `last`.

        told  unfit collections of which the log has word already
        """
        with self._ledger.reading() as connection:
            rows = self._fit(connection)
        for row in rows:
            if not row.indexed:
                with self._ledger.writing() as connection:
                    tail.forget_removed(connection, row)
            try:
                with self._ledger.reading() as connection:
                    batch = tail.next_batch(connection, row)
            except tail.Unfit as error:
                self._unfit.add(row.key)
                if row.key not in told:
                    log.error("the index of the collection %r goes no further: %s", row.collection.name, error)
                continue
            if not len(batch):
                continue
            if not row.indexed:
                self._begin(row)
            if batch.keys:
                self._index.add(row.key, batch.keys, batch.vectors)
            if batch.removed:
                self._index.remove(row.key, batch.removed)
            with self._ledger.writing() as connection:
                tail.record(connection, batch)
            self._go_on()
        with self._ledger.reading() as connection:
            return any(tail.waits(connection, row, last) for row in self._fit(connection))

    def _fit(self, connection: sqlite3.Connection) -> list[Row]:
        return [row for row in tail.followed(connection, self._exact_below) if row.key not in self._unfit]

    def _begin(self, row: Row) -> None:
        if row.key in self._index.held():
            self._index.drop(row.key)
        self._index.create(row.key, row.space)
