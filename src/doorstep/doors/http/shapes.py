"""shapes: what a request may look like: one walk over a type gives its JSON Schema, another every fault of a value.

Both read the same type, so that the document and the door cannot disagree. Whole numbers, texts and times without
bounds of their own get these: what lies beyond no column keeps.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec
from msgspec import inspect

from doorstep.kit.text import storable

LARGEST_NUMBER = 2**53 - 1
LONGEST_TEXT = 500
LONGEST_NAME = 120
MOST_FAULTS = 1000
YEARS = range(1900, 2200)
DECIMAL = r"^-?[0-9]{1,18}(\.[0-9]{1,12})?$"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where: a JSON pointer into the body, or the name of a parameter."""

    pointer: str
    detail: str


def info(kind: Any) -> inspect.Type:
    return _info(kind)


@lru_cache(maxsize=1024)
def _info(kind: Hashable) -> inspect.Type:
    return inspect.type_info(kind)


def faults(kind: Any, value: Any) -> list[Fault]:
    """Every fault of a value that was read from JSON (decimals as Decimal), up to MOST_FAULTS; empty when it fits."""
    return list(islice(_faults(info(kind), value, ""), MOST_FAULTS))


# Every fault of a value


def _faults(kind: inspect.Type, value: Any, at: str) -> Iterator[Fault]:
    match kind:
        case inspect.Metadata():
            yield from _faults(kind.type, value, at)
        case inspect.AnyType() | inspect.RawType():
            yield from _unstorable(value, at)
        case inspect.UnionType():
            yield from _union_faults(kind, value, at)
        case inspect.StructType():
            yield from _struct_faults(kind, value, at)
        case inspect.DictType():
            yield from _dict_faults(kind, value, at)
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            yield from _list_faults(kind, value, at)
        case inspect.StrType():
            yield from _text_faults(kind, value, at)
        case _:
            detail = _plain_fault(kind, value)
            if detail:
                yield Fault(at, detail)


def _union_faults(kind: inspect.UnionType, value: Any, at: str) -> Iterator[Fault]:
    if value is None and kind.includes_none:
        return
    others = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
    if len(others) == 1:
        yield from _faults(others[0], value, at)
        return
    tagged = [one for one in others if isinstance(one, inspect.StructType) and one.tag_field]
    if tagged and isinstance(value, dict):
        chosen = [one for one in tagged if value.get(str(one.tag_field)) == one.tag]
        if chosen:
            yield from _faults(chosen[0], value, at)
            return
    if not any(not list(_faults(one, value, at)) for one in others):
        yield Fault(at, "must be " + " or ".join(_said(one) for one in others))


