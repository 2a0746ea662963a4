"""listing: `/orders`, the order list: whose orders, narrowed by what the address says, newest first, a page at a time.

The list spans merchants; how its orders are found stands in doors/reads/finding.py. Stages are counted by their writers
(spine/counters.py), so that the price of a page does not grow with what lies behind it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from doorstep.doors.console import words
from doorstep.doors.console.channels_page import called
from doorstep.doors.console.looks import day, days
from doorstep.doors.console.narrowing import MERCHANTS
from doorstep.doors.console.speaking import _, grouped, reader
from doorstep.doors.reads import cursor
from doorstep.doors.reads.finding import Found, find
from doorstep.doors.reads.orders import OrderQuery
from doorstep.kit import clock
from doorstep.kit.ids import public
from doorstep.kit.text import storable
from doorstep.spine.counters import orders_per_stage
from doorstep.spine.holds import TYPES
from doorstep.spine.status import AXES
from doorstep.spine.tenant import Tx

PAGE = 50
COUNTED = 500
LONGEST_WORD = 254

STILL_HERE = ("processing", "awaiting_fulfillment", "in_fulfillment")
STAGES = frozenset(value for value, _condition in AXES["stage"])

LINES = """
select l.merchant_id, l.order_id, l.line_no, l.title, l.code, l.ordered, coalesce(s.name, '') as name
  from order_line l left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where l.merchant_id = any($1) and l.order_id = any($2) order by l.order_id, l.line_no
"""
OPEN_HOLDS = """
select h.merchant_id, h.order_id, h.type, h.reason from hold h
  where h.merchant_id = any($1) and h.order_id = any($2) and h.lifted_at is null order by h.order_id, h.hold_id
"""
DEADLINES = """
select o.merchant_id, o.order_id, least(o.ship_by, min(f.ship_by)) as ship_by, o.expires_at from orders o
  left join fulfillment_order f on f.merchant_id = o.merchant_id and f.order_id = o.order_id
  where o.merchant_id = any($1) and o.order_id = any($2) group by o.merchant_id, o.order_id
"""
# Open holds are few; where they are many the count stops at its bound.
COUNT_HELD = f"""
select count(*) from (
  select distinct h.merchant_id, h.order_id from hold h where h.merchant_id = any($1) and h.lifted_at is null
  limit {COUNTED + 1}) x
"""
CHANNELS = """
select distinct c.key, c.name from channel c where c.merchant_id = any($1) order by c.key, c.name limit 200
"""
# Countries to choose from: those of the newest orders.
COUNTRIES = """
select distinct x.country from unnest($1::bigint[]) m(merchant_id) cross join lateral (
  select o.country from orders o where o.merchant_id = m.merchant_id order by o.placed_at desc, o.order_id desc
  limit 500) x where x.country <> '' order by x.country limit 250
"""


# Filters that are one of a few words, and what those are.
ONE_OF = {
    "stage": STAGES,
    "payment": frozenset(value for value, _condition in AXES["payment"]),
    "delivery": frozenset(value for value, _condition in AXES["delivery"]),
    "hold": frozenset((*TYPES, "any")),
}
# Filters that are a word in the orders themselves.
WORDS = ("country", "channel", "sku", "q")
DAYS = ("placed_from", "placed_to")
# What says where the list begins and what it shows, and narrows nothing.
BESIDE = ("columns", "before", "after")


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address of the list says; what it says wrongly is left out."""

    merchant: str = ""
    stage: str = ""
    payment: str = ""
    delivery: str = ""
    hold: str = ""
    country: str = ""
    channel: str = ""
    placed_from: str = ""  # a day on the reader's clock
    placed_to: str = ""  # … and the last one
    sku: str = ""
    q: str = ""
    columns: str = ""
    before: str = ""  # the page of orders older than this cursor
    after: str = ""  # … or newer

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filters:
        given = {name: query.get(name, "").strip()[:LONGEST_WORD] for name in cls.__slots__}
        checks = {
            **{name: given[name] in values for name, values in ONE_OF.items()},
            "country": re.fullmatch("[A-Z]{2}", given["country"]) is not None,
            **{name: _day(given[name]) is not None for name in DAYS},
        }
        return cls(**{n: v for n, v in given.items() if v and storable(v) and checks.get(n, True)})

    @property
    def query(self) -> OrderQuery:
        given = {name: getattr(self, name) or None for name in (*ONE_OF, *WORDS)}
        first, last = _day(self.placed_from), _day(self.placed_to)
        return OrderQuery(
            **given,
            placed_from=midnight(first) if first else None,
            placed_to=midnight(last + timedelta(days=1)) if last else None,
            limit=PAGE,
        )

    @property
    def chosen(self) -> dict[str, str]:
        """Those that narrow the list, by name."""
        return {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) and name not in BESIDE}

    @property
    def kept(self) -> dict[str, str]:
        """What the address says but for where the page begins."""
        return {**self.chosen, **({"columns": self.columns} if self.columns else {})}

    @property
    def days_told(self) -> str:
        first, last = _day(self.placed_from), _day(self.placed_to)
        if first and last:
            return days(first, last)
        return _("from %(day)s", day=day(first)) if first else _("until %(day)s", day=day(last)) if last else ""

    def but(self, **changed: str) -> str:
        """The address of the list with some filters changed, from its first page on."""
        return address_of({**self.kept, **changed})


