"""listing: `/orders`, the order list: whose orders, narrowed by what the address says, newest first, a page at a time.

The list spans merchants; how its orders are found stands in doors/reads/finding.py. Stages are counted by their writers
(spine/counters.py), so that the price of a page does not grow with what lies behind it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from doorstep.doors.console import words
from doorstep.doors.reads import cursor
from doorstep.doors.reads.finding import Found, find
from doorstep.doors.reads.orders import OrderQuery
from doorstep.kit.ids import public
from doorstep.kit.text import storable
from doorstep.spine.counters import orders_per_stage
from doorstep.spine.holds import TYPES
from doorstep.spine.status import AXES
from doorstep.spine.tenant import Tx

PAGE = 50
COUNTED = 500
LONGEST_WORD = 254

STAGES = frozenset(value for value, _ in AXES["stage"])

LINES = """
select l.merchant_id, l.order_id, l.line_no, l.title, l.code, l.ordered, coalesce(s.name, '') as name
  from order_line l left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where l.merchant_id = any($1) and l.order_id = any($2) order by l.order_id, l.line_no
"""
OPEN_HOLDS = """
select h.merchant_id, h.order_id, h.type, h.reason from hold h
  where h.merchant_id = any($1) and h.order_id = any($2) and h.lifted_at is null order by h.order_id, h.hold_id
"""
SHIP_BY = """
select f.merchant_id, f.order_id, min(f.ship_by) as ship_by from fulfillment_order f
  where f.merchant_id = any($1) and f.order_id = any($2) group by f.merchant_id, f.order_id
"""
# Open holds are few; where they are many the count stops at its bound.
COUNT_HELD = f"""
select count(*) from (
  select distinct h.merchant_id, h.order_id from hold h where h.merchant_id = any($1) and h.lifted_at is null
  limit {COUNTED + 1}) x
"""
MERCHANTS = "select merchant_id, key, name from merchant where merchant_id = any($1) order by name, merchant_id"
CHANNELS = "select distinct c.key from channel c where c.merchant_id = any($1) order by c.key limit 100"
# Countries to choose from: those of the newest orders.
COUNTRIES = """
select distinct x.country from unnest($1::bigint[]) m(merchant_id) cross join lateral (
  select o.country from orders o where o.merchant_id = m.merchant_id order by o.placed_at desc, o.order_id desc
  limit 500) x where x.country <> '' order by x.country limit 250
"""


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address of the list says; what it says wrongly is left out."""

    merchant: str = ""
    stage: str = ""
    hold: str = ""
    payment: str = ""
    delivery: str = ""
    country: str = ""
    channel: str = ""
    q: str = ""
    before: str = ""  # the page of orders older than this cursor
    after: str = ""  # … or newer

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filters:
        given = {name: query.get(name, "").strip()[:LONGEST_WORD] for name in cls.__slots__}
        checks = {
            "stage": given["stage"] in STAGES,
            **{axis: given[axis] in {value for value, _ in AXES[axis]} for axis in ("payment", "delivery")},
            "hold": given["hold"] in (*TYPES, "any"),
            "country": re.fullmatch("[A-Z]{2}", given["country"]) is not None,
        }
        return cls(**{n: v for n, v in given.items() if v and storable(v) and checks.get(n, True)})

    @property
    def query(self) -> OrderQuery:
        names = ("stage", "hold", "payment", "delivery", "country", "channel", "q")
        given = {name: getattr(self, name) or None for name in names}
        return OrderQuery(**given, limit=PAGE)

    @property
    def chosen(self) -> dict[str, str]:
        """Those that narrow the list, by name; where the page begins is none of them."""
        return {n: getattr(self, n) for n in self.__slots__ if getattr(self, n) and n not in ("before", "after")}

    def but(self, **changed: str) -> str:
        """The address of the list with some filters changed, from its first page on."""
        wanted = {name: value for name, value in {**self.chosen, **changed}.items() if value}
        return "/orders?" + urlencode(wanted) if wanted else "/orders"


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop on the strip: so many orders are there; `more` when the count ended at its bound."""

    key: str
    name: str
    orders: int
    more: bool
    href: str
    current: bool

    @property
    def shown(self) -> str:
        return f"{self.orders:,}{'+' if self.more else ''}"


@dataclass(frozen=True, slots=True)
class Row:
    """An order as the list shows it."""

    order: str
    merchant: str
    row: Mapping[str, Any]
    first: str
    first_units: int
    other_lines: int
    holds: tuple[tuple[str, str], ...]
    ship_by: datetime | None


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the list, with all that stands around it."""

    filters: Filters
    strip: list[Stop]
    rows: list[Row]
    newer: str
    older: str
    merchants: list[tuple[str, str]]
    channels: list[str]
    countries: list[str]
    whole_words: list[str]  # of the text: they are the beginning of too much
    is_empty: bool = field(default=False)  # there is no order at all


