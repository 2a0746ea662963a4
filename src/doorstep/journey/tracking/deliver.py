"""deliver, lose: the parcel is in the buyer's hands, or nowhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.tracking.scans import new_row
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal
from doorstep.plug.carrier import Proof, TrackEvent
from doorstep.setup.verdicts import EVENTS, TOLD, ToldParcel, told_of
from doorstep.spine.exceptions import next_action
from doorstep.spine.outcome import Ask, Cash, Demand, Event, Insert, Job, Outcome, Result, Update
from doorstep.spine.parcels import (
    Gone,
    OfLines,
    ParcelFacts,
    count_state,
    credited_on_the_road,
    gone_of,
    of_parcel,
    outcome_of_parcel,
    parcel_facts,
    parcels_and,
)
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.told_times import told_time
from doorstep.spine.verbs import verb
from doorstep.spine.worth import OF_WORTH, Worths, worth_of_parcel, worths_of_parcels

# What the carrier was told to collect, with the label that counts: the last one.
# What somebody said who is no carrier, as news of the parcel.
BY_HAND = "recorded by hand"
TO_COLLECT = """
select distinct on (data ->> 'parcel') data ->> 'parcel' as parcel, (data ->> 'cod_minor')::bigint as cod_minor
  from event where merchant_id = any($1) and kind = 'order' and id = any($2) and verb = 'keep_label'
  order by data ->> 'parcel', seq desc
"""
# What is out of it; and for the time it came, and the cash that is collected with it.
READS = ("taken_back", "lost", "line.shipped", "line.lost")
OF_MONEY = ("placed_at", "payment_term", "currency", "owed", "earned", "collected", *OF_WORTH)


class Deliver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    parcel: str
    happened_at: datetime | None = None
    received_by: Annotated[str, Meta(max_length=200)] = ""
    left_at: Annotated[str, Meta(max_length=200, description="where it was left, as `front door`")] = ""
    signature: Annotated[str, Meta(max_length=2000, description="where the signature can be seen")] = ""
    photo: Annotated[str, Meta(max_length=2000, description="where the photo can be seen")] = ""

    @property
    def proof(self) -> Proof | None:
        proof = Proof(signed_by=self.received_by, left_at=self.left_at, signature=self.signature, photo=self.photo)
        return proof if proof != Proof() else None


class Lose(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    parcel: str
    reason: Annotated[str, Meta(max_length=500)] = ""


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    parcel: str


class NotHandedOver(Refusal):
    """The parcel has not left the site yet."""


class AlreadyArrived(Refusal):
    """Nothing of the parcel is on its way any more: it was delivered, lost or taken back before."""


@verb(Deliver, Arrived)
async def deliver(tx: Tx, asks: list[Ask[Deliver]]) -> list[Result]:
    """Deliver the parcel, by the carrier's word or by hand; cash on delivery is collected with it."""
    parcels, (dates, happened) = await parcels_and(
        tx, [ask.body.parcel for ask in asks], TOLD, EVENTS, reads=(*READS, *OF_MONEY), contents=True
    )
    worths = await worths_of_parcels(tx, [
        public("par", id) for id, parcel in parcels.items() if parcel.order.row["payment_term"] == "cod"
    ])  # fmt: skip
    to_collect = await _to_collect(tx, {order for order, _ in worths})
    ids = await tx.fresh_ids(len(asks))
    gone = await gone_of(tx, (parcel.order for parcel in parcels.values()))
    credited = await credited_on_the_road(tx, (parcel.order for parcel in parcels.values()))
    rule = _Delivering(worths, to_collect, gone, credited, ids, told_of(dates, happened))
    return each(asks, lambda ask: rule.decide(of_parcel(parcels, ask.merchant, ask.body.parcel), ask))


async def _to_collect(tx: Tx, orders: Collection[int]) -> dict[str, int]:
    """By parcel, where its label says it."""
    rows = await tx.rows(TO_COLLECT, list(tx.merchants), list(orders)) if orders else ()
    return {row["parcel"]: row["cod_minor"] for row in rows if row["cod_minor"] is not None}


class _Delivering:
    """The rule with what the batch has delivered and collected so far."""

    def __init__(
        self,
        worths: Worths,
        to_collect: Mapping[str, int],
        gone: Mapping[int, Gone],
        credited: OfLines,
        ids: Iterator[int],
        told: Mapping[int, ToldParcel],
    ) -> None:
        self.told = told
        self.worths, self.to_collect, self.gone, self.ids = worths, to_collect, gone, ids
        self.credited = credited
        self.collected: dict[int, int] = {}
        self.arrived: set[int] = set()

    def decide(self, parcel: ParcelFacts, ask: Ask[Deliver]) -> Outcome:
        gone = self.gone.get(parcel.parcel_id, Gone())
        # A parcel that was written off may turn up after all.
        moves = _moves(parcel, gone, "lost" if gone.is_lost else "shipped", "delivered")
        _refuse_not_on_the_road(parcel, self.arrived, moves or _holds_credited(parcel, gone, self.credited))
        at = told_time(ask.body.happened_at, ask.at, since=parcel.order.row["placed_at"], parcel=ask.body.parcel)
        self.arrived.add(parcel.parcel_id)
        outcome = outcome_of_parcel(parcel)
        told: dict[str, Any] = {"parcel": ask.body.parcel, "received_by": ask.body.received_by}
        if ask.body.proof:
            told["proof"] = ask.body.proof
        event = Event("deliver", [*moves], told, at)
        outcome.events = [event]
        now = {"delivered_at": at, "state": "delivered", "state_at": at}
        outcome.facts = [Update("parcel", {"parcel_id": parcel.parcel_id}, now)]
        if parcel.parcel_id in self.told:
            date = self.told[parcel.parcel_id]
            outcome.facts.append(date.ended(parcel.parcel_id, parcel.handed_over_at, at, ask.at))
        _believe(outcome, parcel, "delivered", at, ask, ask.body.proof)
        cash = self._collect(parcel)
        if cash:
            event.moves.append(Cash(cash, "world", "collected"))
            outcome.facts.append(Insert("payment", _collection(next(self.ids), parcel, cash, at)))
        order = public("ord", parcel.order.order_id)
        outcome.then = [Job("notify", {"order": order, "kind": "delivered", "parcel": ask.body.parcel})]
        return outcome

    def _collect(self, parcel: ParcelFacts) -> int:
        """Cash on delivery: what the label says, or the parcel's worth, never more than is still due."""
        row, order = parcel.order.row, parcel.order.order_id
        if row["payment_term"] != "cod":
            return 0
        before = self.collected.get(order, 0)
        due = row["owed"] - row["earned"] - row["collected"] - before
        followed = row["collected"] + before > 0
        worth = worth_of_parcel(parcel.order, self.worths.get((order, parcel.parcel_id), 0), followed)
        cash: int = self.to_collect.get(public("par", parcel.parcel_id), max(0, min(worth, due)))
        self.collected[order] = before + cash
        return cash


@verb(Lose, Arrived)
async def lose(tx: Tx, asks: list[Ask[Lose]]) -> list[Result]:
    """Write the parcel off as lost by the carrier; resend, refund or claim comes next."""
    parcels = await parcel_facts(tx, [ask.body.parcel for ask in asks], READS, contents=True)
    ids = await tx.fresh_ids(len(asks))
    gone = await gone_of(tx, (parcel.order for parcel in parcels.values()))
    credited = await credited_on_the_road(tx, (parcel.order for parcel in parcels.values()))
    lost = {parcel for parcel, found in gone.items() if found.is_lost}

    def rule(ask: Ask[Lose]) -> Outcome:
        parcel = of_parcel(parcels, ask.merchant, ask.body.parcel)
        before = gone.get(parcel.parcel_id, Gone())
        moves = _moves(parcel, before, "shipped", "lost")
        _refuse_not_on_the_road(parcel, lost, moves or _holds_credited(parcel, before, credited))
        lost.add(parcel.parcel_id)
        return _lost(parcel, moves, ids, ask)

    return each(asks, rule)


