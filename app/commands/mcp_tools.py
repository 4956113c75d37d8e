"""The tools that an assistant gets: `search` and `ask`, in a collection of a running service."""

from collections.abc import Mapping
from typing import Any

from app.commands.service import Service, path_of
from app.errors import CommandFailed

_FILTER = {
    "type": "object",
    "description": "Conditions on documents' metadata: $eq $ne $gt $gte $lt $lte $in $nin $and $or",
}
_MODE = {
    "type": "string",
    "enum": ["hybrid", "semantic", "keyword"],
    "description": "default: hybrid, and semantic where the store has no words",
}
_READS = {"readOnlyHint": True, "idempotentHint": True}
TOOLS: list[dict[str, Any]] = [
    {
        "name": "search",
        "title": "Search",
        "description": "Find documents by meaning and by words. Each has its best passage, and where in it that is.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "what is looked for, in words"},
                "limit": {"type": "integer", "minimum": 1, "description": "documents; default: 10"},
                "mode": _MODE,
                "filter": _FILTER,
            },
            "required": ["query"],
            "additionalProperties": False,
        },
        "annotations": _READS | {"openWorldHint": False},
    },
    {
        "name": "ask",
        "title": "Ask",
        "description": "Answer a question from the documents, with numbered sources that each point to a passage.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "question": {"type": "string", "description": "in words"},
                "limit": {"type": "integer", "minimum": 1, "description": "sources; default: 5"},
                "mode": _MODE,
                "filter": _FILTER,
                "extract": {
                    "type": "boolean",
                    "description": "true: sentences of the sources, word for word, even where a language model is set",
                },
            },
            "required": ["question"],
            "additionalProperties": False,
        },
        "annotations": _READS | {"openWorldHint": False},
    },
]
# What is sent of a hit: the whole text of a document may be megabytes.
_ALWAYS: dict[str, dict[str, Any]] = {"search": {"include": ["metadata", "passage"]}, "ask": {"stream": False}}


class Tools:
    """Calls go to the service over HTTP, which also says what is wrong with their arguments."""

    def __init__(self, collection: str, url: str) -> None:
        self._collection = collection
        self._url = url

    def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """A tool's result as the protocol has it: for people, and as the service's own JSON. A failure is one too."""
        known = next(tool["inputSchema"]["properties"] for tool in TOOLS if tool["name"] == name)
        if unknown := sorted(set(arguments) - set(known)):
            return _result(f"{name} has no argument {unknown[0]!r}: there are {', '.join(known)}", failed=True)
        service = Service(self._url)
        try:
            body = service.post(path_of(self._collection, f"/{name}"), {**arguments, **_ALWAYS[name]})
        except CommandFailed as error:
            return _result(str(error), failed=True)
        finally:
            service.connection.close()
        return _result(_told_hits(body) if name == "search" else _told_answer(body)) | {"structuredContent": body}


def _result(text: str, *, failed: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def _told_hits(body: Mapping[str, Any]) -> str:
    hits = [_place(hit["id"], hit["passage"], f"score {hit['score']:.3f}") for hit in body["hits"]]
    return "\n\n".join(hits) or "Nothing was found."


def _told_answer(body: Mapping[str, Any]) -> str:
    sources = [_place(source["id"], source, f"source [{source['number']}]") for source in body["sources"]]
    how = (
        [f"The language model failed ({body['fallback']['reason']}): sentences instead."] if "fallback" in body else []
    )
    return "\n\n".join([body["answer"], *how, *sources])


def _place(id: str, passage: Mapping[str, Any], what: str) -> str:
    return f"{what}, document {id!r}, characters {passage['start']} to {passage['end']}:\n{passage['text']}"
