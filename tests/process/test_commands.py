"""`python -m app import` and `export` against the real service: files, pipes, exit codes, messages."""

import json
import os
import pty
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.commands.bar import Bar
from app.commands.collection_import import Upload
from app.commands.service import Service
from app.errors import CommandFailed
from tests.process.conftest import ROOT, Process, Run, free_port

Done = subprocess.CompletedProcess[str]


def app(*arguments: str, url: str, text: str | None = None, **environment: str) -> Done:
    own = {key: value for key, value in os.environ.items() if key != "API_KEY"} | environment
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments, "--url", url],
        cwd=ROOT,
        env=own,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def name() -> str:
    return f"c-{uuid.uuid4().hex}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "documents.ndjson"
    records = [{"id": f"d{i}", "text": f"sentence number {i} about the sea", "metadata": {"n": i}} for i in range(40)]
    path.write_text("\n".join(map(json.dumps, records)))
    return path


def test_import_again_export_and_import_elsewhere(service: Process, name: str, file: Path, tmp_path: Path) -> None:
    first = app("import", name, str(file), "--create", url=service.url)
    assert first.returncode == 0, first.stderr
    assert "40 kept, 0 unchanged, 0 refused" in first.stderr
    again = app("import", name, str(file), url=service.url)
    assert "0 kept, 40 unchanged, 0 refused" in again.stderr
    exported = tmp_path / "exported.ndjson"
    assert app("export", name, str(exported), url=service.url).returncode == 0
    assert [path.name for path in sorted(tmp_path.glob("exported*"))] == ["exported.ndjson"]
    copy = app("import", f"{name}-copy", str(exported), "--create", url=service.url)
    assert "40 kept" in copy.stderr
    piped = app("export", f"{name}-copy", "-", url=service.url)
    assert piped.stdout.partition("\n")[2] == exported.read_text().partition("\n")[2]
    answers = [service.post(f"/v1/collections/{each}/search", {"query": "7"})[1] for each in (name, f"{name}-copy")]
    assert answers[0] == answers[1]


def test_standard_input_is_sent_as_it_comes(service: Process, name: str) -> None:
    app("import", name, "-", "--create", "--format", "text", url=service.url, text="one\n\ntwo\n")
    again = app("import", name, "-", "--format", "text", url=service.url, text="one\n\nthree\n")
    assert "1 kept, 1 unchanged, 0 refused" in again.stderr


