"""reporting: `report sales`, `report credits`, `report delivery`, `report stages`, `report stock`."""

from __future__ import annotations

import csv as spreadsheet
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.chart import Bar, draw
from doorstep.doors.cli.session import Merchant, builtins_of, query_of, reading, table

if TYPE_CHECKING:
    from doorstep.spine.tenant import Tx

app = typer.Typer()

From = Annotated[str, typer.Option("--from", metavar="DAY", help="That day and later: 2026-03-01.")]
To = Annotated[str, typer.Option("--to", metavar="DAY", help="Before that day: 2026-04-01 ends with March.")]
Timezone = Annotated[str, typer.Option("--timezone", metavar="ZONE", help="Whose days they are: Europe/Warsaw.")]
Channel = Annotated[str, typer.Option("--channel", metavar="KEY", help="What came from there.")]
Country = Annotated[str, typer.Option("--country", metavar="IE", help="What goes there.")]
Sku = Annotated[str, typer.Option("--sku", metavar="CODE", help="What is about this SKU.")]
By = Annotated[
    Literal["day", "week", "month", "channel", "country"] | None, typer.Option("--by", help="A row for each.")
]
BySku = Annotated[
    Literal["day", "week", "month", "channel", "country", "sku"] | None, typer.Option("--by", help="A row for each.")
]
ByReason = Annotated[
    Literal["day", "week", "month", "channel", "country", "sku", "reason"] | None,
    typer.Option("--by", help="A row for each."),
]
Chart = Annotated[bool, typer.Option("--chart", help="Bars instead of a table; by month where nothing else is said.")]
Csv = Annotated[str, typer.Option("--csv", metavar="FILE", help="Write the rows there as CSV; - is the output.")]

Read = Callable[["Tx", int], Awaitable[Any]]
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Shown:
    """How a report looks: headings by field, which of them are money, and what a bar is as long as."""

    columns: dict[str, str]
    bar: str


SALES = Shown(
    {"currency": "currency", "orders": "orders", "lines": "lines", "gross_minor": "gross", "credits_minor": "credits",
     "credits_linked": "linked", "adjustments_minor": "adjustments", "net_minor": "net"}, "net_minor",
)  # fmt: skip
CREDITS = Shown(
    {"currency": "currency", "lines": "lines", "linked": "linked", "not_linked": "not linked",
     "at_another_price": "at another price", "units": "units", "units_linked": "units linked",
     "amount_minor": "amount", "linked_minor": "of it linked"}, "amount_minor",
)  # fmt: skip
DELIVERY = Shown({"orders": "orders", "delivered": "delivered", "late": "late", "parcels": "parcels"}, "orders")
STAGES = Shown(
    {"from": "from", "to": "to", "orders": "orders", "median_hours": "median h", "p90_hours": "9 in 10 within h"},
    "median_hours",
)
STOCK = Shown(
    {"sku": "SKU", "site": "site", "free": "free", "reserved": "reserved", "picked": "picked", "packed": "packed",
     "quarantine": "quarantine", "total": "total"}, "total",
)  # fmt: skip


@app.callback()
def report() -> None:
    """What came of it, over any period. Days are local to --timezone; --to is the day after the last."""


@app.command("sales")
def sales(
    merchant: Merchant = "", from_: From = "", to: To = "", timezone: Timezone = "UTC", channel: Channel = "",
    country: Country = "", sku: Sku = "", by: BySku = None, chart: Chart = False, csv: Csv = "", json: Json = False,
) -> None:  # fmt: skip
    """What was sold: goods after every discount, before shipping, fees and added tax; credits; the net of all."""
    by = by or ("month" if chart else None)
    given = _given(from_, to, timezone, channel, country, sku, by)

    async def read(tx: Tx, meant: int) -> Any:
        from doorstep.doors.reads.reports.sales import SalesQuery, report_sales

        return await report_sales(tx, meant, query_of(given, SalesQuery))

    told = _read(merchant, read)
    _tell(told, _by_currency(told), told.get("rows"), SALES, by, chart, csv, json)


