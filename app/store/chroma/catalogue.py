"""The collections in Chroma: each is two of Chroma's, and is there as long as the one of its documents is."""

import json
import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.errors import CollectionNotFound, DatabaseNewer, TooManyCollections
from app.store.checks import refuse_other_space, written
from app.store.chroma.failures import status_of
from app.store.chroma.server import LEFT_AFTER_S, Server
from app.store.chroma.vectors import SPACES
from app.store.library import HNSW, chromadb
from app.store.store import Collection, Metadata, Space

log = logging.getLogger(__name__)

PREFIX, DOCUMENTS, PASSAGES = "vectorspace-", "-documents", "-passages-"
_passages_name = re.compile(f"{PREFIX}.+{PASSAGES}[0-9a-f]{{16}}")
FORMAT = 1


@dataclass(frozen=True)
class Row:
    """A collection as Chroma keeps it. documents, passages: Chroma's collections; metadata: as it was given."""

    name: str
    space: Space
    metadata: Metadata
    created_at_unix_s: float
    documents: Any
    passages: str

    def counted(self, documents: int = 0, passages: int = 0) -> Collection:
        key = str(self.documents.id)
        return Collection(self.name, self.space, self.metadata, self.created_at_unix_s, documents, passages, key)


def documents_name(name: str) -> str:
    """Chroma takes the characters that our names have, but not two periods in a row, nor one at the end."""
    return f"{PREFIX}{name.replace('.', '.-')}{DOCUMENTS}"


def name_in(documents: str) -> str | None:
    """The name that `documents_name` was given; None where it is somebody else's collection."""
    if not documents.startswith(PREFIX) or not documents.endswith(DOCUMENTS):
        return None
    return documents[len(PREFIX) : -len(DOCUMENTS)].replace(".-", ".")


def find(server: Server, name: str, made_for: Collection | None = None) -> Row:
    """raises  CollectionNotFound, also where another than `made_for` has the name by now"""
    row = _row(server, name)
    if row is None or (made_for is not None and row.counted().key != made_for.key):
        raise CollectionNotFound(name)
    return row


def everything(server: Server) -> list[Row]:
    """All collections, by name."""
    with server.calling():
        rows = [
            _read(server, name, each) for each in _listed(server) for name in [name_in(each.name)] if name is not None
        ]
    return sorted(rows, key=lambda row: row.name)


def create(server: Server, name: str, space: Space, metadata: Metadata, most: int) -> tuple[Row, bool]:
    """The collection, and whether it is new. raises SpaceMismatch; TooManyCollections"""
    row = _row(server, name)
    if row is None:
        with server.calling():
            count = sum(name_in(each.name) is not None for each in _listed(server))
        if count >= most:
            raise TooManyCollections(most)
        row, new = _made(server, name, space, metadata)
        if new:
            return row, True
    refuse_other_space(name, row.space, space)
    return row, False


def _made(server: Server, name: str, space: Space, metadata: Metadata) -> tuple[Row, bool]:
    """The passages' collection first: that of the documents names it, and must not be there without it."""
    passages = f"{documents_name(name).removesuffix(DOCUMENTS)}{PASSAGES}{secrets.token_hex(8)}"
    kept = {
        "format": FORMAT,
        "model": space.model,
        "dimension": space.dimension,
        "distance": space.distance,
        "metadata": written(metadata),
        "created_at_unix_s": server.now_ns() / 1e9,
        "passages": passages,
    }
    made = {"created_at_unix_s": kept["created_at_unix_s"]}
    configuration = {"hnsw": {"space": SPACES[space.distance], **HNSW}}
    with server.calling():
        server.client.create_collection(passages, metadata=made, configuration=configuration, embedding_function=None)
        try:
            documents = server.client.create_collection(documents_name(name), metadata=kept, embedding_function=None)
        except chromadb.errors.ChromaError:
            # Another replica was first, or it was refused.
            server.client.delete_collection(passages)
            row = _row(server, name)
            if row is None:
                raise
            return row, False
    return _read(server, name, documents), True


def delete(server: Server, name: str) -> None:
    """That of the documents first: from then on it is gone. raises CollectionNotFound"""
    row = find(server, name)
    server.forget(row.passages)
    for each in (documents_name(name), row.passages):
        with server.calling():
            try:
                server.client.delete_collection(each)
            except chromadb.errors.NotFoundError:
                if each != row.passages:
                    raise CollectionNotFound(name) from None


def drop_orphans(server: Server) -> None:
    """The passages that a process left which died while it created or deleted a collection."""
    now_s = server.now_ns() / 1e9
    with server.calling():
        found = [(each.name, each.metadata) for each in _listed(server) if _passages_name.fullmatch(each.name)]
    for passages, kept in found:
        if now_s - kept["created_at_unix_s"] < LEFT_AFTER_S:
            continue  # it may be about to get its documents
        name = passages[len(PREFIX) :].rpartition(PASSAGES)[0].replace(".-", ".")
        row = _row(server, name)
        if row is None or row.passages != passages:
            log.info("the passages of a collection %r that is gone are removed", name)
            with server.calling(), suppress(chromadb.errors.NotFoundError):
                server.client.delete_collection(passages)


def _listed(server: Server) -> Iterator[Any]:
    """All of Chroma's collections, ours and others."""
    start = 0
    while True:
        some = server.client.list_collections(limit=server.most, offset=start)
        yield from some
        if len(some) < server.most:
            return
        start += len(some)


def _row(server: Server, name: str) -> Row | None:
    with server.calling():
        try:
            documents = server.client.get_collection(documents_name(name), embedding_function=None)
        except chromadb.errors.ChromaError as error:
            if status_of(error) == 404:
                return None
            raise
    return _read(server, name, documents)


def _read(server: Server, name: str, documents: Any) -> Row:
    kept = documents.metadata
    if kept["format"] > FORMAT:
        raise DatabaseNewer(server.address.place, kept["format"], FORMAT)
    space = Space(kept["model"], kept["dimension"], kept["distance"])
    return Row(name, space, json.loads(kept["metadata"]), kept["created_at_unix_s"], documents, kept["passages"])
