"""reporting: what each report is: its question, its columns, how its rows and its chart are read off the roll-ups."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from doorstep.doors.console.looks import money
from doorstep.doors.console.speaking import N_, Told, _, decimal, gettext, grouped
from doorstep.doors.console.words import STOPS
from doorstep.doors.reads import days
from doorstep.doors.reads.days import PLACED_TO_DELIVERED, PLACED_TO_SENT, SENT_TO_DELIVERED, Span
from doorstep.doors.reads.measures import STEPS
from doorstep.kit import clock
from doorstep.kit.money import digits
from doorstep.spine.tenant import Tx

Row = Mapping[str, Any]
_TIMES = ("day", "week", "month")


@dataclass(frozen=True, slots=True)
class Column:
    """`kind`: count, percent, money, hours, days, text. `good`: whether more of it is good news; None: neither."""

    name: str
    text: str
    kind: str = "count"
    good: bool | None = None
    is_total: bool = True
    by: tuple[str, ...] = ()  # only there when split by one of these; () is always

    @property
    def label(self) -> str:
        return gettext(self.text)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Lines of a chart: name, tone, values by key of time."""

    title: str
    lines: list[tuple[str, str, dict[str, float]]]
    unit: str = ""
    fill: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    key: str
    name: str
    asks: str
    columns: tuple[Column, ...]
    bys: tuple[str, ...]
    sums: Callable[[Tx, Sequence[int], Span, str], Awaitable[list[Row]]]  # what the roll-ups came to, split by this
    shape: Callable[[Sequence[Row], str], list[Row]]  # the rows of the table
    draw: Callable[[Sequence[Row]], Drawn] | None = None  # the chart, of sums split by time
    has_days: bool = True
    adds: bool = True  # its days add up to the whole
    behind: str = ""  # the list of orders behind it, by the days
    explains: tuple[str, ...] = field(default=())

    @property
    def title(self) -> str:
        return gettext(self.name)

    @property
    def question(self) -> str:
        return gettext(self.asks)

    @property
    def notes(self) -> list[str]:
        return [gettext(note) for note in self.explains]

    def columns_for(self, by: str) -> list[Column]:
        return [column for column in self.columns if not column.by or by in column.by]


def told(column: Column, row: Row) -> str:
    """A value as people read it."""
    value = row.get(column.name)
    if value is None:
        return "–"
    if column.kind == "percent":
        return f"{decimal(value)}%"
    if column.kind == "money":
        return money(value, row["currency"])
    if column.kind == "hours":
        return _hours(value)
    if column.kind == "days":
        return _("%(n)s d", n=decimal(value))
    return grouped(value) if isinstance(value, int) else str(value)


def _hours(hours: float) -> str:
    """In the unit that says enough: 12 min, 3.4 h, 5.2 d."""
    if hours < 1:
        return _("%(n)s min", n=round(hours * 60))
    if hours < 72:
        return _("%(n)s h", n=decimal(hours))
    return _("%(n)s d", n=decimal(hours / 24))


