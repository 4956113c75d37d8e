"""The dashboard, the alerts and the table of metrics speak of what the service really shows."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app.api.problems import TITLES
from tests.api.whole import whole

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "observability.md").read_text()
DASHBOARD = json.loads((DOCS / "grafana" / "dashboard.json").read_text())
# Grafana's own variables, each with a value that it might have.
VARIABLES = {"$__rate_interval": "5m", "$job": "vectorspace", "$instance": "localhost:8000"}
# What Prometheus itself puts on every sample.
SCRAPED = {"job", "instance"}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading of the page; a `|` in code is no border."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in re.split(r"\|(?=(?:[^`]*`[^`]*`)*[^`]*$)", line)[1:-1]] for line in lines]


def queries() -> list[str]:
    """Of every panel, and of every alert."""
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    for name, example in VARIABLES.items():
        panels = [query.replace(name, example) for query in panels]
    return panels + [row[1].strip("`") for row in rows("Alerts worth having")]


def cut_short(client: TestClient) -> None:
    """An answer that has begun with 200 and then fails: an import from a collection of another model."""
    client.put("/v1/collections/a")
    other = '{"collection": {"name": "a", "model": "another", "dimension": 3, "distance": "cosine"}}\n{"text": "a"}'
    client.post("/v1/collections/a/import", content=other, headers={"Content-Type": "application/x-ndjson"})


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, set[str]]]:
    """The labels of each sample that a service in use shows, and their values."""
    with whole(tmp_path_factory.mktemp("data")) as client:
        client.post("/v1/embeddings", json={"model": "fake-model", "input": "a"})
        cut_short(client)
        text = client.get("/metrics").text
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    found["vectorspace_http_requests_total"]["status"] |= {str(status) for status in TITLES} | {"none"}
    return found


@dataclass
class Used:
    """A metric in a query, and the functions around it, the innermost first."""

    name: str
    matched: dict[str, tuple[str, str]]  # by label, the operator and the value
    around: list[str]
    by: set[str] = field(default_factory=set)


def used(node: Any, around: tuple[str, ...] = (), by: frozenset[str] = frozenset()) -> Iterator[Used]:
    match node:
        case promql_parser.VectorSelector():
            assert node.name is not None
            matched = {each.name: (str(each.op), each.value) for each in node.matchers.matchers}
            yield Used(node.name, matched, list(around), set(by))
        case promql_parser.MatrixSelector():
            yield from used(node.vector_selector, around, by)
        case promql_parser.Call():
            for argument in node.args:
                yield from used(argument, (node.func.name, *around), by)
        case promql_parser.AggregateExpr():
            labels = node.modifier.labels if node.modifier is not None else []
            yield from used(node.expr, around, by | set(labels))
        case promql_parser.BinaryExpr():
            yield from used(node.lhs, around, by)
            yield from used(node.rhs, around, by)
        case promql_parser.ParenExpr():
            yield from used(node.expr, around, by)
        case _:
            assert isinstance(node, promql_parser.NumberLiteral), type(node)


@pytest.mark.parametrize("query", queries())
def test_each_query_asks_for_what_is_there(query: str, samples: dict[str, dict[str, set[str]]]) -> None:
    metrics = list(used(promql_parser.parse(query)))
    assert metrics
    for metric in metrics:
        assert metric.name in samples
        assert metric.matched.keys() | metric.by <= samples[metric.name].keys() | SCRAPED
        for label, (operator, value) in metric.matched.items():
            if label not in SCRAPED and not operator.endswith(("NotEqual", "NotRe")):
                for alternative in value.split("|"):
                    known = samples[metric.name][label]
                    assert any(re.fullmatch(alternative, each) for each in known), f"{label}: {alternative}"
        inner = metric.around[0] if metric.around else ""
        if metric.name.endswith(("_total", "_sum", "_count", "_bucket")):
            assert inner in ("rate", "increase"), f"{metric.name} only ever grows"
        if metric.name.endswith("_bucket"):
            assert metric.around[:2] == ["rate", "histogram_quantile"]
            assert "le" in metric.by


def test_each_quantile_is_of_a_histogram() -> None:
    quantiles = [query for query in queries() if "histogram_quantile" in query]
    assert len(quantiles) > 5
    for query in quantiles:
        assert all(metric.name.endswith("_bucket") for metric in used(promql_parser.parse(query)))


def test_the_dashboard_shows_what_matters() -> None:
    shown = {metric.name for query in queries() for metric in used(promql_parser.parse(query))}
    assert {
        "vectorspace_http_requests_total",
        "vectorspace_http_request_duration_seconds_bucket",
        "vectorspace_queue_wait_seconds_bucket",
        "vectorspace_batch_texts_bucket",
        "vectorspace_padding_tokens_total",
        "vectorspace_cache_hits_total",
        "vectorspace_index_behind_changes",
        "vectorspace_documents",
        "process_resident_memory_bytes",
    } <= shown


def test_the_variables_are_those_of_a_metric_that_is_always_there() -> None:
    variables = [each for each in DASHBOARD["templating"]["list"] if each["type"] == "query"]
    assert [f"${each['name']}" for each in variables] == ["$job", "$instance"]
    assert all(each["query"].startswith("label_values(vectorspace_build_info") for each in variables)


def test_no_panel_lies_on_another_and_each_has_its_number() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not taken & cells, panel["title"]
        taken |= cells
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))


def test_the_table_has_every_metric_with_its_type_and_labels(tmp_path: Path) -> None:
    with whole(tmp_path) as client:
        client.post("/v1/embeddings", json={"model": "fake-model", "input": "a"})
        cut_short(client)
        text = client.get("/metrics").text
    families = list(text_string_to_metric_families(text))
    shown = {
        family.name + ("_total" if family.type == "counter" else ""): (
            family.type,
            {label for sample in family.samples for label in sample.labels} - {"le"},
        )
        for family in families
    }
    told = {
        row[0].strip("`"): (row[1], {label.strip("`") for label in row[2].split(", ") if label})
        for row in rows("Metrics")
    }
    assert told == shown


def test_the_page_names_the_fields_of_a_line() -> None:
    example = json.loads(next(line for line in PAGE.splitlines() if line.startswith("{")))
    fields = {name for row in rows("Logs") for name in re.findall(r"`(\w+)`", row[0])}
    assert fields <= example.keys() | {"store_ms", "remote_ms", "map_ms", "cut_short"}
    assert example.keys() - fields == {"time", "level", "logger", "message", "method"}
