"""pick: the right product off the shelf: what is scanned must be what was ordered, and the bin must hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.journey.fulfillment.floor import Floor, FulfillmentOrder, floor_of
from doorstep.kit.refusals import Refusal
from doorstep.setup.places import Bin, Goods, Places, ToteName, Units, must_be_bin, places_holding, tote
from doorstep.setup.skus import Sku, skus_by_scan
from doorstep.spine.facts import Allocation
from doorstep.spine.outcome import Ask, Demand, Move, Outcome, Result, Stock
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Pick(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`barcode` is what the scanner read; without `tote` the units go into the fulfillment order's own."""

    fulfillment_order: str
    line: int
    quantity: Units
    bin: Bin
    barcode: Annotated[str, Meta(min_length=1, max_length=120)]
    tote: ToteName = ""


class Picked(msgspec.Struct, frozen=True, kw_only=True):
    """`left` is what is still to be picked of the line here."""

    fulfillment_order: str
    line: int
    sku: str
    picked: int
    left: int
    tote: str


class WrongItem(Refusal):
    """That is not the item that was ordered; put it back."""


class TooMany(Refusal):
    """More than there is to do of that line here."""


@dataclass(frozen=True, slots=True)
class Facts:
    floor: Floor
    scanned: Mapping[tuple[int, str], Sku]  # what a wrong item is, where it is known


@verb(Pick, Picked)
async def pick(tx: Tx, asks: list[Ask[Pick]]) -> list[Result]:
    """Take units from a bin into a tote."""
    floor = await floor_of(tx, [ask.body.fulfillment_order for ask in asks])
    wanted, strange = [], []
    for ask in asks:
        found = _asked_for(floor, ask)
        if found is None:
            continue
        goods, sku = found
        wanted.append((goods, ask.body.bin, ask.body.quantity))
        if not sku.is_scanned(ask.body.barcode):
            strange.append(ask.body.barcode)
    facts, places = Facts(floor, await skus_by_scan(tx, strange)), await places_holding(tx, wanted)
    return each(asks, lambda ask: decide(facts, places, ask))


def _asked_for(floor: Floor, ask: Ask[Pick]) -> tuple[Goods, Sku] | None:
    try:
        of = floor.of(ask.merchant, ask.body.fulfillment_order)
        allocation = of.allocation(ask.body.line)
    except Refusal:
        return None
    return of.goods(allocation.sku_id), floor.sku(allocation)


def decide(facts: Facts, places: Places, ask: Ask[Pick]) -> Outcome:
    """Holds first: one placed while the picker walks stops the next scan."""
    wanted = ask.body
    of = facts.floor.of(ask.merchant, wanted.fulfillment_order)
    of.must_not_be_held("pick", wanted.line)
    of.must_be_released()
    allocation = of.allocation(wanted.line)
    sku = facts.floor.sku(allocation)
    must_be_bin(wanted.bin)
    if not sku.is_scanned(wanted.barcode):
        raise _wrong_item(facts, ask, sku)
    if wanted.quantity > allocation.promised:
        raise TooMany(fulfillment_order=of.public, line=wanted.line, sku=sku.code, left=allocation.promised)
    into = tote(wanted.tote or of.id)
    told = {"line": wanted.line, "sku": sku.code, "quantity": wanted.quantity, "bin": wanted.bin, "tote": into}
    answer = {
        "line": wanted.line, "sku": sku.code, "picked": wanted.quantity,
        "left": allocation.promised - wanted.quantity, "tote": into,
    }  # fmt: skip
    return of.outcome("pick", _moves(of, allocation, sku, places, wanted, into), told, answer)


def _wrong_item(facts: Facts, ask: Ask[Pick], expected: Sku) -> WrongItem:
    scanned = ask.body.barcode.strip()
    known = facts.scanned.get((ask.merchant, scanned))
    return WrongItem(
        scanned=scanned, scanned_sku=known.code if known else "", scanned_name=known.name if known else "",
        expected_sku=expected.code, expected_name=expected.name, expected_barcode=expected.barcode, bin=ask.body.bin,
    )  # fmt: skip


def _moves(
    of: FulfillmentOrder, allocation: Allocation, sku: Sku, places: Places, wanted: Pick, into: str
) -> list[Move]:
    goods = of.goods(sku.sku_id)
    taken = places.take(goods, wanted.bin, wanted.quantity, sku=sku.code, site=of.site.code)
    return [
        Demand(wanted.line, wanted.quantity, "promised", "picked", of.id),
        *(Stock(sku.sku_id, goods.site, units, "reserved", wanted.bin, "picked", into, lot) for lot, units in taken),
    ]
