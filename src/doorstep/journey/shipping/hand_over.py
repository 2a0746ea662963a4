"""hand_over: the parcel leaves with the carrier; from here on it is captured, billed, told and followed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec

from doorstep.journey.shipping.label import EmptyParcel, NoLabel
from doorstep.kit.ids import public
from doorstep.spine.outcome import Ask, Demand, Event, Job, Move, Outcome, Result, Stock, Update
from doorstep.spine.parcels import HandedOver, ParcelFacts, of_parcel, outcome_of_parcel, parcels_and
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.told_times import told_time
from doorstep.spine.verbs import verb

# Money that a provider holds can be taken by asking it; what the channel holds is taken there.
HELD_BY_A_PROVIDER = """
select distinct order_id from payment
  where merchant_id = any($1) and order_id = any($2) and kind = 'authorization' and state = 'done'
    and provider <> 'channel'
"""
READS = ("placed_at", "held", "holds")


class HandOver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    parcel: str
    happened_at: datetime | None = None


class OnItsWay(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    parcel: str
    carrier: str
    tracking_number: str


@verb(HandOver, OnItsWay)
async def hand_over(tx: Tx, asks: list[Ask[HandOver]]) -> list[Result]:
    """Hand the parcel to the carrier: its units are shipped and leave the site's books."""
    parcels, (orders,) = await parcels_and(
        tx, [ask.body.parcel for ask in asks], HELD_BY_A_PROVIDER, reads=READS, contents=True
    )
    held = {order for (order,) in orders}
    gone: set[int] = set()
    return each(asks, lambda ask: decide(of_parcel(parcels, ask.merchant, ask.body.parcel), held, gone, ask))


def decide(parcel: ParcelFacts, held: Collection[int], gone: set[int], ask: Ask[HandOver]) -> Outcome:
    parcel.must_be_here()
    if parcel.parcel_id in gone:
        raise HandedOver(parcel=ask.body.parcel)
    if not parcel.lines:
        raise EmptyParcel(parcel=ask.body.parcel)
    for line in parcel.lines:
        if stopped := parcel.order.stopped("hand_over", line.line_no):
            raise stopped
    if parcel.label_state != "bought":
        raise NoLabel(parcel=ask.body.parcel, label=parcel.label_state)
    at = told_time(ask.body.happened_at, ask.at, since=parcel.order.row["placed_at"], parcel=ask.body.parcel)
    gone.add(parcel.parcel_id)
    outcome = outcome_of_parcel(parcel, carrier=parcel.carrier, tracking_number=parcel.tracking_number)
    told = {"parcel": ask.body.parcel, "carrier": parcel.carrier, "tracking_number": parcel.tracking_number}
    outcome.events = [Event("hand_over", _moves(parcel), told, at)]
    left = {"handed_over_at": at}
    outcome.facts = [Update("parcel", {"parcel_id": parcel.parcel_id}, left, unless="handed_over_at")]
    outcome.then = _then(parcel, held, ask.body.parcel)
    return outcome


def _moves(parcel: ParcelFacts) -> list[Move]:
    moves: list[Move] = []
    for line in parcel.lines:
        moves.append(Demand(line.line_no, line.quantity, "packed", "shipped", parcel.fulfillment_order_id))
        moves.append(Stock(line.sku_id, parcel.site_id, line.quantity, "packed", parcel.place, "world", "", line.lot))
    return moves


def _then(parcel: ParcelFacts, held: Collection[int], name: str) -> list[Job]:
    order = public("ord", parcel.order.order_id)
    jobs = [
        Job("issue_invoice", {"order": order, "parcel": name}),
        Job("notify", {"order": order, "kind": "shipped", "parcel": name}),
    ]
    if parcel.order.row["held"] > 0 and parcel.order.order_id in held:
        jobs.append(Job("want_capture", {"order": order, "parcel": name}))
    jobs.append(_after(parcel, name))
    return jobs


def _after(parcel: ParcelFacts, name: str) -> Job:
    """The carrier may have told of the delivery before anybody scanned the hand-over."""
    if parcel.state == "delivered":
        return Job("deliver", {"parcel": name})
    body: dict[str, Any] = {"parcel": name, "round": 1}
    return Job("follow", body, key=f"follow:{name}:1")
