"""rules: what the lists in force say of some countries, and how a country's rows are read on a day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from doorstep.setup.customs import EU
from doorstep.setup.customs.lists import ANYWHERE, POSTCODES, UNION
from doorstep.spine.tenant import Tx

HS_DIGITS = 6  # what the whole world shares; countries add their own behind

# Reference tables: the newest list of each kind that is not of the future.
_LISTS = """
select distinct on (l.kind) l.kind, l.as_of, l.is_sample, l.source, l.list_id
  from rule_list l where l.as_of <= {on} order by l.kind, l.as_of desc
"""
OF_COUNTRIES = (
    "select r.list_id, r.country, r.key, r.data from rule_row r where r.list_id = any($1) and r.country = any($2)"
)
KEYED = """
select r.list_id, r.country, r.key, r.data from rule_row r
  where r.list_id = any($1) and r.country = any($2) and r.key = any($3)
"""
DUTIES = """
select r.list_id, r.country, r.key, r.data from rule_row r
  where r.list_id = $1 and r.country = any($2) and split_part(r.key, ':', 1) = any($3)
"""


@dataclass(frozen=True, slots=True)
class Amount:
    value: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Stated:
    """What a rule says, since when, and by which source."""

    value: str
    currency: str = ""
    source: str = ""
    since: str = ""

    @property
    def number(self) -> Decimal:
        return Decimal(self.value)

    @property
    def amount(self) -> Amount:
        return Amount(Decimal(self.value), self.currency)


@dataclass(frozen=True, slots=True)
class Listed:
    """A list in force. Fields stand in the order of the columns above."""

    kind: str
    as_of: date
    is_sample: bool
    source: str
    list_id: int = 0


@dataclass(frozen=True, slots=True)
class Restricted:
    mode: str
    flag: str
    hs: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class DutyRate:
    """The row that fits best: the longest HS code, then the origin named."""

    percent: Decimal
    hs: str
    origin: str
    source: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Without a list of a kind nothing is known of it, and nothing is missing for it."""

    on: date
    lists: Mapping[str, Listed] = field(default_factory=dict)
    hs_codes: Mapping[str, bool] = field(default_factory=dict)  # of those asked for: is nothing longer listed below?
    countries: Mapping[str, Mapping[str, Stated]] = field(default_factory=dict)
    restrictions: Mapping[str, tuple[Restricted, ...]] = field(default_factory=dict)
    duties: Mapping[str, Mapping[tuple[str, str], tuple[Decimal, str]]] = field(default_factory=dict)
    per_euro: Mapping[str, Decimal] = field(default_factory=dict)

    def stated(self, country: str, rule: str) -> Stated | None:
        """Of the country itself, else of the Union it belongs to."""
        for place in _places(country):
            if found := self.countries.get(place, {}).get(rule):
                return found
        return None

    def restricted(self, country: str, mode: str, flags: Collection[str], hs_code: str) -> list[Restricted]:
        return [
            one
            for place in (*_places(country), ANYWHERE)
            for one in self.restrictions.get(place, ())
            if one.mode in (mode, ANYWHERE)
            and (not one.flag or one.flag in flags)
            and (not one.hs or hs_code.startswith(one.hs))
        ]

    def is_listed(self, hs_code: str) -> bool:
        """With no list loaded every code is; else the code, or the last that the list has above it."""
        if "hs-codes" not in self.lists:
            return True
        return any(leaf or code == hs_code for code, leaf in self.hs_codes.items() if hs_code.startswith(code))

    def duty(self, country: str, hs_code: str, origin: str) -> DutyRate | None:
        origins = (origin, *([UNION] if origin in EU else []), ANYWHERE)
        codes = [hs_code[:end] for end in range(len(hs_code), 1, -1)] + [ANYWHERE]
        for place in _places(country):
            rates = self.duties.get(place, {})
            for code in codes:
                for source_of in origins:
                    if found := rates.get((code, source_of)):
                        return DutyRate(found[0], code, source_of, found[1])
        return None

    def converted(self, amount: Amount, currency: str) -> Decimal | None:
        """The amount in another currency; None where no rate is known."""
        rates = {**self.per_euro, "EUR": Decimal(1)}
        if amount.currency == currency:
            return amount.value
        if amount.currency not in rates or currency not in rates:
            return None
        return amount.value / rates[amount.currency] * rates[currency]


NO_RULES = Rules(date.min)


async def rules_of(tx: Tx, countries: Iterable[str], on: date, hs_codes: Iterable[str] = ()) -> Rules:
    """What is in force on that day for goods of these codes between these countries."""
    return await rules_by(tx, await lists_in_force(tx, on), countries, on, hs_codes)


