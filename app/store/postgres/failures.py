"""The driver's and the server's errors by our names.

source  https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import asyncpg

from app.errors import DatabaseAway, DatabaseUnusable, StorageFull, VectorSpaceError
from app.store.postgres.address import Address

# Nothing of a transaction that ends so has happened: it can be begun anew at once. The last two: a newer replica has
# changed the tables, and what the driver knew of them is out of date.
REPEATABLE = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)
# The connection is of no use any more, or never came to be.
BROKEN = (
    OSError,  # TimeoutError is one
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,  # the server has become a standby
    asyncpg.TargetServerAttributeNotMatched,  # no server of the URL takes writes
)
# What only a person can mend: settings, rights, a missing database.
REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,  # a wrong password is one
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ClientConfigurationError,
)


def told(error: Exception, address: Address) -> str:
    """What the driver or the server says, without the password, and without details, which may show what is kept."""
    first, *_ = str(error).splitlines() or [""]
    return address.without_secrets(first) or type(error).__name__


def named(error: Exception, address: Address) -> VectorSpaceError | None:
    """Our error for the driver's; None where it is a bug of ours."""
    reason = told(error, address)
    if isinstance(error, REFUSED):
        return DatabaseUnusable(address.place, reason)
    if isinstance(error, asyncpg.DiskFullError):
        return StorageFull(reason)
    if isinstance(error, asyncpg.QueryCanceledError):
        return DatabaseAway(address.place, f"it did not answer in time (DATABASE_TIMEOUT_S): {reason}")
    if isinstance(error, TimeoutError):
        return DatabaseAway(address.place, "it did not answer in time")
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return None  # a value that the driver cannot send
    if isinstance(error, (*BROKEN, *REPEATABLE, asyncpg.InsufficientResourcesError, asyncpg.LockNotAvailableError)):
        return DatabaseAway(address.place, reason)
    return None