def address_of(query: Mapping[str, str]) -> str:
    wanted = {name: value for name, value in query.items() if value}
    return "/orders?" + urlencode(wanted) if wanted else "/orders"


def _day(word: str) -> date | None:
    try:
        found = date.fromisoformat(word) if len(word) == 10 else None
    except ValueError:
        return None
    return found if found and 1970 <= found.year < 2200 else None


def midnight(when: date) -> datetime:
    """When that day begins on the reader's clock."""
    return datetime(when.year, when.month, when.day, tzinfo=reader().clock)


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
        return grouped(self.orders) + ("+" if self.more else "")


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
    expires_at: datetime | None

    @property
    def runs_out(self) -> bool:
        """Unless somebody pays. Whose time is up waits for a provider's answer, or is about to be ended."""
        return self.expires_at is not None and self.expires_at > clock.now()

    @property
    def is_due(self) -> bool:
        """Something of it is still to leave by a certain time."""
        return self.ship_by is not None and self.row["stage"] in STILL_HERE

    @property
    def is_late(self) -> bool:
        return self.is_due and self.ship_by is not None and self.ship_by < clock.now()


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the list, with all that stands around it."""

    filters: Filters
    spans_merchants: bool
    rows: list[Row]
    newer: str
    older: str
    whole_words: list[str]  # of the text: they are the beginning of too much
    strip: list[Stop]
    merchants: list[tuple[str, str]]
    channels: dict[str, str]  # what people call them, by key
    countries: list[str]

    @property
    def is_empty(self) -> bool:
        """There is no order at all."""
        return not self.rows and not self.filters.chosen and not self.filters.before and not self.filters.after


async def listing(tx: Tx, filters: Filters, *, rows_only: bool = False) -> Listing:
    names = {row["merchant_id"]: (row["key"], row["name"]) for row in await tx.rows(MERCHANTS, list(tx.merchants))}
    wanted = [m for m, (key, _name) in names.items() if not filters.merchant or key == filters.merchant]
    found, newer, older = await _page(tx, wanted, filters)
    rows = await _shown(tx, found.rows, names)
    around = {"strip": [], "countries": []} if rows_only else await _around(tx, wanted, filters)
    return Listing(
        filters, len(names) > 1, rows, newer, older, found.whole_words,
        merchants=list(names.values()), channels=called(await tx.rows(CHANNELS, list(tx.merchants))), **around,
    )  # fmt: skip


async def _around(tx: Tx, wanted: list[int], filters: Filters) -> dict[str, Any]:
    """The strip of stages, and what there is to choose from."""
    counts = {**await orders_per_stage(tx, wanted), "hold": await tx.value(COUNT_HELD, wanted)}
    return {
        "strip": _strip(counts, filters),
        "countries": [row["country"] for row in await tx.rows(COUNTRIES, list(tx.merchants))],
    }


def ranges() -> list[tuple[str, str, str]]:
    """Spans of days that are asked for often: what they are called, the first and the last day."""
    today = clock.now().astimezone(reader().clock).date()
    spans = ((_("Today"), 0, 0), (_("Yesterday"), 1, 1), (_("Last 7 days"), 6, 0), (_("Last 30 days"), 29, 0),
             (_("Last 90 days"), 89, 0))  # fmt: skip
    return [(name, str(today - timedelta(first)), str(today - timedelta(last))) for name, first, last in spans]


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
    deadlines = {row["order_id"]: (row["ship_by"], row["expires_at"]) for row in await tx.rows(DEADLINES, *at)}
    return [
        Row(
            order=public("ord", row["order_id"]),
            merchant=names[row["merchant_id"]][1],
            row=dict(row),
            first=_title(lines[row["order_id"]]),
            first_units=lines[row["order_id"]][0]["ordered"] if lines[row["order_id"]] else 0,
            other_lines=max(0, len(lines[row["order_id"]]) - 1),
            holds=tuple(holds[row["order_id"]]),
            ship_by=deadlines[row["order_id"]][0],
            expires_at=deadlines[row["order_id"]][1],
        )
        for row in rows
    ]


def _title(lines: Sequence[Any]) -> str:
    if not lines:
        return ""
    return str(lines[0]["title"] or lines[0]["name"] or lines[0]["code"])


def _strip(counts: Mapping[str, int], filters: Filters) -> list[Stop]:
    stops = [(key, name, {"stage": key, "hold": ""}) for key, name in words.STRIP.items()]
    stops.append(("hold", _("On hold"), {"stage": "", "hold": "any"}))
    found = []
    for key, name, change in stops:
        current = filters.hold != "" if key == "hold" else filters.stage == key
        # A second click on the same stop shows everything again.
        href = filters.but(stage="", hold="") if current else filters.but(**change)
        orders = counts.get(key, 0)
        more = key == "hold" and orders > COUNTED
        found.append(Stop(key, name, COUNTED if more else orders, more, href, current))
    return found