async def rules_by(
    tx: Tx, in_force: Iterable[Listed], countries: Iterable[str], on: date, hs_codes: Iterable[str]
) -> Rules:
    """The same by lists that were read before."""
    lists = {one.kind: one for one in in_force if one.kind != POSTCODES}
    if not lists:
        return Rules(on)
    places = sorted({place for country in countries if country for place in _places(country)} | {ANYWHERE})
    told = {kind: lists[kind].list_id for kind in ("country-rules", "restrictions", "exchange-rates") if kind in lists}
    rows = await tx.rows(OF_COUNTRIES, list(told.values()), [*places, ""]) if told else []
    prefixes = _prefixes(hs_codes)
    return Rules(
        on,
        lists,
        hs_codes=await _hs_codes(tx, lists, prefixes),
        countries=_countries(_of(rows, told.get("country-rules")), on),
        restrictions=_restrictions(_of(rows, told.get("restrictions")), on),
        duties=await _duties(tx, lists, places, [*prefixes, ANYWHERE], on) if prefixes else {},
        per_euro={row["key"]: Decimal(data["per_euro"]) for row, data in _of(rows, told.get("exchange-rates"))},
    )


async def listing_of(tx: Tx, on: date, hs_codes: Iterable[str]) -> Rules:
    """Of all rules only which of these codes are listed."""
    lists = {one.kind: one for one in await lists_in_force(tx, on) if one.kind != POSTCODES}
    return Rules(on, lists, hs_codes=await _hs_codes(tx, lists, _prefixes(hs_codes)))


async def lists_in_force(tx: Tx, on: date) -> list[Listed]:
    return [Listed(*row) for row in await tx.rows(lists_on("$1"), on)]


def lists_on(day: str) -> str:
    """The question for them, where the day is this parameter."""
    return _LISTS.format(on=day)


def _prefixes(hs_codes: Iterable[str]) -> list[str]:
    codes = {"".join(filter(str.isdigit, code)) for code in hs_codes}
    return sorted({code[:end] for code in codes for end in range(2, len(code) + 1)})


def _places(country: str) -> tuple[str, ...]:
    return (country, UNION) if country in EU else (country,)


def _of(rows: Iterable[Any], list_id: int | None) -> list[tuple[Any, dict[str, Any]]]:
    return [(row, msgspec.json.decode(row["data"])) for row in rows if row["list_id"] == list_id]


def _holds(data: Mapping[str, Any], on: date) -> bool:
    day = on.isoformat()
    return data.get("since", "") <= day and (not data.get("until") or day < data["until"])


async def _hs_codes(tx: Tx, lists: Mapping[str, Listed], prefixes: list[str]) -> dict[str, bool]:
    if "hs-codes" not in lists or not prefixes:
        return {}
    rows = await tx.rows(KEYED, [lists["hs-codes"].list_id], [""], prefixes)
    return {row["key"]: bool(msgspec.json.decode(row["data"]).get("leaf")) for row in rows}


def _countries(rows: list[tuple[Any, dict[str, Any]]], on: date) -> dict[str, dict[str, Stated]]:
    """Of a rule said several times, the one that holds on the day and began last."""
    found: dict[str, dict[str, Stated]] = {}
    for row, data in sorted(rows, key=lambda one: one[1].get("since", "")):
        if _holds(data, on):
            rule = row["key"].partition(":")[0]
            stated = Stated(data["value"], data.get("currency", ""), data.get("source", ""), data.get("since", ""))
            found.setdefault(row["country"], {})[rule] = stated
    return found


def _restrictions(rows: list[tuple[Any, dict[str, Any]]], on: date) -> dict[str, tuple[Restricted, ...]]:
    found: dict[str, tuple[Restricted, ...]] = {}
    for row, data in rows:
        if _holds(data, on):
            one = Restricted(data["mode"], data["flag"], data["hs"], data["reason"], data.get("source", ""))
            found[row["country"]] = (*found.get(row["country"], ()), one)
    return found


async def _duties(
    tx: Tx, lists: Mapping[str, Listed], places: list[str], codes: list[str], on: date
) -> dict[str, dict[tuple[str, str], tuple[Decimal, str]]]:
    if "duty-rates" not in lists:
        return {}
    found: dict[str, dict[tuple[str, str], tuple[Decimal, str]]] = {}
    rows = _of(await tx.rows(DUTIES, lists["duty-rates"].list_id, places, codes), lists["duty-rates"].list_id)
    for row, data in sorted(rows, key=lambda one: one[1].get("since", "")):
        if _holds(data, on):
            hs, origin, _ = row["key"].split(":")
            found.setdefault(row["country"], {})[hs, origin] = Decimal(data["percent"]), data.get("source", "")
    return found
