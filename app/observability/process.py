"""This process in Prometheus' standard numbers, read from /proc; where there is none, only what Python knows itself.

source  https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics; proc_pid_stat(5), proc_stat(5)
"""

import os
import time
from pathlib import Path

from app.observability.metrics import Metric, Value

PROC = Path("/proc")


def process_metrics(proc: Path = PROC) -> list[Metric]:
    """Each is read when Prometheus asks: some 0.1 ms for all of them."""
    shown: list[Metric] = [
        Value("process_cpu_seconds_total", "counter", "CPU time, user and system.", time.process_time)
    ]
    if not (proc / "self" / "stat").exists():
        return shown
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    started_unix_s = _started_unix_s(proc)

    def resident_bytes() -> int:
        return int((proc / "self" / "statm").read_text().split()[1]) * page_bytes

    def virtual_bytes() -> int:
        return int((proc / "self" / "statm").read_text().split()[0]) * page_bytes

    def open_fds() -> int:
        return len(os.listdir(proc / "self" / "fd"))

    def max_fds() -> float:
        limits = (proc / "self" / "limits").read_text()
        soft = limits.partition("Max open files")[2].split()[0]
        return float("inf") if soft == "unlimited" else int(soft)

    return [
        *shown,
        Value("process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes),
        Value("process_virtual_memory_bytes", "gauge", "Virtual memory.", virtual_bytes),
        Value("process_start_time_seconds", "gauge", "Start, seconds since 1970.", lambda: started_unix_s),
        Value("process_open_fds", "gauge", "Open file descriptors.", open_fds),
        Value("process_max_fds", "gauge", "File descriptors that may be open.", max_fds),
    ]


def _started_unix_s(proc: Path) -> float:
    # The name in the second field may hold spaces and brackets: the 22nd field is the 20th after its end.
    started_ticks = int((proc / "self" / "stat").read_text().rpartition(")")[2].split()[19])
    boot_unix_s = next(
        int(line.split()[1]) for line in (proc / "stat").read_text().splitlines() if line.startswith("btime ")
    )
    return boot_unix_s + started_ticks / os.sysconf("SC_CLK_TCK")
