"""The thread that makes the index follow the ledger, and makes it anew where it is damaged."""

import importlib
import logging
import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import DirectoryUnusable, NotReady, StorageFull
from app.store.embedded.index import openings
from app.store.embedded.index.applier import Applier, IndexDamaged
from app.store.embedded.index.inspection import Inspection
from app.store.embedded.index.signals import Signals, Stopped
from app.store.embedded.ledger import tail
from app.store.embedded.ledger.ledger import Ledger
from app.store.store import IndexCondition, IndexState, OnFatal

if TYPE_CHECKING:
    from app.store.embedded.index.chroma import ChromaIndex

log = logging.getLogger(__name__)

DIRECTORY = "index"
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 60.0


class Follower:
    """Starts with its construction; `changed` tells it of a write, `close` ends it.

    exact_below  collections of up to so many passages are not put into the index
    calm_s       writes are applied when there was none for so long, or many wait (`signals`)
    on_fatal     is told of an error that is a bug of this thread: the index would stand still for ever
    """

    def __init__(self, ledger: Ledger, directory: Path, *, exact_below: int, calm_s: float, on_fatal: OnFatal) -> None:
        self._ledger = ledger
        self._directory = directory / DIRECTORY
        self._exact_below = exact_below
        self._on_fatal = on_fatal
        self._inspection = Inspection(directory)
        self._signals = Signals(calm_s)
        # State and detail, replaced together: they are read from other threads.
        self._standing: tuple[IndexCondition, str] = ("opening", "")
        self._rebuilds = 0
        self._index: ChromaIndex | None = None
        self._thread = threading.Thread(target=self._run, name="index", daemon=True)
        self._thread.start()

    @property
    def index(self) -> "ChromaIndex | None":
        """The index, while it can be asked; None while only a scan is right."""
        return self._index

    def state(self) -> IndexState:
        with self._ledger.reading() as connection:
            behind = tail.behind(connection, self._exact_below)
        state, detail = self._standing
        return IndexState(state, behind, detail, self._rebuilds)

    def changed(self, passages: int = 0) -> None:
        """Something was committed, with so many new passages."""
        self._signals.changed(passages)

    def suspect(self, error: Exception) -> None:
        """A query failed: scan until the index was looked at."""
        if self._index is not None:
            self._index = None
            self._signals.suspect(error)

    def close(self) -> None:
        """Let the batch under way finish, then end. Calling it twice is fine."""
        self._signals.stop()
        self._inspection.stop()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._keep_following()
        except (Stopped, NotReady):
            return
        except BaseException as death:
            log.critical("the index's thread died", exc_info=death)
            self._standing = ("failed", f"its thread died: {death}")
            self._on_fatal(death)

    def _keep_following(self) -> None:
        retry_s, damage = FIRST_RETRY_S, ""
        while True:
            try:
                if damage:
                    self._begin_again(damage)
                    damage = ""
                self._await_work()
                with self._inspection.owning():
                    self._signals.go_on()
                    self._follow()
            except (Stopped, NotReady):
                raise
            except Exception as error:
                if self._standing[0] == "ready":
                    retry_s = FIRST_RETRY_S
                if isinstance(error, IndexDamaged):
                    damage = str(error)
                    # One that is damaged as soon as it is made is not made again and again without a pause.
                    if self._standing[0] != "rebuilding":
                        continue
                log.error("the index failed, search scans until it is back", exc_info=error)
                self._standing = ("failed", f"{type(error).__name__}: {error}")
                self._signals.pause(retry_s)
                retry_s = min(2 * retry_s, LAST_RETRY_S)

    def _await_work(self) -> None:
        """Until a collection has an index or is large enough for one: a service without need not load chromadb."""
        while True:
            with self._ledger.reading() as connection:
                rows = tail.followed(connection, self._exact_below)
                waiting = tail.behind(connection, self._exact_below)
            if rows:
                if not any(row.indexed for row in rows):
                    # All of the ledger may be waiting, of a restored backup or for an index that was thrown away.
                    self._signals.await_calm(waiting)
                return
            # A disk that takes no writes is told to those who write.
            with suppress(StorageFull, DirectoryUnusable), self._ledger.writing() as connection:
                tail.forget_small(connection, self._exact_below)
            self._standing = ("ready", "")
            self._signals.await_change()

    def _follow(self) -> None:
        """Open the index and keep it up with the ledger, until closing, an error, or that it is worn."""
        if self._standing[0] != "rebuilding":
            self._standing = ("opening", "")
        self._signals.forget_suspicion()
        self._check()
        # What was noted of the opening is forgotten however it ends, but with the process.
        try:
            self._signals.go_on()
            self._keep_up()
        finally:
            with suppress(StorageFull), self._ledger.writing() as connection:
                openings.forget(connection)

    def _keep_up(self) -> None:
        # By name and here, for what its import costs: see the module.
        index: ChromaIndex = importlib.import_module("app.store.embedded.index.chroma").ChromaIndex(self._directory)
        try:
            applier = Applier(self._ledger, index, self._exact_below, self._signals.go_on)
            applier.renew()
            applier.catch_up()
            applier.verify()
            self._standing = ("ready", "")
            self._index = index
            while not applier.worn():
                self._signals.await_change()
                applier.catch_up()
        finally:
            self._index = None
            index.close()

    def _check(self) -> None:
        """raises  IndexDamaged"""
        with self._ledger.reading() as connection:
            holds = any(row.indexed for row in tail.followed(connection, self._exact_below))
        if os.path.lexists(self._directory):
            if holds:
                self._inspection.inspect(self._directory, self._ledger.path)
                # A trial that was broken off says nothing, and the index is not opened.
                self._signals.go_on()
                self._distrust()
            else:
                # What a first batch has left behind, or the index of another ledger.
                self._discard()
        elif holds:
            raise IndexDamaged("it is missing")

    def _distrust(self) -> None:
        """raises  IndexDamaged, where the service died of the index again and again"""
        trusted = True
        # On a full disk there is no room for a note, and the index can still be asked.
        with suppress(StorageFull), self._ledger.writing() as connection:
            trusted = openings.note(connection)
        if not trusted:
            raise IndexDamaged(f"the service ended {openings.ENDS} times in a row while it was in use")

    def _begin_again(self, reason: str) -> None:
        """Throw the index away: the ledger has all that it takes to make it."""
        log.warning("the index is made anew: %s", reason)
        self._standing = ("rebuilding", reason)
        self._rebuilds += 1
        with self._ledger.writing() as connection:
            tail.forget(connection)
        self._discard()

    def _discard(self) -> None:
        if self._directory.is_dir() and not self._directory.is_symlink():
            shutil.rmtree(self._directory)
        else:
            self._directory.unlink(missing_ok=True)
