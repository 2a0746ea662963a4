"""take_back: goods came back, from the carrier or from the buyer; they stand in quarantine until somebody decides.

What of a parcel was credited elsewhere on its way is counted as back already: it comes to the shelf, and no line moves.
Money is another matter: what came back is credited (issue_credit) or sent again, as the merchant decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Invalid, NotFound, Refusal
from doorstep.plug.carrier import TrackEvent
from doorstep.setup.places import QUARANTINE, Bin, NotQuarantine, Units, is_quarantine
from doorstep.setup.sites import Site, site_of, sites_by_code
from doorstep.spine.amounts import worth_of_units
from doorstep.spine.facts import Line, OrderFacts, of_merchant, order_facts
from doorstep.spine.outcome import Ask, Demand, Event, Insert, Move, Outcome, Result, Stock, Update, answer_of_order
from doorstep.spine.parcels import BACK_OR_LOST, count_state, credited_on_the_road
from doorstep.spine.roads import roads_of
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

PARCELS = """
select p.parcel_id, p.order_id, p.state, p.delivered_at, l.line_no, l.lot, l.quantity,
    (p.handed_over_at is not null or p.packed_at is null and p.state <> 'planned') as is_out
  from parcel p join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id
  where p.merchant_id = any($1) and p.order_id = any($2) and p.parcel_id = any($3) and l.quantity > 0
  order by p.parcel_id, l.line_no, l.lot
"""


class TakenLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    line: Annotated[int, Meta(ge=1, le=2000)]
    quantity: Units


class TakeBack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With `parcel` and no `lines` everything that was in it. `bin`: the part of quarantine it stands in."""

    order: str
    site: str
    lines: Annotated[tuple[TakenLine, ...], Meta(max_length=2000)] = ()
    parcel: str = ""
    bin: Bin = QUARANTINE
    reason: Annotated[str, Meta(max_length=500)] = ""


class TookBack(msgspec.Struct, frozen=True, kw_only=True):
    """`worth_minor` is what the buyer paid for these units, should they be credited; those that are, count nothing."""

    order: str
    units: int
    worth_minor: int


class NotOut(Refusal):
    """Not so many units are out with the carrier or the buyer."""


@dataclass(slots=True)
class Parcel:
    """A parcel that went out, and how much of it did not come back yet.

    `credited`: by line, units that were credited on their way and lie in parcels where this one is.
    """

    parcel_id: int
    state: str
    is_out: bool
    is_delivered: bool
    is_lost: bool
    left: dict[int, dict[str, int]]  # line: {lot: units}
    credited: dict[int, int] = field(default_factory=dict)

    @property
    def stage(self) -> str:
        return "delivered" if self.is_delivered else "lost" if self.is_lost else "shipped"


