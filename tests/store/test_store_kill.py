"""A process that writes is killed at a random moment, again and again: nothing acknowledged is lost, nothing is half.

KILLS is how many times, 200 by default; 0 leaves the test out.
"""

import multiprocessing
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from app.store.embedded.store import EmbeddedStore
from app.store.store import Query
from tests.store.opening import fatal, settled
from tests.store.writing import GONE, NAME, THREADS, Write, made, vector, word, write_for_ever

KILLS = int(os.environ.get("KILLS", "200"))
# Every so many rounds the index is in use as well, which takes seconds to load.
INDEXED_EVERY = 10


class Expected:
    """What the writers have said: for each id the version that is acknowledged, and what may have come to be since."""

    def __init__(self) -> None:
        self.versions: dict[str, int] = {}
        self.under_way: dict[int, dict[str, int]] = {}
        self.acknowledged = 0

    def hear(self, write: Write) -> None:
        if write.done:
            self.versions.update(write.versions)
            del self.under_way[write.thread]
            self.acknowledged += 1
        else:
            self.under_way[write.thread] = write.versions

    def judge(self, found: dict[str, int]) -> None:
        """found: the versions that are there. What was under way has come to be as a whole, or not at all."""
        for planned in self.under_way.values():
            if all(found.get(name, GONE) == version for name, version in planned.items()):
                self.versions.update(planned)
        self.under_way.clear()
        assert found == {name: version for name, version in self.versions.items() if version != GONE}


def one_life(directory: Path, exact_below: int, seed: int, expected: Expected, choose: random.Random) -> None:
    """Start the writers, let them write for a while, kill them, and hear what they said until then."""
    # A server that has loaded everything forks a process in no time, and has no threads that a fork would break.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.store.writing", "app.store.embedded.index.chroma"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=write_for_ever, args=(directory, exact_below, 10**6 * (seed + 1), seed, theirs), daemon=True
    )
    process.start()
    theirs.close()
    try:
        # The first word may take long on a busy machine; from then on it is a matter of luck.
        assert ours.poll(60), "the writers never began"
        deadline = time.monotonic() + (choose.uniform(0, 0.25) if exact_below else choose.uniform(0, 4))
        while ours.poll(max(0, deadline - time.monotonic())) and time.monotonic() < deadline:
            expected.hear(ours.recv())
        process.kill()
        while True:
            expected.hear(ours.recv())
    except (EOFError, OSError):
        pass
    finally:
        process.kill()
        process.join()
        ours.close()


def judge(store: EmbeddedStore, expected: Expected) -> None:
    """Every acknowledged write is there and whole; counts, words and vectors say the same."""
    kept = {each.document.id: each.document for each in store.export(NAME)}
    expected.judge({name: int(document.metadata["version"]) for name, document in kept.items()})
    for name, version in expected.versions.items():
        if version == GONE:
            continue
        found, wanted = kept[name], made(name, version)
        assert (found.text, found.metadata) == (wanted.text, wanted.metadata)
        assert [(p.start, p.end, p.key) for p in found.passages] == [(p.start, p.end, p.key) for p in wanted.passages]
        np.testing.assert_array_equal([p.vector for p in found.passages], [p.vector for p in wanted.passages])
    collection = store.collection(NAME)
    assert collection.documents == len(kept)
    assert collection.passages == sum(len(each.passages) for each in kept.values())
    for name in list(kept)[:: max(1, len(kept) // 5)]:
        version = expected.versions[name]
        assert [hit.document.document.id for hit in store.search(NAME, Query("keyword", word(name, version)))] == [name]
        last = version % 3
        best, *_ = store.search(NAME, Query("semantic", vector=vector(name, version, last)))
        assert best.document.document.id == name
        assert best.score == pytest.approx(1, abs=1e-5)
    everything = store.search(NAME, Query("semantic", vector=vector("", 0, 0), limit=1000))
    assert {hit.document.document.id for hit in everything} == set(kept)


@pytest.mark.skipif(not KILLS, reason="KILLS=0")
def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    choose, expected = random.Random(3), Expected()
    for seed in range(KILLS):
        exact_below = 0 if seed % INDEXED_EVERY == 0 else 10**6
        one_life(tmp_path, exact_below, seed, expected, choose)
        store = EmbeddedStore(tmp_path, max_collections=2, on_fatal=fatal, exact_below=exact_below, calm_s=0)
        judge(store, expected)
        if not exact_below:
            settled(store)
            judge(store, expected)
        store.close()
    assert expected.acknowledged > KILLS * THREADS


def test_a_trial_of_the_index_whose_service_was_killed_meanwhile_ends(tmp_path: Path) -> None:
    """The next service would have it beside itself, with the ledger open."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    what = [str(tmp_path / "index"), str(tmp_path / "ledger.sqlite"), str(gone.pid)]
    trial = subprocess.run(
        [sys.executable, "-m", "app.store.embedded.index.trial", *what], capture_output=True, timeout=60, check=False
    )
    assert (trial.returncode, trial.stdout) == (1, b""), trial.stderr
    assert b"Traceback" not in trial.stderr
