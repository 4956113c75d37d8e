"""The OpenAPI document, corrected where FastAPI cannot know: what an error's media type is, and which never comes."""

from typing import Any

from fastapi import FastAPI

PROBLEM = {"$ref": "#/components/schemas/Problem"}
# FastAPI's own answer to a request that breaks a schema; here that is a 400, or TEI's 422 (problems.py).
UNUSED = ("HTTPValidationError", "ValidationError")


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
    for operations in document["paths"].values():
        for operation in operations.values():
            responses = operation["responses"]
            for status, response in list(responses.items()):
                schemas = [kind.get("schema", {}) for kind in response.get("content", {}).values()]
                if PROBLEM in schemas:
                    response["content"] = {"application/problem+json": {"schema": PROBLEM}}
                elif any(schema.get("$ref", "").endswith(UNUSED) for schema in schemas):
                    del responses[status]
    for name in UNUSED:
        document["components"]["schemas"].pop(name, None)
