"""A Chroma server that is away, hangs, refuses the token, or is of another version: each by its name."""

import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from app.errors import DatabaseAway, DatabaseRefused, DatabaseUnusable, NotReady
from app.store.chroma.address import read
from tests.store.chroma.versions import IDS, Opening, before, version, whole
from tests.store.chroma_server import ChromaServer
from tests.store.gate import Gate
from tests.store.opening import PLANE, chroma_server, document, vector

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "s3cret-4f1b"


def test_a_server_that_is_away_at_the_start(own: ChromaServer, open_store: Opening) -> None:
    own.kill()
    with pytest.raises(DatabaseAway, match=rf"127\.0\.0\.1:{own.port}"):
        open_store(own.url())
    own.start()
    assert open_store(own.url()).collections() == []


def test_a_wrong_token_is_refused_and_never_shown(url: str, open_store: Opening, gate: Callable[..., Gate]) -> None:
    guarded = before(url, gate(TOKEN))
    with_token = guarded.replace("http://", f"http://:{TOKEN}@")
    store = open_store(with_token)
    store.create_collection("c", PLANE, {})
    assert [each.name for each in open_store(guarded, token=TOKEN).collections()] == ["c"]
    for wrong, token in ((guarded, None), (guarded, "wr0ng"), (guarded.replace("http://", "http://:wr0ng@"), TOKEN)):
        with pytest.raises(DatabaseUnusable, match="DATABASE_TOKEN") as refused:
            open_store(wrong, token=token)
        assert "wr0ng" not in str(refused.value)
        assert refused.value.__cause__ is None
    assert TOKEN not in repr(read(with_token))


def test_a_token_travels_as_a_bearer_and_in_chromas_own_header(
    url: str, open_store: Opening, gate: Callable[..., Gate]
) -> None:
    between = gate()
    open_store(before(url, between), token=TOKEN)
    assert {(each["X-Chroma-Token"], each["Authorization"]) for each in between.seen} == {(TOKEN, f"Bearer {TOKEN}")}
    assert "Authorization" not in read("https://api.trychroma.com", TOKEN).headers


def test_an_absent_database_is_named(open_store: Opening) -> None:
    with pytest.raises(DatabaseUnusable, match="nowhere"):
        open_store(chroma_server().url("nowhere"))


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"/api/v2/version": '"0.6.3"'}, "it is Chroma 0.6.3, and a server of version 1 is needed"),
        ({}, "/api/v2"),  # Chroma 0.5 knows /api/v1 alone
    ],
)
def test_a_server_of_another_version_is_refused(open_store: Opening, answers: dict[str, str], why: str) -> None:
    """Its answers alone: a server of that version would bring 500 MB of packages."""
    known = {
        "/api/v2/auth/identity": '{"user_id": "", "tenant": "default_tenant", "databases": ["default_database"]}',
        "/api/v2/tenants/default_tenant": '{"name": "default_tenant"}',
        "/api/v2/tenants/default_tenant/databases/default_database": '{"id": "", "name": "", "tenant": ""}',
    }
    served = {**known, **answers} if answers else {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = served.get(self.path, f"nothing at {self.path}").encode()
            self.send_response(200 if self.path in served else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(DatabaseUnusable, match=why):
            open_store(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_it_needs_nothing_that_the_image_leaves_out(url: str) -> None:
    """The image has chromadb without its server, its command line and its old engine."""
    cuts = tomllib.loads((ROOT / "scripts" / "image" / "cuts.toml").read_text())["dependencies"]
    left_out = [path.removesuffix(".py") for cut in cuts for path in cut["paths"] if path.startswith("chromadb/")]
    assert "chromadb/server" in left_out
    program = """
import sys

class LeftOut:
    def find_spec(self, name, path=None, target=None):
        if any(f"{name}.".startswith(f"{each}.") for each in LEFT_OUT):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

LEFT_OUT, URL = sys.argv[2:], sys.argv[1]
sys.meta_path.insert(0, LeftOut())
from app.store.chroma.store import ChromaStore
from tests.store.opening import PLANE, document, vector
from app.store.store import Query

store = ChromaStore(URL, max_collections=8, connections=1, timeout_s=60)
store.create_collection("c", PLANE, {})
store.upsert("c", [document("a", "text", vector(1, 2, 3, 4), metadata={"n": 1})])
hits = store.search("c", Query("semantic", vector=vector(1, 1, 1, 1)))
assert [hit.document.document.id for hit in hits] == ["a"]
assert store.delete_documents("c", ids=["a"]) == 1
store.close()
"""
    modules = [path.replace("/", ".") for path in left_out]
    # opening.py imports the tests' own parts as well, none of which is chromadb's.
    done = subprocess.run([sys.executable, "-c", program, url, *modules], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_server_that_hangs_is_away(open_store: Opening) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DatabaseAway, match="DATABASE_TIMEOUT_S"):
        open_store(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=1)


def test_what_the_server_does_not_take_is_named(url: str, open_store: Opening) -> None:
    store = open_store(url)
    store.create_collection("c", PLANE, {})
    store.upsert("c", version(0))
    with pytest.raises(DatabaseRefused, match="dimension of 4, got 5"):
        store.upsert("c", [document("long", "text", vector(1, 2, 3, 4, 5))])
    assert whole(store) == [0] * len(IDS)
    store.close()
    with pytest.raises(NotReady):
        store.collections()
