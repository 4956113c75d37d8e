"""Rank passages by their vectors: the index's candidates where there are many passages, a scan where there are few."""

from app.store.fusion import Found, Wanted, crowded, last_wanted
from app.store.postgres import tables
from app.store.postgres.catalogue import Row
from app.store.postgres.connections import Connection
from app.store.postgres.json_filters import translate
from app.store.postgres.parameters import Parameters
from app.store.postgres.ranking import enough, ordered
from app.store.postgres.vectors import asked_of_index, distance_to, encoded, indexed, score_of
from app.store.store import F32

# Candidates per passage that is wanted: some belong to a document that has a better one.
FACTOR = 2
FEWEST, MORE, MOST = 64, 8, 4000
# The most that pgvector's hnsw.ef_search may be; iterative scans go on from there.
MOST_EF = 1000
LEAST_EF = 100


async def rank(connection: Connection, row: Row, wanted: Wanted, exact_below: int) -> list[Found]:
    """The head of the ranking, best first: as much as is wanted, or all there is.

    exact_below  collections of up to so many passages are scanned
    """
    asked = asked_of_index(wanted.vector, row.space.distance, row.space.dimension) if wanted.vector.any() else None
    if row.collection.passages > exact_below and indexed(row.space.dimension) and asked is not None:
        count = max(FEWEST, FACTOR * max(wanted.passages, wanted.documents))
        while count <= MOST:
            found = await _candidates(connection, row, wanted, asked, count)
            if len(found) < count:
                break  # the index has given up: the filter lets few through
            last = last_wanted(found, wanted.passages, wanted.documents)
            if wanted.documents and crowded(found):
                break
            if last is not None and (not wanted.documents or found[-1] is not last):
                if wanted.documents and found[found.index(last) + 1].score == last.score:
                    break  # of equal ones ids decide, and the index knows but some of them
                if await _misses_zeros(connection, row, found[-1].score):
                    break
                return found
            count *= MORE
    return await enough(lambda limit: _scan(connection, row, wanted, limit), wanted.passages, wanted.documents)


async def _candidates(connection: Connection, row: Row, wanted: Wanted, asked: F32, count: int) -> list[Found]:
    """What the index finds near to `asked`, with exact scores."""
    settings = "SELECT set_config('hnsw.ef_search', $1, true), set_config('hnsw.iterative_scan', 'relaxed_order', true)"
    await connection.execute(settings, str(min(MOST_EF, max(LEAST_EF, count))))
    parameters = Parameters()
    distance = distance_to(parameters.add(encoded(asked)), row.space.distance, row.space.dimension)
    return await _ranked(connection, row, wanted, parameters, f"{distance} LIMIT {{}}", count)


async def _scan(connection: Connection, row: Row, wanted: Wanted, limit: int) -> list[Found]:
    return await _ranked(connection, row, wanted, Parameters(), "score DESC FETCH FIRST {} ROWS WITH TIES", limit)


async def _ranked(
    connection: Connection, row: Row, wanted: Wanted, parameters: Parameters, order: str, limit: int
) -> list[Found]:
    """order: what comes after ORDER BY, with a place for the limit; parameters: those that it has"""
    space = row.space
    mark = parameters.add(encoded(wanted.vector))
    source = f"{tables.passages(row.key)} p"
    if wanted.filter is not None:
        condition = translate(wanted.filter, parameters)
        source += f" JOIN {tables.documents(row.key)} d ON d.key = p.document WHERE {condition}"
    # A parameter after FETCH FIRST stands in brackets.
    limited = order.format(f"({parameters.add(limit)}::bigint)")
    sql = f"SELECT p.key, p.document, {score_of(mark, space.distance)} AS score FROM {source} ORDER BY {limited}"  # noqa: S608
    rows = await connection.fetch(sql, *parameters.values)
    return ordered([Found(each["key"], each["document"], each["score"]) for each in rows])


async def _misses_zeros(connection: Connection, row: Row, least: float) -> bool:
    """Whether vectors of no length, which the index by cosine leaves out and which score 0, belong above the last."""
    if row.space.distance != "cosine" or least > 0:
        return False
    sql = f"SELECT EXISTS (SELECT 1 FROM {tables.passages(row.key)} WHERE vector_norm(vector) = 0)"  # noqa: S608
    return bool(await connection.fetchval(sql))
