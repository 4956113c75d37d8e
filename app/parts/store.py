"""The store that the settings choose: the embedded one, PostgreSQL, or a Chroma server."""

import importlib
import logging
from typing import TYPE_CHECKING

from app.settings import Settings
from app.store.embedded.store import EmbeddedStore
from app.store.embedded.volume import ends_with_container
from app.store.store import OnFatal, Store

if TYPE_CHECKING:
    from app.store.chroma.store import ChromaStore
    from app.store.postgres.store import PostgresStore

log = logging.getLogger(__name__)


def open_store(settings: Settings, on_fatal: OnFatal) -> Store:
    """Open the data directory, and take it for this process; or the database, where one is set.

    raises  DirectoryTaken, DirectoryNewer, DirectoryUnusable; DatabaseAway, DatabaseNewer, DatabaseUnusable
    """
    if settings.database_url is not None:
        return _open_database(settings, settings.database_url.get_secret_value())
    store = EmbeddedStore(settings.data_directory, max_collections=settings.max_collections, on_fatal=on_fatal)
    if ends_with_container(settings.data_directory):
        log.warning("what is kept in %s ends with this container: mount a volume there", settings.data_directory)
    return store


def _open_database(settings: Settings, url: str) -> Store:
    """Imported by name, so that only who has a database pays for its driver."""
    if url.startswith(("http://", "https://")):
        chroma: type[ChromaStore] = importlib.import_module("app.store.chroma.store").ChromaStore
        return chroma(
            url,
            token=None if settings.database_token is None else settings.database_token.get_secret_value(),
            max_collections=settings.max_collections,
            connections=settings.database_connections,
            timeout_s=settings.database_timeout_s,
        )
    postgres: type[PostgresStore] = importlib.import_module("app.store.postgres.store").PostgresStore
    return postgres(
        url,
        max_collections=settings.max_collections,
        connections=settings.database_connections,
        timeout_s=settings.database_timeout_s,
    )
