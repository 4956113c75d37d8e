"""`python -m app backup`: one consistent file of the data directory, while the service runs."""

from pathlib import Path

from app.commands.embedded import data_directory
from app.store.embedded.backup import backup


def main(*, file: str) -> int:
    backup(data_directory("backup"), Path(file))
    return 0
