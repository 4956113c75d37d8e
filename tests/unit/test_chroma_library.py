"""chromadb as this service imports it: without the exporter that it loads, whose stand-in refuses to be used."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.store.library import OTLPSpanExporter, chromadb


def test_it_keeps_and_finds_vectors(tmp_path: Path) -> None:
    client = chromadb.PersistentClient(str(tmp_path))
    collection = client.create_collection("plane", embedding_function=None)
    collection.add(ids=["east", "north"], embeddings=np.eye(2, dtype=np.float32), metadatas=[{"n": 1}, {"n": 2}])
    nearly_east = np.array([[0.9, 0.1]], np.float32)
    assert collection.query(query_embeddings=nearly_east, n_results=1)["ids"] == [["east"]]
    assert collection.query(query_embeddings=nearly_east, n_results=1, where={"n": 2})["ids"] == [["north"]]


def test_the_stand_in_says_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match="OTLP exporter is not installed"):
        OTLPSpanExporter()


def test_chromadb_alone_does_not_import_here() -> None:
    """The reason for the stand-in; once this fails, it can go."""
    done = subprocess.run([sys.executable, "-c", "import chromadb"], capture_output=True, text=True)
    assert "opentelemetry.exporter" in done.stderr