def added(rows: Sequence[Row]) -> list[Row]:
    """The sums as a whole, by currency where there are several."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        whole = found.setdefault(row.get("currency", ""), {**row, "key": "", **dict.fromkeys(_numbers(row), 0)})
        for name in _numbers(row):
            whole[name] += row[name]
    return list(found.values())


def _numbers(row: Row) -> list[str]:
    return [name for name, value in row.items() if isinstance(value, int)]


def _share(part: int, whole: int) -> float | None:
    return round(part * 100 / whole, 1) if whole else None


def _sorted(rows: list[dict[str, Any]], by: str, name: str) -> list[Row]:
    """Times as they come, the newest first; anything else the largest first."""
    if by in _TIMES:
        return sorted(rows, key=lambda row: (row["key"], row[name] or 0), reverse=True)
    return sorted(rows, key=lambda row: (-(row[name] or 0), row["key"]))


# Perfect orders, and on time


def _sums_of(table: str) -> Callable[[Tx, Sequence[int], Span, str], Awaitable[list[Row]]]:
    async def sums(tx: Tx, merchants: Sequence[int], span: Span, by: str) -> list[Row]:
        return [dict(row) for row in await days.added_up(tx, table, merchants, span, by)]

    return sums


def _arrivals(sums: Sequence[Row], by: str) -> list[Row]:
    rows = []
    for found in sums:
        row = {**found, "not_late": found["orders"] - found["late"]}
        for name in ("perfect", "not_late", "complete", "undamaged", "papered"):
            row[f"{name}_share"] = _share(row[name], row["orders"])
        row["on_time_share"] = _share(row["on_time"], row["promised"])
        rows.append(row)
    return _sorted([row for row in rows if row["orders"]], by, "orders")


def _perfect_drawn(sums: Sequence[Row]) -> Drawn:
    values = {row["key"]: row["perfect_share"] for row in _arrivals(sums, "")}
    return Drawn(_("Perfect orders, of those that arrived"), [(_("Perfect"), "green", values)], "%")


def _on_time_drawn(sums: Sequence[Row]) -> Drawn:
    values = {row["key"]: row["on_time_share"] for row in _arrivals(sums, "") if row["on_time_share"] is not None}
    return Drawn(_("On time, of those with a promised day"), [(_("On time"), "teal", values)], "%")


# Time in each step

_STEP_NAMES = {
    ("placed", "released"): N_("Placed → released to the floor"), ("released", "picked"): N_("Released → picked"),
    ("picked", "packed"): N_("Picked → packed"), ("packed", "handed_over"): N_("Packed → handed over"),
    ("placed", "handed_over"): N_("Placed → handed over"), ("handed_over", "delivered"): N_("Handed over → delivered"),
    ("placed", "delivered"): N_("Placed → delivered"), ("placed", "paid"): N_("Placed → paid"),
    ("delivered", "paid"): N_("Delivered → paid"),
}  # fmt: skip


async def _steps_sums(tx: Tx, merchants: Sequence[int], span: Span, by: str) -> list[Row]:
    """How long steps took; split by time their sums, of which a median cannot be told."""
    if by in _TIMES:
        return [dict(row) for row in await days.added_up(tx, "day_steps", merchants, span, by)]
    took = await days.steps_took(tx, merchants, span)
    return [
        {"step": step, "orders": each.orders, "mean": each.mean, "median": each.median, "p90": each.p90}
        for step, each in sorted(took.items())
    ]


def _steps(sums: Sequence[Row], by: str) -> list[Row]:
    """A row per step; as a whole, from placed to delivered."""
    named = [{**row, "key": gettext(_STEP_NAMES[STEPS[row["step"]]])} for row in sums]
    return [row for row in named if by or row["step"] == PLACED_TO_DELIVERED]


def steps_drawn(sums: Sequence[Row]) -> Drawn:
    """How long it took on average, of what left and what arrived then."""
    hours = {
        step: {row["key"]: round(row["seconds"] / row["orders"] / 3600, 1) for row in sums
               if row["step"] == step and row["orders"]}
        for step in (PLACED_TO_SENT, SENT_TO_DELIVERED)
    }  # fmt: skip
    return Drawn(
        _("Hours it took, on average"),
        [(_("From placed to handed over"), "violet", hours[PLACED_TO_SENT]),
         (_("From handed over to delivered"), "teal", hours[SENT_TO_DELIVERED])], "h",
    )  # fmt: skip


# Backlog

# A band ends with this many days; the last has no end.
AGES = (0, 1, 3, 7, 14, 30)
BANDS = Told({
    "to_0": "From today", "to_1": "1 day", "to_3": "2–3 days", "to_7": "4–7 days", "to_14": "8–14 days",
    "to_30": "15–30 days", "older": "Older",
})  # fmt: skip
_WAITING = "/today/orders?of=waiting&stop="


async def _ages(tx: Tx, merchants: Sequence[int], span: Span, by: str) -> list[Row]:
    return [dict(row) for row in await tx.rows(days.AGES, list(merchants), clock.now(), list(AGES))]


def _backlog(ages: Sequence[Row], by: str) -> list[Row]:
    """A row per stop, with its orders by age; as a whole, all stops together."""
    found: dict[str, dict[str, Any]] = {}
    bands = tuple(BANDS)
    for each in ages:
        key = each["stop"] if by else ""
        row = found.setdefault(key, {"key": key, "orders": 0, "oldest": 0, **dict.fromkeys(BANDS, 0)})
        row["orders"] += each["orders"]
        row[bands[each["band"]]] += each["orders"]
        row["oldest"] = max(row["oldest"], each["oldest"])
    rows = [found[stop] for stop in ("", *STOPS) if stop in found]
    return [{**row, "key": STOPS[row["key"]], "href": _WAITING + row["key"]} if row["key"] else row for row in rows]


# Sales


_SOLD = ("orders", "canceled", "units", "gross_minor", "taken_minor", "refunded_minor")


async def _sales_sums(tx: Tx, merchants: Sequence[int], span: Span, by: str) -> list[Row]:
    """What was sold, and what came in; of SKUs and countries nobody knows what came in."""
    if by == "sku":
        return [dict(row) for row in await days.added_up(tx, "day_goods", merchants, span, by)]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for table in ("day_sales", "day_cash") if by != "country" else ("day_sales",):
        for row in await days.added_up(tx, table, merchants, span, by):
            found.setdefault((row["key"], row["currency"]), dict.fromkeys(_SOLD, 0)).update(row)
    return list(found.values())


def _sales(sums: Sequence[Row], by: str) -> list[Row]:
    return _sorted([dict(row) for row in sums if any(row.get(name) for name in _SOLD)], by, "gross_minor")


def _sales_drawn(sums: Sequence[Row]) -> Drawn:
    """In the currency that most was sold in."""
    currency = max(added(sums), key=lambda row: row["gross_minor"], default={"currency": ""})["currency"]
    one = 10 ** digits(currency) if currency else 1
    values = {row["key"]: row["gross_minor"] / one for row in sums if row["currency"] == currency}
    return Drawn(_("Goods sold"), [(_("Goods sold"), "teal", values)], currency, 0)


# Carriers


def _carriers(sums: Sequence[Row], by: str) -> list[Row]:
    rows = []
    for found in sums:
        row = dict(found)
        row["delivered_share"] = _share(row["delivered"], row["parcels"])
        row["on_time_share"] = _share(row["on_time"], row["promised"])
        row["failed_share"] = _share(row["failed"], row["parcels"])
        row["mean_days"] = round(row["seconds"] / row["delivered"] / 86_400, 1) if row["delivered"] else None
        rows.append(row)
    return _sorted([row for row in rows if row["parcels"]], by, "parcels")


def _carriers_drawn(sums: Sequence[Row]) -> Drawn:
    values = {row["key"]: row["on_time_share"] for row in _carriers(sums, "") if row["on_time_share"] is not None}
    return Drawn(_("Delivered on time, by the day of handing over"), [(_("On time"), "teal", values)], "%")


_PLACES = ("merchant", "channel", "country", *_TIMES)
_ORDERS = Column("orders", N_("Orders"))
REPORTS: dict[str, Report] = {
    report.key: report
    for report in (
        Report(
            "perfect-orders", N_("Perfect orders"), N_("How many orders arrived with nothing wrong at all?"),
            (Column("perfect_share", N_("Perfect"), "percent", True), Column("orders", N_("Arrived")),
             Column("not_late_share", N_("Not late"), "percent", True),
             Column("complete_share", N_("Complete"), "percent", True),
             Column("undamaged_share", N_("Undamaged"), "percent", True),
             Column("papered_share", N_("Right papers"), "percent", True)),
            _PLACES, _sums_of("day_arrivals"), _arrivals, _perfect_drawn, behind="imperfect",
            explains=(
                N_("Counted on the day that the last of an order arrived. Perfect is an order that was not late, of"
                   " which no unit was lost or canceled, nothing came back or was credited, and all of it was billed"
                   " without customs having held it."),
            ),
        ),
        Report(
            "on-time", N_("On time"), N_("Do orders arrive by the day that the buyer was told?"),
            (Column("on_time_share", N_("On time"), "percent", True), Column("promised", N_("With a promised day")),
             Column("on_time", N_("Came on time")), Column("late", N_("Came late"), good=False)),
            _PLACES, _sums_of("day_arrivals"), _arrivals, _on_time_drawn,
            explains=(N_("Counted on the day that the last of an order arrived; days are those of the site that it left"
                         " from."),),
        ),
        Report(
            "time-in-stage", N_("Time in each stage"), N_("Where do orders spend their time?"),
            (Column("median", N_("Half took at most"), "hours", False),
             Column("mean", N_("On average"), "hours", False),
             Column("p90", N_("9 in 10 took at most"), "hours", False), _ORDERS),
            ("step",), _steps_sums, _steps, steps_drawn, adds=False,
            explains=(N_("Counted on the day that a step ended. Averages are exact, the others within a tenth; the"
                         " command doorstep report stages tells them exactly."),),
        ),
        Report(
            "backlog", N_("Backlog age"), N_("What is open, and how long has it been waiting?"),
            (Column("orders", N_("Open orders")), Column("oldest", N_("Oldest, in days")),
             *(Column(band, text, is_total=False) for band, text in BANDS.source.items())),
            ("stop",), _ages, _backlog, has_days=False, adds=False,
            explains=(N_("Days since the order was placed. An order that is delivered and not paid is open too."),),
        ),
        Report(
            "sales", N_("Sales"), N_("What was sold, where, and what came in for it?"),
            (Column("gross_minor", N_("Goods sold"), "money", True), Column("orders", N_("Orders"), good=True),
             Column("units", N_("Units"), good=True),
             Column("canceled", N_("Canceled later"), good=False, by=("", *(by for by in _PLACES))),
             Column("taken_minor", N_("Captured"), "money", True, by=("", "merchant", "channel", *_TIMES)),
             Column("refunded_minor", N_("Refunded"), "money", False, by=("", "merchant", "channel", *_TIMES))),
            ("day", "week", "month", "merchant", "channel", "country", "sku"), _sales_sums, _sales, _sales_drawn,
            explains=(N_("Goods after every discount, before shipping, fees and added tax, on the day they were"
                         " ordered; what was canceled later was sold. Money on the day it moved."),),
        ),
        Report(
            "carriers", N_("Carriers"), N_("Which carriers keep what we promise?"),
            (Column("on_time_share", N_("On time"), "percent", True), Column("parcels", N_("Parcels")),
             Column("delivered_share", N_("Delivered"), "percent", True),
             Column("failed_share", N_("Lost or sent back"), "percent", False),
             Column("mean_days", N_("On the road, on average"), "days", False)),
            ("carrier", "country", "merchant", *_TIMES), _sums_of("day_carriers"), _carriers, _carriers_drawn,
            explains=(N_("Counted on the day that the carrier got the parcel: those of the last days are still on their"
                         " way. On time is counted of those that were delivered and had a promised day."),),
        ),
    )
}  # fmt: skip
