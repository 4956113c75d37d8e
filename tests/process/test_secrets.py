"""Keys as the real service handles them: changed without a restart, and written nowhere."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.process.conftest import ROOT, Process, Run

KEYS = ("given-3fd1", "second-91ab", "filed-77c0", "rotated-5e2d", "guessed-04fe")


def ask(process: Process, key: str, path: str = "/v1/models") -> tuple[int, str]:
    """Status, and headers and body as one text."""
    request = urllib.request.Request(process.url + path, headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, f"{answer.headers}{answer.read().decode()}"
    except urllib.error.HTTPError as error:
        return error.code, f"{error.headers}{error.read().decode()}"


def test_keys_change_without_a_restart_and_are_written_nowhere(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("filed-77c0\n")
    process = run(
        ENVIRONMENT="production", API_KEY="given-3fd1,second-91ab", API_KEY_FILE=file, LOG_LEVEL="debug"
    ).ready()
    said = [ask(process, key) for key in KEYS]
    assert [status for status, _ in said] == [200, 200, 200, 401, 401]
    file.write_text("rotated-5e2d\n")
    while ask(process, "rotated-5e2d")[0] != 200:
        time.sleep(0.05)
    assert ask(process, "filed-77c0")[0] == 401
    file.write_text("")
    while "stay in force" not in process.log:
        said.append(ask(process, "rotated-5e2d"))
        assert said[-1][0] == 200
        time.sleep(0.05)
    said += [ask(process, "guessed-04fe", path) for path in ("/", "/nowhere", "/v1/collections/a", "/embed")]
    arguments = Path(f"/proc/{process.process.pid}/cmdline").read_text()
    assert process.end() == 0
    for key in KEYS:
        assert key not in process.log
        assert key not in arguments
        assert not [text for _, text in said if key in text]


def test_a_key_file_is_a_key_for_production_and_a_bad_one_ends_the_start(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# none yet\n")
    process = run(ENVIRONMENT="production", API_KEY_FILE=file)
    assert process.process.wait(60) == 1
    assert f"cannot start: {file} holds no key" in process.log
    assert "Traceback" not in process.log
    file.write_text("filed-77c0\nfiled-clé\n")
    process = run(ENVIRONMENT="production", API_KEY_FILE=file)
    assert process.process.wait(60) == 1
    assert f"cannot start: {file} has no key in line 2 (" in process.log
    assert "filed" not in process.log
    file.write_text("filed-77c0\n")
    process = run(ENVIRONMENT="production", API_KEY_FILE=file).ready()
    assert ask(process, "filed-77c0")[0] == 200
    assert process.end() == 0


def test_a_wrong_setting_beside_a_key_shows_no_key(run: Run) -> None:
    process = run(API_KEY="given-3fd1", THREADS="given-3fd1", CORS_ORIGINS="given-3fd1")
    assert process.process.wait(60) == 1
    assert "THREADS" in process.log
    assert "CORS_ORIGINS" in process.log
    assert "given" not in process.log


def test_commands_take_the_key_from_where_the_service_does_and_from_no_argument(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# ours\nfiled-77c0\n")
    process = run(API_KEY_FILE=file).ready()
    command = [sys.executable, "-m", "app", "import", "notes", "-", "--format", "text", "--create"]
    command += ["--url", process.url]
    environment = {name: value for name, value in os.environ.items() if name != "API_KEY"}
    bad = tmp_path / "bad"
    bad.write_text("clé-5e2d\n")
    for own, said in (
        ({}, "401: this service needs a key"),
        ({"API_KEY_FILE": str(file)}, "1 kept"),
        ({"API_KEY": " ,filed-77c0"}, "1 unchanged"),
        ({"API_KEY": "clé-5e2d"}, "API_KEY: a key has letters, digits and signs of ASCII"),
        ({"API_KEY_FILE": str(bad)}, f"{bad} (API_KEY_FILE) has no key in line 1 ("),
    ):
        done = subprocess.run(
            command, cwd=ROOT, env=environment | own, input="a", capture_output=True, text=True, timeout=60
        )
        assert said in done.stderr
        assert done.returncode == int("kept" not in done.stderr)
        assert "Traceback" not in done.stderr
        assert "5e2d" not in done.stderr
    refused = subprocess.run([*command, "--api-key", "k"], cwd=ROOT, env=environment, capture_output=True, timeout=60)
    assert refused.returncode == 2
    assert process.end() == 0
