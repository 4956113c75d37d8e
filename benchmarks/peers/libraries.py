"""The peers that bring no server: a program in the peer's environment, asked through its standard input and output."""

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import processes
from benchmarks.peers.client import Load
from benchmarks.peers.servers import F32
from benchmarks.store.report import NotMeasured


@dataclass(frozen=True)
class Library:
    """A program of `programs/` that can be started. installed: what of the disk it takes"""

    name: str
    command: Sequence[str | Path]
    installed: Sequence[Path]


class Loaded:
    """A library that has embedded its first text, `start_s` seconds after its process was started."""

    def __init__(self, library: Library, scratch: Path) -> None:
        self.name = library.name
        self._log = scratch / f"{library.name}.log"
        started_s = time.perf_counter()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(word) for word in library.command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=scratch,
                env=processes.environment({}),
                start_new_session=True,
            )
        try:
            self._read()
            self.ask(["ready"])
        except NotMeasured:
            self.end()
            raise
        self.start_s = time.perf_counter() - started_s

    def ask(self, texts: Sequence[str]) -> F32:
        """(texts, dimension) float32"""
        return np.array(self._exchange({"kind": "vectors", "texts": list(texts)}), np.float32)

    def load(self, requests: Sequence[Sequence[str]], clients: int, least: int, least_s: float) -> Load:
        """Embed `requests`: `client.Job` says how many; as many as `clients` would have under way go in one call."""
        calls = [
            [text for texts in requests[start : start + clients] for text in texts]
            for start in range(0, len(requests), clients)
        ]
        least_calls = -(-least // clients)
        found = self._exchange({"kind": "load", "requests": calls, "least": least_calls, "least_s": least_s})
        return Load(requests=min(len(found["taken_ms"]) * clients, len(requests)), **found)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def memory_mb(self) -> float:
        return processes.memory_mb(self._process.pid)

    def peak_mb(self) -> float:
        return processes.peak_mb(self._process.pid)

    def end(self) -> None:
        processes.end(self._process)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _exchange(self, job: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer says why
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            said = self._log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
            raise NotMeasured(f"{self.name} ended; its last words: {said[0]}")
        return json.loads(line)
