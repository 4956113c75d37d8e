"""Rank passages by the words of a query: full-text search finds them, BM25 ranks them.

PostgreSQL ranks by how often words stand in a text (ts_rank), and not by how rare they are. BM25 needs both: how many
passages hold a word is counted among those found, and how often it stands in one is read off ts_rank, which for one
word of n places is (1 + 1/4 + … + 1/n²) / (π²/6).

source  Robertson and Zaragoza 2009, The Probabilistic Relevance Framework: BM25 and Beyond, with SQLite's constants, so
        that both stores rank alike; calc_rank_or in PostgreSQL's src/backend/utils/adt/tsrank.c
"""

from itertools import accumulate, pairwise

from app.store.filters import Filter
from app.store.fusion import Found
from app.store.keyword import query_tokens
from app.store.postgres import tables
from app.store.postgres.catalogue import Row
from app.store.postgres.connections import Connection
from app.store.postgres.json_filters import translate
from app.store.postgres.parameters import Parameters
from app.store.postgres.ranking import enough, holds, ordered
from app.store.postgres.schema import SCHEMA

K1, B = 1.2, 0.75
# What a word weighs that more than half of the passages hold, whose weight would be negative.
LEAST_WEIGHT = 1e-6
# In a small collection no word is common: see `ledger.keyword_index`.
COMMON_FROM_PASSAGES = 2000
# The planner's estimate of a word's share from which it is not looked up at first: its estimates lag and err.
SURELY_COMMON = 0.6
# More places than this of one word make no difference to BM25.
MOST_TIMES = 64
_RANKS = [total / 1.64493406685 for total in accumulate(1 / n**2 for n in range(1, MOST_TIMES + 1))]
# Between the ranks of 0, 1, 2, … places: how many of these a rank passes is how many places the word has.
STEPS = [(less + more) / 2 for less, more in pairwise([0.0, *_RANKS])]


async def rank(
    connection: Connection, row: Row, text: str, filter: Filter | None, passages: int, documents: int
) -> list[Found]:
    """The head of the ranking, best first: at least so many passages, of so many documents, or all there are.

    A passage is in it where it has one of the words. With documents=0 the ranking is to be fused with another: those
    that have only words that weigh nothing are left out, since their places mean nothing.
    """
    tokens = query_tokens(text)
    if not tokens:
        return []
    large = row.collection.passages >= COMMON_FROM_PASSAGES
    common = await _surely_common(connection, row, tokens) if large else set()
    telling = [token for token in tokens if token not in common]
    found = await _worded(connection, row, telling, filter, passages, documents, telling=large)
    if large and not holds(found, passages, documents) and (documents or not found):
        found = await _worded(connection, row, tokens, filter, passages, documents, telling=False)
    return found


async def _worded(
    connection: Connection,
    row: Row,
    tokens: list[str],
    filter: Filter | None,
    passages: int,
    documents: int,
    *,
    telling: bool,
) -> list[Found]:
    """telling: only passages that hold a word which at most half of all passages do"""
    if not tokens:
        return []
    if not documents:
        return (await _head(connection, row, tokens, filter, telling, passages))[:passages]
    return await enough(lambda limit: _head(connection, row, tokens, filter, telling, limit), passages, documents)


async def _head(
    connection: Connection, row: Row, tokens: list[str], filter: Filter | None, telling: bool, limit: int
) -> list[Found]:
    """The best so many passages, and those as good as the last of them."""
    count = max(1, row.collection.passages)
    parameters = Parameters([[f"'{token}'" for token in tokens], STEPS, count, max(1, row.tokens) / count])
    passing = ""
    if filter is not None:
        condition = translate(filter, parameters)
        passing = f"JOIN {tables.documents(row.key)} d ON d.key = found.document WHERE {condition}"
    sql = f"""
        WITH found AS MATERIALIZED (
            SELECT p.key, p.document, p.length, token.place,
                width_bucket(ts_rank('{{1, 1, 1, 1}}', p.words, token.query)::float8, $2::float8[]) AS times
            FROM unnest(($1::text[])::tsquery[]) WITH ORDINALITY AS token (query, place)
            JOIN {tables.passages(row.key)} p ON p.words @@ token.query
        ), rarity AS (
            SELECT place, count(*) * 2 > $3::bigint AS common,
                greatest(ln(($3::bigint - count(*) + 0.5) / (count(*) + 0.5))::float8, {LEAST_WEIGHT}) AS weight
            FROM found GROUP BY place
        )
        SELECT found.key, found.document, sum(
            rarity.weight * found.times * {K1 + 1} / (found.times + {K1} * ({1 - B} + {B} * found.length / $4::float8))
            ORDER BY place
        ) AS score
        FROM found JOIN rarity USING (place) {passing}
        GROUP BY found.key, found.document
        {"HAVING bool_or(NOT rarity.common)" if telling else ""}
        ORDER BY score DESC FETCH FIRST ({parameters.add(limit)}::bigint) ROWS WITH TIES
    """  # noqa: S608
    rows = await connection.fetch(sql, *parameters.values)
    return ordered([Found(each["key"], each["document"], each["score"]) for each in rows])


async def _surely_common(connection: Connection, row: Row, tokens: list[str]) -> set[str]:
    """Words that the planner takes for common: to find them all out would be most of the work."""
    sql = (
        "SELECT word FROM pg_stats, "
        "unnest(most_common_elems::text::text[], most_common_elem_freqs) AS known (word, share) "
        "WHERE schemaname = $1 AND tablename = $2 AND attname = 'words' AND share > $3 AND word = ANY($4::text[])"
    )
    found = await connection.fetch(sql, SCHEMA, tables.passages(row.key), SURELY_COMMON, tokens)
    return {each["word"] for each in found}
