"""canceling: what it means for the books when units are no longer wanted: moves, parcels, and what is owed less.

Used by `cancel` and by `expire`. Units that nobody touched go first. What is promised is free again at once; what was
picked or packed stands in quarantine until somebody put it back on its shelf.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from doorstep.kit.ids import number, public
from doorstep.setup.places import QUARANTINE, in_parcel
from doorstep.setup.totes import IN_TOTES, in_totes
from doorstep.spine.amounts import worth_of_last_units
from doorstep.spine.facts import Line, OrderFacts
from doorstep.spine.loads import must_see
from doorstep.spine.outcome import Ask, Cash, Demand, Job, Move, Outcome, Stock, Update
from doorstep.spine.status import PARCEL_COUNTER
from doorstep.spine.tenant import Db, Tx, tenant_tx

IN_PARCELS = """
select p.merchant_id, p.order_id, p.parcel_id, p.fulfillment_order_id, p.site_id, p.state, p.label_state,
    s.of_operator, s.load_id, l.line_no, l.sku_id, l.lot, l.quantity
  from parcel p join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id
  left join parcel_stay s on s.merchant_id = p.merchant_id and s.parcel_id = p.parcel_id and s.left_at is null
  where p.merchant_id = any($1) and p.order_id = any($2) and p.handed_over_at is null and l.quantity > 0
  order by p.label_state = 'bought', p.parcel_id desc, l.line_no, l.lot
"""
WHOSE_LOADS = """
select distinct s.of_operator from parcel p
  join parcel_stay s on s.merchant_id = p.merchant_id and s.parcel_id = p.parcel_id and s.left_at is null
  where p.merchant_id = any($1) and p.order_id = any($2) and p.handed_over_at is null
"""


@dataclass(slots=True)
class InTote:
    sku_id: int
    site_id: int
    place: str
    lot: str
    units: int


@dataclass(slots=True)
class InParcel:
    parcel_id: int
    fulfillment_order_id: int
    site_id: int
    state: str
    label_state: str
    of_operator: int | None  # whose load it lies in
    load_id: int | None
    line_no: int
    sku_id: int
    lot: str
    quantity: int


@dataclass(slots=True)
class Touched:
    """Units of one order that somebody has in hand; what is canceled of them is taken off."""

    totes: list[InTote] = field(default_factory=list)
    parcels: list[InParcel] = field(default_factory=list)

    @property
    def operators(self) -> set[int]:
        return {inside.of_operator for inside in self.parcels if inside.of_operator}


async def whose_loads(db: Db, asks: list[Ask[Any]]) -> set[int]:
    """In whose loads parcels of the orders lie that are asked about: what is emptied is to be taken out there."""
    merchants = sorted({ask.merchant for ask in asks})
    async with tenant_tx(db, merchants, readonly=True) as tx:
        rows = await tx.rows(WHOSE_LOADS, merchants, sorted({number("ord", ask.body.order) for ask in asks}))
    return {row["of_operator"] for row in rows}


async def touched_of(tx: Tx, orders: Mapping[int, OrderFacts]) -> dict[int, Touched]:
    """Read under the lock of the orders; nothing is read for orders that nobody has begun."""
    found: dict[int, Touched] = defaultdict(Touched)
    picked = [order for order, facts in orders.items() if facts.row["picked"]]
    packed = [order for order, facts in orders.items() if facts.row["packed"]]
    in_hand = await tx.rows(IN_TOTES, list(tx.merchants), picked) if picked else ()
    for _, order, sku, site, place, lot, units in in_totes(in_hand):
        found[order].totes.append(InTote(sku, site, place, lot, units))
    for row in await tx.rows(IN_PARCELS, list(tx.merchants), packed) if packed else ():
        found[row["order_id"]].parcels.append(InParcel(*tuple(row)[2:]))
    must_see(tx, {order: touched.operators for order, touched in found.items()})
    return found


def cancelable(order: OrderFacts) -> dict[int, int]:
    """Units per line that can still be canceled: what has not left; services as long as nothing has."""
    row = order.row
    begun = row["shipped"] + row["delivered"] - row["services"] + row["taken_back"] + row["lost"] > 0
    units = {line.line_no: line.open if line.ships or begun else line.delivered for line in order.lines}
    return {line_no: quantity for line_no, quantity in units.items() if quantity}


def cancel_units(outcome: Outcome, order: OrderFacts, units: Mapping[int, int], touched: Touched) -> None:
    """Add to the outcome's last event the moves that cancel so many units of each line, and what they owe less."""
    moves, full = outcome.events[-1].moves, _filled(touched)
    for line_no, quantity in units.items():
        moves.extend(_line_moves(outcome, order, order.line(line_no), quantity, touched))
    # A parcel counts from its packing until it is emptied again.
    for parcel_id in full.keys() - _filled(touched).keys():
        outcome.count(PARCEL_COUNTER[full[parcel_id]], -1)
        outcome.facts.append(Update("parcel", {"parcel_id": parcel_id}, {"weight_g": 0}, unless="handed_over_at"))
    outcome.beyond += _out_of_loads(outcome, touched, full.keys() - _filled(touched).keys())
    less = owed_less(order, units)
    if less:
        moves.append(Cash(less, "owed", "world"))
    if all(line.ordered - line.canceled <= units.get(line.line_no, 0) for line in order.lines):
        outcome.facts += lasting(order)