def _lost(parcel: ParcelFacts, moves: list[Demand], ids: Iterator[int], ask: Ask[Lose]) -> Outcome:
    outcome = outcome_of_parcel(parcel)
    told = {"parcel": ask.body.parcel, "reason": ask.body.reason}
    outcome.events = [Event("lose", [*moves], told)]
    if parcel.state not in ("lost", "destroyed", "seized"):
        outcome.facts = [Update("parcel", {"parcel_id": parcel.parcel_id}, {"state": "lost", "state_at": ask.at})]
        _believe(outcome, parcel, "lost", ask.at, ask)
    outcome.facts.append(Insert("attention", {
        "attention_id": next(ids), "kind": "parcel_lost", "order_id": parcel.order.order_id,
        "parcel_id": parcel.parcel_id, "reason": ask.body.reason or "the carrier lost the parcel",
        "next_action": next_action("parcel_lost"), "why": told, "raised_at": ask.at,
    }))  # fmt: skip
    order = public("ord", parcel.order.order_id)
    outcome.then = [Job("notify", {"order": order, "kind": "lost", "parcel": ask.body.parcel})]
    return outcome


def _refuse_not_on_the_road(parcel: ParcelFacts, arrived: set[int], something_is: object) -> None:
    name = public("par", parcel.parcel_id)
    if not parcel.has_left:
        raise NotHandedOver(parcel=name)
    if parcel.delivered_at or parcel.parcel_id in arrived or not something_is:
        raise AlreadyArrived(parcel=name, state=parcel.state)


def _moves(parcel: ParcelFacts, gone: Gone, source: str, target: str) -> list[Demand]:
    """What of the parcel is still out; the rest came back before, or was credited elsewhere."""
    moves = []
    for line_no, units in _inside(parcel, gone).items():
        out = min(units, getattr(parcel.order.line(line_no), source))
        if out > 0:
            moves.append(Demand(line_no, out, source, target))
    return moves


def _holds_credited(parcel: ParcelFacts, gone: Gone, credited: OfLines) -> bool:
    """It is on its way all the same, though what is in it is not counted there any more."""
    order = parcel.order.order_id
    return any(units > 0 and credited[order, line_no] for line_no, units in _inside(parcel, gone).items())


def _inside(parcel: ParcelFacts, gone: Gone) -> Counter[int]:
    """Units by line that went out in it and did not come back."""
    inside = Counter[int]()
    for line in parcel.lines:
        inside[line.line_no] += line.quantity
    inside.subtract(gone.back)
    return inside


def _believe(
    outcome: Outcome, parcel: ParcelFacts, state: str, at: datetime, ask: Ask[Any], proof: Proof | None = None
) -> None:
    """What is recorded by hand is an event too, so that the state is always that of the events."""
    if parcel.state == state and proof is None:
        return
    count_state(outcome, parcel.state, state)
    told_by = f"{ask.actor.name}:{state}"
    event = TrackEvent(happened_at=at, raw_code=told_by, state=state, message=BY_HAND, proof=proof)
    outcome.facts.append(new_row(parcel.parcel_id, event, ask.at))


def _collection(payment: int, parcel: ParcelFacts, cash: int, at: datetime) -> dict[str, Any]:
    return {
        "payment_id": payment, "order_id": parcel.order.order_id, "kind": "collection", "state": "done",
        "amount_minor": cash, "currency": parcel.order.row["currency"], "method": "cash on delivery",
        "reason": parcel.carrier, "asked_at": at, "done_at": at,
    }  # fmt: skip