async def listing(tx: Tx, filters: Filters) -> Listing:
    names = {row["merchant_id"]: (row["key"], row["name"]) for row in await tx.rows(MERCHANTS, list(tx.merchants))}
    wanted = [m for m, (key, _) in names.items() if not filters.merchant or key == filters.merchant]
    found, newer, older = await _page(tx, wanted, filters)
    counts = {**await orders_per_stage(tx, wanted), "hold": await tx.value(COUNT_HELD, wanted)}
    shown = await _shown(tx, found.rows, names)
    return Listing(
        filters=filters,
        strip=_strip(counts, filters),
        rows=shown,
        newer=newer,
        older=older,
        merchants=[pair for _, pair in names.items()],
        channels=[row["key"] for row in await tx.rows(CHANNELS, list(tx.merchants))],
        countries=[row["country"] for row in await tx.rows(COUNTRIES, list(tx.merchants))],
        whole_words=found.whole_words,
        is_empty=not shown and not filters.chosen and not filters.before and not filters.after,
    )


async def _page(tx: Tx, merchants: list[int], filters: Filters) -> tuple[Found, str, str]:
    """The orders, newest first, and the cursors of the pages before and behind; '' where there is none."""
    backwards = bool(filters.after) and not filters.before
    word = filters.after if backwards else filters.before
    at = cursor.read(word, tuple[datetime, int]) if word else None
    found = await find(tx, merchants, filters.query, at=at, newer=backwards)
    further = cursor.write(*found.at) if found.at else ""
    if backwards:
        found.rows.reverse()
        return found, further, _cursor(found.rows, -1)
    return found, _cursor(found.rows, 0) if at else "", further


def _cursor(rows: Sequence[Any], index: int) -> str:
    return cursor.write(rows[index]["placed_at"], rows[index]["order_id"]) if rows else ""


async def _shown(tx: Tx, rows: list[Any], names: Mapping[int, tuple[str, str]]) -> list[Row]:
    at = (sorted({row["merchant_id"] for row in rows}), [row["order_id"] for row in rows])
    lines, holds = defaultdict(list), defaultdict(list)
    for line in await tx.rows(LINES, *at):
        lines[line["order_id"]].append(line)
    for hold in await tx.rows(OPEN_HOLDS, *at):
        holds[hold["order_id"]].append((hold["type"], hold["reason"]))
    ship_by = {row["order_id"]: row["ship_by"] for row in await tx.rows(SHIP_BY, *at)}
    return [
        Row(
            order=public("ord", row["order_id"]),
            merchant=names[row["merchant_id"]][1],
            row=dict(row),
            first=_title(lines[row["order_id"]]),
            first_units=lines[row["order_id"]][0]["ordered"] if lines[row["order_id"]] else 0,
            other_lines=max(0, len(lines[row["order_id"]]) - 1),
            holds=tuple(holds[row["order_id"]]),
            ship_by=ship_by.get(row["order_id"]),
        )
        for row in rows
    ]


def _title(lines: Sequence[Any]) -> str:
    if not lines:
        return ""
    return str(lines[0]["title"] or lines[0]["name"] or lines[0]["code"])


def _strip(counts: Mapping[str, int], filters: Filters) -> list[Stop]:
    stops = [(key, name, {"stage": key, "hold": ""}) for key, name in words.STRIP.items()]
    stops.append(("hold", "On hold", {"stage": "", "hold": "any"}))
    found = []
    for key, name, change in stops:
        current = filters.hold != "" if key == "hold" else filters.stage == key
        # A second click on the same stop shows everything again.
        href = filters.but(stage="", hold="") if current else filters.but(**change)
        orders = counts.get(key, 0)
        more = key == "hold" and orders > COUNTED
        found.append(Stop(key, name, COUNTED if more else orders, more, href, current))
    return found
