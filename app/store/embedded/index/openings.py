"""Notes of the times that the index was opened and not closed again, by which a crash that repeats is known.

What the trial did not meet may still kill the service at some query, and at the same one after its restart.
"""

import json
import sqlite3
import time

NOTE = "openings"
# So many ends within so long are no deployments.
ENDS, WITHIN_S = 3, 600


def note(connection: sqlite3.Connection) -> bool:
    """The index is about to be opened; whether it is to be trusted: False where the last openings all ended badly."""
    now = time.time()
    recent = [at for at in _noted(connection) if now - WITHIN_S < at <= now]
    trusted = len(recent) < ENDS
    _write(connection, [*recent, now] if trusted else [])
    return trusted


def forget(connection: sqlite3.Connection) -> None:
    """The index was closed."""
    _write(connection, [])


def _noted(connection: sqlite3.Connection) -> list[float]:
    found = connection.execute("SELECT value FROM notes WHERE name = ?", (NOTE,)).fetchone()
    return [float(at) for at in json.loads(found[0])] if found else []


def _write(connection: sqlite3.Connection, openings: list[float]) -> None:
    connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (NOTE, json.dumps(openings)))