@verb(TakeBack, TookBack)
async def take_back(tx: Tx, asks: list[Ask[TakeBack]]) -> list[Result]:
    """Receive goods that came back, into quarantine."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks])
    sites = await sites_by_code(tx)
    parcels = await _parcels(tx, orders, [number("par", ask.body.parcel) for ask in asks if ask.body.parcel])

    def rule(ask: Ask[TakeBack]) -> Outcome:
        return decide(of_merchant(orders, ask.merchant, number("ord", ask.body.order)), sites, parcels, ask)

    return each(asks, rule)


async def _parcels(tx: Tx, orders: Mapping[int, OrderFacts], wanted: list[int]) -> dict[tuple[int, int], Parcel]:
    """By order and parcel; what came back of them before is taken off."""
    if not wanted:
        return {}
    at = (list(tx.merchants), list(orders))
    found: dict[tuple[int, int], Parcel] = {}
    for row in await tx.rows(PARCELS, *at, wanted):
        key = (row["order_id"], row["parcel_id"])
        is_delivered = row["delivered_at"] is not None
        new = Parcel(row["parcel_id"], row["state"], row["is_out"], is_delivered, is_lost=False, left=defaultdict(dict))
        parcel = found.setdefault(key, new)
        parcel.left[row["line_no"]][row["lot"]] = row["quantity"]
    before = [(row["verb"], msgspec.json.decode(row["data"])) for row in await tx.rows(BACK_OR_LOST, *at)]
    _take_off(found.values(), before)
    await _tell_credited(tx, orders, found)
    return found


async def _tell_credited(tx: Tx, orders: Mapping[int, OrderFacts], parcels: Mapping[tuple[int, int], Parcel]) -> None:
    credited = await credited_on_the_road(tx, orders.values())
    roads = await roads_of(tx, [orders[order] for order in {order for order, _ in credited}])
    for (order, _), parcel in parcels.items():
        parcel.credited = {
            line_no: roads[order, line_no].credited_at(parcel.stage, orders[order].line(line_no), units)
            for line_no in parcel.left
            if (units := credited[order, line_no]) and (order, line_no) in roads
        }


def _take_off(parcels: Iterable[Parcel], before: list[tuple[str, Any]]) -> None:
    by_name = {public("par", parcel.parcel_id): parcel for parcel in parcels}
    for verb_before, data in before:
        parcel = by_name.get(data["parcel"])
        if parcel is None:
            continue
        if verb_before == "lose":
            parcel.is_lost = True
        else:
            for taken in data["lines"]:
                parcel.left[taken["line"]][taken["lot"]] -= taken["quantity"]


def decide(
    order: OrderFacts, sites: Mapping[str, Site], parcels: Mapping[tuple[int, int], Parcel], ask: Ask[TakeBack]
) -> Outcome:
    wanted = ask.body
    site = site_of(sites, wanted.site)
    if not is_quarantine(wanted.bin):
        raise NotQuarantine(place=wanted.bin)
    parcel = _parcel(order, parcels, wanted)
    units = _units(wanted, parcel)
    out = {line_no: _out(order.line(line_no), quantity, parcel) for line_no, quantity in units.items()}
    moves: list[Move] = []
    lines = []
    for line_no, quantity in units.items():
        line = order.line(line_no)
        if line.sku_id is None:
            raise NotOut(line=line_no, possible=0, asked=quantity)
        for source, some in out[line_no].items():
            moves.append(Demand(line_no, some, source, "taken_back"))
        for lot, some in _lots(parcel, line_no, quantity):
            moves.append(Stock(line.sku_id, site.site_id, some, "world", "", "quarantine", wanted.bin, lot))
            lines.append({"line": line_no, "sku": line.code, "quantity": some, "lot": lot})
    told = {"lines": lines, "site": site.code, "bin": wanted.bin, "reason": wanted.reason}
    outcome = Outcome(order.merchant, ("order", order.order_id), [Event("take_back", moves, told)])
    if parcel is not None:
        told["parcel"] = wanted.parcel
        _came_back(outcome, parcel, units, ask)
    worth = sum(
        worth_of_units(order.line(line_no).worth_minor, order.line(line_no).ordered, 0, sum(counted.values()))
        for line_no, counted in out.items()
    )
    outcome.answer = answer_of_order(order.order_id, units=sum(units.values()), worth_minor=worth)
    return outcome


def _parcel(order: OrderFacts, parcels: Mapping[tuple[int, int], Parcel], wanted: TakeBack) -> Parcel | None:
    if not wanted.parcel:
        return None
    parcel = parcels.get((order.order_id, number("par", wanted.parcel)))
    if parcel is None:
        raise NotFound(parcel=wanted.parcel, order=wanted.order)
    if not parcel.is_out:
        raise NotOut(parcel=wanted.parcel, possible=0, next_action="unpack")
    return parcel


def _units(wanted: TakeBack, parcel: Parcel | None) -> dict[int, int]:
    """Units per line; of a parcel never more than went out in it and did not come back yet."""
    asked: dict[int, int] = {}
    for line in wanted.lines:
        asked[line.line] = asked.get(line.line, 0) + line.quantity
    if parcel is None:
        if not asked:
            raise Invalid(fields=[{"pointer": "/lines", "detail": "say which lines came back, or which parcel"}])
        return asked
    left = {line_no: sum(lots.values()) for line_no, lots in parcel.left.items()}
    for line_no, quantity in asked.items():
        if quantity > left.get(line_no, 0):
            raise NotOut(parcel=wanted.parcel, line=line_no, asked=quantity, possible=left.get(line_no, 0))
    units = asked or {line_no: quantity for line_no, quantity in left.items() if quantity}
    if not units:
        raise NotOut(parcel=wanted.parcel, possible=0)
    return units


def _out(line: Line, quantity: int, parcel: Parcel | None) -> dict[str, int]:
    """By stage, the units that are out and come back; the rest of a parcel's was credited on its way.

    A parcel's units are where the parcel is; without one, what the buyer has comes back first.
    """
    stages = ("delivered", "shipped") if parcel is None else (parcel.stage,)
    credited = parcel.credited.get(line.line_no, 0) if parcel else 0
    possible = sum(getattr(line, stage) for stage in stages) + credited if line.ships else 0
    if quantity > possible:
        raise NotOut(line=line.line_no, asked=quantity, possible=possible)
    out = {}
    for stage in stages:
        out[stage] = min(quantity, getattr(line, stage))
        quantity -= out[stage]
    return {stage: units for stage, units in out.items() if units}


def _lots(parcel: Parcel | None, line_no: int, quantity: int) -> list[tuple[str, int]]:
    """Which lots came back is known of a parcel; else nobody can tell."""
    if parcel is None:
        return [("", quantity)]
    taken = []
    for lot, units in parcel.left[line_no].items():
        some = min(quantity, units)
        if some:
            taken.append((lot, some))
            quantity -= some
    return taken


def _came_back(outcome: Outcome, parcel: Parcel, units: Mapping[int, int], ask: Ask[TakeBack]) -> None:
    """A parcel that is back whole without having been delivered has been returned, whatever the carrier told."""
    left = sum(sum(lots.values()) for lots in parcel.left.values()) - sum(units.values())
    if left or parcel.is_delivered or parcel.state == "returned_to_sender":
        return
    count_state(outcome, parcel.state, "returned_to_sender")
    now = {"state": "returned_to_sender", "state_at": ask.at}
    outcome.facts.append(Update("parcel", {"parcel_id": parcel.parcel_id}, now))
    # What somebody saw is an event too, so that the parcel's state is always that of its events.
    seen = TrackEvent(happened_at=ask.at, raw_code=f"{ask.actor.name}:take_back", state="returned_to_sender")
    outcome.facts.append(Insert("parcel_event", {
        "parcel_id": parcel.parcel_id, "digest": blake2b(seen.fingerprint.encode(), digest_size=16).digest(),
        "happened_at": ask.at, "recorded_at": ask.at, "raw_code": seen.raw_code, "state": seen.state,
        "message": ask.body.reason,
    }))  # fmt: skip
