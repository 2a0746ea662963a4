"""pack: picked units of one fulfillment order go into a parcel, which then wants its label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from doorstep.journey.fulfillment.floor import Floor, FulfillmentOrder, LineUnits, added_up, floor_and
from doorstep.journey.fulfillment.unpick import NotThatManyPicked
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal
from doorstep.setup.places import Goods, Places, ToteName, in_parcel, tote
from doorstep.setup.totes import IN_TOTES, out_of_totes, totes_of
from doorstep.spine.outcome import Ask, Demand, Fact, Insert, Job, Move, Outcome, Result, Stock
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

Millimeters = Annotated[int, Meta(ge=0, le=20_000)]
Grams = Annotated[int, Meta(ge=0, le=10_000_000)]

WITH_A_CARRIER = "select distinct merchant_id from connection where merchant_id = any($1) and kind = 'carrier'"


class Pack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `lines` everything of it that is picked (in the tote, if one is named).

    `weight_g` 0 is what the SKUs weigh together.

    `label`: auto asks for one at once where the merchant has a carrier.
    """

    fulfillment_order: str
    lines: Annotated[list[LineUnits], Meta(max_length=1000)] = []
    carton: Annotated[str, Meta(max_length=60)] = ""
    weight_g: Grams = 0
    length_mm: Millimeters = 0
    width_mm: Millimeters = 0
    height_mm: Millimeters = 0
    tote: ToteName = ""
    label: Literal["auto", "none"] = "auto"


class PackedLine(msgspec.Struct, frozen=True, kw_only=True):
    line: int
    sku: str
    quantity: int


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    fulfillment_order: str
    parcel: str
    weight_g: int
    lines: list[PackedLine]


class NothingPicked(Refusal):
    """Nothing of this fulfillment order is picked: there is nothing to pack."""


@dataclass(slots=True)
class Left:
    """Ids for parcels, and what of each order stands in totes."""

    ids: Iterator[int]
    totes: Mapping[int, Places]


@verb(Pack, Packed)
async def pack(tx: Tx, asks: list[Ask[Pack]]) -> list[Result]:
    """Put picked units into a new parcel."""
    wanted = [ask.body.fulfillment_order for ask in asks]
    floor, (connected, totes) = await floor_and(tx, wanted, WITH_A_CARRIER, IN_TOTES)
    carriers = {merchant for (merchant,) in connected}
    left = Left(await tx.fresh_ids(len(asks)), totes_of(totes))
    return each(asks, lambda ask: decide(floor, carriers, left, ask))


def decide(floor: Floor, carriers: set[int], left: Left, ask: Ask[Pack]) -> Outcome:
    of = floor.of(ask.merchant, ask.body.fulfillment_order)
    of.must_not_be_held("pack")
    totes = left.totes[of.order.order_id]
    units = _units(of, totes, ask.body)
    _must_be_picked(floor, of, totes, units, ask.body)
    parcel = next(left.ids)
    skus = {line_no: floor.sku(of.allocation(line_no)) for line_no in units}
    moves, rows = _moves(of, totes, units, parcel, ask.body)
    weight_g = ask.body.weight_g or sum(skus[line_no].weight_g * quantity for line_no, quantity in units.items())
    lines = [{"line": n, "sku": skus[n].code, "quantity": quantity} for n, quantity in units.items()]
    told = {"parcel": public("par", parcel), "weight_g": weight_g, "lines": lines}
    outcome = of.outcome("pack", moves, told | {"carton": ask.body.carton}, told)
    outcome.facts = [_parcel(of, parcel, weight_g, ask), *rows]
    outcome.count("parcels_pre_transit")
    _want_label(outcome, parcel, carriers, ask)
    return outcome


def _units(of: FulfillmentOrder, totes: Places, wanted: Pack) -> dict[int, int]:
    """Units per line: as asked, or all that is picked (and in the tote, when one is named)."""
    if wanted.lines:
        return added_up(wanted.lines)
    picked = {one.line_no: one.picked for one in of.allocations if one.picked}
    if not picked:
        raise NothingPicked(fulfillment_order=of.public)
    if not wanted.tote:
        return picked
    there, inside = {}, Counter[Goods]()
    for line_no, quantity in picked.items():
        # Two lines of one SKU share what the tote holds.
        goods = of.goods(of.allocation(line_no).sku_id)
        there[line_no] = min(quantity, totes.units(goods, tote(wanted.tote)) - inside[goods])
        inside[goods] += there[line_no]
    return {line_no: quantity for line_no, quantity in there.items() if quantity} or picked


def _must_be_picked(floor: Floor, of: FulfillmentOrder, totes: Places, units: dict[int, int], wanted: Pack) -> None:
    """All of it is looked at before any is taken, so that a refusal leaves the totes as they were."""
    needed = Counter[Goods]()
    for line_no, quantity in units.items():
        of.must_not_be_held("pack", line_no)
        allocation = of.allocation(line_no)
        sku = floor.sku(allocation)
        if quantity > allocation.picked:
            raise NotThatManyPicked(fulfillment_order=of.public, line=line_no, sku=sku.code, picked=allocation.picked)
        goods = of.goods(sku.sku_id)
        needed[goods] += quantity
        if wanted.tote:
            totes.must_hold(goods, tote(wanted.tote), needed[goods], sku=sku.code, site=of.site)


def _moves(
    of: FulfillmentOrder, totes: Places, units: dict[int, int], parcel: int, wanted: Pack
) -> tuple[list[Move], list[Fact]]:
    moves: list[Move] = []
    rows: list[Fact] = []
    for line_no, quantity in units.items():
        goods = of.goods(of.allocation(line_no).sku_id)
        moves.append(Demand(line_no, quantity, "picked", "packed", of.id))
        by_lot = Counter[str]()
        for place, lot, taken in out_of_totes(totes, goods, quantity, wanted.tote):
            moves.append(Stock(goods.sku, goods.site, taken, "picked", place, "packed", in_parcel(parcel), lot))
            by_lot[lot] += taken
        for lot, taken in by_lot.items():
            values = {"parcel_id": parcel, "line_no": line_no, "sku_id": goods.sku, "lot": lot, "quantity": taken}
            rows.append(Insert("parcel_line", values))
    return moves, rows


def _parcel(of: FulfillmentOrder, parcel: int, weight_g: int, ask: Ask[Pack]) -> Insert:
    values = {
        "parcel_id": parcel, "order_id": of.order.order_id, "fulfillment_order_id": of.id,
        "site_id": of.site_id, "carton": ask.body.carton, "weight_g": weight_g,
        "length_mm": ask.body.length_mm, "width_mm": ask.body.width_mm, "height_mm": ask.body.height_mm,
        "label_state": "none", "label_key": "", "label_tries": 0, "carrier": "", "service": "", "label_ref": "",
        "tracking_number": "", "label_cost_minor": None, "label_currency": "", "label_error": "",
        "state": "pre_transit", "packed_at": ask.at, "packed_by": ask.actor.name,
    }  # fmt: skip
    return Insert("parcel", values)


def _want_label(outcome: Outcome, parcel: int, carriers: set[int], ask: Ask[Pack]) -> None:
    if ask.body.label == "auto" and ask.merchant in carriers:
        outcome.then.append(Job("want_label", {"parcel": public("par", parcel)}))
