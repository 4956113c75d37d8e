"""The sample collection with the real model: meanings find their words, and the map shows what belongs together."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from app.embedding.encoder import F32
from app.projection.clusters import cluster_count, clusters
from app.projection.plane import Plane, plane
from scripts.sample import unpacked
from tests.model.conftest import Model
from tests.unit.projection.conftest import kept

MEANINGS = {
    "an animal that sleeps all winter": "dormouse.1",
    "someone who mends shoes": "cobbler.1",
    "frozen water drifting in the sea": "iceberg.1",
    "a person who looks at the stars": "astronomer.1",
    "a fish that looks like a horse": "seahorse.2",
    "missing home": "homesickness.1",
    "an instrument with black and white keys": "piano.1",
}


@pytest.fixture(scope="module")
def sample() -> list[dict[str, Any]]:
    return [json.loads(line) for line in unpacked().splitlines()]


@pytest.fixture(scope="module")
def vectors(int8: Model, sample: list[dict[str, Any]]) -> F32:
    return int8.together([record["text"] for record in sample], size=32, seed=0)


@pytest.fixture(scope="module")
def neighbours(vectors: F32) -> Plane:
    return plane(vectors, "neighbours")


@pytest.mark.parametrize(("meaning", "expected"), MEANINGS.items())
def test_a_meaning_finds_its_word(
    int8: Model, sample: list[dict[str, Any]], vectors: F32, meaning: str, expected: str
) -> None:
    assert sample[int((vectors @ int8.alone([meaning])[0]).argmax())]["id"] == expected


def test_the_dormouse_is_found_without_its_words(sample: list[dict[str, Any]]) -> None:
    """As app/web/SAMPLE.md says."""
    (dormouse,) = [record["text"].lower() for record in sample if record["id"] == "dormouse.1"]
    assert not [word for word in ("animal", "sleep", "winter") if word in dormouse]


def test_the_neighbours_layout_keeps_more_neighbours_than_components(vectors: F32, neighbours: Plane) -> None:
    """Of the ten nearest: 65 in a hundred, and 18."""
    by_components = kept(vectors, plane(vectors, "components").points)
    by_neighbours = kept(vectors, neighbours.points)
    assert by_neighbours > 0.55
    assert by_neighbours > 2.5 * by_components


def test_clusters_are_of_one_topic_mostly(sample: list[dict[str, Any]], vectors: F32) -> None:
    group = clusters(vectors, cluster_count(len(vectors)))
    topics = Counter((each, record["metadata"]["topic"]) for each, record in zip(group.tolist(), sample, strict=True))
    of_most = sum(max(count for (other, _), count in topics.items() if other == each) for each in set(group.tolist()))
    assert of_most / len(sample) > 0.65


@pytest.mark.parametrize(("meaning", "expected"), MEANINGS.items())
def test_a_query_falls_near_what_it_finds(
    int8: Model, sample: list[dict[str, Any]], neighbours: Plane, meaning: str, expected: str
) -> None:
    """Nearer than nine of ten points."""
    (row,) = [row for row, record in enumerate(sample) if record["id"] == expected]
    away = np.linalg.norm(neighbours.points - neighbours.place(int8.alone([meaning])[0]), axis=1)
    assert away[row] < np.quantile(away, 0.1)
