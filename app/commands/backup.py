"""`python -m app backup`: one consistent file of the data directory, while the service runs."""

import importlib
from pathlib import Path

from app.settings import from_environment


def main(*, file: str) -> int:
    importlib.import_module("app.store.backup").backup(from_environment().data_directory, Path(file))
    return 0
