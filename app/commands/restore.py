"""`python -m app restore`: make a data directory of a backup. One that holds something is refused."""

from pathlib import Path

from app.settings import from_environment
from app.store.backup import restore


def main(*, file: str) -> int:
    restore(Path(file), from_environment().data_directory)
    return 0
