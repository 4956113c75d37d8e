"""`python -m app backup`: one consistent file of the data directory, while the service runs."""

from pathlib import Path

from app.settings import from_environment
from app.store.backup import backup


def main(*, file: str) -> int:
    backup(from_environment().data_directory, Path(file))
    return 0