def lasting(order: OrderFacts) -> list[Update]:
    """Paid, not to be paid first, or canceled: it does not run out any more."""
    if order.row["expires_at"] is None:
        return []
    return [Update("orders", {"order_id": order.order_id}, {"expires_at": None})]


def _out_of_loads(outcome: Outcome, touched: Touched, emptied: Set[int]) -> Iterator[Outcome]:
    """Whoever runs the load opens it where it is closed: till then it is refused there, and somebody's to look at."""
    lying = dict.fromkeys((p.of_operator, p.load_id, p.parcel_id) for p in touched.parcels if p.parcel_id in emptied)
    verb = outcome.events[-1].verb
    for operator, load, parcel in lying:
        if operator and load:
            body = {"load": public("lod", load), "items": [public("par", parcel)]}
            yield Outcome(operator, ("load", load), [], verb=verb, then=[Job("take_out", body)])


def _filled(touched: Touched) -> dict[int, str]:
    """The parcels with something in them, and their delivery states."""
    return {inside.parcel_id: inside.state for inside in touched.parcels if inside.quantity}


def _line_moves(outcome: Outcome, order: OrderFacts, line: Line, quantity: int, touched: Touched) -> Iterator[Move]:
    if not line.ships and quantity:
        outcome.count("services", -quantity)
        yield Demand(line.line_no, quantity, "delivered", "canceled")
        return
    wanted = min(quantity, line.wanted)
    if wanted:
        yield Demand(line.line_no, wanted, "wanted", "canceled")
    left = quantity - wanted
    at = [allocation for allocation in reversed(order.allocations) if allocation.line_no == line.line_no]
    for allocation in at:
        units = min(left, allocation.promised)
        if units:
            yield Demand(line.line_no, units, "promised", "canceled", allocation.fulfillment_order_id)
            yield Stock(allocation.sku_id, allocation.site_id, units, "reserved", "", "free", "")
            left -= units
    for allocation in at:
        units = min(left, allocation.picked)
        if units:
            yield Demand(line.line_no, units, "picked", "canceled", allocation.fulfillment_order_id)
            yield from _out_of_totes(touched, allocation.sku_id, allocation.site_id, units)
            left -= units
    yield from _out_of_parcels(outcome, touched, line.line_no, left)


def _out_of_totes(touched: Touched, sku: int, site: int, left: int) -> Iterator[Move]:
    for tote in touched.totes:
        units = min(left, tote.units) if (tote.sku_id, tote.site_id) == (sku, site) else 0
        if units:
            yield Stock(sku, site, units, "picked", tote.place, "quarantine", QUARANTINE, tote.lot)
            tote.units -= units
            left -= units


