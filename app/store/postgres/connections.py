"""Connections to the database: a bounded pool of them, transactions on them, and what goes wrong by its name.

Nothing is set on a connection but inside a transaction, and nothing is kept on one from one transaction to the next but
prepared statements; behind a pooler not even those, since it may give each transaction another of its connections.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg

from app.errors import DatabaseAway, NotReady
from app.store.postgres.address import Address
from app.store.postgres.failures import BROKEN, REPEATABLE, named, told
from app.store.postgres.loop import LoopThread
from app.store.postgres.vectors import decoded

log = logging.getLogger(__name__)
T = TypeVar("T")
Connection = Any  # the driver ships no types
Work = Callable[[Connection], Awaitable[T]]

CONNECT_S = 5
# How long a call waits for one of the connections.
ACQUIRE_S = 10
# Beyond the server's own time-out: that long a server may be silent before its connection is given up.
SILENT_S = 5
# Others who write the same documents: locks are taken in one order, so that this should never be needed.
ATTEMPTS = 4
# A transaction whose replica hangs is ended by the server, with its locks.
IDLE_MS = 60_000

READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Each statement sees what others have committed: a lock that was waited for shows its row as it is then.
WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
# A role or a database may have it switched off, for other uses: what is acknowledged here is on disk, and on the
# standby where one is waited for. https://www.postgresql.org/docs/current/wal-async-commit.html
DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', true) "
    "WHERE current_setting('synchronous_commit') IN ('off', 'local')"
)


class Connections:
    """Up to `most` of them to one database, opened as they are needed.

    timeout_s    a statement that takes longer is ended by the server
    search_path  the schemas of the tables and of pgvector, quoted; `vectors_in` is pgvector's, by its plain name
    pooled       a pooler stands between

    Every method that reads or writes raises DatabaseAway, DatabaseUnusable, StorageFull; NotReady once closed.
    """

    def __init__(
        self, address: Address, *, most: int, timeout_s: int, search_path: str, vectors_in: str, pooled: bool
    ) -> None:
        self._address = address
        self._most = most
        self._timeout_s = timeout_s
        self._vectors_in = vectors_in
        self._pooled = pooled
        self._settings = (
            f"SET LOCAL search_path = {search_path}; SET LOCAL statement_timeout = {timeout_s * 1000}; "
            # To compile a statement takes longer than it saves, where the answer is some hundred rows.
            "SET LOCAL jit = off; "
            f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_MS}"
        )
        self._thread = LoopThread("postgres")
        self._closed = False
        self._pool: Any = self._thread.run(self._open())

    async def _open(self) -> Any:
        return await asyncpg.create_pool(
            self._address.url,
            min_size=0,
            max_size=self._most,
            init=self._prepare,
            reset=_as_it_was,
            **_options(self._address, self._timeout_s, self._pooled),
        )

    async def _prepare(self, connection: Connection) -> None:
        await connection.set_type_codec(
            "vector", schema=self._vectors_in, encoder=bytes, decoder=decoded, format="binary"
        )

    def read(self, work: Work[T]) -> T:
        """What `work` returns, which sees the database as of one moment."""
        found: T = self._run(self._repeating(READING, work))
        return found

    def write(self, work: Work[T]) -> T:
        """What `work` returns, once all that it wrote is on disk; nothing of it is where this raises.

        With one exception: a connection that breaks while it commits leaves open whether it did. That is DatabaseAway
        as well, and the same write again is harmless. `work` may be run several times.
        """
        found: T = self._run(self._repeating(WRITING, work))
        return found

    def stream(self, read: Callable[[Connection], AsyncIterator[list[T]]]) -> Iterator[T]:
        """What `read` yields, all as of one moment, on a connection beside the pool that ends with the iterator."""
        self._refuse_closed()
        blocks = self._streaming(read)
        try:
            while block := self._run(_next(blocks)):
                yield from block
        finally:
            if not self._closed:
                self._thread.run(blocks.aclose())

    def close(self) -> None:
        """Wait for what runs, as long as a statement may take, then end it. Calling it twice is fine."""
        if self._closed:
            return
        self._closed = True
        self._thread.run(self._end())
        self._thread.close()

    async def _end(self) -> None:
        try:
            await asyncio.wait_for(self._pool.close(), self._timeout_s)
        except TimeoutError:
            self._pool.terminate()
        ours = asyncio.current_task()
        left = [task for task in asyncio.all_tasks() if task is not ours]
        for task in left:  # exports that nobody goes on with
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _refuse_closed(self) -> None:
        if self._closed:
            raise NotReady("the store is closed")

    def _run(self, coroutine: Any) -> Any:
        try:
            self._refuse_closed()
        except NotReady:
            coroutine.close()
            raise
        return self._thread.run(coroutine)

    async def _repeating(self, begin: str, work: Work[T]) -> T:
        async with naming(self._address):
            for attempt in range(1, ATTEMPTS):
                try:
                    return await self._once(begin, work)
                except REPEATABLE as error:
                    log.warning("a transaction is begun again, attempt %d: %s", attempt + 1, error)
                except asyncpg.UndefinedTableError:
                    pass  # its collection was deleted meanwhile, and is not found next time
            return await self._once(begin, work)

    async def _once(self, begin: str, work: Work[T]) -> T:
        connection = await self._begun(begin)
        try:
            result = await work(connection)
            if begin is WRITING:
                await self._commit(connection)
            return result
        finally:
            await _rolled_back(connection)
            await self._pool.release(connection, timeout=SILENT_S)

    async def _begun(self, begin: str) -> Connection:
        """A connection with a transaction. One that broke while nobody used it is replaced: nothing was sent yet."""
        for last in (False, True):
            connection = await self._acquire()
            try:
                durable = DURABLE if begin is WRITING else ""
                await connection.execute(f"{begin}; {self._settings}; {durable}", timeout=SILENT_S)
                return connection
            except BaseException as error:
                connection.terminate()
                await self._pool.release(connection)
                if last or isinstance(error, TimeoutError) or not isinstance(error, BROKEN):
                    raise
        raise AssertionError

    async def _acquire(self) -> Connection:
        try:
            return await self._pool.acquire(timeout=ACQUIRE_S)
        except TimeoutError:
            if self._pool.get_idle_size() == 0 and self._pool.get_size() >= self._most:
                busy = f"all {self._most} connections (DATABASE_CONNECTIONS) were in use for {ACQUIRE_S} s"
                raise DatabaseAway(self._address.place, busy) from None
            raise

    async def _commit(self, connection: Connection) -> None:
        try:
            await connection.execute("COMMIT")
        except BROKEN as error:
            open_end = "it broke off while it committed, so that it is not known whether it did: send the same again"
            raise DatabaseAway(self._address.place, f"{open_end} ({told(error, self._address)})") from error

    async def _streaming(self, read: Callable[[Connection], AsyncIterator[list[T]]]) -> AsyncGenerator[list[T], None]:
        async with naming(self._address):
            connection = await connect(self._address, self._timeout_s, pooled=self._pooled)
            try:
                await self._prepare(connection)
                # Its reader may take its time.
                await connection.execute(
                    f"{READING}; {self._settings}; SET LOCAL idle_in_transaction_session_timeout = 0"
                )
                async for block in read(connection):
                    yield block
            finally:
                connection.terminate()


def _options(address: Address, timeout_s: int | None, pooled: bool) -> dict[str, Any]:
    """How the driver connects. timeout_s: the server's, for a statement; None waits for ever.

    Prepared statements have names, which the driver counts from 1 in each process. Behind a pooler a name may be
    unknown to the connection that a transaction gets, or be another replica's, of another statement. So none is given
    there, for the price of a round trip.
    """
    # After a failover the URL's other host, or the one behind the same name, takes the writes.
    chosen = {} if "target_session_attrs" in address.url else {"target_session_attrs": "read-write"}
    return {
        "timeout": CONNECT_S,
        "command_timeout": None if timeout_s is None else timeout_s + SILENT_S,
        "server_settings": {"application_name": "vectorspace"},
        **({"statement_cache_size": 0} if pooled else {}),
        **chosen,
    }


async def connect(address: Address, timeout_s: int | None, *, pooled: bool) -> Connection:
    """One connection beside the pool."""
    return await asyncpg.connect(address.url, **_options(address, timeout_s, pooled))


async def is_pooled(connection: Connection) -> bool:
    """Whether a pooler stands between: the process that answers is not the one that the connection was told of.

    A pooler tells its clients a number of its own, by which they can cancel: https://www.pgbouncer.org/features.html
    """
    return bool(connection.get_server_pid() != await connection.fetchval("SELECT pg_backend_pid()"))


@asynccontextmanager
async def naming(address: Address) -> AsyncIterator[None]:
    """The driver's errors come out by our names."""
    try:
        yield
    except Exception as error:
        found = named(error, address)
        if found is None:
            raise
        # What the driver says of a URL may hold a part of the password: its own words end here.
        raise found from (None if isinstance(error, ValueError) else error)


async def _next(blocks: AsyncIterator[list[T]]) -> list[T]:
    """The next block, none of which is empty; an empty one at the end."""
    return await anext(blocks, [])


async def _rolled_back(connection: Connection) -> None:
    """Where a transaction is left: one that only read, or one that failed."""
    try:
        if connection.is_in_transaction():
            await connection.execute("ROLLBACK", timeout=SILENT_S)
    except Exception:
        connection.terminate()


async def _as_it_was(_: Connection) -> None:
    """Nothing is left on a connection by its transaction, so that there is nothing to reset."""
