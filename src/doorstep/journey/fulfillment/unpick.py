"""unpick: a picked unit goes back to a bin, and is promised as before."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from doorstep.journey.fulfillment.floor import Floor, floor_and
from doorstep.kit.refusals import Refusal
from doorstep.setup.places import Bin, Places, ToteName, Units, must_be_bin
from doorstep.setup.totes import IN_TOTES, out_of_totes, totes_of
from doorstep.spine.outcome import Ask, Demand, Move, Outcome, Result, Stock
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Unpick(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`bin` is where the units are put; `tote` is where they were, if only units of that one are meant."""

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
    floor, (picked,) = await floor_and(tx, [ask.body.fulfillment_order for ask in asks], IN_TOTES)
    totes = totes_of(picked)
    return each(asks, lambda ask: decide(floor, totes, ask))


def decide(floor: Floor, totes: Mapping[int, Places], ask: Ask[Unpick]) -> Outcome:
    """A hold does not stop it: putting back is what the picker is to do then."""
    wanted = ask.body
    of = floor.of(ask.merchant, wanted.fulfillment_order)
    allocation = of.allocation(wanted.line)
    sku = floor.sku(allocation)
    must_be_bin(wanted.bin)
    if wanted.quantity > allocation.picked:
        raise NotThatManyPicked(fulfillment_order=of.public, line=wanted.line, sku=sku.code, picked=allocation.picked)
    goods = of.goods(sku.sku_id)
    taken = out_of_totes(totes[of.order.order_id], goods, wanted.quantity, wanted.tote)
    moves: list[Move] = [
        Demand(wanted.line, wanted.quantity, "picked", "promised", of.id),
        *(Stock(goods.sku, goods.site, n, "picked", place, "reserved", wanted.bin, lot) for place, lot, n in taken),
    ]
    told = {"line": wanted.line, "sku": sku.code, "quantity": wanted.quantity, "bin": wanted.bin}
    return of.outcome("unpick", moves, told, {"line": wanted.line, "picked": allocation.picked - wanted.quantity})
