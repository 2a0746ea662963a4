"""unpack: units leave the parcel again, before it leaves the site; the label is voided first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.journey.fulfillment.floor import (
    Floor,
    FulfillmentOrder,
    LineUnits,
    added_up,
    answer_each,
    floor_of_orders,
)
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup.places import ToteName, in_parcel, tote
from doorstep.spine.outcome import Ask, Demand, Fact, Move, Result, Stock, Update
from doorstep.spine.status import PARCEL_COUNTER
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

ORDERS_OF = "select order_id from parcel where merchant_id = any($1) and parcel_id = any($2)"
PARCELS = """
select merchant_id, parcel_id, fulfillment_order_id, weight_g, state, label_state, handed_over_at from parcel
  where merchant_id = any($1) and parcel_id = any($2)
"""
PARCEL_LINES = """
select parcel_id, line_no, lot, quantity from parcel_line
  where merchant_id = any($1) and parcel_id = any($2) and quantity > 0 order by parcel_id, line_no, lot
"""
# The carrier has the label, or is being asked for it or to void it.
LABELED = ("wanted", "bought", "void_wanted")


class Unpack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `lines` everything; `tote` is where the units go, if not into the fulfillment order's own."""

    parcel: str
    lines: Annotated[list[LineUnits], Meta(max_length=1000)] = []
    tote: ToteName = ""


class Unpacked(msgspec.Struct, frozen=True, kw_only=True):
    """`empty`: nothing is left in the parcel, which counts no more."""

    parcel: str
    fulfillment_order: str
    empty: bool


class ParcelHasLeft(Refusal):
    """The parcel was handed over to the carrier."""


class HasALabel(Refusal):
    """The parcel has a label; void it first."""


class NotThatManyPacked(Refusal):
    """Not so many of that line are in the parcel."""


@dataclass(frozen=True, slots=True)
class Parcel:
    merchant: int
    id: int
    fulfillment_order: int
    weight_g: int
    state: str
    label_state: str
    handed_over_at: datetime | None
    lines: dict[int, dict[str, int]] = field(default_factory=dict)  # line: {lot: units}

    @property
    def public(self) -> str:
        return public("par", self.id)

    @property
    def units(self) -> dict[int, int]:
        return {line_no: sum(lots.values()) for line_no, lots in self.lines.items()}


@dataclass(frozen=True, slots=True)
class Facts:
    floor: Floor
    parcels: Mapping[int, Parcel]

    def of(self, merchant: int, word: str) -> tuple[Parcel, FulfillmentOrder]:
        """Raises NotFound, for another merchant's too."""
        parcel = self.parcels.get(number("par", word))
        if parcel is None or parcel.merchant != merchant:
            raise NotFound(parcel=word)
        return parcel, self.floor.fulfillment_orders[parcel.fulfillment_order]


@verb(Unpack, Unpacked)
async def unpack(tx: Tx, asks: list[Ask[Unpack]]) -> list[Result]:
    """Take units out of a parcel, back into a tote."""
    facts = await _facts(tx, [ask.body.parcel for ask in asks])
    return answer_each(asks, lambda ask: decide(facts, ask))


async def _facts(tx: Tx, words: Iterable[str]) -> Facts:
    """The parcels are read after their orders are locked: what they hold stays so."""
    ids = [int(word[4:]) for word in words if word.startswith("par_") and word[4:].isdecimal() and len(word) < 24]
    at = (list(tx.merchants), ids)
    floor = await floor_of_orders(tx, [row["order_id"] for row in await tx.rows(ORDERS_OF, *at)])
    parcels = {row["parcel_id"]: Parcel(*row) for row in await tx.rows(PARCELS, *at)}
    for row in await tx.rows(PARCEL_LINES, *at):
        parcels[row["parcel_id"]].lines.setdefault(row["line_no"], {})[row["lot"]] = row["quantity"]
    return Facts(floor, parcels)


def decide(facts: Facts, ask: Ask[Unpack]) -> Result:
    parcel, of = facts.of(ask.merchant, ask.body.parcel)
    if parcel.handed_over_at:
        raise ParcelHasLeft(parcel=parcel.public)
    if parcel.label_state in LABELED:
        raise HasALabel(parcel=parcel.public, label_state=parcel.label_state, next_action="want_void")
    units = _units(parcel, ask.body)
    moves, rows = _moves(of, parcel, units, ask.body)
    removed_g = sum(facts.floor.sku(of.allocation(line_no)).weight_g * n for line_no, n in units.items())
    empty = sum(units.values()) == sum(parcel.units.values())
    lines = [
        {"line": line_no, "sku": facts.floor.sku(of.allocation(line_no)).code, "quantity": quantity}
        for line_no, quantity in units.items()
    ]
    told = {"parcel": parcel.public, "lines": lines, "empty": empty}
    outcome = of.outcome("unpack", moves, told, {"parcel": parcel.public, "empty": empty})
    weight_g = 0 if empty else max(0, parcel.weight_g - removed_g)
    outcome.facts = [*rows, Update("parcel", {"parcel_id": parcel.id}, {"weight_g": weight_g})]
    if empty:
        outcome.count(PARCEL_COUNTER[parcel.state], -1)
    return outcome


def _units(parcel: Parcel, wanted: Unpack) -> dict[int, int]:
    asked = added_up(wanted.lines)
    inside = parcel.units
    for line_no, quantity in asked.items():
        if quantity > inside.get(line_no, 0):
            raise NotThatManyPacked(parcel=parcel.public, line=line_no, packed=inside.get(line_no, 0))
    if not inside:
        raise NotThatManyPacked(parcel=parcel.public, packed=0)
    return asked or inside


def _moves(
    of: FulfillmentOrder, parcel: Parcel, units: dict[int, int], wanted: Unpack
) -> tuple[list[Move], list[Fact]]:
    moves: list[Move] = []
    rows: list[Fact] = []
    out_of, into = in_parcel(parcel.id), tote(wanted.tote or of.id)
    for line_no, quantity in units.items():
        moves.append(Demand(line_no, quantity, "packed", "picked", of.id))
        sku = of.allocation(line_no).sku_id
        for lot, inside in parcel.lines[line_no].items():
            taken = min(quantity, inside)
            if taken == 0:
                continue
            quantity -= taken
            moves.append(Stock(sku, of.site.site_id, taken, "packed", out_of, "picked", into, lot))
            where = {"parcel_id": parcel.id, "line_no": line_no, "lot": lot}
            rows.append(Update("parcel_line", where, {"quantity": inside - taken}))
    return moves, rows
