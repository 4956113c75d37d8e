"""Answer a query: rank passages by meaning, by words or by both, and make hits of the documents they belong to.

All of it in one transaction, and so of one moment.
"""

from collections.abc import Sequence

from app.store.fusion import FUSED_PASSAGES, Fused, asked_for, following, fuse, hit_at, reaches, single, wanted
from app.store.postgres import lexical, listing, semantic
from app.store.postgres.catalogue import Row
from app.store.postgres.connections import Connection
from app.store.store import Hit, Query


async def search(connection: Connection, row: Row, query: Query, exact_below: int) -> list[Hit]:
    """raises  LimitPassed"""
    end = query.offset + query.limit
    return await _hits(connection, row, await _places(connection, row, query, end, exact_below), query)


async def _places(connection: Connection, row: Row, query: Query, end: int, exact_below: int) -> list[Fused]:
    """Documents in their order, at least `end` of them, where there are so many."""
    match query.mode:
        case "semantic":
            found = await semantic.rank(connection, row, wanted(query, 0, end), exact_below)
            return single("semantic", found, end)
        case "keyword":
            return single("keyword", await lexical.rank(connection, row, query.text, query.filter, end, end), end)
        case "hybrid":
            meaning = await semantic.rank(connection, row, wanted(query, FUSED_PASSAGES, 0), exact_below)
            words = await lexical.rank(connection, row, query.text, query.filter, FUSED_PASSAGES, 0)
            rankings = {"semantic": meaning, "keyword": words}
            places = fuse(rankings, end)
            if not reaches(rankings, "semantic", end):
                further = await semantic.rank(connection, row, wanted(query, FUSED_PASSAGES, end), exact_below)
                places += following(rankings, "semantic", further)
            return places


async def _hits(connection: Connection, row: Row, places: Sequence[Fused], query: Query) -> list[Hit]:
    """The hits that are asked for, equal ones by id."""
    ids = await listing.ids_of(connection, row, [place.document for place in places])
    shown = asked_for(sorted(places, key=lambda each: (-each.score, ids[each.document])), query)
    passages = await listing.of_passages(connection, row, [place.passage for place in shown], query)
    return [hit_at(place, *passages[place.passage]) for place in shown]
