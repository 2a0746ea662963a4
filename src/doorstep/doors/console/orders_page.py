"""orders_page: `/`, the order list."""

from __future__ import annotations

from litestar import Response

from doorstep.doors.console.listing import Filters, listing
from doorstep.doors.console.visit import Visit


async def show(visit: Visit) -> Response[str]:
    filters = Filters.of(visit.query)
    async with visit.reading() as tx:
        found = await listing(tx, filters)
    return visit.show("orders.html", page=found, filters=filters)
