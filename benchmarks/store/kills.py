"""The kill test in its long form: a process that writes is killed again and again, and what it was told is counted.

    python -m benchmarks.store.kills [--kills 500] [--quick] [--json]

Writers, restarts and judgement are those of tests/store/test_store_kill.py; here a finding is counted and the run goes
on in a new directory, where a test would stop. Every tenth life the index is in use as well.
"""

import logging
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from app.store.embedded.store import EmbeddedStore
from benchmarks.store import report
from benchmarks.store.opening import die
from benchmarks.store.report import Figure
from tests.store.opening import settled
from tests.store.test_store_kill import INDEXED_EVERY, Expected, judge, one_life
from tests.store.writing import GONE, NAME, made

SEED, TOLD_EVERY = 5, 50


@dataclass
class Tally:
    """What was found over all lives.

    acknowledged  writes that were acknowledged
    checked       documents looked at after a restart, those that must be gone included
    lost          of them, those that are not as the last acknowledged write left them
    half          writes of several documents of which only a part is there, and documents that are not whole
    disagreeing   restarts after which search, counts and ledger do not say the same
    """

    kills: int = 0
    acknowledged: int = 0
    checked: int = 0
    lost: int = 0
    half: int = 0
    disagreeing: int = 0

    @property
    def findings(self) -> int:
        return self.lost + self.half + self.disagreeing

    def look(self, store: EmbeddedStore, expected: Expected) -> None:
        """Count what is lost or half there, then let the test's own judgement speak."""
        kept = {each.document.id: each.document for each in store.export(NAME)}
        found = {name: int(document.metadata["version"]) for name, document in kept.items()}
        under_way = {name: version for planned in expected.under_way.values() for name, version in planned.items()}
        for name, version in expected.versions.items():
            self.checked += 1
            self.lost += found.get(name, GONE) not in (version, under_way.get(name, version))
        for planned in expected.under_way.values():
            # Where old and new are the same, as of a deletion of what is not there, nothing can be told.
            new = [
                found.get(name, GONE) == version
                for name, version in planned.items()
                if expected.versions.get(name, GONE) != version
            ]
            self.half += len(set(new)) > 1
        for name, document in kept.items():
            wanted = made(name, found[name])
            spans = [(each.start, each.end, each.key) for each in document.passages]
            whole = document.text == wanted.text
            self.half += not (whole and spans == [(each.start, each.end, each.key) for each in wanted.passages])
        try:
            judge(store, expected)
        except (AssertionError, LookupError) as finding:
            self.disagreeing += 1
            logging.warning("after %d kills: %s", self.kills, finding)


class Rebuilds(logging.Handler):
    """Counts how often the index was made anew; what else goes wrong with it is shown."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.getMessage().startswith("the index is made anew")


def measure(kills: int) -> list[Figure]:
    rebuilds, tally, choose = Rebuilds(), Tally(), random.Random(SEED)
    logging.getLogger("app.store").addHandler(rebuilds)
    while tally.kills < kills:
        with TemporaryDirectory() as directory:
            findings, expected = tally.findings, Expected()
            while tally.kills < kills and tally.findings == findings:
                live(Path(directory), tally, expected, choose)
                if tally.kills % TOLD_EVERY == 0:
                    print(f"{tally.kills} kills, {tally.findings} findings", file=sys.stderr, flush=True)
            tally.acknowledged += expected.acknowledged
    return [
        Figure("kills", tally.kills),
        Figure("writes acknowledged before them", tally.acknowledged),
        Figure("documents checked after them", tally.checked),
        Figure("lost", tally.lost, bar=0, at_least=False),
        Figure("half there", tally.half, bar=0, at_least=False),
        Figure("restarts where search and ledger disagree", tally.disagreeing, bar=0, at_least=False),
        Figure("indexes made anew", rebuilds.count, f"in use in every {INDEXED_EVERY}th life"),
    ]


def live(directory: Path, tally: Tally, expected: Expected, choose: random.Random) -> None:
    """One life of the writers, its end, and what is there afterwards."""
    exact_below = 0 if tally.kills % INDEXED_EVERY == 0 else 10**6
    one_life(directory, exact_below, tally.kills, expected, choose)
    tally.kills += 1
    store = EmbeddedStore(directory, max_collections=2, on_fatal=die, exact_below=exact_below, calm_s=0)
    tally.look(store, expected)
    if not exact_below:
        settled(store)
        tally.look(store, expected)
    store.close()


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("--kills", type=int)
    given = parser.parse_args()
    kills = given.kills or (20 if given.quick else 500)
    report.tell(f"{kills} kills", lambda: measure(kills), as_json=given.json)


if __name__ == "__main__":
    main()
