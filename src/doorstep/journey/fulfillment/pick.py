"""pick: the right product off the shelf: what is scanned must be what was ordered, and the bin must hold it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.journey.fulfillment.floor import Floor, FulfillmentOrder, floor_of
from doorstep.kit.refusals import Refusal
from doorstep.setup.places import Bin, Goods, Places, ToteName, Units, must_be_bin, places_holding, tote
from doorstep.setup.skus import Sku, skus_by_scan
from doorstep.spine.outcome import Ask, Demand, Move, Outcome, Result, Stock
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Scan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units of a line, out of one bin; `barcode` is what the scanner read."""

    line: int
    quantity: Units
    bin: Bin
    barcode: Annotated[str, Meta(min_length=1, max_length=120)]


class Pick(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of the scans or none; without `tote` the units go into the fulfillment order's own."""

    fulfillment_order: str
    scans: Annotated[list[Scan], Meta(min_length=1, max_length=1000)]
    tote: ToteName = ""


class PickedLine(msgspec.Struct, frozen=True, kw_only=True):
    """`left` is what is still to be picked of the line here."""

    line: int
    sku: str
    picked: int
    left: int


class Picked(msgspec.Struct, frozen=True, kw_only=True):
    """A line for each scan."""

    fulfillment_order: str
    tote: str
    lines: list[PickedLine]


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
    """Take units from their bins into a tote."""
    floor = await floor_of(tx, [ask.body.fulfillment_order for ask in asks])
    wanted, strange = [], []
    for ask in asks:
        for goods, sku, scan in _asked_for(floor, ask):
            wanted.append((goods, scan.bin, scan.quantity))
            if not sku.is_scanned(scan.barcode):
                strange.append(scan.barcode)
    facts, places = Facts(floor, await skus_by_scan(tx, strange)), await places_holding(tx, wanted)
    return each(asks, lambda ask: decide(facts, places, ask))


def _asked_for(floor: Floor, ask: Ask[Pick]) -> list[tuple[Goods, Sku, Scan]]:
    """Nothing where the rule will refuse."""
    try:
        of = floor.of(ask.merchant, ask.body.fulfillment_order)
        found = [(of.allocation(scan.line), scan) for scan in ask.body.scans]
    except Refusal:
        return []
    return [(of.goods(allocation.sku_id), floor.sku(allocation), scan) for allocation, scan in found]


def decide(facts: Facts, places: Places, ask: Ask[Pick]) -> Outcome:
    """Holds first: one placed while the picker walks stops the next scan."""
    of = facts.floor.of(ask.merchant, ask.body.fulfillment_order)
    for scan in ask.body.scans:
        of.must_not_be_held("pick", scan.line)
    of.must_be_released()
    left: dict[int, int] = {}
    found = [_scanned(facts, of, ask.merchant, scan, left) for scan in ask.body.scans]
    _must_be_there(of, found, places)
    into = tote(ask.body.tote or of.id)
    return of.outcome(
        "pick",
        [move for each in found for move in _moves(of, each, places, into)],
        {"tote": into, "lines": [
            {"line": scan.line, "sku": sku.code, "quantity": scan.quantity, "bin": scan.bin} for scan, sku in found
        ]},
        {"tote": into, "lines": [
            {"line": scan.line, "sku": sku.code, "picked": scan.quantity, "left": left[scan.line]}
            for scan, sku in found
        ]},
    )  # fmt: skip


Scanned = tuple[Scan, Sku]


def _scanned(facts: Facts, of: FulfillmentOrder, merchant: int, scan: Scan, left: dict[int, int]) -> Scanned:
    """Taken off what is `left` of its line; refuses what is not that line's, or more than there is to do."""
    allocation = of.allocation(scan.line)
    sku = facts.floor.sku(allocation)
    must_be_bin(scan.bin)
    if not sku.is_scanned(scan.barcode):
        raise _wrong_item(facts, merchant, scan, sku)
    to_do = left.get(scan.line, allocation.promised)
    if scan.quantity > to_do:
        raise TooMany(fulfillment_order=of.public, line=scan.line, sku=sku.code, left=to_do)
    left[scan.line] = to_do - scan.quantity
    return scan, sku


def _must_be_there(of: FulfillmentOrder, found: list[Scanned], places: Places) -> None:
    """Refuses NotInThatPlace, before anything is taken: other asks of the batch want of the same bins."""
    wanted: Counter[tuple[Goods, str, str]] = Counter()
    for scan, sku in found:
        wanted[of.goods(sku.sku_id), scan.bin, sku.code] += scan.quantity
    for (goods, place, code), units in wanted.items():
        places.must_hold(goods, place, units, sku=code, site=of.site)


def _wrong_item(facts: Facts, merchant: int, scan: Scan, expected: Sku) -> WrongItem:
    scanned = scan.barcode.strip()
    known = facts.scanned.get((merchant, scanned))
    return WrongItem(
        scanned=scanned, scanned_sku=known.code if known else "", scanned_name=known.name if known else "",
        expected_sku=expected.code, expected_name=expected.name, expected_barcode=expected.barcode, bin=scan.bin,
    )  # fmt: skip


def _moves(of: FulfillmentOrder, scanned: Scanned, places: Places, into: str) -> list[Move]:
    scan, sku = scanned
    goods = of.goods(sku.sku_id)
    return [
        Demand(scan.line, scan.quantity, "promised", "picked", of.id),
        *(
            Stock(sku.sku_id, goods.site, units, "reserved", scan.bin, "picked", into, lot)
            for lot, units in places.take(goods, scan.bin, scan.quantity)
        ),
    ]
