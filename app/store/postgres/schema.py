"""The tables that all collections share, as numbered steps that are only ever appended to.

A collection has two tables of its own besides, which `tables.py` makes.
"""

from collections.abc import Awaitable, Callable
from typing import Any

Step = Callable[[Any], Awaitable[None]]

SCHEMA = "vectorspace"

# created   seconds since 1970, by the database's clock
# counts    several rows for each collection, to be summed: writers of one collection take different ones, and do not
#           wait for each other; writes: how many of them, so that their sum names a state of the collection
# leaving   deleted collections whose tables are still there, since somebody was reading them
FORMAT_1 = """
CREATE TABLE collections (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    model text NOT NULL,
    dimension integer NOT NULL,
    distance text NOT NULL,
    metadata text NOT NULL,
    created double precision NOT NULL
);
CREATE TABLE counts (
    collection bigint NOT NULL REFERENCES collections ON DELETE CASCADE,
    slot integer NOT NULL,
    documents bigint NOT NULL,
    passages bigint NOT NULL,
    tokens bigint NOT NULL,
    writes bigint NOT NULL,
    PRIMARY KEY (collection, slot)
);
CREATE TABLE leaving (
    key bigint PRIMARY KEY
);
"""


async def _format_1(connection: Any) -> None:
    await connection.execute(FORMAT_1)


STEPS: tuple[Step, ...] = (_format_1,)
