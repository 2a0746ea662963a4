"""reports: `/reports` and a page for each: a question, the answer over any stretch of days beside the one before, a
chart, a table, and a file. All of it comes from the daily roll-ups (doors/reads/days.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from litestar import Response

from doorstep.doors.console import today
from doorstep.doors.console.charts import Chart, Line
from doorstep.doors.console.looks import country
from doorstep.doors.console.narrowing import MERCHANTS
from doorstep.doors.console.report_files import MEDIA_TYPES, written
from doorstep.doors.console.reporting import BANDS, REPORTS, Column, Report, Row, added, told
from doorstep.doors.console.speaking import Told, _, decimal
from doorstep.doors.console.visit import SAFE, Visit
from doorstep.doors.http.problems import NoSuchPage
from doorstep.doors.reads import days
from doorstep.doors.reads.days import Span
from doorstep.kit import clock
from doorstep.spine.tenant import Tx

RANGES = Told({
    "today": "Today", "7": "7 days", "30": "30 days", "90": "90 days", "365": "12 months",
})  # fmt: skip
USUAL = "30"
BYS = Told({
    "day": "By day", "week": "By week", "month": "By month", "merchant": "By merchant", "channel": "By channel",
    "country": "By country", "sku": "By SKU", "carrier": "By carrier",
})  # fmt: skip
KEYS = Told({
    "day": "Day", "week": "Week from", "month": "Month", "merchant": "Merchant", "channel": "Channel",
    "country": "Country", "sku": "SKU", "carrier": "Carrier", "step": "Step", "stop": "Where it stands",
})  # fmt: skip
MOST_DAYS = 366 * 10
MOST_ROWS = 500  # on a page; a file has all
# A chart has a point for each day, week or month, whichever are not too many.
DAYS_AT_MOST, WEEKS_AT_MOST = 92, 400


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of a report says; what it says wrongly is left out."""

    span: Span
    range: str
    by: str
    merchant: str
    compared: bool

    @classmethod
    def of(cls, query: Mapping[str, str], report: Report, now: date) -> Asked:
        range_ = query.get("range", "")
        first, last = today.day_of(query.get("from", "")), today.day_of(query.get("to", ""))
        if first and last and first <= last and (last - first).days < MOST_DAYS and not range_:
            span = Span(first, last)
        else:
            range_ = range_ if range_ in RANGES else USUAL
            span = Span(now - timedelta(days=int(range_) - 1 if range_ != "today" else 0), now)
        by = query.get("by", "")
        return cls(
            span, range_, by if by in report.bys else report.bys[0] if report.bys else "",
            query.get("merchant", "")[:60], query.get("compare", "1") != "0",
        )  # fmt: skip

    @property
    def before(self) -> Span:
        """As many days, right before."""
        length = (self.span.last - self.span.first).days + 1
        return Span(self.span.first - timedelta(days=length), self.span.first - timedelta(days=1))

    @property
    def time(self) -> str:
        """What the chart has a point for."""
        length = (self.span.last - self.span.first).days + 1
        return "day" if length <= DAYS_AT_MOST else "week" if length <= WEEKS_AT_MOST else "month"

    def but(self, **changed: str) -> str:
        """The report's address with something changed, without its path."""
        dates = {} if self.range else {"from": str(self.span.first), "to": str(self.span.last)}
        kept = {**dates, "range": self.range, "by": self.by, "merchant": self.merchant,
                "compare": "" if self.compared else "0"}  # fmt: skip
        if "range" in changed:
            kept = {name: value for name, value in kept.items() if name not in ("from", "to")}
        return "?" + urlencode({name: value for name, value in {**kept, **changed}.items() if value})


@dataclass(frozen=True, slots=True)
class Tile:
    """A number of the whole stretch, and what it was before; `better` says whether the change is good news. `also`: the
    same in other currencies."""

    name: str
    now: str
    before: str
    change: str
    better: bool | None
    also: tuple[str, ...] = ()


async def index(visit: Visit) -> Response[str]:
    """`/reports`: each report with its question, and its first number of the last 30 days."""
    async with visit.reading() as tx:
        merchants = list(tx.merchants)
        now = await days.today(tx, merchants, clock.now())
        cards = []
        for report in REPORTS.values():
            asked = Asked.of({}, report, now)
            tiles = await _tiles(_Read(tx, merchants, report), asked)
            cards.append((report, tiles[0] if tiles else None))
    return visit.show("reports.html", cards=cards)


async def show(visit: Visit) -> Response[Any]:
    report = REPORTS.get(visit.path["report"])
    if report is None:
        raise NoSuchPage
    async with visit.reading() as tx:
        names = await tx.rows(MERCHANTS, list(tx.merchants))
        now = await days.today(tx, tx.merchants, clock.now())
        asked = Asked.of(visit.query, report, now)
        read = _Read(tx, today.chosen(names, asked.merchant), report)
        rows = report.shape(await read.sums(asked.span, asked.by), asked.by)
        if visit.query.get("as") in MEDIA_TYPES:
            return _file(visit.query["as"], report, asked, rows)
        tiles = await _tiles(read, asked)
        charts = await _charts(read, asked)
    return visit.show(
        "report.html", report=report, asked=asked, rows=rows[:MOST_ROWS], left_out=max(0, len(rows) - MOST_ROWS),
        columns=report.columns_for(asked.by), told=told, tiles=tiles, charts=charts, ranges=RANGES, bys=BYS, keys=KEYS,
        merchants=names, key_name=_key_name, bars=_bars(rows) if report.draw is None else [],
    )  # fmt: skip


@dataclass(slots=True)
class _Read:
    """What a report's page reads of the roll-ups, each once."""

    tx: Tx
    merchants: Sequence[int]
    report: Report
    kept: dict[tuple[Span, str], list[Row]] = field(default_factory=dict)

    async def sums(self, span: Span, by: str) -> list[Row]:
        if (span, by) not in self.kept:
            self.kept[span, by] = await self.report.sums(self.tx, self.merchants, span, by)
        return self.kept[span, by]

    async def whole(self, span: Span, time: str) -> list[Row]:
        sums = added(await self.sums(span, time)) if self.report.adds else await self.sums(span, "")
        return self.report.shape(sums, "")


async def _tiles(read: _Read, asked: Asked) -> list[Tile]:
    """The totals, and their change."""
    report = read.report
    now = await read.whole(asked.span, asked.time)
    before = await read.whole(asked.before, asked.time) if asked.compared and report.has_days else []
    if not now and before:
        now = [{**before[0], **{column.name: _nothing(column) for column in report.columns}}]
    return [_tile(column, now, before) for column in report.columns if column.is_total and now]


def _nothing(column: Column) -> int | None:
    """Of what is counted there was nothing; of a share nobody knows."""
    return 0 if column.kind in ("count", "money") else None


def _tile(column: Column, now: Sequence[Row], before: Sequence[Row]) -> Tile:
    """What is counted is added up over the currencies; money is told in each, that with the most first."""
    if column.kind == "count":
        now, before = ([{column.name: sum(row[column.name] for row in rows)}] if rows else [] for rows in (now, before))
    was = next((row for row in before if row.get("currency") == now[0].get("currency")), None)
    also = tuple(told(column, row) for row in now[1:]) if column.kind == "money" else ()
    change, better = _change(column, now[0][column.name], was[column.name] if was else None)
    return Tile(column.label, told(column, now[0]), told(column, was) if was else "", change, better, also)


def _change(column: Column, now: float | None, was: float | None) -> tuple[str, bool | None]:
    """In percent, of shares in points; and whether it is good news."""
    if now is None or not was:
        return "", None
    by = now - was if column.kind == "percent" else (now / was - 1) * 100
    told_by = decimal(abs(by)) if column.kind == "percent" else f"{abs(by):.0f}%"
    better = None if now == was or column.good is None else (now > was) == column.good
    return f"{'+' if by >= 0 else '−'}{told_by}", better


async def _charts(read: _Read, asked: Asked) -> list[Chart]:
    draw = read.report.draw
    if draw is None:
        return []
    keys = _keys(asked.span, asked.time)
    now = draw(await read.sums(asked.span, asked.time))
    lines = [Line(name, tone, values) for name, tone, values in now.lines]
    if asked.compared and len(lines) == 1:
        ((_name, _tone, past),) = draw(await read.sums(asked.before, asked.time)).lines
        if any(past.values()):
            values = [past.get(key) for key in _keys(asked.before, asked.time)]
            known = {key: value for key, value in zip(keys, values, strict=False) if value is not None}
            lines.append(Line(_("The period before"), "slate", known, before=True))
    return [Chart(now.title, tuple(keys), tuple(lines), now.unit, now.fill)]


def _bars(rows: Sequence[Row]) -> list[tuple[str, int]]:
    """The ages of all that is open."""
    return [(text, sum(row[band] for row in rows)) for band, text in BANDS.items()]


def _keys(span: Span, time: str) -> list[str]:
    """The days, weeks or months of a stretch, as the roll-ups call them."""
    every = [span.first + timedelta(days=n) for n in range((span.last - span.first).days + 1)]
    if time == "day":
        return [str(day) for day in every]
    if time == "week":
        return list(dict.fromkeys(str(day - timedelta(days=day.weekday())) for day in every))
    return list(dict.fromkeys(str(day)[:7] for day in every))


def _key_name(by: str, key: str) -> str:
    """What people call a row."""
    if by == "country":
        return country(key) if key else _("no country")
    return key or {"carrier": _("no carrier"), "sku": _("no SKU")}.get(by, "–")


def _file(kind: str, report: Report, asked: Asked, rows: Sequence[Row]) -> Response[bytes]:
    format, media_type = MEDIA_TYPES[kind]
    name = f"doorstep-{report.key}-{asked.span.first}-{asked.span.last}.{kind}"
    content = written(format, report, KEYS[asked.by], report.columns_for(asked.by), rows)
    headers = {**SAFE, "content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)
