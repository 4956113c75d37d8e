"""The OpenAPI document, with what FastAPI cannot know: the shapes and headers of errors, and who needs a key."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from app.api.auth import OPEN
from app.api.responses import ADDRESS, SHAPES

# FastAPI's own answer to a request that breaks a schema; here that is a 400, or TEI's 422 (problems.py).
UNUSED = ("HTTPValidationError", "ValidationError")
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "One of API_KEY or API_KEY_FILE, where any is set."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same, in another header."},
}
RETRY_AFTER = {
    "description": "Seconds after which to come back; not where waiting would not help.",
    "schema": {"type": "integer", "minimum": 1},
}
# problems.py sends it with these, where it makes them.
RETRIED = ("429", "502", "503")


def install(app: FastAPI) -> None:
    """Let `app` give the corrected document."""
    generate = app.openapi

    def corrected() -> dict[str, Any]:
        if app.openapi_schema is None:
            _correct(generate())  # which keeps what it made as app.openapi_schema
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = corrected  # type: ignore[method-assign]


def _correct(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            if (method.upper(), path) not in OPEN:
                operation["security"] = [{name: []} for name in SCHEMES]
                for status in responses.keys() & RETRIED:
                    responses[status].setdefault("headers", {})["Retry-After"] = RETRY_AFTER
            for status, response in list(responses.items()):
                schemas = [kind.get("schema", {}) for kind in response.get("content", {}).values()]
                if any(schema.get("$ref", "").endswith(UNUSED) for schema in schemas):
                    del responses[status]
    components = document["components"]
    _, errors = models_json_schema([(shape, "serialization") for shape in SHAPES], ref_template=ADDRESS)
    named: dict[str, Any] = {**components["schemas"], **errors["$defs"]}
    components["schemas"] = {name: named[name] for name in sorted(named.keys() - UNUSED)}
    components["securitySchemes"] = SCHEMES
