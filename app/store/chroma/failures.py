"""The client's and the server's errors by our names.

The client raises a class of its own for what the server names, a plain Exception for what a proxy says in its place,
and lets the errors of its HTTP library through.
"""

import httpx

from app.errors import DatabaseAway, DatabaseRefused, DatabaseUnusable, StorageFull, VectorSpaceError
from app.store.chroma.address import Address
from app.store.library import chromadb

# What SQLite, in which a server of one machine keeps everything, says of a disk without room.
# https://www.sqlite.org/rescode.html#full
DISK_FULL = "disk is full"
LONGEST = 500


class Moved(Exception):
    """What was read first does not fit to what was read then: somebody wrote between. Reading again helps."""


def named(error: Exception, address: Address) -> VectorSpaceError | None:
    """Our error for the client's; None where it is a bug of ours."""
    cause = error.__context__
    if type(error) is ValueError and isinstance(cause, Exception):
        error = cause  # what the client says of any failure while it is made
    reason = address.without_secrets(str(error)).strip()[:LONGEST] or type(error).__name__
    if isinstance(error, httpx.PoolTimeout):
        return DatabaseAway(address.place, "all connections (DATABASE_CONNECTIONS) were in use for too long")
    if isinstance(error, httpx.TimeoutException):
        return DatabaseAway(address.place, f"it did not answer in time (DATABASE_TIMEOUT_S): {reason}")
    if isinstance(error, httpx.TransportError):
        return DatabaseAway(address.place, reason)
    status = status_of(error)
    if status is None:
        return None
    if status in (401, 403):
        return DatabaseUnusable(address.place, f"it refuses the token (DATABASE_URL, DATABASE_TOKEN): {reason}")
    if DISK_FULL in reason:
        return StorageFull(reason)
    if status in (404, 410):
        return DatabaseUnusable(address.place, reason)
    if status == 429 or status >= 500:
        return DatabaseAway(address.place, reason)
    return DatabaseRefused(address.place, reason)


def status_of(error: BaseException) -> int | None:
    """The HTTP status of the response that made the client raise this; None where none did."""
    if isinstance(error, chromadb.errors.ChromaError):
        return int(error.code())
    if isinstance(error.__context__, httpx.HTTPStatusError):
        return error.__context__.response.status_code
    return None
