"""The process's own numbers: from a real /proc, from an odd one, and without any."""

import os
import subprocess
import sys
import time
from pathlib import Path

from app.observability.metrics import text_of
from app.observability.process import process_metrics


def values(metrics: str) -> dict[str, float]:
    return {name: float(value) for name, value in (line.split() for line in metrics.splitlines() if line[0] != "#")}


def test_a_process_knows_when_it_started_and_what_it_has_open() -> None:
    show = (
        "from app.observability.metrics import text_of; from app.observability.process import process_metrics;"
        "files = [open('/dev/null') for _ in range(20)]; print(text_of(process_metrics()))"
    )
    before_s = time.time()
    shown = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True).stdout
    after_s = time.time()
    found = values(shown.strip())
    # The kernel gives the time of its own start in whole seconds.
    assert before_s - 1.5 <= found["process_start_time_seconds"] <= after_s + 1.5
    assert 23 <= found["process_open_fds"] <= found["process_max_fds"]
    assert found["process_cpu_seconds_total"] > 0
    assert 1e6 < found["process_resident_memory_bytes"] < found["process_virtual_memory_bytes"]


def test_a_name_with_brackets_and_no_limit(tmp_path: Path) -> None:
    own = tmp_path / "self"
    (own / "fd").mkdir(parents=True)
    (own / "fd" / "0").touch()
    after_the_name = ["S", *["0"] * 18, "500", "0"]
    (own / "stat").write_text(f"7 (a) (b c) {' '.join(after_the_name)}\n")
    (own / "statm").write_text("30 20 1 1 0 1 0\n")
    (own / "limits").write_text("Max open files            unlimited            unlimited            files\n")
    (tmp_path / "stat").write_text("cpu 1 2\nbtime 1000\n")
    found = values(text_of(process_metrics(tmp_path)))
    assert found["process_start_time_seconds"] == 1000 + 500 / os.sysconf("SC_CLK_TCK")
    assert found["process_resident_memory_bytes"] == 20 * os.sysconf("SC_PAGE_SIZE")
    assert found["process_virtual_memory_bytes"] == 30 * os.sysconf("SC_PAGE_SIZE")
    assert found["process_open_fds"] == 1
    assert found["process_max_fds"] == float("inf")


def test_without_proc_it_tells_what_it_can(tmp_path: Path) -> None:
    assert list(values(text_of(process_metrics(tmp_path)))) == ["process_cpu_seconds_total"]