def _out_of_parcels(outcome: Outcome, touched: Touched, line_no: int, left: int) -> Iterator[Move]:
    for inside in touched.parcels:
        units = min(left, inside.quantity) if inside.line_no == line_no else 0
        if units:
            parcel = in_parcel(inside.parcel_id)
            yield Demand(line_no, units, "packed", "canceled", inside.fulfillment_order_id)
            yield Stock(inside.sku_id, inside.site_id, units, "packed", parcel, "quarantine", QUARANTINE, inside.lot)
            inside.quantity -= units
            left -= units
            where = {"parcel_id": inside.parcel_id, "line_no": line_no, "lot": inside.lot}
            outcome.facts.append(Update("parcel_line", where, {"quantity": inside.quantity}))


def opened_parcels(touched: Touched, order: OrderFacts, units: Mapping[int, int]) -> list[InParcel]:
    """The parcels that canceling so many units would open; asked before anything is taken off."""
    opened = []
    for line_no, quantity in units.items():
        line = order.line(line_no)
        left = quantity - line.wanted - line.promised - line.picked
        for inside in touched.parcels:
            if inside.line_no == line_no and inside.quantity and left > 0:
                opened.append(inside)
                left -= inside.quantity
    return opened


def owed_less(order: OrderFacts, units: Mapping[int, int]) -> int:
    """What the buyer owes less. With the last unit that was to be sent goes the shipping, with the whole order all."""
    if not units:
        return 0
    remaining = {line.line_no: line.ordered - line.canceled - units.get(line.line_no, 0) for line in order.lines}
    owed = int(order.row["owed"])
    if not any(remaining.values()):
        return owed
    less = sum(
        worth_of_last_units(line.worth_minor, line.ordered, line.canceled, units[line.line_no])
        for line in order.lines
        if line.line_no in units
    )
    goods = [line for line in order.lines if line.ships]
    if any(units.get(line.line_no) for line in goods) and not any(remaining[line.line_no] for line in goods):
        less += int((order.row["details"] or {}).get("shipping_worth_minor", 0))
    return min(less, owed)


def follows(before: OrderFacts, now: OrderFacts, moves: Sequence[Move], reason: str, *, refund: bool) -> Iterator[Job]:
    """What is free is given out again, money that is too much goes back, and what was billed is credited."""
    yield from freed_skus(moves)
    if refund:
        yield from money_back(before, now, reason)
    yield from _credit_of_billed(before, reason)


def money_back(before: OrderFacts, now: OrderFacts, reason: str) -> list[Job]:
    """What this change made too much: paid money is refunded, held money let go when none of it is needed."""
    order = public("ord", before.order_id)
    jobs = []
    refund = _overpaid(now) - _overpaid(before)
    if refund > 0:
        jobs.append(Job("want_refund", {"order": order, "amount_minor": refund, "reason": reason}))
    # Providers let go of a whole authorization only; while a part is needed, the last capture lets go of the rest.
    if now.row["held"] > 0 and now.row["owed"] <= now.row["earned"] and before.row["owed"] > before.row["earned"]:
        jobs.append(Job("want_release_of_funds", {"order": order}))
    return jobs


def _credit_of_billed(before: OrderFacts, reason: str) -> list[Job]:
    """What was billed of it is credited: how much, the papers tell. What is then too much goes back beside it."""
    row = before.row
    if row["history"] or row["invoiced"] <= row["credited"]:
        return []
    body = {"order": public("ord", before.order_id), "canceled": True, "reason": reason, "refund": False}
    return [Job("issue_credit", body)]


def canceled_notice(now: OrderFacts) -> Job:
    """What the buyer is told: so many units in all, which makes it one thing told once."""
    units = sum(line.canceled for line in now.lines)
    return Job("notify", {"order": public("ord", now.order_id), "kind": "canceled", "about": str(units)})


def _overpaid(order: OrderFacts) -> int:
    return max(0, int(order.row["earned"]) - int(order.row["owed"]))


def freed_skus(moves: Iterable[Move]) -> list[Job]:
    """Waiting lines get what is free again."""
    skus = dict.fromkeys(move.sku for move in moves if isinstance(move, Stock) and move.target == "free")
    return [Job("fill", {"sku": public("sku", sku)}) for sku in skus]
