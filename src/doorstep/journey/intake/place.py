"""place: an order comes in, once; what a key or an external id brought before is answered with the first order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from doorstep.journey.intake.again import again
from doorstep.journey.intake.arrival import Arrival, Facts, Left, channel_of, existing_order, facts_of
from doorstep.journey.intake.costs import order_amounts
from doorstep.journey.intake.known import Item, items_of, word_for
from doorstep.journey.intake.new_order import NewOrder
from doorstep.journey.intake.order_rows import count_services, line_rows, order_row, ships, told
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal, Short
from doorstep.setup.promising import NO_OUTLOOK, promise_moves, to_address
from doorstep.setup.sourcing import Take, Want, choose
from doorstep.spine.amounts import Amounts, waited_for
from doorstep.spine.holds import place_hold
from doorstep.spine.numbering import only_last_counts
from doorstep.spine.outcome import Ask, Cash, Demand, Event, Insert, Job, Move, NewOrderRows, Outcome, Result
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.told_times import told_time
from doorstep.spine.verbs import verb


class Place(Arrival, frozen=True, kw_only=True):
    """`generous`: from a channel or a file, where what is wrong holds the line instead of refusing the order."""

    generous: bool = False


class UnknownSku(Refusal):
    """This merchant has no such SKU, nor the channel such an alias."""

    status = 422


class TotalDoesNotAddUp(Refusal):
    """The total given is not what the lines, discounts, shipping, fees and tax add up to."""

    status = 422


class TendersExceedTotal(Refusal):
    """More was paid or authorized than the order costs."""

    status = 422


# The buyer of an older order that a file brings heard from the shop long ago.
TOLD_BEFORE = timedelta(days=2)
# Working days in transit when the shipping method is not one the merchant set up.
DAYS = (2, 7)


@verb(Place)
async def place(tx: Tx, asks: list[Ask[Place]]) -> list[Result]:
    """Place an order. The same external id with the same content answers with the first order."""
    facts, left = await facts_of(tx, asks, is_generous=[ask.body.generous for ask in asks])
    results = only_last_counts(each(asks, lambda ask: decide(facts, left, ask)))
    tx.ids.put_back(left.ids)
    return results


def decide(facts: Facts, left: Left, ask: Ask[Place]) -> Outcome:
    """The rule. Strict towards the API; generous towards channels and files, whose mistakes become holds."""
    new, merchant = ask.body.order, ask.merchant
    channel = channel_of(facts, ask)
    before = existing_order(facts, ask)
    if before:
        return again(facts, left.ids, ask, before, generous=ask.body.generous)
    items = items_of(facts.items, merchant, channel, new.lines)
    costs = order_amounts(new)
    if not ask.body.generous:
        _refuse_what_is_not_exact(new, items, costs, ask.at)
    order, rows, expires_at = next(left.ids), line_rows(new, items, costs), _runs_out(facts, ask, costs)
    number = new.number or new.external_id or public("ord", order)
    outcome = Outcome(
        merchant,
        ("order", order),
        events=[Event("place", _opening_moves(ask.body, items, costs), told(new, number, costs), new.placed_at)],
        answer={"order": public("ord", order), "number": number, "existing": False},
        opens=NewOrderRows(
            order_row(facts, ask, channel, number, costs, generous=ask.body.generous, expires_at=expires_at), rows
        ),
    )
    count_services(outcome, new, rows)
    _tender(outcome, left.ids, ask)
    _hold_what_is_wrong(outcome, left.ids, ask, items, costs)
    if new.draft:
        outcome.count("drafts")
        return outcome
    outcome.then.append(Job("check", {"order": public("ord", order)}))
    if not ask.body.generous or ask.at - (new.placed_at or ask.at) < TOLD_BEFORE:
        outcome.then.append(Job("notify", {"order": public("ord", order), "kind": "received"}))
    if new.reserve == "now":
        _reserve(outcome, facts, left, ask, items)
    return outcome


def _runs_out(facts: Facts, ask: Ask[Place], costs: Amounts) -> datetime | None:
    """What money is still waited for does not keep its goods for ever; what has no goods to keep runs out like it."""
    new = ask.body.order
    tendered = sum(tender.amount_minor for tender in new.tenders)
    if new.draft or new.reserve != "now" or not waited_for(new.payment_term, costs.total_minor, tendered, 0):
        return None
    return ask.at + timedelta(minutes=facts.policies[ask.merchant]["reserve_minutes"])


def _refuse_what_is_not_exact(new: NewOrder, items: Sequence[Item | None], costs: Amounts, at: datetime) -> None:
    for index, (line, item) in enumerate(zip(new.lines, items, strict=True)):
        if item is None and line.ships:
            raise UnknownSku(sku=line.sku, pointer=f"/lines/{index}/sku")
    if new.total_minor is not None and new.total_minor != costs.total_minor:
        raise TotalDoesNotAddUp(total_minor=new.total_minor, adds_up_to=costs.total_minor)
    told_time(new.placed_at, at)
    tendered = sum(tender.amount_minor for tender in new.tenders)
    if tendered > costs.total_minor:
        raise TendersExceedTotal(tendered_minor=tendered, total_minor=costs.total_minor)


def _opening_moves(body: Arrival, items: Sequence[Item | None], costs: Amounts) -> list[Move]:
    """What ships is wanted; what does not ship, or was sent by the channel before, is delivered with the order."""
    moves: list[Move] = []
    for number, (line, item) in enumerate(zip(body.order.lines, items, strict=True), start=1):
        delivered = body.happened.units(number, line) if ships(line, item) else line.quantity
        if delivered:
            moves.append(Demand(number, delivered, "world", "delivered"))
        if line.quantity > delivered:
            moves.append(Demand(number, line.quantity - delivered, "world", "wanted"))
    if costs.total_minor:
        moves.append(Cash(costs.total_minor, "world", "owed"))
    return moves


def _hold_what_is_wrong(
    outcome: Outcome, ids: Iterator[int], ask: Ask[Place], items: Sequence[Item | None], costs: Amounts
) -> None:
    """A channel's order is always taken; what is wrong with it stops the line, or the order, with the reason."""
    new = ask.body.order
    for number, (line, item) in enumerate(zip(new.lines, items, strict=True), start=1):
        if item is None and line.ships:
            place_hold(
                outcome, ids, type="unknown_item", line_no=number, by="system", at=ask.at,
                reason=f"no SKU is known as {word_for(line)!r}", why={"sku": line.sku, "title": line.title},
            )  # fmt: skip
    if new.total_minor is not None and new.total_minor != costs.total_minor:
        place_hold(
            outcome, ids, type="amounts", by="system", at=ask.at,
            reason=f"the channel says {new.total_minor}, the lines add up to {costs.total_minor}",
            why={"total_minor": new.total_minor, "adds_up_to": costs.total_minor},
        )  # fmt: skip
    if ask.body.happened.refunded_minor:
        place_hold(
            outcome, ids, type="changed", by="system", at=ask.at, reason="the channel refunded a part of it before",
            why={"refunded_minor": ask.body.happened.refunded_minor, "lifts": "cancel what is no longer wanted"},
        )  # fmt: skip
    for problem in ask.body.problems:
        if problem.hold:
            why = {"field": problem.field, "value": problem.value}
            place_hold(
                outcome, ids, type=problem.hold, by="system", at=ask.at, reason=problem.reason, why=why,
                line_no=problem.line if 0 < problem.line <= len(new.lines) else None,
            )  # fmt: skip


