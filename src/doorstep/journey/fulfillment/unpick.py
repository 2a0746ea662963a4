"""unpick: a picked unit goes back to a bin, and is promised as before."""

from __future__ import annotations

import msgspec

from doorstep.journey.fulfillment.floor import Floor, floor_of
from doorstep.kit.refusals import Refusal
from doorstep.setup.places import Bin, Goods, Places, ToteName, Units, must_be_bin, places_holding, tote
from doorstep.spine.outcome import Ask, Demand, Move, Outcome, Result, Stock
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Unpick(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`bin` is where the units are put; `tote` where they were, if not in the fulfillment order's own."""

    fulfillment_order: str
    line: int
    quantity: Units
    bin: Bin
    tote: ToteName = ""


class Unpicked(msgspec.Struct, frozen=True, kw_only=True):
    """`picked` is what of the line is still picked here."""

    fulfillment_order: str
    line: int
    picked: int


class NotThatManyPicked(Refusal):
    """Not so many of that line are picked here."""


@verb(Unpick, Unpicked)
async def unpick(tx: Tx, asks: list[Ask[Unpick]]) -> list[Result]:
    """Put picked units back on the shelf."""
    floor = await floor_of(tx, [ask.body.fulfillment_order for ask in asks])
    places = await places_holding(tx, [found for ask in asks if (found := _asked_for(floor, ask))])
    return each(asks, lambda ask: decide(floor, places, ask))


def _asked_for(floor: Floor, ask: Ask[Unpick]) -> tuple[Goods, str, int] | None:
    try:
        of = floor.of(ask.merchant, ask.body.fulfillment_order)
        sku = of.allocation(ask.body.line).sku_id
    except Refusal:
        return None
    return of.goods(sku), tote(ask.body.tote or of.id), ask.body.quantity


def decide(floor: Floor, places: Places, ask: Ask[Unpick]) -> Outcome:
    """A hold does not stop it: putting back is what the picker is to do then."""
    wanted = ask.body
    of = floor.of(ask.merchant, wanted.fulfillment_order)
    allocation = of.allocation(wanted.line)
    sku = floor.sku(allocation)
    must_be_bin(wanted.bin)
    if wanted.quantity > allocation.picked:
        raise NotThatManyPicked(fulfillment_order=of.public, line=wanted.line, sku=sku.code, picked=allocation.picked)
    goods, out_of = of.goods(sku.sku_id), tote(wanted.tote or of.id)
    taken = places.take(goods, out_of, wanted.quantity, sku=sku.code, site=of.site.code)
    moves: list[Move] = [
        Demand(wanted.line, wanted.quantity, "picked", "promised", of.id),
        *(Stock(sku.sku_id, goods.site, units, "picked", out_of, "reserved", wanted.bin, lot) for lot, units in taken),
    ]
    told = {"line": wanted.line, "sku": sku.code, "quantity": wanted.quantity, "bin": wanted.bin, "tote": out_of}
    return of.outcome("unpick", moves, told, {"line": wanted.line, "picked": allocation.picked - wanted.quantity})
