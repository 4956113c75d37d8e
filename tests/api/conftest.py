"""The whole app over a fake embedder and a store in memory: everything else is real."""

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.observability import timing
from app.observability.metrics import Value
from app.parts.embedding import Opened
from app.settings import Settings
from tests.fakes import FakeEmbedder
from tests.memory import MemoryStore

Start = Callable[..., TestClient]


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder(observer=timing.embedded)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def start(embedder: FakeEmbedder, store: MemoryStore) -> Iterator[Start]:
    """Start the app with the settings given and wait until it is ready; closed after the test."""
    running: list[TestClient] = []

    def start(**settings: object) -> TestClient:
        def opened(*_: object) -> Opened:
            things = Value("vectorspace_things", "gauge", "Things.", lambda: 3)
            return Opened(embedder, lambda: None, [things])

        def on_fatal(error: BaseException) -> None:
            raise AssertionError("the app asked for its own end") from error

        values = Settings.model_validate(settings)
        store.max_collections = values.max_collections
        app = create_app(values, on_fatal=on_fatal, open_embedder=opened, open_store=lambda _, __: store)
        client = TestClient(app, raise_server_exceptions=False)
        client.__enter__()
        running.append(client)
        while client.get("/health").status_code != 200:
            pass
        return client

    yield start
    for client in running:
        client.__exit__(None, None, None)


@pytest.fixture
def client(start: Start) -> TestClient:
    return start()