def _tender(outcome: Outcome, ids: Iterator[int], ask: Ask[Place]) -> None:
    """Money that came with the order."""
    for tender in ask.body.order.tenders:
        if not tender.amount_minor:
            continue
        paid = tender.kind == "paid"
        outcome.events[0].moves.append(Cash(tender.amount_minor, "world", "earned" if paid else "held"))
        values = {
            "payment_id": next(ids), "order_id": outcome.order, "kind": "payment" if paid else "authorization",
            "state": "done", "amount_minor": tender.amount_minor, "currency": ask.body.order.currency,
            "provider": "channel", "provider_ref": tender.reference, "method": tender.method, "asked_at": ask.at,
            "done_at": tender.paid_at or ask.at,
        }  # fmt: skip
        outcome.facts.append(Insert("payment", values))


def _reserve(outcome: Outcome, facts: Facts, left: Left, ask: Ask[Place], items: Sequence[Item | None]) -> None:
    """`reserve: now`: the promise is part of the placing, all or nothing or backordered as the merchant wants."""
    policy, new = facts.policies[ask.merchant], ask.body.order
    wants = [
        Want(number, item.sku_id, line.quantity)
        for number, (line, item) in enumerate(zip(new.lines, items, strict=True), start=1)
        if item and ships(line, item)
    ]
    free = {want.sku_id: left.free.get((ask.merchant, want.sku_id), {}) for want in wants}
    country = new.ship_to.country if new.ship_to else ""
    chosen, takes, missing = choose(wants, free, facts.near.to(country))
    if missing and policy["ship"] == "complete":
        chosen, takes, missing = (), (), tuple(wants)
    if missing and policy["when_short"] == "refuse":
        line = new.lines[missing[0].line_no - 1]
        raise Short(sku=line.sku, wanted=line.quantity, missing=missing[0].quantity)
    days = facts.days.get((ask.merchant, new.shipping_method), DAYS)
    level = facts.levels.get((ask.merchant, new.shipping_method), "standard")
    to = to_address(new.ship_to, level, new.payment_term, new.ship_by)
    outlook = facts.outlook.get(ask.merchant, NO_OUTLOOK)
    moves, rows, _ = promise_moves(
        takes,
        {},
        left.ids,
        order=outcome.order,
        sites=facts.near.sites,
        at=ask.at,
        dates=lambda site: outlook.dates(site, ask.at, to, days),
        source="world",
    )
    for take in takes:
        free[take.sku_id][take.site_id] -= take.quantity
    if moves:
        placed = outcome.events[0]
        placed.moves = [*_still_wanted(placed.moves, takes), *moves]
        placed.data["sites"] = [site.code for site in chosen]
        outcome.facts += rows


def _still_wanted(moves: Sequence[Move], takes: Sequence[Take]) -> Iterator[Move]:
    """What is promised with the order was never wanted alone."""
    taken: dict[int, int] = {}
    for take in takes:
        taken[take.line_no] = taken.get(take.line_no, 0) + take.quantity
    for move in moves:
        if not isinstance(move, Demand) or move.target != "wanted":
            yield move
        elif move.quantity > taken.get(move.line_no, 0):
            yield msgspec.structs.replace(move, quantity=move.quantity - taken.get(move.line_no, 0))
