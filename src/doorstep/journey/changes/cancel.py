"""cancel: units are no longer wanted, before they left; nobody's goods first, then what was promised, picked, packed.

The goods are free again or go to quarantine, the buyer owes less, money that is then too much goes back, and what was
billed is credited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal
from doorstep.setup.canceling import (
    InParcel,
    Touched,
    cancel_units,
    cancelable,
    canceled_notice,
    follows,
    opened_parcels,
    touched_of,
    whose_loads,
)
from doorstep.setup.places import in_parcel
from doorstep.spine.after import after
from doorstep.spine.facts import OrderFacts, of_merchant, order_facts
from doorstep.spine.holds import lift_hold
from doorstep.spine.outcome import Ask, Cash, Event, Insert, Job, Outcome, Result, Stock, answer_of_order
from doorstep.spine.parcels import LabelThere
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb
from doorstep.spine.worth import is_all_services


class CancelLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    line: Annotated[int, Meta(ge=1, le=2000)]
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)]


class Cancel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `lines` everything that has not left. `refund`: give back what is then too much.

    `untouched`: only while nobody has picked any of it; how a buyer's page asks.
    """

    order: str
    lines: Annotated[tuple[CancelLine, ...], Meta(max_length=2000)] = ()
    reason: Annotated[str, Meta(max_length=500)] = ""
    refund: bool = True
    untouched: bool = False


class Canceled(msgspec.Struct, frozen=True, kw_only=True):
    """`less_minor` is what the buyer owes less."""

    order: str
    units: int
    less_minor: int
    stage: str


class NothingToCancel(Refusal):
    """Not so many units are still to be sent."""


class WorkBegun(Refusal):
    """Somebody is getting this order ready already, so it cannot be canceled like this any more."""


class AlreadyShipped(Refusal):
    """So many units have left already; what is out comes back with take_back."""


