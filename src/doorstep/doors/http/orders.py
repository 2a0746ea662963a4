"""orders: the list, one order whole, its timeline, and why it is where it is."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from doorstep.doors.http.operations import Asked, operation
from doorstep.doors.reads import cases as reads_cases
from doorstep.doors.reads import order as whole
from doorstep.doors.reads import orders as reads
from doorstep.doors.reads.way import ways
from doorstep.doors.reads.why import Why, why
from doorstep.kit.ids import number
from doorstep.setup.keys import READ
from doorstep.setup.tracking_links import tracking_links


class TimelineQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events after this number."""

    after: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    limit: Annotated[int, Meta(ge=1, le=500)] = 200


@operation("GET", "/orders", scope=READ, tag="orders", query=reads.OrderQuery, answer=reads.OrderPage)
async def list_orders(asked: Asked) -> Any:
    """The orders that fit every filter, newest first. The list of all is never late; a filter knows the newest
    changes at once too, and what came in at a rush within seconds."""
    async with asked.reading() as tx:
        return await reads.orders(tx, asked.merchant, asked.query)


@operation("GET", "/orders/{order}", scope=READ, tag="orders", answer=whole.Order)
async def get_order(asked: Asked) -> Any:
    """An order with its lines, fulfillment orders, parcels, holds, payments and statuses."""
    async with asked.reading() as tx:
        found = await whole.order(tx, [asked.merchant], asked.path["order"])
    found = replace(found, ways=await ways(asked.db, asked.merchant, found.id, asked.at))
    return replace(found, tracking_url=tracking_links().url(asked.merchant, number("ord", found.id)))


@operation("GET", "/orders/{order}/cases", scope=READ, tag="orders", answer=reads_cases.Cases)
async def get_cases(asked: Asked) -> Any:
    """What the buyer says is wrong with the order, what was answered, and the letters that were sent."""
    async with asked.reading() as tx:
        return await reads_cases.cases(tx, asked.merchant, asked.path["order"])


@operation("GET", "/orders/{order}/events", scope=READ, tag="orders", query=TimelineQuery, answer=whole.Timeline)
async def get_timeline(asked: Asked) -> Any:
    """Everything that happened to the order, in order."""
    async with asked.reading() as tx:
        return await whole.timeline(tx, asked.merchant, asked.path["order"], asked.query.after, asked.query.limit)


@operation("GET", "/orders/{order}/why", scope=READ, tag="orders", answer=Why)
async def get_why(asked: Asked) -> Any:
    """Why the order is where it is, what was decided and for what reasons, and what would move it on."""
    async with asked.reading() as tx:
        return await why(tx, asked.merchant, asked.path["order"])
