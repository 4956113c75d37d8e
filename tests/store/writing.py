"""The process that the kill test kills: threads that write for ever, and say of each write when it begins and is done.

Every document follows from its id and version, so that what is found can be judged by itself.
"""

import random
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from app.store.embedded.store import EmbeddedStore
from app.store.store import F32, Document, Passage, Space

NAME = "killed"
SPACE = Space("m", 8)
THREADS = 3
IDS_OF_A_THREAD = 12
GONE = 0


@dataclass(frozen=True)
class Write:
    """One call: for each id the version that it makes, GONE for a deletion. They come to be together or not at all."""

    thread: int
    versions: dict[str, int]
    done: bool


def vector(name: str, version: int, part: int) -> F32:
    seed = [version, part, *name.encode()]
    return np.random.default_rng(seed).standard_normal(SPACE.dimension).astype(np.float32)


def word(name: str, version: int) -> str:
    return f"{name}v{version}"


def made(name: str, version: int) -> Document:
    """One to three passages, each with a word that no other version of no other document has."""
    text, passages = "", []
    for part in range(1 + version % 3):
        start = len(text)
        text += f"{word(name, version)} part {part}. "
        passages.append(Passage(start, len(text), vector(name, version, part), f"{name}{version}{part}".encode()))
    return Document(name, text, {"version": version, "even": version % 2 == 0}, tuple(passages))


def write_for_ever(directory: Path, exact_below: int, first_version: int, seed: int, told: Connection) -> None:
    store = EmbeddedStore(directory, max_collections=2, on_fatal=_die, exact_below=exact_below, calm_s=0)
    store.create_collection(NAME, SPACE, {})
    telling = threading.Lock()
    versions = iter(range(first_version, first_version + 10**9))

    def write(thread: int) -> None:
        choose = random.Random(seed * THREADS + thread)
        names = [f"t{thread}d{i}" for i in range(IDS_OF_A_THREAD)]
        while True:
            some = choose.sample(names, choose.randint(1, 5))
            deletes = choose.random() < 0.3
            with telling:
                planned = {name: GONE if deletes else next(versions) for name in some}
                told.send(Write(thread, planned, False))
            if deletes:
                store.delete_documents(NAME, ids=some)
            else:
                store.upsert(NAME, [made(name, version) for name, version in planned.items()])
            with telling:
                told.send(Write(thread, planned, True))

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _die(death: BaseException) -> None:
    raise death
