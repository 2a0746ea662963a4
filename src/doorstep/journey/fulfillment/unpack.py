"""unpack: units leave the parcel again, before it leaves the site; its label and its load are left behind first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.fulfillment.floor import LineUnits, added_up
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal
from doorstep.setup.places import ToteName, tote
from doorstep.setup.skus import Sku, skus_by_id
from doorstep.spine.outcome import Ask, Demand, Event, Fact, Move, Outcome, Result, Stock, Update
from doorstep.spine.parcels import LabelThere, ParcelFacts, of_parcel, outcome_of_parcel, parcels_and
from doorstep.spine.rules import each
from doorstep.spine.status import PARCEL_COUNTER
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

# The carrier has the label, or is being asked for it or to void it.
LABELED = ("wanted", "bought", "void_wanted")

IN_LOADS = """
select s.parcel_id, s.load_id
  from parcel p join parcel_stay s on s.merchant_id = p.merchant_id and s.parcel_id = p.parcel_id
  where p.merchant_id = any($1) and p.order_id = any($2) and s.left_at is null
"""


class Unpack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `lines` everything; `tote` is where the units go, if not into the fulfillment order's own."""

    parcel: str
    lines: Annotated[list[LineUnits], Meta(max_length=1000)] = []
    tote: ToteName = ""


class Unpacked(msgspec.Struct, frozen=True, kw_only=True):
    """`empty`: nothing is left in the parcel, which counts no more."""

    order: str
    parcel: str
    empty: bool


class NotThatManyPacked(Refusal):
    """Not so many of that line are in the parcel."""


class InLoad(Refusal):
    """The parcel lies in a load; take it out there first."""


@dataclass(frozen=True, slots=True)
class Facts:
    parcels: Mapping[int, ParcelFacts]
    loads: Mapping[int, int]  # which lies in which load
    skus: Mapping[int, Sku]


@verb(Unpack, Unpacked)
async def unpack(tx: Tx, asks: list[Ask[Unpack]]) -> list[Result]:
    """Take units out of a parcel, back into a tote."""
    parcels, (loads,) = await parcels_and(tx, [ask.body.parcel for ask in asks], IN_LOADS, contents=True)
    skus = {line.sku_id for parcel in parcels.values() for line in parcel.lines}
    facts = Facts(parcels, dict(loads), await skus_by_id(tx, skus))
    return each(asks, lambda ask: decide(facts, ask))


def decide(facts: Facts, ask: Ask[Unpack]) -> Outcome:
    """A hold does not stop it: taking apart is what is to be done then."""
    parcel = of_parcel(facts.parcels, ask.merchant, ask.body.parcel)
    parcel.must_be_here()
    if parcel.label_state in LABELED:
        raise LabelThere(parcel=ask.body.parcel, label=parcel.label_state, next_action="want_void")
    if parcel.parcel_id in facts.loads:
        load = public("lod", facts.loads[parcel.parcel_id])
        raise InLoad(parcel=ask.body.parcel, load=load, next_action="take_out")
    inside = _inside(parcel)
    units = _units(parcel, inside, ask.body)
    moves, rows = _moves(parcel, units, ask.body)
    empty = units == inside
    told = {"parcel": ask.body.parcel, "lines": _told(facts, parcel, units), "empty": empty}
    outcome = outcome_of_parcel(parcel, empty=empty)
    outcome.events = [Event("unpack", moves, told)]
    weight = _weight(facts, parcel, units, empty)
    outcome.facts = [*rows, Update("parcel", {"parcel_id": parcel.parcel_id}, weight, unless="handed_over_at")]
    if empty:
        outcome.count(PARCEL_COUNTER[parcel.state], -1)
    return outcome


def _inside(parcel: ParcelFacts) -> dict[int, int]:
    inside: dict[int, int] = {}
    for line in parcel.lines:
        inside[line.line_no] = inside.get(line.line_no, 0) + line.quantity
    return inside


def _units(parcel: ParcelFacts, inside: dict[int, int], wanted: Unpack) -> dict[int, int]:
    asked = added_up(wanted.lines) or inside
    for line_no, quantity in asked.items():
        if quantity > inside.get(line_no, 0):
            raise NotThatManyPacked(parcel=wanted.parcel, line=line_no, packed=inside.get(line_no, 0))
    if not asked:
        raise NotThatManyPacked(parcel=wanted.parcel, packed=0)
    return asked


def _moves(parcel: ParcelFacts, units: dict[int, int], wanted: Unpack) -> tuple[list[Move], list[Fact]]:
    moves: list[Move] = []
    rows: list[Fact] = []
    into = tote(wanted.tote or parcel.fulfillment_order_id)
    for line_no, quantity in units.items():
        moves.append(Demand(line_no, quantity, "packed", "picked", parcel.fulfillment_order_id))
        for line in (line for line in parcel.lines if line.line_no == line_no):
            taken = min(quantity, line.quantity)
            if taken:
                quantity -= taken
                moves.append(
                    Stock(line.sku_id, parcel.site_id, taken, "packed", parcel.place, "picked", into, line.lot)
                )
                where = {"parcel_id": parcel.parcel_id, "line_no": line_no, "lot": line.lot}
                rows.append(Update("parcel_line", where, {"quantity": line.quantity - taken}))
    return moves, rows


def _told(facts: Facts, parcel: ParcelFacts, units: dict[int, int]) -> list[dict[str, Any]]:
    codes = {line.line_no: facts.skus[line.sku_id].code for line in parcel.lines}
    return [{"line": line_no, "sku": codes[line_no], "quantity": quantity} for line_no, quantity in units.items()]


def _weight(facts: Facts, parcel: ParcelFacts, units: dict[int, int], empty: bool) -> dict[str, int]:
    """What stays inside weighs less by what the SKUs that left weigh."""
    skus = {line.line_no: facts.skus[line.sku_id] for line in parcel.lines}
    removed_g = sum(skus[line_no].weight_g * quantity for line_no, quantity in units.items())
    return {"weight_g": 0 if empty else max(0, parcel.weight_g - removed_g)}
