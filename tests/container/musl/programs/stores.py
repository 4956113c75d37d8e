"""A store as the service opens one, for the programs beside this one."""

from typing import Any

from app.store.library import chromadb


def open_store(folder: str) -> Any:
    """A client of a store in `folder`. Untyped: the programs hand it wrong things on purpose."""
    settings = chromadb.config.Settings(anonymized_telemetry=False)
    return chromadb.PersistentClient(folder, settings=settings)
