"""`python -m app restore`: make a data directory of a backup. One that holds something is refused."""

from pathlib import Path

from app.commands.embedded import data_directory
from app.store.embedded.backup import restore


def main(*, file: str) -> int:
    restore(Path(file), data_directory("restore"))
    return 0