def _struct_faults(kind: inspect.StructType, value: Any, at: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(at, "must be an object")
        return
    known = {one.encode_name: one for one in kind.fields}
    for name, one in known.items():
        if name in value:
            yield from _faults(one.type, value[name], f"{at}/{_escaped(name)}")
        elif one.required:
            yield Fault(f"{at}/{_escaped(name)}", "is missing")
    if kind.forbid_unknown_fields:
        for name in value:
            if name not in known and name != kind.tag_field:
                yield Fault(f"{at}/{_escaped(name)}", "is not a field here")


def _dict_faults(kind: inspect.DictType, value: Any, at: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(at, "must be an object")
        return
    for name, one in value.items():
        here = f"{at}/{_escaped(name)}"
        yield from _faults(kind.key_type, name, here)
        yield from _faults(kind.value_type, one, here)


def _list_faults(kind: Any, value: Any, at: str) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield Fault(at, "must be a list")
        return
    if kind.min_length is not None and len(value) < kind.min_length:
        yield Fault(at, f"must hold at least {kind.min_length}")
    if kind.max_length is not None and len(value) > kind.max_length:
        yield Fault(at, f"must hold at most {kind.max_length}")
        return
    for index, one in enumerate(value):
        yield from _faults(kind.item_type, one, f"{at}/{index}")


def _text_faults(kind: inspect.StrType, value: Any, at: str) -> Iterator[Fault]:
    longest = LONGEST_TEXT if kind.max_length is None else kind.max_length
    if not isinstance(value, str):
        yield Fault(at, "must be a text")
    elif not storable(value):
        yield Fault(at, "holds NUL or half a character (a lone surrogate)")
    elif len(value) > longest:
        yield Fault(at, f"must be at most {longest} characters long")
    elif kind.min_length is not None and len(value) < kind.min_length:
        yield Fault(at, f"must be at least {kind.min_length} characters long")
    elif kind.pattern is not None and not re.search(_to_the_very_end(kind.pattern), value):
        yield Fault(at, f"must match {kind.pattern}")


def _to_the_very_end(pattern: str) -> str:
    """In Python `$` matches before a last line break too; in JSON Schema it does not."""
    return pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern


def _unstorable(value: Any, at: str) -> Iterator[Fault]:
    if isinstance(value, str) and not storable(value):
        yield Fault(at, "holds NUL or half a character (a lone surrogate)")
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _unstorable(name, f"{at}/{_escaped(name)}")
            yield from _unstorable(one, f"{at}/{_escaped(name)}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _unstorable(one, f"{at}/{index}")


def _plain_fault(kind: inspect.Type, value: Any) -> str | None:
    match kind:
        case inspect.BoolType():
            return None if isinstance(value, bool) else "must be true or false"
        case inspect.IntType():
            return _number_fault(kind, value) if _is_whole(value) else "must be a whole number"
        case inspect.FloatType():
            return _number_fault(kind, value) if _is_number(value) else "must be a number"
        case inspect.DecimalType():
            fits = _is_number(value) or (isinstance(value, str) and re.search(_to_the_very_end(DECIMAL), value))
            return None if fits else "must be a decimal number"
        case inspect.LiteralType():
            return None if value in kind.values and not isinstance(value, bool) else _one_of(kind.values)
        case inspect.EnumType():
            values = tuple(one.value for one in kind.cls)
            return None if value in values else _one_of(values)
        case inspect.NoneType():
            return None if value is None else "must be null"
        case inspect.DateTimeType() | inspect.DateType() | inspect.TimeType() | inspect.BytesType():
            return _read_fault(kind, value)
    raise TypeError(f"{kind} is no type for a request: teach doors/http/shapes.py about it")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _number_fault(kind: inspect.IntType | inspect.FloatType, value: Any) -> str | None:
    least, most = _bounds(kind)
    if kind.ge is not None or kind.gt is None:
        if value < least:
            return f"must be at least {least}"
    elif value <= kind.gt:
        return f"must be more than {kind.gt}"
    if kind.le is not None or kind.lt is None:
        if value > most:
            return f"must be at most {most}"
    elif value >= kind.lt:
        return f"must be less than {kind.lt}"
    return None


def _bounds(kind: inspect.IntType | inspect.FloatType) -> tuple[Any, Any]:
    return (
        -LARGEST_NUMBER if kind.ge is None else kind.ge,
        LARGEST_NUMBER if kind.le is None else kind.le,
    )


def _read_fault(kind: inspect.Type, value: Any) -> str | None:
    """Of what JSON has no word for: a text in a certain form."""
    said = f"must be {_said(kind)}"
    if not isinstance(value, str):
        return said
    try:
        if isinstance(kind, inspect.BytesType):
            b64decode(value, validate=True)
            return None
        wanted: Any = {"DateTimeType": datetime, "DateType": date, "TimeType": time}[type(kind).__name__]
        read = msgspec.convert(value, wanted)
    except (ValueError, msgspec.ValidationError):
        return said
    if isinstance(read, date) and read.year not in YEARS:
        return f"must be in the years {YEARS.start} to {YEARS.stop - 1}"
    if isinstance(read, datetime) and read.tzinfo is None:
        return said
    return None


def _one_of(values: tuple[Any, ...]) -> str:
    return "must be one of " + ", ".join(sorted(str(value) for value in values))


def _said(kind: inspect.Type) -> str:
    names = {
        "DateTimeType": "a time with its offset, as 2026-03-02T12:00:00Z",
        "DateType": "a day, as 2026-03-02",
        "TimeType": "a time of day, as 14:00:00",
        "BytesType": "bytes in base64",
        "StrType": "a text",
        "IntType": "a whole number",
        "BoolType": "true or false",
        "StructType": "an object",
        "DictType": "an object",
        "ListType": "a list",
    }
    inner = kind.type if isinstance(kind, inspect.Metadata) else kind
    return names.get(type(inner).__name__, "another kind of value")


def _escaped(name: str) -> str:
    """The name as a part of a pointer; one that nobody can send back is made harmless, an endless one cut."""
    sendable = name[:LONGEST_NAME].encode("utf-8", "replace").decode()
    return sendable.replace("~", "~0").replace("/", "~1")


# JSON Schema of a type


@dataclass(slots=True)
class Components:
    """The schemas of an OpenAPI document, by name; two types of one name are told apart by their modules."""

    schemas: dict[str, dict[str, Any]] = field(default_factory=dict)
    _names: dict[type, str] = field(default_factory=dict)

    def of(self, kind: Any, *, request: bool = False) -> dict[str, Any]:
        """The schema of a type; for requests with the bounds that the door adds."""
        return self._schema(info(kind), request)

    def _schema(self, kind: inspect.Type, request: bool) -> dict[str, Any]:
        match kind:
            case inspect.Metadata():
                return self._schema(kind.type, request) | (kind.extra_json_schema or {})
            case inspect.StructType():
                return {"$ref": f"#/components/schemas/{self._named(kind, request)}"}
            case inspect.UnionType():
                return self._union(kind, request)
            case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
                items: dict[str, Any] = {"type": "array", "items": self._schema(kind.item_type, request)}
                return items | _given(minItems=kind.min_length, maxItems=kind.max_length)
            case inspect.DictType():
                if isinstance(kind.value_type, inspect.AnyType):
                    return {"type": "object", "additionalProperties": True}
                return {"type": "object", "additionalProperties": self._schema(kind.value_type, request)}
        return _plain_schema(kind, request)

    def _union(self, kind: inspect.UnionType, request: bool) -> dict[str, Any]:
        others = [self._schema(one, request) for one in kind.types if not isinstance(one, inspect.NoneType)]
        if not kind.includes_none:
            return {"anyOf": others}
        if len(others) == 1 and isinstance(others[0].get("type"), str) and "enum" not in others[0]:
            return others[0] | {"type": [others[0]["type"], "null"]}
        return {"anyOf": [*others, {"type": "null"}]}

    def _named(self, kind: inspect.StructType, request: bool) -> str:
        if kind.cls in self._names:
            return self._names[kind.cls]
        name = kind.cls.__name__
        if name in self.schemas:
            name = kind.cls.__module__.split(".")[-1].title().replace("_", "") + name
        if name in self.schemas:
            raise ValueError(f"two types are called {name}")
        self._names[kind.cls] = name
        self.schemas[name] = {}
        self.schemas[name] |= self._struct(kind, request)
        return name

    def _struct(self, kind: inspect.StructType, request: bool) -> dict[str, Any]:
        properties = {one.encode_name: self._field(one, request) for one in kind.fields}
        required = [one.encode_name for one in kind.fields if one.required]
        if kind.tag_field:
            properties[kind.tag_field] = {"const": kind.tag}
            required.append(kind.tag_field)
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        if _about(kind.cls):
            schema["description"] = _about(kind.cls)
        if required:
            schema["required"] = required
        if kind.forbid_unknown_fields:
            schema["additionalProperties"] = False
        return schema

    def _field(self, one: inspect.Field, request: bool) -> dict[str, Any]:
        schema = self._schema(one.type, request)
        if request and one.default is not msgspec.NODEFAULT and one.default is not None:
            schema = schema | {"default": msgspec.to_builtins(one.default, str_keys=True)}
        return schema


def _plain_schema(kind: inspect.Type, request: bool) -> dict[str, Any]:
    match kind:
        case inspect.AnyType() | inspect.RawType():
            return {}
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.IntType() | inspect.FloatType():
            return _number_schema(kind, request)
        case inspect.StrType():
            longest = LONGEST_TEXT if request and kind.max_length is None else kind.max_length
            return {"type": "string"} | _given(minLength=kind.min_length, maxLength=longest, pattern=kind.pattern)
        case inspect.DecimalType():
            text = {"type": "string", "pattern": DECIMAL}
            return {"anyOf": [text, {"type": "number"}]} if request else text
        case inspect.LiteralType():
            return {"enum": sorted(kind.values, key=str)}
        case inspect.EnumType():
            return {"enum": [one.value for one in kind.cls]}
        case inspect.DateTimeType():
            return {"type": "string", "format": "date-time"}
        case inspect.DateType():
            return {"type": "string", "format": "date"}
        case inspect.TimeType():
            return {"type": "string", "pattern": r"^[0-2][0-9]:[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?$"}
        case inspect.BytesType():
            return {"type": "string", "contentEncoding": "base64"}
        case inspect.NoneType():
            return {"type": "null"}
    raise TypeError(f"{kind} is no type for the API: teach doors/http/shapes.py about it")


def _number_schema(kind: inspect.IntType | inspect.FloatType, request: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer" if isinstance(kind, inspect.IntType) else "number"}
    given = _given(minimum=kind.ge, maximum=kind.le, exclusiveMinimum=kind.gt, exclusiveMaximum=kind.lt)
    if request:
        least, most = _bounds(kind)
        given |= {} if kind.gt is not None else {"minimum": least}
        given |= {} if kind.lt is not None else {"maximum": most}
    return schema | given


def _given(**words: Any) -> dict[str, Any]:
    return {name: value for name, value in words.items() if value is not None}


def _about(cls: type) -> str:
    """The docstring as one text; msgspec gives a type without one its signature, which says nothing new."""
    own: Mapping[str, Any] = vars(cls)
    text = own.get("__doc__") or ""
    return " ".join(text.split())
