"""download: the orders of the present filters as a file for spreadsheets, with the columns of the orders' export."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import IO, Any

from litestar import Response
from litestar.response import Stream
from msgspec.structs import replace

from doorstep.doors.console.listing import Filters
from doorstep.doors.console.narrowing import MERCHANTS
from doorstep.doors.console.visit import SAFE, Visit
from doorstep.doors.exports.files import Format, sink_of
from doorstep.doors.exports.orders import ORDERS
from doorstep.doors.http.problems import NoSuchPage
from doorstep.doors.reads.finding import find
from doorstep.kit import clock
from doorstep.spine.tenant import Tx

MOST = 50_000
EACH = 200
IN_MEMORY = 1 << 20
CHUNK = 64 << 10
SOME = ORDERS.of_some("orders", "order_id")
FILES: dict[str, tuple[Format, str]] = {
    "orders.csv": ("csv", "text/csv; charset=utf-8"),
    "orders.xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


async def orders(visit: Visit) -> Response[Any] | Stream:
    """Newest first, as the list shows them; of very many, the newest 50,000."""
    if visit.path["name"] not in FILES:
        raise NoSuchPage
    format, media_type = FILES[visit.path["name"]]
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  (open until it is sent)
    sink = sink_of(format, ORDERS, file, marked=True)
    async with visit.reading() as tx:
        async for rows in _blocks(tx, Filters.of(visit.query)):
            sink.write(rows)
    await asyncio.to_thread(sink.close)
    file.seek(0)
    name = f"{clock.now():%Y-%m-%d}-{visit.path['name']}"
    headers = {**SAFE, "content-disposition": f'attachment; filename="{name}"'}
    return Stream(_read(file), media_type=media_type, headers=headers)


async def _blocks(tx: Tx, filters: Filters) -> AsyncIterator[Sequence[Any]]:
    """The orders that the list would show, page after page."""
    keys = {row["merchant_id"]: row["key"] for row in await tx.rows(MERCHANTS, list(tx.merchants))}
    wanted = [m for m, key in keys.items() if not filters.merchant or key == filters.merchant]
    query, at, written = replace(filters.query, limit=EACH), None, 0
    more = True
    while more and written < MOST:
        found = await find(tx, wanted, query, at=at)
        if found.rows:
            yield await _rows(tx, found.rows)
        written += len(found.rows)
        at, more = found.at, found.at is not None


async def _rows(tx: Tx, found: Sequence[Any]) -> list[Any]:
    """With the export's columns, in the order they were found."""
    of_merchant: dict[int, list[int]] = defaultdict(list)
    for row in found:
        of_merchant[row["merchant_id"]].append(row["order_id"])
    rows: dict[str, Any] = {}
    for merchant, orders in of_merchant.items():
        rows |= {row["order_id"]: row for row in await tx.rows(SOME, merchant, orders)}
    return [tuple(rows[f"ord_{row['order_id']}"]) for row in found]


async def _read(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk
