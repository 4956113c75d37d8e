"""`python -m app restore`: make a data directory of a backup. One that holds something is refused."""

import importlib
from pathlib import Path

from app.settings import from_environment


def main(*, file: str) -> int:
    importlib.import_module("app.store.backup").restore(Path(file), from_environment().data_directory)
    return 0
