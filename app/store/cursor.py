"""The cursors of a listing: the last id of a page, written so that nobody takes it for anything else."""

import base64
import binascii

from app.errors import InvalidCursor


def after(id: str) -> str:
    """A cursor that asks for the ids after this one."""
    return base64.urlsafe_b64encode(id.encode()).decode().rstrip("=")


def id_in(cursor: str) -> str:
    """The id that `after` was given. raises InvalidCursor"""
    try:
        found = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidCursor(cursor) from None
    # Some other texts decode to the same bytes: only the one that was given is taken.
    if after(found) != cursor:
        raise InvalidCursor(cursor)
    return found
