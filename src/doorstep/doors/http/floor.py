"""floor: the fulfillment orders of a site as they are to be picked, and parcels."""

from __future__ import annotations

from typing import Any

from doorstep.doors.http.operations import Asked, operation
from doorstep.doors.reads import floor as reads
from doorstep.setup.keys import READ


@operation("GET", "/fulfillment-orders", scope=READ, tag="fulfillment", query=reads.FloorQuery, answer=reads.FloorPage)
async def list_fulfillment_orders(asked: Asked) -> Any:
    """Fulfillment orders with their lines and bins, the most urgent first."""
    async with asked.reading() as tx:
        return await reads.fulfillment_orders(tx, asked.merchant, asked.query)


@operation("GET", "/fulfillment-orders/{fulfillment_order}", scope=READ, tag="fulfillment", answer=reads.FloorOrder)
async def get_fulfillment_order(asked: Asked) -> Any:
    """One fulfillment order: what is to be picked from which bins."""
    async with asked.reading() as tx:
        return await reads.fulfillment_order(tx, asked.merchant, asked.path["fulfillment_order"])


@operation("GET", "/parcels/{parcel}", scope=READ, tag="shipping", answer=reads.Parcel)
async def get_parcel(asked: Asked) -> Any:
    """A parcel with what is in it and where it has been."""
    async with asked.reading() as tx:
        return await reads.parcel(tx, asked.merchant, asked.path["parcel"])
