"""The documents in the database, written: kept in place of older ones, deleted, and compared with what is there.

Whoever writes locks documents first, in the order of their ids, and counts last: writers of the same documents wait for
each other, and never in a circle.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import InvalidDocument
from app.store.checks import latest, refuse_half_pairs, same, written
from app.store.filters import Filter
from app.store.postgres import catalogue, listing, tables
from app.store.postgres.catalogue import Row
from app.store.postgres.connections import Connection
from app.store.postgres.json_filters import fields, keepable, translate
from app.store.postgres.parameters import Parameters
from app.store.postgres.vectors import decoded, encoded, halved, why_not_halved
from app.store.postgres.words import words_of
from app.store.store import Document

# Each row is an insertion into the graph of vectors: as many as the time-out of a statement lets pass on a slow server.
ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Prepared:
    """A document as it goes into the tables: made before anything is locked, since folding text takes time.

    passages  (start, end, key of what was embedded, tsvector, its length, vector as it is sent)
    """

    id: str
    text: str
    metadata: str
    fields: str
    passages: list[tuple[int, int, bytes, str, int, bytes]]


def prepare(documents: Sequence[Document]) -> list[Prepared]:
    """One for each id, by id; the last where an id comes twice.

    raises  InvalidDocument, where a text holds half a surrogate pair or U+0000, or an integer is too great
    """
    return sorted((_prepare(document) for document in latest(documents)), key=lambda each: each.id)


def _prepare(document: Document) -> Prepared:
    metadata = written(document.metadata)
    refuse_half_pairs(document, metadata)
    # In JSON the character is written as an escape, in the names of fields as well.
    for what, text in (("id", document.id), ("text", document.text), ("metadata", metadata.replace("\\u0000", "\0"))):
        if "\0" in text:
            raise InvalidDocument(repr(document.id), f"its {what} holds the character U+0000, which PostgreSQL refuses")
    passages = [
        (p.start, p.end, p.key, *words_of(document.text[p.start : p.end]), encoded(p.vector)) for p in document.passages
    ]
    return Prepared(document.id, document.text, metadata, fields(document.id, document.metadata), passages)


async def upsert(connection: Connection, row: Row, documents: Sequence[Prepared]) -> None:
    """Keep each in place of an older one of its id; `documents` have different ids, and come in their order.

    raises  InvalidDocument, where the index of half precision cannot hold a vector
    """
    _refuse_beyond_half(row, documents)
    rows = await connection.fetch(
        f"INSERT INTO {tables.documents(row.key)} AS d (id, text, metadata, fields, updated) "  # noqa: S608
        "SELECT id, text, metadata, fields::jsonb, extract(epoch FROM clock_timestamp()) "
        "FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS given (id, text, metadata, fields) "
        'ORDER BY id COLLATE "C" ON CONFLICT (id) DO UPDATE SET text = excluded.text, metadata = excluded.metadata, '
        # A row that is new has been locked by nobody.
        "fields = excluded.fields, updated = excluded.updated RETURNING d.key, d.id, d.xmax = 0 AS is_new",
        [each.id for each in documents],
        [each.text for each in documents],
        [each.metadata for each in documents],
        [each.fields for each in documents],
    )
    keys = {each["id"]: each["key"] for each in rows}
    passages, tokens = await _strip(connection, row, [each["key"] for each in rows if not each["is_new"]])
    parts = [(keys[each.id], *part) for each in documents for part in each.passages]
    for first in range(0, len(parts), ROWS_AT_ONCE):
        await connection.execute(
            f'INSERT INTO {tables.passages(row.key)} (document, start, "end", hash, words, length, vector) '  # noqa: S608
            "SELECT document, start, stop, hash, words::tsvector, length, vector FROM unnest("
            "$1::bigint[], $2::integer[], $3::integer[], $4::bytea[], $5::text[], $6::integer[], $7::vector[]"
            ") WITH ORDINALITY AS given (document, start, stop, hash, words, length, vector, place) ORDER BY place",
            *map(list, zip(*parts[first : first + ROWS_AT_ONCE], strict=True)),
        )
    added = sum(bool(each["is_new"]) for each in rows)
    await catalogue.count(connection, row, added, len(parts) - passages, sum(part[5] for part in parts) - tokens)


def _refuse_beyond_half(row: Row, documents: Sequence[Prepared]) -> None:
    if halved(row.space.dimension):
        for each in documents:
            for *_, vector in each.passages:
                if why := why_not_halved(decoded(vector), row.space.distance):
                    raise InvalidDocument(repr(each.id), f"its vector {why}")


async def _strip(connection: Connection, row: Row, keys: list[int]) -> tuple[int, int]:
    """Take the passages of these documents out; how many there were, and how many words they had."""
    if not keys:
        return 0, 0
    found = await connection.fetchrow(
        f"WITH gone AS (DELETE FROM {tables.passages(row.key)} WHERE document = ANY($1::bigint[]) RETURNING length) "  # noqa: S608
        "SELECT count(*), coalesce(sum(length), 0)::bigint FROM gone",
        keys,
    )
    return found[0], found[1]


async def delete(connection: Connection, row: Row, ids: Sequence[str] | None, filter: Filter | None) -> int:
    """Delete those that have one of the ids (any, for None) and that the filter matches; how many there were."""
    assert ids is not None or filter is not None
    parameters = Parameters()
    conditions = []
    if ids is not None:
        conditions.append(f"d.id = ANY({parameters.add([each for each in set(ids) if keepable(each)])}::text[])")
    if filter is not None:
        conditions.append(f"({translate(filter, parameters)})")
    documents = tables.documents(row.key)
    sql = f"SELECT d.key FROM {documents} d WHERE {' AND '.join(conditions)} ORDER BY d.id FOR UPDATE"  # noqa: S608
    keys = [each["key"] for each in await connection.fetch(sql, *parameters.values)]
    passages, tokens = await _strip(connection, row, keys)
    await connection.execute(f"DELETE FROM {documents} WHERE key = ANY($1::bigint[])", keys)  # noqa: S608
    if keys:
        await catalogue.count(connection, row, -len(keys), -passages, -tokens)
    return len(keys)


async def unchanged(connection: Connection, row: Row, documents: Sequence[Document]) -> list[bool]:
    """For each, whether it is kept as it is: `checks.same`."""
    plain = await listing.by_id(connection, row, [each.id for each in documents if not each.passages], False)
    whole = await listing.by_id(connection, row, [each.id for each in documents if each.passages], True)
    return [
        (kept := (whole if each.passages else plain).get(each.id)) is not None and same(kept.document, each)
        for each in documents
    ]
