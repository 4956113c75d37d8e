"""The peers that are servers: how each is started, asked and understood."""

import base64
import copy
import http.client
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers import client, processes
from benchmarks.peers.client import Job, Load
from benchmarks.store.report import NotMeasured

MODEL = "all-MiniLM-L6-v2"
READY_WITHIN_S = 180
F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Speech:
    """How a server is asked for vectors, and where they are in its answer."""

    path: str
    body: Callable[[Sequence[str]], str]
    vectors: Callable[[Any], F32]


def _openai_floats(answer: Any) -> F32:
    return np.array([each["embedding"] for each in answer["data"]], np.float32)


def _openai_base64(answer: Any) -> F32:
    return np.stack([np.frombuffer(base64.b64decode(each["embedding"]), "<f4") for each in answer["data"]])


PLAIN = Speech(
    "/embed",
    lambda texts: json.dumps({"texts": list(texts)}),
    lambda answer: np.array(answer["embeddings"], np.float32),
)
OPENAI = Speech("/v1/embeddings", lambda texts: json.dumps({"input": list(texts), "model": MODEL}), _openai_floats)
INFINITY = Speech("/embeddings", OPENAI.body, _openai_floats)
OPENAI_BASE64 = Speech(
    "/v1/embeddings",
    lambda texts: json.dumps({"input": list(texts), "model": MODEL, "encoding_format": "base64"}),
    _openai_base64,
)


@dataclass(frozen=True)
class Server:
    """A server that can be started: its command is given the port.

    installed  what of the disk it takes: its environment and its model
    """

    name: str
    command: Callable[[int], Sequence[str | Path]]
    speech: Speech
    installed: Sequence[Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


class Running:
    """A server that has answered its first request, `start_s` seconds after it was started."""

    def __init__(self, server: Server, scratch: Path) -> None:
        self.name, self.speech = server.name, server.speech
        self.port = processes.free_port()
        self._log = scratch / f"{server.name.replace(' ', '-')}.log"
        self._data = scratch / f"{server.name.replace(' ', '-')}.data"
        shutil.rmtree(self._data, ignore_errors=True)
        settings = {"PORT": str(self.port), "DATA_DIRECTORY": str(self._data)} | dict(server.environment)
        started_s = time.perf_counter()
        self._process = processes.start(server.command(self.port), settings, self._log, server.cwd or scratch)
        try:
            self._wait()
        except NotMeasured:
            self.end()
            raise
        self.start_s = time.perf_counter() - started_s

    def ask(self, texts: Sequence[str]) -> F32:
        """(texts, dimension) float32, by an ordinary client. raises OSError, HTTPException, ValueError"""
        speech = self.speech
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", speech.path, speech.body(texts), {"Content-Type": "application/json"})
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(f"{response.status}: {body[:300]!r}")
        return speech.vectors(json.loads(body))

    def load(self, requests: Sequence[Sequence[str]], clients: int, least: int, least_s: float) -> Load:
        """Send `requests`, each a list of texts: `client.Job` says how many of them. raises BadResponse"""
        bodies = [self.speech.body(texts) for texts in requests]
        return client.run(Job(self.port, self.speech.path, bodies, clients, least, least_s))

    def speaking(self, speech: Speech) -> "Running":
        """The same server, asked in another way."""
        other = copy.copy(self)
        other.speech = speech
        return other

    @property
    def _root(self) -> int:
        """The process that all of the server's memory descends from."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def memory_mb(self) -> float:
        return processes.memory_mb(self._root)

    def peak_mb(self) -> float:
        return processes.peak_mb(self._root)

    def end(self) -> None:
        processes.end(self._process)

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        last: object = "nothing yet"
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.ask(["ready"])
            except (OSError, http.client.HTTPException, ValueError) as error:
                last = error
                time.sleep(0.01)
            else:
                return
        said = self._log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
        raise NotMeasured(f"{self.name} did not answer ({last}); its last words: {said[0]}")
