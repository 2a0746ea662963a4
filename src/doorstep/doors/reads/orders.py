"""orders: a page of them, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from doorstep.doors.reads import cursor
from doorstep.doors.reads.cursor import Cursor
from doorstep.doors.reads.finding import find
from doorstep.doors.reads.order import Statuses
from doorstep.doors.reads.rows import told
from doorstep.kit.ids import public
from doorstep.spine.holds import TYPES
from doorstep.spine.status import AXES
from doorstep.spine.tenant import Tx

Limit = Annotated[int, Meta(ge=1, le=200)]
Word = Annotated[str, Meta(min_length=1, max_length=120)]
if TYPE_CHECKING:
    from typing import TypeAlias

    Stage: TypeAlias = str
    PaymentStatus: TypeAlias = str
    FulfillmentStatus: TypeAlias = str
    DeliveryStatus: TypeAlias = str
    HoldType: TypeAlias = str
else:
    Stage, PaymentStatus, FulfillmentStatus, DeliveryStatus = (
        Literal[tuple(dict.fromkeys(value for value, _ in AXES[axis]))]
        for axis in ("stage", "payment", "fulfillment", "delivery")
    )
    HoldType = Literal[(*TYPES, "any")]

# Orders that are called the same but for how it is typed: among so many the one that is meant is looked for.
ALIKE = 10


class OrderQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters add up: an order must fit all of them. `q`: each word of it begins a number, a name, an e-mail address, a
    SKU or a tracking number of the order."""

    stage: Stage | None = None
    payment: PaymentStatus | None = None
    fulfillment: FulfillmentStatus | None = None
    delivery: DeliveryStatus | None = None
    hold: HoldType | None = None
    channel: Word | None = None
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    placed_from: datetime | None = None
    placed_to: datetime | None = None
    sku: Word | None = None
    external_id: Word | None = None
    number: Word | None = None
    email: Annotated[str, Meta(min_length=1, max_length=254)] | None = None
    q: Word | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class OrderRow(Struct, frozen=True, kw_only=True):
    id: str
    number: str
    external_id: str
    channel: str
    placed_at: datetime
    currency: str
    total_minor: int
    buyer: str
    email: str
    country: str
    shipping_method: str
    payment_term: str
    units: int
    holds_open: int
    statuses: Statuses


class OrderPage(Struct, frozen=True, kw_only=True):
    """`next` is the cursor of the page after this one; null on the last. A page may be shorter than asked for, and not
    the last: little fits of what was looked at."""

    orders: list[OrderRow]
    next: str | None


async def orders(tx: Tx, merchant: int, query: OrderQuery) -> OrderPage:
    at = cursor.read(query.cursor, tuple[datetime, int]) if query.cursor else None
    found = await find(tx, [merchant], query, at=at)
    return OrderPage(orders=[_order_row(row) for row in found.rows], next=cursor.write(*found.at) if found.at else None)


async def orders_called(tx: Tx, merchant: int, word: str) -> list[str]:
    """The ids of the orders that have this number or this id of a channel's: a few of them, if there are several.

    However it was typed; one that is called so to the letter is meant before others.
    """
    found = (await find(tx, [merchant], OrderQuery(limit=ALIKE), called=word)).rows
    exact = [row for row in found if word in (row["number"], row["number"].removeprefix("#"), row["external_id"])]
    return [public("ord", row["order_id"]) for row in exact or found][:3]


def _order_row(row: Mapping[str, Any]) -> OrderRow:
    return told(row, OrderRow, id=public("ord", row["order_id"]), units=row["ordered"], statuses=told(row, Statuses))
