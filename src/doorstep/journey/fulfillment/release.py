"""release: every gate is passed and the goods are promised: the fulfillment order goes to the floor."""

from __future__ import annotations

import msgspec

from doorstep.journey.fulfillment.floor import READS, Floor, FulfillmentOrder, floor_of
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal
from doorstep.spine.outcome import Ask, Job, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    fulfillment_order: str


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """`released` is false when it was on the floor before."""

    fulfillment_order: str
    released: bool


class StillADraft(Refusal):
    """The order is a draft; confirm it first."""


class NotChecked(Refusal):
    """The order has not passed its checks."""


class NothingPromised(Refusal):
    """Nothing is promised to this fulfillment order."""


class RestIsMissing(Refusal):
    """The order ships complete, and some of it still waits for stock."""


@verb(Release, Released)
async def release(tx: Tx, asks: list[Ask[Release]]) -> list[Result]:
    """Send a fulfillment order to the floor. What is there already stays there."""
    floor = await floor_of(
        tx, [ask.body.fulfillment_order for ask in asks], (*READS, "drafts", "checks", "wanted", "ship"), skus=False
    )
    told: set[int] = set()  # orders whose buyer hears of it by this batch
    return each(asks, lambda ask: decide(floor, told, ask))


def decide(floor: Floor, told: set[int], ask: Ask[Release]) -> Outcome:
    of = floor.of(ask.merchant, ask.body.fulfillment_order)
    order = of.order.order_id
    if of.released_at:
        return Outcome(ask.merchant, ("order", order), [], answer={"fulfillment_order": of.public, "released": False})
    _must_be_ready(of)
    outcome = of.outcome("release", [], {}, {"released": True})
    outcome.facts.append(Update("fulfillment_order", {"fulfillment_order_id": of.id}, {"released_at": ask.at}))
    if order not in told and not any(sibling.released_at for sibling in floor.siblings(of)):
        told.add(order)
        outcome.then.append(Job("notify", {"order": public("ord", order), "kind": "awaiting_fulfillment"}))
        if len(floor.siblings(of)) > 1:
            outcome.then.append(Job("notify", {"order": public("ord", order), "kind": "split"}))
    return outcome


def _must_be_ready(of: FulfillmentOrder) -> None:
    """A line on hold stays behind while the others go; when all are, the hold is the answer."""
    of.must_not_be_held("release")
    if of.order.row["drafts"]:
        raise StillADraft(order=public("ord", of.order.order_id))
    if not of.order.row["checks"]:
        raise NotChecked(order=public("ord", of.order.order_id))
    promised = [allocation.line_no for allocation in of.allocations if allocation.promised]
    if not promised:
        raise NothingPromised(fulfillment_order=of.public)
    if of.order.row["ship"] == "complete" and of.order.row["wanted"]:
        raise RestIsMissing(order=public("ord", of.order.order_id), waiting=of.order.row["wanted"])
    held = [of.order.stopped("release", line_no) for line_no in promised]
    if all(held) and held[0]:
        raise held[0]
