"""reading: what came in, as the type that was asked for; or every fault of it at once.

Fast first: msgspec reads a good body in one go. Only a body that it refuses, or that holds something which it lets
through and no column keeps (NUL, endless numbers, times without an offset), is read a second time, slowly, to name
every fault. Of two values under one name the last one counts, as everywhere in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import inspect

from doorstep.doors.http.shapes import LONGEST_TEXT, Fault, faults, info
from doorstep.kit.refusals import Invalid, Refusal

T = TypeVar("T")

LARGEST_BODY = 10_000_000
DEEPEST = 64

# What msgspec lets through and no column keeps. Looked for with each digit as 0: plain texts are found far faster than
# patterns, and most bodies hold none of them.
_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_NUL = b"\\u0000"
_ENDS_WITH_LINE_BREAK = b'\\n"'  # which Python's `$` overlooks
_LONG = b"0000000000000000"
_LONG_NUMBER = re.compile(rb"[:,\[]\s*-?0{16}")  # it may be beyond 2^53
_DAY = b'"0000-00-00'
_STRANGE_YEAR = re.compile(rb'"(?!19|20|21)\d{4}-\d\d-\d\d')  # no calendar of ours has it
_TIME = b"00:00"
_WITHOUT_OFFSET = re.compile(rb'00:00(?::00(?:\.0+)?)?"')
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


class NotJson(Refusal):
    """The body is not JSON."""

    status = 400


class NotUtf8(Refusal):
    """The body is not UTF-8."""

    status = 400


class TooDeep(Refusal):
    """The body is nested deeper than anything we take."""

    status = 400


class TooLarge(Refusal):
    """The body is larger than anything we take."""

    status = 413


class WrongContentType(Refusal):
    """The body must be sent as application/json."""

    status = 415


class Reader(Generic[T]):
    """Reads one type of body."""

    def __init__(self, kind: type[T]) -> None:
        self.kind = kind
        self._decoder = msgspec.json.Decoder(kind)
        self._has_any, self._has_unbounded_text = _looseness(info(kind))

    def read(self, body: bytes) -> T:
        """The value; refuses NotJson, NotUtf8, TooDeep, or Invalid with every fault."""
        try:
            value = self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
            self._refuse(body, error)
            raise AssertionError("refusing raises") from None
        if self._is_dubious(body):
            self._refuse(body, None)
        return value

    def _is_dubious(self, body: bytes) -> bool:
        zeros = body.translate(_AS_ZEROS)
        return (
            (b"\\" in body and (_NUL in body or _ENDS_WITH_LINE_BREAK in body))
            or (_LONG in zeros and _LONG_NUMBER.search(zeros) is not None)
            or (_DAY in zeros and _STRANGE_YEAR.search(body) is not None)
            or (_TIME in zeros and _WITHOUT_OFFSET.search(zeros) is not None)
            or (self._has_any and body.count(b"[") + body.count(b"{") > DEEPEST)
            or (self._has_unbounded_text and len(body) > LONGEST_TEXT)
        )

    def _refuse(self, body: bytes, error: Exception | None) -> None:
        found = faults(self.kind, _slowly(body))
        if found:
            raise invalid(found)
        if error is not None:
            raise _as_told_by(error) from None


def read_words(kind: type[T], words: Sequence[tuple[str, str]]) -> T:
    """Query parameters as their type: each name once, each value spelled as JSON spells it."""
    given = dict(words)
    types = {one.encode_name: one.type for one in _fields(kind)}
    found = [Fault(name, "is no parameter here") for name in given if name not in types]
    found += [Fault(name, "is given twice") for name in given if sum(name == other for other, _ in words) > 1]
    values = {name: _spelled(types[name], word) for name, word in given.items() if name in types}
    found += [Fault(fault.pointer.removeprefix("/"), fault.detail) for fault in faults(kind, values)]
    if found:
        raise invalid(found)
    return msgspec.convert(values, kind)


def invalid(found: Iterable[Fault]) -> Invalid:
    return Invalid(fields=[{"pointer": fault.pointer, "detail": fault.detail} for fault in found])


def _slowly(body: bytes) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise NotUtf8(byte=error.start) from None
    if depth(body) > DEEPEST:
        raise TooDeep(deepest=DEEPEST)
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise NotJson(problem=str(error)[:200]) from None


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def depth(body: bytes) -> int:
    """How deep lists and objects are nested; stops counting a little beyond what is allowed."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return 0
    deepest = now = 0
    for found in _BRACKETS.finditer(body):
        mark = found[0][:1]
        if mark in b"[{":
            now += 1
            deepest = max(deepest, now)
        elif mark in b"]}":
            now -= 1
        if deepest > DEEPEST:
            break
    return deepest


def _as_told_by(error: Exception) -> Refusal:
    """What msgspec found and our own walk did not."""
    if isinstance(error, msgspec.ValidationError):
        text, _, path = str(error).partition(" - at `$")
        pointer = re.sub(r"\[(\d+)\]", r"/\1", path.rstrip("`")).replace(".", "/")
        return invalid([Fault(pointer, text)])
    return NotJson(problem=str(error)[:200])


def _looseness(kind: inspect.Type) -> tuple[bool, bool]:
    """Whether anything, and whether texts of any length, may be inside."""
    match kind:
        case inspect.AnyType() | inspect.RawType():
            return True, True
        case inspect.StrType(max_length=None):
            return False, kind.pattern is None
        case inspect.Metadata():
            return _looseness(kind.type)
        case inspect.UnionType():
            return _either(_looseness(one) for one in kind.types)
        case inspect.StructType():
            return _either(_looseness(one.type) for one in kind.fields)
        case inspect.DictType():
            return _either([_looseness(kind.key_type), _looseness(kind.value_type)])
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            return _looseness(kind.item_type)
    return False, False


def _either(found: Iterable[tuple[bool, bool]]) -> tuple[bool, bool]:
    both = list(found)
    return any(one for one, _ in both), any(other for _, other in both)


def _fields(kind: Any) -> tuple[inspect.Field, ...]:
    shape = info(kind)
    assert isinstance(shape, inspect.StructType)
    return shape.fields


def _spelled(kind: inspect.Type, word: str) -> Any:
    """The word as the JSON value it spells, where the type has no texts."""
    kinds = _kinds(kind)
    if kinds & {"IntType", "FloatType"} and re.fullmatch(r"-?[0-9]{1,19}", word):
        return int(word)
    if "BoolType" in kinds and word in ("true", "false"):
        return word == "true"
    return word


def _kinds(kind: inspect.Type) -> set[str]:
    match kind:
        case inspect.Metadata():
            return _kinds(kind.type)
        case inspect.UnionType():
            return {name for one in kind.types for name in _kinds(one)}
    return {type(kind).__name__}