def test_refused_lines_are_named_and_make_the_exit_code_1(service: Process, name: str, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text('{"text": "a"}\nbad\n{"text": "' + "x" * 1_000_000 + '"}\n')
    done = app("import", name, str(path), "--create", url=service.url)
    assert done.returncode == 1
    assert "line 2: the line is not JSON" in done.stderr
    assert "line 3: the line has more than 1000000 bytes (MAX_RECORD_BYTES)" in done.stderr
    assert "1 kept, 0 unchanged, 2 refused" in done.stderr


def test_failures_are_a_sentence(service: Process, run: Run, name: str, file: Path, tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    unknown = tmp_path / "a.bin"
    unknown.write_bytes(b"x")
    locked = run(API_KEY="k1,k2").ready()
    cases = [
        (app("import", name, str(file), url=service.url), f"404: there is no collection '{name}'"),
        (app("export", name, str(tmp_path / "x"), url=service.url), "404"),
        (app("import", name, str(file), url=nowhere), "cannot be reached"),
        (app("export", name, "-", url="localhost:8000"), "no address"),
        (app("import", name, str(tmp_path / "none.csv"), url=service.url), "cannot be read"),
        (app("import", name, str(unknown), url=service.url), "--format"),
        (app("import", name, str(file), url=locked.url), "401: this service needs a key"),
    ]
    for done, words in cases:
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert app("import", name, str(file), "--create", url=locked.url, API_KEY="k2").returncode == 0
    assert not list(tmp_path.glob("x*"))


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The address of a service that answers a request's head with these bytes, ends the connection, and reads on."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize("size", [10, 10_000_000])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "the same command again does the rest"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"progress": {"don', "the same command again does the rest"),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n{"pro', "the same command again does the rest"),
        (b"", "did not answer"),
    ],
)
def test_an_answer_that_is_cut_off_is_a_sentence(tmp_path: Path, size: int, answer: bytes, words: str) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes(b"a " * (size // 2))
    with answering(answer) as url:
        done = app("import", "notes", str(path), url=url)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_service_that_is_killed_ends_the_import(run: Run, name: str, tmp_path: Path) -> None:
    path = tmp_path / "long.ndjson"
    path.write_text("".join(f'{{"text": "sentence {i} {"and more " * 20}"}}\n' for i in range(100_000)))
    process = run().ready()
    app("import", name, "-", "--create", "--format", "text", url=process.url, text="")
    command = [sys.executable, "-m", "app", "import", name, str(path), "--url", process.url]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as importing:
        assert importing.stderr
        assert "kept" in importing.stderr.readline()  # most of the file is still to be sent
        process.process.kill()
        try:
            said = importing.communicate(timeout=60)[1]
        finally:
            importing.kill()
    assert importing.returncode == 1
    assert "the same command again does the rest" in said
    assert "Traceback" not in said


def test_a_service_that_reads_no_more_ends_the_import(tmp_path: Path) -> None:
    """In this process, so that the limit need not be waited for."""
    (tmp_path / "long").write_bytes(b"a" * 50_000_000)
    with socket.create_server(("127.0.0.1", 0)) as listener, (tmp_path / "long").open("rb") as source:
        service = Service(f"http://127.0.0.1:{listener.getsockname()[1]}")
        service.connection.timeout = 0.2
        with closing(service.connection), pytest.raises(CommandFailed, match="did not answer: timed out"):
            Upload(service, Bar()).send(source, "/", "text/plain")


def test_an_export_to_what_takes_no_more_is_a_sentence(service: Process, name: str, file: Path) -> None:
    app("import", name, str(file), "--create", url=service.url)
    command = [sys.executable, "-m", "app", "export", name, "-", "--url", service.url]
    gone, pipe = os.pipe()
    os.close(gone)
    with open(pipe, "wb") as closed, open("/dev/full", "wb") as full:
        for output, why in ((closed, "Broken pipe"), (full, "No space left on device")):
            done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.PIPE, text=True, timeout=60)
            assert done.returncode == 1
            assert done.stderr == f"standard output cannot be written: {why}\n"


def test_a_terminal_gets_a_bar(service: Process, name: str, file: Path) -> None:
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "app", "import", name, str(file), "--create", "--url", service.url]
    with open(screen, "rb", buffering=0) as shown:
        done = subprocess.run(command, cwd=ROOT, stderr=terminal, timeout=120)
        os.close(terminal)
        seen = shown.read(100_000).decode()
    assert done.returncode == 0
    assert "\r[..." in seen
    assert seen.rstrip().endswith(" s")


def test_an_import_cut_off_by_shutdown_leaves_whole_batches_and_goes_on_after(
    run: Run, name: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    records = b"".join(b'{"id": "d%d", "text": "sentence number %d"}\n' % (i, i) for i in range(600))
    first = run(DATA_DIRECTORY=data, SHUTDOWN_TIMEOUT_S=0).ready()
    app("import", name, "-", "--create", "--format", "text", url=first.url, text="")
    with socket.create_connection(("127.0.0.1", first.port), 60) as connection:
        head = f"POST /v1/collections/{name}/import HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n{len(records):x}\r\n".encode() + records + b"\r\n")
        seen = b""
        while b'"done":512' not in seen:  # two whole batches are in; the rest waits for more to come
            part = connection.recv(65536)
            assert part, seen
            seen += part
        assert first.end() == 0, first.log
    second = run(DATA_DIRECTORY=data).ready()
    done = app("import", name, "-", "--format", "ndjson", url=second.url, text=records.decode())
    assert "88 kept, 512 unchanged, 0 refused" in done.stderr


def test_a_backup_of_the_running_service_is_restored_elsewhere(run: Run, name: str, file: Path, tmp_path: Path) -> None:
    old, new, kept = tmp_path / "old", tmp_path / "new", tmp_path / "kept.backup"
    first = run(DATA_DIRECTORY=old).ready()
    assert app("import", name, str(file), "--create", url=first.url).returncode == 0
    assert run("backup", str(kept), DATA_DIRECTORY=old).process.wait(60) == 0
    assert run("restore", str(kept), DATA_DIRECTORY=new).process.wait(60) == 0
    second = run(DATA_DIRECTORY=new).ready()
    query = {"query": "sentence 7 about the sea"}
    answers = [each.post(f"/v1/collections/{name}/search", query) for each in (first, second)]
    assert answers[0] == answers[1]
    assert answers[0][1]["hits"][0]["id"] == "d7"
    refused = run("restore", str(kept), DATA_DIRECTORY=old)
    assert refused.process.wait(60) == 1
    assert "empty directory" in refused.log
    assert "Traceback" not in refused.log
    taken = run(DATA_DIRECTORY=old)
    assert taken.process.wait(60) == 1
    assert "belongs to another process" in taken.log
