"""`python -m benchmarks`: our service beside its peers and under overload, what musl costs, what the store does.

    python -m benchmarks [peers|overload|musl|store|stores] [--quick]

One report, bars beside the figures.
Exits with 1 where a bar was missed or a part could not be measured, and says which. --quick shows that everything runs;
it is too small to judge by, so that only parts that were not measured count. Each part of the store can be run alone:
python -m benchmarks.store.quality, importing, mixed, semantic, kills.
"""

import argparse
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import overload
from benchmarks.musl import compare
from benchmarks.peers import compare as beside
from benchmarks.store import everything, stores
from benchmarks.store.report import NotMeasured, load

QUICK_ROUNDS = 1
# Passages, numbers in a vector, queries.
STORES, QUICK_STORES = (20_000, 384, 200), (2_500, 64, 20)


def machine() -> str:
    """Processors, memory, Python's build and what else runs, for whoever compares two reports."""
    facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    memory_gb = int(facts["MemTotal"].split()[0]) * 1024 / 1e9
    models = [line.split(":", 1)[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    model = models[0].strip() if models else platform.machine()
    cpus = len(os.sched_getaffinity(0))
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    python = f"Python {platform.python_version()} ({platform.python_compiler()}, {platform.python_build()[1]})"
    return f"{now}; {cpus} × {model}, {memory_gb:.1f} GB; {python}; load average {load()}"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "part", nargs="?", choices=["peers", "overload", "musl", "store", "stores"], help="without: all"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run, not how well")
    store = parser.add_argument_group("store")
    store.add_argument("--lists", type=Path, help="folder of apt's lists with package descriptions")
    compare.add_options(parser.add_argument_group("musl"))
    beside.add_options(parser.add_argument_group("peers"))
    given = parser.parse_args()
    print(f"{machine()}\n", flush=True)
    wrong = 0
    if given.part in (None, "peers"):
        tables, missed = beside.run(quick=given.quick, rounds=given.peer_rounds, reference=given.image, only=given.only)
        print("## Beside the peers\n\n" + "\n\n".join(tables) + "\n", flush=True)
        wrong += missed
    if given.part in (None, "overload"):
        shown, missed = overload.run(quick=given.quick)
        print(f"## Under overload\n\n{shown}\n", flush=True)
        wrong += missed
    if given.part in (None, "musl"):
        if given.quick:
            given.rounds = QUICK_ROUNDS
        try:
            print(f"## musl against glibc\n\n{compare.run(given)}\n", flush=True)
        except (pytest.fail.Exception, OSError, subprocess.SubprocessError) as error:
            print(f"## musl against glibc\n\n**NOT MEASURED.** {error}\n", flush=True)
            wrong += 1
    if given.part in (None, "store"):
        tables, missed = everything.run(quick=given.quick, lists=given.lists)
        print("## The store\n\n" + "\n\n".join(tables) + "\n", flush=True)
        wrong += missed
    if given.part in (None, "stores"):
        try:
            shown = stores.side_by_side(*(QUICK_STORES if given.quick else STORES))
        except NotMeasured as reason:
            shown, wrong = f"**NOT MEASURED.** {reason}", wrong + 1
        print(f"## Three stores side by side\n\n{shown}\n", flush=True)
    print(
        f"\nbars missed or parts not measured: {wrong}{' (bars are not counted with --quick)' if given.quick else ''}"
    )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
