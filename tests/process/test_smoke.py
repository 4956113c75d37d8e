"""The embedding smoke test passes against the real service, and fails against what is none."""

import os
import subprocess
import sys
from pathlib import Path

from tests.process.conftest import Process, Run, free_port

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
