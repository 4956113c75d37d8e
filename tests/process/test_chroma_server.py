"""The real service on a real Chroma server: what it refuses, a server that comes back, collections that move."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process.conftest import ROOT, Process, Run
from tests.process.test_postgres import CAT, DOG, get, waits_for
from tests.store.chroma_server import ChromaServer
from tests.store.cluster import Cluster
from tests.store.gate import Gate

TOKEN = "s3cret-4f1b"


@pytest.fixture(scope="module")
def shared() -> Iterator[ChromaServer]:
    server = ChromaServer()
    yield server
    server.close()


@pytest.fixture
def own() -> Iterator[ChromaServer]:
    server = ChromaServer()
    yield server
    server.close()


@pytest.fixture
def gate(shared: ChromaServer) -> Iterator[Gate]:
    gate = Gate(shared.port, token=TOKEN)
    yield gate
    gate.close()


def test_it_serves_what_chroma_can_and_names_what_it_cannot(run: Run, shared: ChromaServer, gate: Gate) -> None:
    url = shared.url(shared.database(), port=gate.port, token=TOKEN)
    process, replica = (run(DATABASE_URL=url, LOG_LEVEL="debug").ready() for _ in range(2))
    assert process.put("/v1/collections/notes", {})[0] == 201
    assert process.post("/v1/collections/notes/documents", {"documents": [CAT, DOG]})[0] == 200
    status, found = replica.post("/v1/collections/notes/search", {"query": "kitten on a couch"})
    assert (status, found["mode"], found["hits"][0]["id"]) == (200, "semantic", "cat")
    status, found = process.post("/v1/collections/notes/search", {"query": "animal", "filter": {"lang": "de"}})
    assert [hit["id"] for hit in found["hits"]] == ["dog"]
    status, answered = process.post("/v1/collections/notes/ask", {"question": "cat"})
    assert (status, answered["kind"], answered["sources"][0]["id"]) == (200, "extracted", "cat")
    for mode in ("keyword", "hybrid"):
        status, problem = process.post("/v1/collections/notes/search", {"query": "cat", "mode": mode})
        assert (status, problem["code"], problem["param"]) == (400, "mode_unsupported", "mode")
        assert "PostgreSQL" in problem["detail"]
    assert get(process, "/health")[2]["store"]["documents"] == 2
    with urllib.request.urlopen(f"{process.url}/metrics", timeout=60) as answer:
        shown = answer.read().decode()
    assert "vectorspace_documents 2\n" in shown
    assert "vectorspace_ledger_bytes" not in shown
    for each in (process, replica):
        assert each.end() == 0
        assert TOKEN not in each.log
        assert not each.data.exists()


def test_a_wrong_token_ends_the_start_and_is_not_shown(run: Run, shared: ChromaServer, gate: Gate) -> None:
    process = run(DATABASE_URL=shared.url(port=gate.port), DATABASE_TOKEN="wr0ng-77aa", LOG_LEVEL="debug")
    assert process.process.wait(60) == 1
    assert "it refuses the token (DATABASE_URL, DATABASE_TOKEN)" in process.log
    assert "77aa" not in process.log
    assert "Traceback" not in process.log


def test_a_server_that_is_away_is_waited_for_and_recovers_by_itself(run: Run, own: ChromaServer) -> None:
    own.kill()
    process = run(DATABASE_URL=own.url())
    while "away" not in waits_for(process, 503)["reason"]:
        pass
    own.start()
    process.ready()
    assert process.put("/v1/collections/notes", {})[0] == 201
    assert process.post("/v1/collections/notes/documents", {"documents": [CAT]})[0] == 200
    own.kill()
    status, headers, problem = get(process, "/v1/collections/notes")
    assert (status, problem["code"], headers["Retry-After"]) == (503, "database_away", "1")
    assert process.post("/v1/collections/notes/documents", {"documents": [DOG]})[0] == 503
    assert process.post("/v1/embeddings", {"input": "a", "model": "all-MiniLM-L6-v2"})[0] == 200
    own.start()
    assert waits_for(process, 200)["store"]["documents"] == 1
    assert process.end() == 0


def test_a_collection_moves_through_all_stores_and_arrives_equal(
    run: Run, shared: ChromaServer, tmp_path: Path
) -> None:
    """Vectors that the model made, and vectors of other lengths that came with their documents."""
    cluster = Cluster()
    try:
        embedded = run().ready()
        stops = [
            run(DATABASE_URL=cluster.database()).ready(),
            run(DATABASE_URL=shared.url(shared.database())).ready(),
            run().ready(),
        ]
        nested = {
            "lang": "en",
            "n": 9_007_199_254_740_993,
            "x": 1.5,
            "ok": True,
            "none": None,
            "tags": ["a", {"b": [1]}],
        }
        long = {"id": "é / 東京", "text": "A sentence of some length. " * 120, "metadata": nested}
        own = {"id": "own", "text": "", "vector": [0.1 * i for i in range(384)]}
        assert embedded.put("/v1/collections/notes", {"metadata": {"of": ["tests"]}})[0] == 201
        assert embedded.post("/v1/collections/notes/documents", {"documents": [CAT, DOG, long, own]})[0] == 200
        first = _exported(embedded, tmp_path / "0.ndjson")
        assert len(first) == 1 + 4
        assert max(len(each.get("passages", ())) for each in first) > 1
        for number, stop in enumerate(stops, 1):
            _command("import", "notes", str(tmp_path / f"{number - 1}.ndjson"), "--create", "--url", stop.url)
            assert _exported(stop, tmp_path / f"{number}.ndjson") == first
    finally:
        cluster.close()


def _command(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "app", *arguments], cwd=ROOT, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def _exported(process: Process, file: Path) -> list[Any]:
    _command("export", "notes", str(file), "--url", process.url)
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_commands_of_the_data_directory_say_where_the_collections_are(run: Run, tmp_path: Path) -> None:
    process = run("backup", str(tmp_path / "file"), DATABASE_URL=f"https://:{TOKEN}@localhost")
    assert process.process.wait(60) == 1
    assert "Chroma" in process.log
    assert TOKEN not in process.log


def test_the_embedded_store_does_not_load_the_client() -> None:
    program = (
        "import sys, pathlib, tempfile; from app.parts.store import open_store; from app.settings import Settings\n"
        "store = open_store(Settings(data_directory=pathlib.Path(tempfile.mkdtemp())), print); store.close()\n"
        "import app.server\n"
        "print([name for name in sys.modules if name.startswith(('chromadb', 'httpx', 'app.store.chroma'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr
