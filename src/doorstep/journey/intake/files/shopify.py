"""shopify: read Shopify order exports of any year, whole folders of them, an order at a time.

The files are read twice: once to learn what only the whole tells (an Id that several orders share is none,
a name that several orders have, an order whose rows lie apart, whether 6/12 is June or December), then to
yield. What is remembered of the first pass is kept on disk, so memory does not grow with the files.

Rules, beyond those of `shopify_amounts`:
- An order is the rows of one name in one store. Without a store column the caller's channel is the store.
- Rows that continue an order belong to it wherever in the files they stand.
- An order that stands there again, with its own row, comes out again: a change, or nothing new.
- Two orders of one name (Shopify allows it) are told apart by Id, else by time; the oldest keeps the plain
  name.
- Exports that repeat the order's columns on each of its lines are one order still.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from os import PathLike
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.shopify_columns import Columns
from doorstep.journey.intake.files.shopify_order import FileOrder, build
from doorstep.journey.intake.files.shopify_rows import OrderRow, Reading
from doorstep.journey.intake.files.tables import BadRow, Row, Table, expand, open_table
from doorstep.kit import money
from doorstep.kit.refusals import Refusal
from doorstep.setup.checks import UnknownTimezone

ORDERS = "shopify_orders"
PRODUCTS = "shopify_products"
MOST_ROWS = 5000  # of one order; far above what an order can have
SLASHED_DATES = ("created_at", "paid_at", "fulfilled_at", "canceled_at")


class NotAnOrderExport(Refusal):
    """This file does not have the columns of a Shopify order export."""

    status = 422


def recognize(header: Sequence[str]) -> str | None:
    """The format that a file with these columns has: `shopify_orders`, `shopify_products` or none we know."""
    columns = Columns(header)
    if "name" in columns and "title" in columns and ("quantity" in columns or "sku" in columns):
        return ORDERS
    names = {name.strip().casefold() for name in header}
    if names & {"handle", "url handle"} and names & {"variant sku", "variant price", "sku", "price"}:
        return PRODUCTS
    return None


def read_orders(
    paths: Sequence[str | PathLike[str]], *, currency: str, timezone: str, channel: str
) -> Iterator[FileOrder | BadRow]:
    """Every order of these files and folders, and every row that could not be taken.

    `currency` and `timezone` are for rows that state none, `channel` for files without a store column.
    Refuses NotReadable, NotAnOrderExport, UnknownTimezone and UnknownCurrency before the first order.
    """
    money.digits(currency)
    zone = _zone(timezone)
    files, strangers = _order_files(paths)
    survey = _survey(files, channel, zone)
    reading = Reading(currency, zone, survey.day_first, survey.shared_ids, survey.external_ids)
    return _orders(files, strangers, channel, survey, reading)


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise UnknownTimezone(timezone=timezone) from None


def _order_files(paths: Sequence[str | PathLike[str]]) -> tuple[list[Path], list[BadRow]]:
    """The order exports among the files; another table is reported in a folder, refused when named."""
    files, strangers = expand(paths)
    named = {Path(path) for path in paths}
    found = []
    for file in files:
        if recognize(open_table(file).header) == ORDERS:
            found.append(file)
        elif file in named:
            raise NotAnOrderExport(file=str(file), columns=", ".join(open_table(file).header[:10]))
        else:
            strangers.append(BadRow(file=str(file), line=0, reason="not_an_order_export", rows=0))
    if not found:
        raise NotAnOrderExport(file=", ".join(str(path) for path in paths))
    return found, strangers


def _orders(
    files: Sequence[Path], strangers: list[BadRow], channel: str, survey: _Survey, reading: Reading
) -> Iterator[FileOrder | BadRow]:
    yield from strangers
    waiting: dict[tuple[str, str], _Run] = {}
    for run in _runs(files, channel):
        if isinstance(run, BadRow):
            yield run
            continue
        missing = survey.scattered.get(run.key, 0)
        if missing:
            run = waiting.setdefault(run.key, _Run(run.key)).joined(run)
            waiting[run.key] = run
            if run.parts < missing:
                continue
            del waiting[run.key]
        yield from _built(run, reading)


def _built(run: _Run, reading: Reading) -> Iterator[FileOrder | BadRow]:
    headless = not any(row.heads for row in run.rows)
    if run.broken and headless:
        # Its own row is among those that could not be read: half an order would be a wrong one.
        for row in run.rows:
            yield BadRow(file=row.row.file, line=row.row.line, reason="order_row_unreadable", value=row.name)
        return
    for rows in _apart(run.rows):
        order = build(rows, reading, run.broken)
        if isinstance(order, FileOrder):
            yield order
        else:
            yield from order


# Rows to runs


class _Run:
    """Rows of one name in one store that follow each other."""

    __slots__ = ("broken", "key", "parts", "rows")

    def __init__(self, key: tuple[str, str], broken: bool = False) -> None:
        self.key = key
        self.rows: list[OrderRow] = []
        self.broken = broken
        self.parts = 0

    def joined(self, other: _Run) -> _Run:
        self.rows += other.rows
        self.broken |= other.broken
        self.parts += 1
        return self


def _runs(files: Iterable[Path], channel: str) -> Iterator[_Run | BadRow]:
    run: _Run | None = None
    broken = False  # a row before this one could not be read, and may have been the order's own
    for row in _order_rows(files, channel):
        if isinstance(row, BadRow):
            yield row
            broken |= row.rows > 0
            if run is not None and row.value == run.key[1]:
                run.broken = True
            continue
        if run is None or run.key != (row.channel, row.name):
            if run is not None:
                yield run
            run = _Run((row.channel, row.name), broken and not row.heads)
        broken = False
        if len(run.rows) < MOST_ROWS:
            run.rows.append(row)
        else:
            yield BadRow(file=row.row.file, line=row.row.line, reason="too_many_rows", value=row.name)
    if run is not None:
        yield run


def _order_rows(files: Iterable[Path], channel: str) -> Iterator[OrderRow | BadRow]:
    for file in files:
        table = open_table(file)
        yield from _rows_of(table, Columns(table.header), channel)


def _rows_of(table: Table, columns: Columns, channel: str) -> Iterator[OrderRow | BadRow]:
    """Rows with their order's name and store, which a row that continues an order may leave out."""
    before: OrderRow | None = None
    for row in table:
        if isinstance(row, BadRow):
            yield row
            continue
        found = _named(OrderRow(row, columns, channel, ""), before, channel)
        if isinstance(found, OrderRow):
            before = found
        yield found


def _named(row: OrderRow, before: OrderRow | None, channel: str) -> OrderRow | BadRow:
    name = cells.plain(row.says("name"))
    if any(extra.strip() for extra in row.row.extra):
        return _bad(row.row, "too_many_cells", name)
    follows = before is not None and not row.heads and name in ("", before.name)
    if not name and not follows:
        return _bad(row.row, "no_name", row.says("title"))
    store = row.says("store") or (before.channel if before is not None and follows else channel)
    changed = {
        "channel": store[:60],
        "name": name or (before.name if before else ""),
        "name_missing": not name,
    }
    return msgspec.structs.replace(row, **changed)


def _bad(row: Row, reason: str, value: str) -> BadRow:
    return BadRow(file=row.file, line=row.line, column="Name", reason=reason, value=value)


# Runs to orders


def _apart(rows: list[OrderRow]) -> Iterator[list[OrderRow]]:
    """The orders among the rows of one name: a new one where the order's own row is another's."""
    block: list[OrderRow] = []
    identity: tuple[str, str] | None = None
    for row in rows:
        if row.heads:
            if identity is not None and row.identity != identity:
                yield from _copies(block)
                block = []
            identity = row.identity
        block.append(row)
    yield from _copies(block)


def _copies(rows: list[OrderRow]) -> Iterator[list[OrderRow]]:
    """One order's rows may stand there twice, or each of its lines may repeat the order's columns."""
    heads = [place for place, row in enumerate(rows) if row.heads]
    repeated = len(heads) == len(rows) and (len({_line_cells(row) for row in rows}) > 1 or _adds_up(rows))
    if len(heads) < 2 or repeated:
        yield rows
        return
    for start, end in pairwise([0, *heads[1:], len(rows)]):
        yield rows[start:end]


def _line_cells(row: OrderRow) -> tuple[str, ...]:
    return tuple(row.says(key) for key in ("sku", "title", "price", "quantity"))


def _adds_up(rows: list[OrderRow]) -> bool:
    """Do these rows as lines of one order reach its Subtotal?"""
    amount = cells.amount
    gross = sum((amount(row.says("price")) or 0) * (amount(row.says("quantity")) or 0) for row in rows)
    off = gross - (amount(rows[0].says("subtotal")) or 0)
    return off in (0, amount(rows[0].says("discount_amount")) or 0)


# The first pass


class _Survey(msgspec.Struct, frozen=True):
    """What only the whole tells. `scattered`: how many runs an order that has to be put together lies in."""

    shared_ids: frozenset[str]
    scattered: dict[tuple[str, str], int]
    external_ids: dict[tuple[str, str, str, str], str]
    day_first: bool | None


SEEN = """
create table seen (channel text, name text, run integer, heads integer, id text, created text);
"""
KEEP = "insert into seen values (?, ?, ?, ?, ?, ?)"
SHARED_IDS = """
select id from (select distinct id, channel, name from seen where id <> '') group by id having count(*) > 1
"""
SCATTERED = """
select channel, name, count(distinct run) from seen group by channel, name
having count(distinct run) > 1 and min(heads) = 0
"""
NAMESAKES = """
select distinct channel, name, id, created from seen where heads = 1 and (channel, name) in (
  select channel, name from (select distinct channel, name, id, created from seen where heads = 1)
  group by channel, name having count(*) > 1)
order by channel, name, id, created
"""


def _survey(files: Sequence[Path], channel: str, zone: ZoneInfo) -> _Survey:
    dates = _DayOrMonth()
    with sqlite3.connect("") as seen:  # an empty name is a file of its own that goes when it is closed
        seen.executescript(SEEN)
        seen.executemany(KEEP, _seen(files, channel, dates))
        shared = frozenset(row[0] for row in seen.execute(SHARED_IDS))
        scattered = {(row[0], row[1]): row[2] for row in seen.execute(SCATTERED)}
        external_ids = _external_ids(seen.execute(NAMESAKES), shared, zone, dates.day_first)
    seen.close()
    return _Survey(shared, scattered, external_ids, dates.day_first)


def _seen(files: Sequence[Path], channel: str, dates: _DayOrMonth) -> Iterator[tuple[str, str, int, int, str, str]]:
    for number, run in enumerate(_runs(files, channel)):
        if isinstance(run, BadRow):
            continue
        heads = [row for row in run.rows if row.heads]
        dates.learn(heads)
        for identity in dict.fromkeys(row.identity for row in heads):
            yield (*run.key, number, 1, *identity)
        if not run.rows[0].heads:
            yield (*run.key, number, 0, "", "")


class _DayOrMonth:
    """Learns from all dates like 6/12/2025 whether the day or the month leads; unsure until one tells."""

    def __init__(self) -> None:
        self.day_first: bool | None = None

    def learn(self, rows: Iterable[OrderRow]) -> None:
        for row in rows:
            for key in SLASHED_DATES if self.day_first is None else ():
                if (pair := cells.slashed(row.says(key))) and max(pair) > 12:
                    self.day_first = pair[0] > 12


def _external_ids(
    rows: Iterable[tuple[str, str, str, str]], shared: frozenset[str], zone: ZoneInfo, day_first: bool | None
) -> dict[tuple[str, str, str, str], str]:
    """For names that more than one order has: the external id of each, by channel, name, Id and time."""
    by_name: dict[tuple[str, str], list[_Namesake]] = {}
    for channel, name, id, created in rows:
        at = cells.when(created, zone, day_first is True)
        orders = by_name.setdefault((channel, name), [])
        found = next((order for order in orders if order.is_it(id, created, at, shared)), None)
        if found is None:
            found = _Namesake("" if id in shared else id, at, created)
            orders.append(found)
        found.keys.append((channel, name, id, created))
    return {
        key: external_id
        for (_, name), orders in by_name.items()
        for external_id, order in _told_apart(name, orders)
        for key in order.keys
    }


class _Namesake:
    """One of several orders with the same name."""

    def __init__(self, id: str, at: datetime | None, created: str) -> None:
        self.id = id
        self.at = at
        self.created = created
        self.keys: list[tuple[str, str, str, str]] = []

    def is_it(self, id: str, created: str, at: datetime | None, shared: frozenset[str]) -> bool:
        if self.id and id and id not in shared:
            return self.id == id
        return self.at == at if self.at and at else self.created == created

    def mark(self) -> str:
        return self.id or (f"{self.at:%Y-%m-%dT%H:%M:%SZ}" if self.at else self.created)


def _told_apart(name: str, orders: list[_Namesake]) -> Iterator[tuple[str, _Namesake]]:
    """The oldest order keeps the plain name, so that a later export finds it again."""
    oldest = min(orders, key=lambda order: (order.at is None, order.at and order.at.timestamp(), order.mark()))
    for order in orders:
        yield (name if order is oldest else f"{name} ({order.mark()})"), order
