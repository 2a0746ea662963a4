"""fields: the fields of a mapping's section as functions of a row, and what cells come to: numbers, amounts, moments.

What is wrong with a cell is told with its line and column, and never stops the rest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.mapping import Said
from doorstep.journey.intake.files.moments import Moment
from doorstep.journey.intake.files.problems import Problem
from doorstep.journey.intake.files.scope import Getter, Scope
from doorstep.journey.intake.files.staging import Part
from doorstep.kit import money
from doorstep.setup import checks

SIX_PLACES = Decimal(1).scaleb(-money.UNIT_PRICE_PLACES)
_NOT_IN_CODES = re.compile(r"[^A-Z0-9-]+")


@dataclass(frozen=True, slots=True)
class Settled:
    """What holds for all rows. `decimal`: the mark before the cents, where the file's country decides."""

    currency: str
    decimal: str
    channel: str
    zone: ZoneInfo
    timezone: str
    history: bool
    moment: Moment


@dataclass(slots=True)
class Wrong:
    """The problems of one order, each with the line of the file it is about."""

    found: list[Problem] = field(default_factory=list)

    def add(self, line: int, column: Said, reason: str, value: str = "") -> None:
        named = column if isinstance(column, str) else column.of
        self.found.append(Problem(line, named[:120], reason, value[:200]))


# What a section of the mapping says beside its fields.
NOT_FIELDS = ("table", "key", "complete")


class Fields:
    """Those of one section of the mapping, each as a function of a row."""

    def __init__(self, section: msgspec.Struct, scope: Scope, settled: Settled) -> None:
        names = [name for name in section.__struct_fields__ if name not in NOT_FIELDS]
        self._settled = settled
        self.said: dict[str, Said] = {name: getattr(section, name) for name in names}
        self._get = {name: get for name, said in self.said.items() if (get := scope.getter(said)) is not None}

    def __contains__(self, name: str) -> bool:
        return name in self._get

    def get(self, name: str, row: Sequence[str]) -> str:
        get = self._get.get(name)
        return get(row) if get is not None else ""

    def getter(self, name: str, otherwise: str = "") -> Getter:
        """The function of a row itself, for what is asked of every line."""
        return self._get.get(name) or (lambda row: otherwise)

    def minor(self, name: str, row: Sequence[str], currency: str, part: Part, wrong: Wrong) -> int:
        """Minor units of an amount in major ones; 0 where none is told."""
        if name not in self:
            return 0
        told = self.get(name, row)
        if not told.strip():
            return 0
        amount = decimal(told, self._settled.decimal)
        if amount is None:
            wrong.add(part.line, self.said[name], "amount_unreadable", told)
            return 0
        if amount < 0:
            wrong.add(part.line, self.said[name], "amount_negative", told)
            return 0
        minor = money.to_minor(amount, currency)
        if money.to_decimal(minor, currency) != amount:
            wrong.add(part.line, self.said[name], "amount_rounded", told)
        return minor

    def moment(self, name: str, row: Sequence[str], part: Part, wrong: Wrong | None = None) -> datetime | None:
        """The instant that is told; with `wrong`, one that cannot be read is told too."""
        if name not in self:
            return None
        told = self.get(name, row)
        at = self._settled.moment(told)
        if at is None and told.strip() and wrong is not None:
            wrong.add(part.line, self.said[name], "date_unreadable", told)
        return at


@lru_cache(maxsize=65536)
def whole(text: str) -> int | None:
    """The whole number that a cell says: 12, -3, 12.0, 1,000; None when it is none."""
    try:
        return int(text)
    except ValueError:
        amount = cells.amount(text)
    return int(amount) if amount is not None and amount == amount.to_integral_value() else None


@lru_cache(maxsize=65536)
def decimal(text: str, mark: str = "") -> Decimal | None:
    """The exact decimal that a cell says. `mark`: what stands before the cents, where the file's country decides."""
    if mark:
        thousands = "." if mark == "," else ","
        text = text.replace(thousands, "").replace(mark, ".")
        return cells.amount(text)
    return cells.amount(text)


@lru_cache(maxsize=65536)
def exact_price(amount: Decimal) -> Decimal:
    """With the places that a unit price may have."""
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent <= money.UNIT_PRICE_PLACES:
        return amount
    return amount.quantize(SIX_PLACES, ROUND_HALF_UP)


@lru_cache(maxsize=65536)
def site_code(text: str) -> str:
    """What a site can be called: capitals, digits and dashes."""
    code = _NOT_IN_CODES.sub("-", text.strip().upper()).strip("-")[: checks.LONGEST_SITE_CODE]
    return f"{code}-" if len(code) == 1 else code


def sorting(text: str) -> tuple[int, Decimal, str]:
    """Numbers by their size, then what is none."""
    amount = decimal(text)
    return (0, amount, "") if amount is not None else (1, Decimal(0), text)


def kind_of(word: str) -> str:
    """A word as the kind of an exception."""
    kind = re.sub(r"[^a-z_]+", "_", word.lower()).strip("_")[:60]
    return kind if len(kind) > 2 else "contradictory_status"
