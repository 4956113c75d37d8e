"""The real service on a real PostgreSQL: replicas, a database that comes back, a password that nobody sees."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.process.conftest import ROOT, Process, Run
from tests.store.cluster import PASSWORD, Cluster

CAT = {"id": "cat", "text": "A cat sleeps on the sofa.", "metadata": {"lang": "en"}}
DOG = {"id": "dog", "text": "Ein Hund bellt im Garten.", "metadata": {"lang": "de"}}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.close()


def get(process: Process, path: str) -> tuple[int, Message, Any]:
    try:
        with urllib.request.urlopen(process.url + path, timeout=60) as answer:
            return answer.status, answer.headers, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read())


def waits_for(process: Process, status: int, path: str = "/health") -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            found, _, body = get(process, path)
        except OSError:
            found, body = 0, None
        if found == status:
            return body
        time.sleep(0.05)
    raise AssertionError(f"{path} never answered {status}:\n{process.log}")


def test_two_replicas_share_what_they_keep(run: Run, cluster: Cluster) -> None:
    url = cluster.database()
    one, other = (run(DATABASE_URL=url) for _ in range(2))
    one.ready()
    other.ready()
    assert one.put("/v1/collections/notes", {})[0] == 201
    assert other.put("/v1/collections/notes", {})[0] == 200
    assert one.post("/v1/collections/notes/documents", {"documents": [CAT]})[0] == 200
    assert other.post("/v1/collections/notes/documents", {"documents": [DOG]})[0] == 200
    for process in (one, other):
        for query in ({"query": "kitten on a couch"}, {"query": "cat", "mode": "keyword"}):
            status, found = process.post("/v1/collections/notes/search", query)
            assert status == 200
            assert found["hits"][0]["id"] == "cat"
        status, found = process.post("/v1/collections/notes/search", {"query": "animal", "filter": {"lang": "de"}})
        assert [hit["id"] for hit in found["hits"]] == ["dog"]
        assert get(process, "/health")[2]["store"]["documents"] == 2
    assert not one.data.exists()
    assert [process.end() for process in (one, other)] == [0, 0]


def test_a_collection_moves_between_the_stores(run: Run, cluster: Cluster, tmp_path: Path) -> None:
    served, embedded = run(DATABASE_URL=cluster.database()).ready(), run().ready()
    assert served.put("/v1/collections/notes", {})[0] == 201
    assert served.post("/v1/collections/notes/documents", {"documents": [CAT, DOG]})[0] == 200

    def command(*arguments: str) -> None:
        done = subprocess.run([sys.executable, "-m", "app", *arguments], cwd=ROOT, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr

    first, second = tmp_path / "first.ndjson", tmp_path / "second.ndjson"
    command("export", "notes", str(first), "--url", served.url)
    command("import", "notes", str(first), "--create", "--url", embedded.url)
    command("export", "notes", str(second), "--url", embedded.url)
    assert first.read_text() == second.read_text()
    command("import", "again", str(second), "--create", "--url", served.url)
    assert get(served, "/v1/collections/again")[2]["documents"] == 2


def test_a_database_that_is_away_is_waited_for_and_recovers_by_itself(run: Run, cluster: Cluster) -> None:
    url = cluster.database()
    cluster.stop()
    process = run(DATABASE_URL=url, LOG_LEVEL="debug")
    body = waits_for(process, 503)
    while "away" not in body["reason"]:
        body = waits_for(process, 503)
    assert f"127.0.0.1:{cluster.port}" in body["reason"]
    cluster.start()
    process.ready()
    assert process.put("/v1/collections/notes", {})[0] == 201
    assert process.post("/v1/collections/notes/documents", {"documents": [CAT]})[0] == 200

    cluster.kill()
    said = [get(process, "/v1/collections/notes")]
    status, headers, problem = said[0]
    assert (status, problem["code"], headers["Retry-After"]) == (503, "database_away", "1")
    said.append(get(process, "/health"))
    assert (said[1][0], said[1][2]["status"]) == (503, "unavailable")
    status, written = process.post("/v1/collections/notes/documents", {"documents": [DOG]})
    assert (status, written["code"]) == (503, "database_away")
    assert process.post("/v1/embeddings", {"input": "a", "model": "all-MiniLM-L6-v2"})[0] == 200
    with urllib.request.urlopen(f"{process.url}/metrics", timeout=60) as answer:
        assert b"process_resident_memory_bytes" in answer.read()

    cluster.start()
    assert waits_for(process, 200)["store"]["documents"] == 1
    assert process.post("/v1/collections/notes/documents", {"documents": [DOG]})[0] == 200
    assert process.end() == 0
    assert PASSWORD not in process.log
    assert PASSWORD not in f"{body} {said} {written}"


@pytest.mark.parametrize(
    ("password", "tail", "why"),
    [
        ("wr0ng-77aa", "", "password authentication failed"),
        ("wr0ng/77aa", "", "written in per cent"),
        ("wr0ng-77aa", "?sslmode=wr0ng", "sslmode"),
        (PASSWORD, "x", 'database "postgresx" does not exist'),
    ],
)
def test_a_database_that_refuses_the_service_ends_the_start_and_shows_no_password(
    run: Run, cluster: Cluster, password: str, tail: str, why: str
) -> None:
    process = run(DATABASE_URL=cluster.url(password=password) + tail, LOG_LEVEL="debug")
    assert process.process.wait(60) == 1
    assert why in process.log
    assert password not in process.log
    assert "77aa" not in process.log
    assert "Traceback" not in process.log


def test_sigterm_ends_a_service_that_waits_for_its_database(run: Run, cluster: Cluster) -> None:
    url = cluster.database()
    cluster.stop()
    process = run(DATABASE_URL=url)
    while "waiting" not in process.log:
        waits_for(process, 503)
    assert process.end() == 0


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_commands_of_the_data_directory_say_where_the_collections_are(run: Run, tmp_path: Path, command: str) -> None:
    process = run(command, str(tmp_path / "file"), DATABASE_URL="postgresql://u:s3cret@localhost/d")
    assert process.process.wait(60) == 1
    assert "pg_dump --schema=vectorspace" in process.log
    assert "s3cret" not in process.log


def test_a_url_of_something_else_is_refused_without_showing_it(run: Run) -> None:
    process = run(DATABASE_URL="mysql://u:s3cret@localhost/d")
    assert process.process.wait(60) == 1
    assert "DATABASE_URL" in process.log
    assert "postgresql://" in process.log
    assert "s3cret" not in process.log


def test_the_embedded_store_does_not_load_the_driver() -> None:
    """Nor does anything else that is imported before a store is opened."""
    program = (
        "import sys, pathlib, tempfile; from app.parts.store import open_store; from app.settings import Settings\n"
        "store = open_store(Settings(data_directory=pathlib.Path(tempfile.mkdtemp())), print); store.close()\n"
        "import app.server\n"
        "print([name for name in sys.modules if name.startswith(('asyncpg', 'app.store.postgres'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr
