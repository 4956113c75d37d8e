"""The embedding smoke test passes against the real service, and fails against what is none."""

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import unit
from tests.process.conftest import Process, Run, free_port
from tests.smoke import Answer, Failed, Service, batch_equals_singles

SMOKE = Path(__file__).resolve().parents[1] / "smoke.py"


def smoke(url: str, *more: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(SMOKE), url, *more],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_it_passes(service: Process) -> None:
    done = smoke(service.url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith("17 passed, 0 failed")


def test_it_passes_with_the_key_and_fails_without(run: Run) -> None:
    process = run(API_KEY="k1,k2", ENVIRONMENT="production").ready()
    assert smoke(process.url, API_KEY="k2").returncode == 0
    refused = smoke(process.url)
    assert refused.returncode == 1
    assert "FAIL" in refused.stdout


def test_it_says_when_nobody_answers() -> None:
    done = smoke(f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr


def test_it_fails_against_a_server_that_is_something_else(tmp_path: Path) -> None:
    port = free_port()
    other = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path)],
        stderr=subprocess.DEVNULL,
    )
    try:
        done = smoke(f"http://127.0.0.1:{port}", "--wait", "1")
    finally:
        other.kill()
        other.wait()
    assert done.returncode != 0


class Keeping(Service):
    """A service that keeps vectors by text and side, as ours does; `mixed` of each text's neighbours are in them."""

    def __init__(self, mixed: float) -> None:
        super().__init__("http://nowhere", None)
        self._mixed = mixed
        self._kept: dict[tuple[str, str], list[float]] = {}

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Answer:
        texts = body["input"] if path == "/v1/embeddings" else [body["inputs"]]
        side = body.get("truncation_direction", "Right")
        own = [unit(text) for text in texts]
        for text, vector in zip(texts, own, strict=True):
            mixed = vector + self._mixed * sum(own)
            self._kept.setdefault((text, side), (mixed / math.hypot(*mixed)).tolist())
        made = [self._kept[text, side] for text in texts]
        whole = {"data": [{"embedding": each} for each in made]}
        return Answer(200, whole if path == "/v1/embeddings" else made, 0.0)


def test_it_tells_a_batch_whose_rows_are_mixed_from_one_whose_are_not() -> None:
    assert "14 texts, cosine 1.000000" in batch_equals_singles(Keeping(0))
    with pytest.raises(Failed, match="alone and in a batch"):
        batch_equals_singles(Keeping(0.1))
