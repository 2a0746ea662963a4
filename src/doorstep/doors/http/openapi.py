"""openapi: the API's document, written from its operations: what is in it is what the door does, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from doorstep.doors.http.operations import IDEMPOTENCY_KEY, Operation, VerbQuery
from doorstep.doors.http.problems import MEDIA_TYPE, Problem
from doorstep.doors.http.shapes import Components
from doorstep.doors.http.verbs import Effect
from doorstep.kit.refusals import Refusal, every_refusal, sentence_of

ID_PATTERN = "^[a-z]{3}_[1-9][0-9]{0,17}$"
# What a path may say beside public ids: an account goes by the name it was given.
WORD_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$"
NAMED_BY_WORDS = frozenset({"carrier", "channel", "load"})

ABOUT = """
Every verb of an order's journey, and everything it leaves behind. Authorize with an API key:
`Authorization: Bearer ds_live_…`. Send an `Idempotency-Key` with every change: the same key with the same body answers
with the first result, with another body it is refused. `?preview=true` tells what a change would do, and does nothing.
Amounts are whole minor units with an ISO 4217 currency; times are UTC, RFC 3339. Every refusal is a problem (RFC 9457)
whose `code` names it; fields that are not as they must be are all listed in `errors`.
"""

# Which refusals of the door itself an operation can meet, by status.
_ALWAYS = (400, 401, 403, 429, 500, 503)
_SENTENCES = {
    400: "The request cannot be read.",
    401: "There is no valid API key.",
    403: "The key does not reach this.",
    404: "There is no such thing here.",
    405: "This address does not take that method.",
    409: "Refused, for the reason given.",
    413: "The body is too large.",
    415: "The body must be sent as application/json.",
    422: "Some fields are not as they must be, or not as the rules allow.",
    429: "Too much at once; ask again shortly.",
    500: "Something is wrong on our side.",
    503: "The database does not answer just now; ask again with the same key.",
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    components = Components()
    components.of(Problem)
    components.of(Effect)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "doorstep", "version": version("doorstep"), "description": " ".join(ABOUT.split())},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": components.schemas,
            "responses": {f"Problem{status}": _problem(status, text) for status, text in _SENTENCES.items()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}],
    }


def _operation(operation: Operation, components: Components) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.says,
        "tags": [operation.tag],
        "x-scope": operation.scope,
        "parameters": [*_in_path(operation), *_in_query(operation, components), *_in_header(operation)],
        "responses": {
            **{str(status): _answer(operation, answer, components) for status, answer in operation.answers.items()},
            **{str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in _refused_with(operation)},
        },
    }
    if operation.about:
        told["description"] = operation.about
    if operation.body is not None:
        content: dict[str, Any] = {"schema": components.of(operation.body, request=True)}
        if operation.example is not None:
            content["example"] = operation.example
        told["requestBody"] = {
            "required": not operation.body_may_be_empty,
            "content": {"application/json": content},
        }
    return told


def _in_path(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": _pattern(name)}}
        for name in operation.parameters
    ]


def _pattern(name: str) -> str:
    return WORD_PATTERN if name in NAMED_BY_WORDS else ID_PATTERN


def _in_query(operation: Operation, components: Components) -> list[dict[str, Any]]:
    parameters = []
    for one in msgspec.structs.fields(operation.query):
        schema = _without_null(components.of(one.type, request=True))
        if one.default is not msgspec.NODEFAULT and one.default is not None:
            schema = schema | {"default": one.default}
        parameters.append({"name": one.encode_name, "in": "query", "required": one.required, "schema": schema})
    return parameters


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or not; it has no word for null."""
    if isinstance(schema.get("type"), list):
        return {**schema, "type": schema["type"][0]}
    others = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(others) == 1:
        return {**{name: word for name, word in schema.items() if name != "anyOf"}, **others[0]}
    return schema


def _in_header(operation: Operation) -> list[dict[str, Any]]:
    if not operation.takes_key:
        return []
    schema = {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY}$"}
    about = "The same key with the same body answers with the first result; kept for 30 days at least."
    return [{"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema, "description": about}]


def _answer(operation: Operation, answer: Any, components: Components) -> dict[str, Any]:
    if answer is None and operation.media_type == "application/json":
        return {"description": "Done."}
    if answer is None:
        schema: dict[str, Any] = {"type": "string", "contentMediaType": operation.media_type}
    else:
        schema = components.of(answer)
        if operation.query is VerbQuery:
            schema = {"anyOf": [schema, components.of(Effect)]}
    return {"description": operation.says, "content": {operation.media_type: {"schema": schema}}}


def _refused_with(operation: Operation) -> list[int]:
    found = set(_ALWAYS)
    must_name = any(one.required for one in msgspec.structs.fields(operation.query))
    if operation.parameters or must_name or operation.method != "GET":
        found |= {404, 409}
    if operation.body is not None:
        found |= {413, 415, 422}
    if msgspec.structs.fields(operation.query) or operation.parameters:
        found |= {422}
    return sorted(found - set(operation.answers))


def _problem(status: int, text: str) -> dict[str, Any]:
    codes = [kind for kind in every_refusal() if kind.status == status and kind is not Refusal]
    problem: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if codes:
        kind = codes[0]
        problem["example"] = {
            "type": f"/v1/problems/{kind.__name__}", "title": sentence_of(kind), "status": status,
            "code": kind.__name__, "why": {}, "errors": [],
        }  # fmt: skip
        text = f"{text} Codes: " + ", ".join(f"`{code.__name__}`" for code in codes) + "."
    return {"description": text, "content": {MEDIA_TYPE: problem}}
