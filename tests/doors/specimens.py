"""specimens: requests made from the OpenAPI document: what its schemas ask for, with given values for known names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    scope: str
    in_path: tuple[str, ...]
    in_query: Mapping[str, dict[str, Any]]
    required: frozenset[str]
    body: dict[str, Any] | None

    @property
    def is_write(self) -> bool:
        return self.method != "GET"


def operations(document: Document) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            parameters = told.get("parameters", [])
            content = told.get("requestBody", {}).get("content", {}).get("application/json")
            yield Operation(
                told["operationId"], method.upper(), path, told["x-scope"],
                tuple(one["name"] for one in parameters if one["in"] == "path"),
                {one["name"]: one["schema"] for one in parameters if one["in"] == "query"},
                frozenset(one["name"] for one in parameters if one["in"] == "query" and one["required"]),
                content["schema"] if content else None,
            )  # fmt: skip


def specimen(document: Document, schema: dict[str, Any], known: Mapping[str, Any], name: str = "") -> Any:
    """A value that fits the schema: what must be there, and everything whose name is known."""
    schema = resolved(document, schema)
    if name in known and fits(schema, known[name]):
        return known[name]
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return specimen(document, schema[choice][0], known, name)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        required = schema.get("required", [])
        return {
            one: specimen(document, inner, known, one)
            for one, inner in schema.get("properties", {}).items()
            if one in required or names_known(document, inner, known, one)
        }
    if kind == "array":
        items = schema.get("items", {})
        wanted = schema.get("minItems", 0) or int(names_known(document, items, known, singular(name)))
        return [specimen(document, items, known, singular(name)) for _ in range(wanted)]
    if kind in ("integer", "number"):
        return max(1, schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
    if kind == "boolean":
        return schema.get("default", False)
    if kind == "string":
        return text(schema)
    return {}


def text(schema: dict[str, Any]) -> str:
    formats = {"date-time": "2026-03-02T12:00:00Z", "date": "2026-03-02"}
    if schema.get("format") in formats:
        return formats[schema["format"]]
    candidates = ["x", "US", "USD", "1", "12.50", "ord_1", "abc", "https://example.com/hook", "14:00:00", "NJ-1", ""]
    least = schema.get("minLength", 0)
    for candidate in (*candidates, "x" * least):
        if len(candidate) >= least and re.search(schema.get("pattern", ""), candidate):
            return candidate
    raise AssertionError(f"no text fits {schema}: add one to the candidates")


def names_known(document: Document, schema: dict[str, Any], known: Mapping[str, Any], name: str) -> bool:
    """Whether a known name is this one or anywhere inside."""
    schema = resolved(document, schema)
    if name in known:
        return True
    inner = [
        *schema.get("properties", {}).items(),
        *(("", one) for choice in ("anyOf", "oneOf") for one in schema.get(choice, ())),
        *([(singular(name), schema["items"])] if "items" in schema else []),
    ]
    return any(names_known(document, one, known, word) for word, one in inner)


def fits(schema: dict[str, Any], value: Any) -> bool:
    if value in schema.get("enum", ()) or not re.search(schema.get("pattern", ""), str(value)):
        return value in schema.get("enum", ())
    kinds = schema.get("type")
    words = {"string": str, "integer": int, "array": list, "object": dict}
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind in words and isinstance(value, words[kind]):
            return True
    return any(fits(one, value) for one in schema.get("anyOf", ()))


def resolved(document: Document, schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    *_, name = schema["$ref"].split("/")
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def singular(name: str) -> str:
    return name.removesuffix("s")