@app.command("credits")
def credits_(
    merchant: Merchant = "", from_: From = "", to: To = "", timezone: Timezone = "UTC", channel: Channel = "",
    country: Country = "", sku: Sku = "", by: ByReason = None, chart: Chart = False, csv: Csv = "", json: Json = False,
) -> None:  # fmt: skip
    """What was credited, and how much of it is linked to the sales that it is about."""
    by = by or ("month" if chart else None)
    given = _given(from_, to, timezone, channel, country, sku, by)

    async def read(tx: Tx, meant: int) -> Any:
        from doorstep.doors.reads.reports.credits import CreditsQuery, report_credits

        return await report_credits(tx, meant, query_of(given, CreditsQuery))

    told = _read(merchant, read)
    _tell(told, _by_currency(told), told.get("rows"), CREDITS, by, chart, csv, json)


@app.command("delivery")
def delivery(
    merchant: Merchant = "", from_: From = "", to: To = "", timezone: Timezone = "UTC", channel: Channel = "",
    country: Country = "", sku: Sku = "", by: By = None, chart: Chart = False, csv: Csv = "", json: Json = False,
) -> None:  # fmt: skip
    """How many of the orders placed then arrived, and how many on a later day than promised."""
    by = by or ("month" if chart else None)
    given = _given(from_, to, timezone, channel, country, sku, by)

    async def read(tx: Tx, meant: int) -> Any:
        from doorstep.doors.reads.reports.delivery import DeliveryQuery, report_delivery

        return await report_delivery(tx, meant, query_of(given, DeliveryQuery))

    told = _read(merchant, read)
    totals = {name: told[name] for name in DELIVERY.columns}
    _tell(told, [totals], told.get("rows"), DELIVERY, by, chart, csv, json)


@app.command("stages")
def stages(
    merchant: Merchant = "", from_: From = "", to: To = "", timezone: Timezone = "UTC", channel: Channel = "",
    country: Country = "", sku: Sku = "", by: By = None, chart: Chart = False, csv: Csv = "", json: Json = False,
) -> None:  # fmt: skip
    """How many hours the orders placed then took from one step to the next."""
    given = _given(from_, to, timezone, channel, country, sku, by)

    async def read(tx: Tx, meant: int) -> Any:
        from doorstep.doors.reads.reports.stages import StagesQuery, report_stages

        return await report_stages(tx, meant, query_of(given, StagesQuery))

    told = _read(merchant, read)
    rows = told.get("rows")
    _tell(told, told["steps"] if rows is None else [], rows, STAGES, by, chart, csv, json)


@app.command("stock")
def stock(
    at: Annotated[
        str, typer.Option("--at", metavar="DAY|TIME", help="A day is over; 2026-03-02T12:00 is that instant.")
    ] = "",
    merchant: Merchant = "", timezone: Timezone = "UTC", sku: Sku = "",
    site: Annotated[str, typer.Option("--site", metavar="CODE", help="What stood there.")] = "",
    chart: Chart = False, csv: Csv = "", json: Json = False,
) -> None:  # fmt: skip
    """How many units of each SKU stood at each site, on any past day: at its end, or at a time of it."""
    when = _instant(at, timezone)
    given = {name: value for name, value in (("at", when), ("sku", sku), ("site", site)) if value}

    async def read(tx: Tx, meant: int) -> Any:
        from doorstep.doors.reads.reports.stock import PastStockQuery, report_stock

        return await report_stock(tx, meant, query_of(given, PastStockQuery))

    told = _read(merchant, read)
    _tell(told, told["stock"], None, STOCK, None, chart, csv, json)


