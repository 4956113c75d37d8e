"""What the commands ask first that work on the data directory: whether the collections are there at all."""

from pathlib import Path

from app.errors import CommandFailed
from app.settings import from_environment

POSTGRES = (
    "in PostgreSQL, whose own tools do this (pg_dump --schema=vectorspace, pg_restore, or your provider's snapshots)"
)
CHROMA = "in Chroma: keep copies of its server's directory while it is stopped, or export each collection"


def data_directory(command: str) -> Path:
    """raises  CommandFailed, where DATABASE_URL is set; CannotStart, naming each setting that is wrong"""
    settings = from_environment()
    if settings.database_url is not None:
        in_chroma = settings.database_url.get_secret_value().startswith(("http://", "https://"))
        where = CHROMA if in_chroma else POSTGRES
        raise CommandFailed(f"{command} is for DATA_DIRECTORY, and DATABASE_URL is set: the collections are {where}")
    return settings.data_directory
