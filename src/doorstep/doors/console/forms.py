"""forms: what a page asks for, field by field: read as one of the API's shapes, and where it does not fit, said beside
the field it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from secrets import token_hex
from typing import Any, Literal, TypeVar

import msgspec

from doorstep.doors.console import words
from doorstep.doors.console.speaking import _, gettext, reader
from doorstep.doors.http.shapes import faults
from doorstep.kit.money import NotMoney, to_minor
from doorstep.kit.refusals import Refusal
from doorstep.kit.timezones import timezones
from doorstep.setup.geography import CENTERS

T = TypeVar("T")
Kind = Literal["text", "long", "choice", "money", "count", "moment", "country", "yes", "ticks", "list", "decimal",
               "code", "day", "time", "secret"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is asked. Its name is the shape's, with a point for what is inside: `address.city`."""

    name: str
    label: str
    kind: Kind = "text"
    value: str = ""
    hint: str = ""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    longest: int = 200
    most: int = 0
    unit: str = ""
    code: str = ""  # what browsers call such a field, to fill it in
    wrong: str = ""  # what it must be, where its pattern would not tell a person
    error: str = ""
    half: bool = False  # beside its neighbor

    @property
    def ticked(self) -> list[str]:
        return self.value.split(",") if self.value else []


@dataclass(frozen=True, slots=True)
class Part:
    """Fields that belong together; with `rows` a table of so many in a row, and `more` the button for one more."""

    title: str
    fields: tuple[Field, ...]
    says: str = ""
    rows: int = 0
    more: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A page that asks. `address` takes it, `back` is where it was begun (address and name)."""

    title: str
    address: str
    back: tuple[str, str]
    parts: tuple[Part, ...]
    button: str
    says: str = ""
    notices: tuple[str, ...] = ()

    @property
    def fields(self) -> Iterator[Field]:
        for part in self.parts:
            yield from part.fields

    @property
    def once(self) -> str:
        """Makes it one ask, however often it is sent."""
        return token_hex(16)

    @property
    def is_wrong(self) -> bool:
        return bool(self.notices) or any(field.error for field in self.fields)

    def each(self, change: Callable[[Field], Field]) -> Form:
        parts = tuple(replace(part, fields=tuple(map(change, part.fields))) for part in self.parts)
        return replace(self, parts=parts)

    def filled(self, values: Mapping[str, str]) -> Form:
        """With these values where they are given."""
        return self.each(lambda field: replace(field, value=values.get(field.name, field.value)))

    def typed(self, form: Mapping[str, str]) -> Form:
        """As it was filled in."""
        return self.each(lambda field: replace(field, value=_typed(field, form)))

    def told(self, errors: Mapping[str, str]) -> Form:
        """With what is wrong beside its field; what no field is about stands above them."""
        names = {field.name for field in self.fields}
        told = self.each(lambda field: replace(field, error=errors.get(field.name, "")))
        beside = tuple(f"{name}: {error}" if name else error for name, error in errors.items() if name not in names)
        return replace(told, notices=(*told.notices, *beside))

    def refused(self, refusal: Refusal) -> Form:
        """With the no: beside the field that it names, if it names one of these."""
        names = {field.name for field in self.fields}
        sentence = gettext(refusal.sentence)
        if about := next((name for name in refusal.why if name in names), ""):
            return self.told({about: sentence})
        if "fields" in refusal.why:
            return self.told(
                {_name_of(each["pointer"], names): _said(each["detail"]) for each in refusal.why["fields"]}
            )
        return replace(self, notices=(*self.notices, " ".join([sentence, *words.reasons(refusal)])))


def read(form: Form, shape: type[T], posted: Mapping[str, str], **given: Any) -> tuple[T | None, Form]:
    """What was posted as a value of the shape, beside what the page itself knows; None where it does not fit, and the
    form says why."""
    filled = form.typed(posted)
    values, errors = _values(filled)
    body = {**given, **values}
    for fault in faults(shape, body):
        name = _name_of(fault.pointer, {field.name for field in filled.fields})
        errors.setdefault(name, _fault(filled, name, fault.detail))
    if errors:
        return None, filled.told(errors)
    return msgspec.convert(body, shape, strict=False), filled


def _typed(field: Field, form: Mapping[str, str]) -> str:
    if field.kind == "ticks":
        return ",".join(value for value, _label in field.choices if form.get(f"{field.name}.{value}"))
    return form.get(f"{field.name}.utc") or form.get(field.name, "")


def _values(form: Form) -> tuple[dict[str, Any], dict[str, str]]:
    """What was typed as JSON would say it, and what could not be read at all. What is blank is left out."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in form.fields:
        word = field.value.strip()
        if not word and field.required:
            errors[field.name] = _("must be given")
        elif word or field.kind in ("yes", "ticks"):
            try:
                _put(values, field.name, _value(field, word))
            except (ValueError, NotMoney):
                errors[field.name] = _("cannot be %(word)s", word=word[:60])
    return values, errors


def _value(field: Field, word: str) -> Any:
    match field.kind:
        case "yes":
            return word == "yes"
        case "ticks":
            return [int(one) if one.isdigit() else one for one in field.ticked]
        case "list":
            return [one.strip() for one in word.split(",") if one.strip()]
        case "count":
            return int(_plain(word))
        case "decimal":
            return Decimal(_plain(word))
        case "money":
            return to_minor(Decimal(_plain(word)), field.unit)
        case "code":
            return word.upper()
        case "time":
            return f"{word}:00" if word.count(":") == 1 else word
    return word


def _plain(word: str) -> str:
    """12,50 and 12.50 are the same here."""
    bare = word.replace(" ", "").replace("\N{NO-BREAK SPACE}", "")
    bare = bare.replace(",", ".") if bare.count(",") == 1 and "." not in bare else bare
    if not bare.replace(".", "", 1).lstrip("-").isdigit():
        raise ValueError(word)
    return bare


def _put(values: dict[str, Any], name: str, value: Any) -> None:
    outer, _point, inner = name.partition(".")
    if inner:
        _put(values.setdefault(outer, {}), inner, value)
    else:
        values[outer] = value


def _name_of(pointer: str, names: set[str]) -> str:
    """The field that a JSON pointer leads to: /address/city is address.city, /flags/0 is flags."""
    parts = pointer.strip("/").split("/")
    spelled = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((name for name in spelled if name in names), spelled[0])


def _fault(form: Form, name: str, detail: str) -> str:
    field = next((one for one in form.fields if one.name == name), None)
    if detail == "is missing":
        return _("must be given")
    return field.wrong if field and field.wrong else _said(detail)


def _said(detail: str) -> str:
    return words.reason(detail)


# What there is to choose from


def countries(first: str = "") -> tuple[tuple[str, str], ...]:
    """By name; nobody knows yet, where that is allowed."""
    return ((("", first),) if first else ()) + _countries(reader().language)


@lru_cache(maxsize=8)
def _countries(language: str) -> tuple[tuple[str, str], ...]:
    names = reader().locale.territories
    return tuple(sorted(((code, str(names.get(code, code))) for code in CENTERS), key=lambda one: one[1]))


@lru_cache(maxsize=1)
def zones() -> tuple[tuple[str, str], ...]:
    """Places people know, for a list of suggestions."""
    found = sorted(name for name in timezones() if "/" in name and not name.startswith(("Etc/", "posix", "right")))
    return tuple((name, "") for name in ["UTC", *found])