def _given(from_: str, to: str, timezone: str, channel: str, country: str, sku: str, by: str | None) -> dict[str, Any]:
    asked = {
        "from": from_, "to": to, "timezone": timezone, "channel": channel, "country": country, "sku": sku, "by": by,
    }  # fmt: skip
    return {name: value for name, value in asked.items() if value}


def _instant(at: str, timezone: str) -> datetime:
    """Of a day the last instant; a time without an offset is local to the time zone; where none is said, now."""
    from doorstep.doors.reads.reports.asking import midnight, zone_of
    from doorstep.kit import clock

    if not at:
        return clock.now()
    try:
        told = datetime.fromisoformat(at)
    except ValueError:
        raise typer.BadParameter(f"{at} is no time; write 2026-03-02 or 2026-03-02T12:00", param_hint="--at") from None
    zone = _asked_rightly(lambda: zone_of(timezone))
    if len(at) <= len("2026-03-02"):
        return midnight(told.date() + timedelta(days=1), zone) - timedelta(microseconds=1)
    return told if told.tzinfo else told.replace(tzinfo=zone)


def _asked_rightly(work: Callable[[], Any]) -> Any:
    """What the report will not have was asked wrongly."""
    from doorstep.kit.refusals import Invalid

    try:
        return work()
    except Invalid as refusal:
        told = "; ".join(f"--{fault['pointer']} {fault['detail']}" for fault in refusal.why["fields"])
        raise typer.BadParameter(told) from None


def _read(merchant: str, read: Read) -> dict[str, Any]:
    told: dict[str, Any] = builtins_of(_asked_rightly(lambda: reading(merchant, read)))
    return told


def _by_currency(told: dict[str, Any]) -> Rows:
    """The merchant's own currency first."""
    others = [{"currency": currency, **row} for currency, row in told.get("by_currency", {}).items()]
    return [told, *others]


def _tell(
    told: dict[str, Any], totals: Rows, rows: Rows | None, shown: Shown, by: str | None, chart: bool, csv: str,
    json: bool,
) -> None:  # fmt: skip
    """The report as it was asked for: JSON, a file, bars, or a table that ends with the totals."""
    columns = {"key": by, **shown.columns} if by else shown.columns
    lines = totals if rows is None else rows
    if csv:
        _write(csv, columns, lines)
    if csv and not (json and csv != "-"):
        return
    if json or not lines:
        drawn = "Nothing."
    elif chart:
        drawn = draw([_bar(row, shown) for row in lines])
    else:
        ending = [] if rows is None else [{"key": "all", **row} for row in totals]
        drawn = table([_spelled(row) for row in (*lines, *ending)], columns)
    answer(told, drawn, json)


def _bar(row: dict[str, Any], shown: Shown) -> Bar:
    names = [str(row[name]) for name in ("key", "currency", "from", "to", "sku", "site") if row.get(name)]
    return Bar(" ".join(names) or "-", row[shown.bar] or 0, str(_spelled(row)[shown.bar] or 0))


def _spelled(row: dict[str, Any]) -> dict[str, Any]:
    from doorstep.kit.money import spell

    money = {name: spell(row[name], row["currency"]) for name in row if name.endswith("_minor")}
    return {**row, **money}


def _write(to: str, columns: dict[str, str], rows: Iterable[dict[str, Any]]) -> None:
    """Numbers as they are; a text that a spreadsheet would run is made harmless."""
    from doorstep.journey.intake.files.report import harmless

    # The byte order mark tells a spreadsheet that a file is UTF-8.
    try:
        with nullcontext(sys.stdout) if to == "-" else open(to, "w", encoding="utf-8-sig", newline="") as file:
            writer = spreadsheet.writer(file)
            writer.writerow([columns["key"] if name == "key" else name for name in columns])
            count = 0
            for row in rows:
                cells = (row.get(name) for name in columns)
                writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in cells])
                count += 1
    except OSError as error:
        raise typer.BadParameter(str(error), param_hint="--csv") from None
    if to != "-":
        typer.echo(f"{count} rows in {to}.", err=True)
