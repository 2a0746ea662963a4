"""short: the bin does not hold what it should: the units are lost, and the order looks for others elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from doorstep.journey.fulfillment.floor import Floor, FulfillmentOrder, floor_of
from doorstep.journey.fulfillment.pick import TooMany
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal
from doorstep.setup.places import Bin, Goods, Places, Units, must_be_bin, places_holding
from doorstep.setup.skus import Sku
from doorstep.spine.outcome import Ask, Demand, Insert, Job, Move, Outcome, Result, Stock
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class ShortPick(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`quantity` is what was looked for in the bin and not found."""

    fulfillment_order: str
    line: int
    quantity: Units
    bin: Bin


class Shorted(msgspec.Struct, frozen=True, kw_only=True):
    """`left` is what is still to be picked of the line here."""

    fulfillment_order: str
    line: int
    short: int
    left: int


@verb(ShortPick, Shorted)
async def short(tx: Tx, asks: list[Ask[ShortPick]]) -> list[Result]:
    """Say that a bin lacks what the books have there. Other stock is looked for at once."""
    floor = await floor_of(tx, [ask.body.fulfillment_order for ask in asks])
    places = await places_holding(tx, [found for ask in asks if (found := _asked_for(floor, ask))])
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: decide(floor, places, ids, ask))


def _asked_for(floor: Floor, ask: Ask[ShortPick]) -> tuple[Goods, str, int] | None:
    try:
        of = floor.of(ask.merchant, ask.body.fulfillment_order)
        return of.goods(of.allocation(ask.body.line).sku_id), ask.body.bin, ask.body.quantity
    except Refusal:
        return None


def decide(floor: Floor, places: Places, ids: Iterator[int], ask: Ask[ShortPick]) -> Outcome:
    """What is not in the bin is not in the world: only the books had it."""
    wanted = ask.body
    of = floor.of(ask.merchant, wanted.fulfillment_order)
    of.must_be_released()
    allocation = of.allocation(wanted.line)
    sku = floor.sku(allocation)
    must_be_bin(wanted.bin)
    if wanted.quantity > allocation.promised:
        raise TooMany(fulfillment_order=of.public, line=wanted.line, sku=sku.code, left=allocation.promised)
    goods = of.goods(sku.sku_id)
    taken = places.take(goods, wanted.bin, wanted.quantity, sku=sku.code, site=of.site)
    moves: list[Move] = [
        Demand(wanted.line, wanted.quantity, "promised", "wanted", of.id),
        *(Stock(sku.sku_id, goods.site, units, "reserved", wanted.bin, "world", "", lot) for lot, units in taken),
    ]
    told = {
        "line": wanted.line, "sku": sku.code, "quantity": wanted.quantity, "bin": wanted.bin, "reason": "short_pick",
    }  # fmt: skip
    left = allocation.promised - wanted.quantity
    answer = {"line": wanted.line, "short": wanted.quantity, "left": left}
    outcome = of.outcome("short", moves, told, answer)
    outcome.facts.append(_attention(of, sku, ids, ask))
    outcome.then.append(Job("promise", {"order": public("ord", of.order.order_id)}))
    return outcome


def _attention(of: FulfillmentOrder, sku: Sku, ids: Iterator[int], ask: Ask[ShortPick]) -> Insert:
    found = ask.body
    values = {
        "attention_id": next(ids), "kind": "short_pick", "order_id": of.order.order_id,
        "reason": f"{found.quantity} {sku.code} missing from bin {found.bin} at {of.site}",
        "next_action": f"count bin {found.bin}",
        "why": {
            "fulfillment_order": of.public, "line": found.line, "sku": sku.code, "site": of.site,
            "bin": found.bin, "quantity": found.quantity, "by": ask.actor.name,
        },
        "raised_at": ask.at,
    }  # fmt: skip
    return Insert("attention", values)
