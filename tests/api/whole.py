"""The app with everything real but the model: queue, cache, store in a directory, and an encoder without a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.testclient import TestClient

from app.embedding.cache import VectorCache
from app.main import create_app
from app.parts.embedding import OnFatal, Opened, build_embedder
from app.settings import Settings
from tests.fakes import FakeEncoder, card
from tests.unit.test_embedder import tokenizer


@contextmanager
def whole(directory: Path, *, encoder: FakeEncoder | None = None, **settings: object) -> Iterator[TestClient]:
    """Ready to serve; its data is in `directory`."""

    def opened(settings: Settings, on_fatal: OnFatal, cache: VectorCache) -> Opened:
        encoding = encoder or FakeEncoder()
        return build_embedder(settings, card(max_tokens=6), 0, tokenizer(6), encoding, on_fatal, cache)

    fatal: list[BaseException] = []
    values = Settings.model_validate({"data_directory": directory, **settings})
    app = create_app(values, on_fatal=fatal.append, open_embedder=opened)
    with TestClient(app, raise_server_exceptions=False) as client:
        while client.get("/health").status_code != 200:
            assert not fatal
        yield client
    assert not fatal