@verb(Cancel, Canceled, beyond=whose_loads)
async def cancel(tx: Tx, asks: list[Ask[Cancel]]) -> list[Result]:
    """Cancel an order, or units of its lines, before hand-over."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks])
    touched = await touched_of(tx, orders)
    ids = await tx.fresh_ids(len(asks))

    def rule(ask: Ask[Cancel]) -> Outcome:
        order = of_merchant(orders, ask.merchant, number("ord", ask.body.order))
        return decide(order, touched.get(order.order_id, Touched()), ids, ask)

    return each(asks, rule)


def decide(order: OrderFacts, touched: Touched, ids: Iterator[int], ask: Ask[Cancel]) -> Outcome:
    if ask.body.untouched:
        _refuse_work_begun(order)
    units = units_to_cancel(order, ask.body)
    opened = opened_parcels(touched, order, units)
    _refuse_label_on_its_way(opened)
    lines = [{"line": line_no, "quantity": quantity} for line_no, quantity in units.items()]
    outcome = Outcome(order.merchant, ("order", order.order_id), [Event("cancel")])
    cancel_units(outcome, order, units, touched)
    event = outcome.events[0]
    less = sum(move.amount_minor for move in event.moves if isinstance(move, Cash))
    event.data = {"lines": lines, "reason": ask.body.reason, "less_minor": less}
    _end_holds(outcome, order, ask)
    if order.row["drafts"] and not any(line.open - units.get(line.line_no, 0) for line in order.lines):
        outcome.count("drafts", -1)
    _put_back(outcome, order, {p.parcel_id: p.load_id for p in opened if p.load_id}, ids, ask)
    now = after(order, outcome)
    outcome.then = list(_then(order, now, opened, outcome, ask))
    outcome.answer = answer_of_order(order.order_id, units=sum(units.values()), less_minor=less, stage=now.row["stage"])
    return outcome


def units_to_cancel(order: OrderFacts, wanted: Cancel) -> dict[int, int]:
    """Units per line. Refuses NothingToCancel and AlreadyShipped, which tell what is possible."""
    possible = cancelable(order)
    if not wanted.lines:
        units = possible
        if not units:
            raise _too_late(order, sum(line.shipped + line.delivered for line in order.lines), possible=0)
        return units
    units = {}
    for asked in wanted.lines:
        units[asked.line] = units.get(asked.line, 0) + asked.quantity
    for line_no, quantity in units.items():
        line = order.line(line_no)
        if quantity > possible.get(line_no, 0):
            left = line.shipped + line.delivered if line.ships else 0
            raise _too_late(order, left, line=line_no, asked=quantity, possible=possible.get(line_no, 0))
    return units


def _refuse_work_begun(order: OrderFacts) -> None:
    row = order.row
    begun = row["picked"] + row["packed"] + row["shipped"] + row["taken_back"] + row["lost"]
    if begun + row["delivered"] - row["services"] > 0:
        raise WorkBegun(order=public("ord", order.order_id))


def _too_late(order: OrderFacts, left: int, **told: Any) -> Refusal:
    name = public("ord", order.order_id)
    if left:
        return AlreadyShipped(order=name, shipped=left, next_action="take_back", **told)
    return NothingToCancel(order=name, **told)


def _refuse_label_on_its_way(opened: list[InParcel]) -> None:
    """Once the carrier answered, the label can be voided with the cancellation."""
    for inside in opened:
        if inside.label_state == "wanted":
            parcel = public("par", inside.parcel_id)
            raise LabelThere(parcel=parcel, label=inside.label_state, next_action="cancel again in a moment")


def _end_holds(outcome: Outcome, order: OrderFacts, ask: Ask[Cancel]) -> None:
    """With the last open unit of what it covers a hold has nothing left to stop."""
    now = {line.line_no: line.open for line in after(order, outcome).lines}
    for hold in order.holds:
        covered = now.values() if hold.line_no is None else (now.get(hold.line_no, 0),)
        if not any(covered):
            lift_hold(outcome, hold, by=ask.actor.name, at=ask.at)


def _put_back(
    outcome: Outcome, order: OrderFacts, loads: Mapping[int, int], ids: Iterator[int], ask: Ask[Cancel]
) -> None:
    """What somebody has in a tote or a parcel must be taken out by hand: the floor is told where, a load included."""
    goods = [
        {"sku": public("sku", move.sku), "from": move.source_place, "lot": move.lot, "quantity": move.quantity}
        for move in outcome.events[0].moves
        if isinstance(move, Stock) and move.target == "quarantine"
    ]
    if goods:
        outcome.events[0].data["put_back"] = goods
        within = {in_parcel(parcel): f" ({public('lod', load)})" for parcel, load in loads.items()}
        found = dict.fromkeys(str(each_good["from"]) for each_good in goods)
        places = ", ".join(f"{place}{within.get(place, '')}" for place in found)
        outcome.facts.append(Insert("attention", {
            "attention_id": next(ids), "kind": "put_back", "order_id": order.order_id,
            "reason": f"canceled goods are still in {places}",
            "next_action": "take them out and restock them from quarantine", "why": {"goods": goods},
            "raised_at": ask.at,
        }))  # fmt: skip


def _then(
    order: OrderFacts, now: OrderFacts, opened: list[InParcel], outcome: Outcome, ask: Ask[Cancel]
) -> Iterator[Job]:
    reason = ask.body.reason or "canceled"
    yield from follows(order, now, outcome.events[0].moves, reason, refund=ask.body.refund)
    for parcel_id in dict.fromkeys(inside.parcel_id for inside in opened if inside.label_state == "bought"):
        yield Job("want_void", {"parcel": public("par", parcel_id)})
    if not order.row["drafts"] and not order.row["history"]:
        yield canceled_notice(now)
    # With less owed, or without the line that was missing, the rest may go on; what is left may be to bill.
    rest = any(line.open for line in now.lines) or is_all_services(now)
    if rest and not now.row["drafts"] and not now.row["history"]:
        yield Job("check", {"order": public("ord", order.order_id)})
