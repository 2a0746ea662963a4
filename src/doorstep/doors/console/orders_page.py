"""orders_page: `/orders`, the order list; and the orders that the command palette finds."""

from __future__ import annotations

from typing import Any

from litestar import Response

from doorstep.doors.console import words
from doorstep.doors.console.listing import LONGEST_WORD, Filters, listing
from doorstep.doors.console.visit import SAFE, Visit
from doorstep.doors.reads.finding import find
from doorstep.doors.reads.orders import OrderQuery
from doorstep.kit.ids import public

OFFERED = 6


async def show(visit: Visit) -> Response[str]:
    filters = Filters.of(visit.query)
    async with visit.reading() as tx:
        found = await listing(tx, filters)
    return visit.show("orders.html", page=found, filters=filters)


async def called(visit: Visit) -> Response[list[dict[str, Any]]]:
    """The newest orders that what is typed may mean, for the command palette."""
    text = visit.query.get("q", "").strip()[:LONGEST_WORD]
    async with visit.reading() as tx:
        found = await find(tx, tx.merchants, OrderQuery(q=text, limit=OFFERED)) if text else None
    told = [
        {
            "says": " · ".join(filter(None, (row["number"], row["buyer"] or row["email"], words.stage(row["stage"])))),
            "address": f"/orders/{public('ord', row['order_id'])}",
        }
        for row in (found.rows if found else [])
    ]
    return Response(told, media_type="application/json", headers=SAFE)
