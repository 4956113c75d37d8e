"""The whole OpenAPI document against the real service: what it allows, and what breaks it, gets documented answers.

FUZZ_CASES=N asks for N cases for each operation and kind, of a new seed each time; without it they are few and fixed.
"""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.api.application import build_api
from tests.conftest import TOLD
from tests.process.conftest import Process

ASKED = int(os.environ.get("FUZZ_CASES", "0"))
CASES = ASKED or 40
Operation = APIOperation[Any, Any, Any, Any]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What says where a request ends is the HTTP server's: it refuses what is wrong with these by itself, with a bare 400
# (test_hostile.py).
FRAMING = {"transfer-encoding", "content-length", "connection", "expect", "upgrade"}
schema = schemathesis.openapi.from_dict(build_api().openapi())
OPERATIONS = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
tried: Counter[int] = Counter()
passed: list[str] = []


def _can_be_broken(operation: Operation) -> bool:
    """A name in the path is text whatever it is, and the body of an import any bytes."""
    return bool(operation.query or [body for body in operation.body if body.media_type == "application/json"])


KINDS = [
    pytest.param(operation, mode, id=f"{operation.label}, {word}")
    for operation in OPERATIONS
    for mode, word in ((GenerationMode.POSITIVE, "allowed"), (GenerationMode.NEGATIVE, "broken"))
    if mode is GenerationMode.POSITIVE or _can_be_broken(operation)
]


@pytest.fixture(scope="module")
def session() -> requests.Session:
    return requests.Session()


@pytest.mark.parametrize(("operation", "mode"), KINDS)
def test_answers_are_as_documented(
    service: Process, session: requests.Session, operation: Operation, mode: GenerationMode
) -> None:
    notes = f"{service.url}/v1/collections/notes"

    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        derandomize=not ASKED,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        # Every second case asks for what is there, since no random name is.
        if "collections" in operation.path and case.path_parameters and sum(tried.values()) % 2:
            session.put(notes, timeout=30)
            session.post(f"{notes}/documents", json={"documents": [{"id": "cat", "text": "a cat"}]}, timeout=30)
            case.path_parameters |= {"name": "notes"} | ({"id": "cat"} if "id" in case.path_parameters else {})
        for name in [name for name in case.headers or () if name.lower() in FRAMING]:
            del case.headers[name]
        response = case.call(base_url=service.url, session=session, timeout=60)
        tried[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    ask()
    assert session.get(f"{service.url}/health", timeout=30).json()["status"] == "ready"
    assert "Traceback" not in service.log
    passed.append(operation.label)


def test_no_operation_of_the_document_is_left_out() -> None:
    paths = build_api().openapi()["paths"]
    documented = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert {operation.label for operation in OPERATIONS} == documented


def test_counts(record_property: Callable[[str, object], None]) -> None:
    """What was tried, for the record; some of it was served, so that not all was refused at the door."""
    by_status = ", ".join(f"{status}: {count}" for status, count in sorted(tried.items()))
    record_property(
        TOLD,
        f"fuzz: {sum(tried.values())} cases over {len(OPERATIONS)} operations, "
        f"{len(passed)} of {len(KINDS)} kinds without a failure; by status {by_status}",
    )
    assert tried[200] > 0
    assert not [status for status in tried if status >= 500]
