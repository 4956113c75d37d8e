"""A server under load: its process with all that it has started, its memory, and its end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROC = Path("/proc")
# Peers must not look for models elsewhere, and say nothing to anybody about their use.
QUIET = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "DO_NOT_TRACK": "1", "TOKENIZERS_PARALLELISM": "true"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """What a peer's process sees: this process's variables without the service's settings, and `own`."""
    kept = {key: value for key, value in os.environ.items() if key not in ("API_KEY", "ENVIRONMENT", "PYTHONPATH")}
    return kept | QUIET | dict(own)


def end_on_sigterm() -> None:
    """Let SIGTERM unwind as Ctrl-C does: servers live in groups of their own, and would outlive this process."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def start(
    command: Sequence[str | Path], variables: Mapping[str, str], log: Path, cwd: Path
) -> "subprocess.Popen[bytes]":
    """A process in a group of its own, its output in `log`."""
    with log.open("wb") as output:
        return subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            env=environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def end(process: "subprocess.Popen[Any]") -> None:
    """SIGTERM, and after ten seconds SIGKILL, to the process's own group."""
    for number, wait_s in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + wait_s
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if process.poll() is not None and number == signal.SIGKILL:
            break
    process.wait()


def tree(root: int) -> list[int]:
    """`root` and all processes that descend from it."""
    children: dict[int, list[int]] = {}
    for status in PROC.glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):  # it has just ended
            continue
        children.setdefault(parent, []).append(int(status.parent.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def memory_mb(root: int) -> float:
    """Memory of the tree now: the sum of proportional set sizes, in MB of 10^6 bytes.

    source  Linux Documentation/filesystems/proc.rst, smaps_rollup
    """
    return sum(_kilobytes(PROC / str(pid) / "smaps_rollup", "Pss") for pid in tree(root)) * 1024 / 1e6


def peak_mb(root: int) -> float:
    """The most memory that each process of the tree has had, added up, in MB of 10^6 bytes (VmHWM in status)."""
    return sum(_kilobytes(PROC / str(pid) / "status", "VmHWM") for pid in tree(root)) * 1024 / 1e6


def _kilobytes(file: Path, field: str) -> int:
    try:
        for line in file.read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        pass
    return 0
