"""Bodies with very many things in them: the first that is wrong is named, and nothing is done for each of the rest."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from starlette.testclient import TestClient

from app.api import answer_schemas, collection_schemas, map_schemas, passages, schemas, tei_schemas
from app.api.schemas import Strict

MODULES = (answer_schemas, collection_schemas, map_schemas, passages, schemas, tei_schemas)
BODIES = sorted(
    {
        each
        for module in MODULES
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Strict)
    }
    - {Strict},
    key=lambda each: each.__name__,
)
NOTES = "/v1/collections/notes"
MANY = 20_000


def lists_in(schema: Any) -> Iterator[dict[str, Any]]:
    """Schemas of lists, wherever they are in pydantic's own schema."""
    if isinstance(schema, dict):
        if schema.get("type") == "list":
            yield schema
        for name, part in schema.items():
            if name != "json_schema_input_schema":  # what the document says, and nothing reads by
                yield from lists_in(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            yield from lists_in(part)


def test_these_are_all_bodies() -> None:
    made = [each for each in Strict.__subclasses__() if each.__module__.startswith("app.")]
    assert set(made) <= set(BODIES)
    assert len(BODIES) > 8


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_every_list_of_a_body_stops_at_the_first_that_is_wrong(body: type[BaseModel]) -> None:
    assert [each for each in lists_in(body.__pydantic_core_schema__) if not each.get("fail_fast")] == []


def test_a_list_that_does_not_stop_would_be_seen() -> None:
    class Endless(Strict):
        texts: list[str]

    assert [each.get("fail_fast") for each in lists_in(Endless.__pydantic_core_schema__)] == [None]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_of_unknown_fields_one_is_named(body: type[BaseModel]) -> None:
    with pytest.raises(ValidationError) as refused:
        body.model_validate({f"x{number}": 1 for number in range(MANY)})
    named = [each["loc"] for each in refused.value.errors() if each["type"] == "extra_forbidden"]
    assert named == [("x0",)]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/embeddings", {"model": "fake-model", "input": [1.5] * MANY}, "input.0: Input should be a valid string"),
        ("/embed", {"inputs": ["a"] + [None] * MANY}, "inputs.1: Input should be a valid string"),
        ("/similarity", {"inputs": {"source_sentence": "a", "sentences": [""] * MANY}}, "inputs.sentences.0: "),
        ("/v1/passages", {"texts": [1] * MANY}, "texts.0: Input should be a valid string"),
        (f"{NOTES}/documents", {"documents": [1] * 999}, "documents.0: "),
        (f"{NOTES}/documents", {"documents": [1] * MANY}, f"documents in a request: {MANY}, and at most 1000"),
        (f"{NOTES}/documents", {"documents": [{"text": "a"}] * 1001}, "documents in a request: 1001, and at most 1000"),
        (f"{NOTES}/documents", {"documents": [{f"x{n}": 1 for n in range(MANY)}]}, "documents.0.x0: "),
        (f"{NOTES}/documents/delete", {"ids": [1] * MANY}, "ids.0: Input should be a valid string"),
        (f"{NOTES}/search", {"query": "a", "include": ["x"] * MANY}, "include.0: Input should be 'text'"),
        (f"{NOTES}/search", {"vector": ["a"] * MANY}, "vector.list[float].0: Input should be a valid number"),
        (f"{NOTES}/search", {"vector": [1] * 65_537}, "at most 65536 items after validation, not 65537"),
        (f"{NOTES}/ask", {f"x{n}": 1 for n in range(MANY)}, "question: Field required"),
    ],
)
def test_the_first_that_is_wrong_is_named(client: TestClient, path: str, body: object, said: str) -> None:
    client.put(NOTES)
    answer = client.post(path, json=body)
    assert answer.status_code in (400, 422)
    assert said in answer.text


def test_a_body_that_is_no_json_is_refused_and_not_counted(client: TestClient) -> None:
    client.put(NOTES)
    raw = json.dumps({"documents": [{"text": "a"}] * 1001})
    answer = client.post(f"{NOTES}/documents", content=raw, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400
    assert "sent as application/json" in answer.text
