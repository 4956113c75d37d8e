"""How long work takes, and what memory it leaves. Runs on both sides."""

import gc
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")


def timed(name: str, unit: str, work: Callable[[Item], object], items: Sequence[Item], units: int) -> dict[str, float]:
    """Two figures for work on all of `items`: units a second, and processor time of all threads for one unit.

    The first is what a caller sees; the second hardly depends on what else the machine does.
    """
    start, start_cpu = time.perf_counter(), time.process_time()
    for item in items:
        work(item)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    return {f"{name} [{unit}/s]": units / seconds, f"{name} [CPU ms each]": cpu_seconds / units * 1000}


def resident_mb() -> float:
    """Resident memory now, in MB of 10^6 bytes.

    source  Linux Documentation/filesystems/proc.rst, VmRSS
    """
    gc.collect()
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024 / 1e6
