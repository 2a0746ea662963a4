"""asking: what a report may be asked for, and the conditions and keys that this makes in SQL.

A period is of days, local to a time zone: it begins with the first instant of `from`, and ends before that of `to`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from doorstep.doors.reads.measures import ITEM
from doorstep.doors.reads.orders import Word
from doorstep.kit.refusals import Invalid
from doorstep.kit.timezones import timezones
from doorstep.spine.tenant import Tx

Timezone = Annotated[str, Meta(min_length=1, max_length=60)]
By: TypeAlias = Literal["day", "week", "month", "channel", "country"]
BySku: TypeAlias = Literal["day", "week", "month", "channel", "country", "sku"]
ByReason: TypeAlias = Literal["day", "week", "month", "channel", "country", "sku", "reason"]

HAS_ITEM = f"""exists (select from order_line l
    left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
    where l.merchant_id = o.merchant_id and l.order_id = o.order_id and {ITEM} = ?)"""
_PERIODS = {"day": "YYYY-MM-DD", "week": "YYYY-MM-DD", "month": "YYYY-MM"}
# Of the machine's own, and of no place.
_NOWHERE = {"localtime", "Factory", "posixrules"}


class ReportQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Filters add up. `to` is the day after the last; both days are local to `timezone`."""

    from_: date | None = None
    to: date | None = None
    timezone: Timezone = "UTC"
    channel: Word | None = None
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    sku: Word | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """What a source calls the things that reports are narrowed and grouped by; `item` is a condition on one SKU."""

    at: str
    country: str
    item: str
    sku: str = ""
    reason: str = ""
    channel: str = "c.key"


ORDERS = Columns(at="o.placed_at", country="o.country", item=HAS_ITEM)
LINES = Columns(at="o.placed_at", country="o.country", item=HAS_ITEM, sku=ITEM)


@dataclass(slots=True)
class Asked:
    """A template filled for one source: `{key}`, `{where}`; the merchant is $1."""

    columns: Columns
    args: list[Any]
    where: str = ""
    key: str = "''"

    def _given(self, value: Any) -> str:
        self.args.append(value)
        return f"${len(self.args)}"

    def condition(self, template: str, value: Any) -> str:
        """With the value where `?` stands; without one nothing is asked."""
        return "true" if value is None else template.replace("?", self._given(value))

    def narrow(self, template: str, value: Any) -> None:
        if value is not None:
            self.where += f" and {self.condition(template, value)}"

    def group(self, by: str | None, timezone: str) -> None:
        if by in _PERIODS:
            local = f"{self.columns.at} at time zone {self._given(timezone)}::text"
            self.key = f"to_char(date_trunc('{by}', {local}), '{_PERIODS[by]}')"
        elif by:
            self.key = getattr(self.columns, by)


def asked(columns: Columns, merchant: int, query: ReportQuery, by: str | None) -> Asked:
    """Refuses Invalid, for a time zone that nobody knows and a period that ends before it begins."""
    begins, ends = period(query)
    found = Asked(columns, [merchant])
    found.narrow(f"{columns.at} >= ?", begins)
    found.narrow(f"{columns.at} < ?", ends)
    found.narrow(f"{columns.channel} = ?", query.channel)
    found.narrow(f"{columns.country} = ?", query.country)
    found.narrow(columns.item, query.sku)
    found.group(by, query.timezone)
    return found


def period(query: ReportQuery) -> tuple[datetime | None, datetime | None]:
    """The instants it begins with and ends before."""
    zone = zone_of(query.timezone)
    if query.from_ and query.to and query.to <= query.from_:
        raise Invalid(fields=[{"pointer": "to", "detail": "must be a later day than from: it is not in the period"}])
    return tuple(midnight(day, zone) if day else None for day in (query.from_, query.to))  # type: ignore[return-value]


def zone_of(name: str) -> ZoneInfo:
    if name not in _timezones():
        raise Invalid(fields=[{"pointer": "timezone", "detail": "must be an IANA time zone, as Europe/Warsaw"}])
    return ZoneInfo(name)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of the day there, told in UTC: a clock may leave midnight out."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


@lru_cache(maxsize=1)
def _timezones() -> frozenset[str]:
    return timezones() - _NOWHERE


async def whole(tx: Tx, query: str, *args: Any) -> list[Any]:
    """The rows of a statement over all that a merchant has.

    From statistics older than an import the planner takes it for a handful and would look through all of it once for
    each row: loops are no way to join here.
    """
    await tx.run("set local enable_nestloop = off")
    rows: list[Any] = await tx.rows(query, *args)
    await tx.run("set local enable_nestloop = on")
    return rows
