"""progress: how an order that happens elsewhere moves on in our books, with the times of that world.

Told is a state (so many fulfilled, canceled then, refunded that much); written down is what is missing from what is
known until it is so. What cannot be true together is not mended: it is told as a contradiction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from doorstep.journey.intake.content import Happened
from doorstep.journey.intake.history.contradictions import find
from doorstep.journey.intake.history.papers_elsewhere import CREDIT_NOTES, INVOICES, credited
from doorstep.journey.intake.history.standing import VERB, Standing, Unit
from doorstep.journey.intake.history.ways import OUT, Told
from doorstep.journey.intake.money import give_back, said_to_be, take_in_each
from doorstep.journey.intake.new_order import NewOrder
from doorstep.spine.amounts import worth_of_last_units
from doorstep.spine.numbering import Numbers
from doorstep.spine.outcome import Cash, Demand, Event, Move, Outcome, Stock

__all__ = ["CREDIT_NOTES", "INVOICES", "VERB", "ids_needed", "write_down"]

# What must have stood there before something left: an event of the verb that opens stock.
OPENING = "import_opening"
# Where units are, when a line that is told to be here has gone too far.
FURTHER: Mapping[str, tuple[str, ...]] = {
    "wanted": ("shipped", "delivered", "taken_back", "lost", "canceled"),
    "shipped": ("delivered", "lost"),
    "delivered": (),
    "taken_back": (),
    "lost": ("delivered",),
    "canceled": ("shipped", "delivered", "taken_back", "lost"),
}
# So many kinds of exceptions may be found of one order at once, those that a file found beside.
KINDS = 18
ByTime = dict[datetime, list[Move]]


def write_down(
    outcome: Outcome, standing: Standing, told: Told, numbers: Numbers, ids: Iterator[int], *, at: datetime
) -> None:
    """Add to the outcome an event per thing that happened, with its own time, and the papers that go with it."""
    _paid(outcome, standing, told, ids, at)
    _sent(outcome, standing, told)
    _arrived(outcome, standing, told)
    _came_back_or_lost(outcome, standing, told)
    _no_longer_wanted(outcome, standing, told)
    _refunded(outcome, standing, told, numbers, ids, at)
    if told.there.canceled_at and standing.money.earned > standing.money.owed:
        reason, kept = "canceled, but the money was not given back", standing.money.earned
        standing.contradicts("canceled_not_refunded", reason, kept_minor=kept)
    standing.contradictions += find(
        told.new, told.there, total_minor=standing.total_minor, placed_at=told.placed_at, has_left=standing.has_left
    )


def ids_needed(new: NewOrder, there: Happened) -> int:
    """Payments and refunds of them, two papers, parcels and their parts, an exception per kind."""
    return 2 + 2 * len(new.tenders) + 2 * len(there.parcels) + KINDS + len(there.contradictions)


def _happened(outcome: Outcome, what: str, by_time: ByTime) -> None:
    for when in sorted(by_time):
        outcome.events.append(Event(VERB, by_time[when], {"what": what}, when))


# Money came in


def _paid(outcome: Outcome, standing: Standing, told: Told, ids: Iterator[int], at: datetime) -> None:
    tenders = told.new.tenders
    paid = said_to_be("paid", tenders)
    if paid < standing.money.told_paid:
        standing.contradicts(
            "less_paid_than_before",
            f"less is paid than was told before: {paid}, and {standing.money.told_paid} then (minor units)",
            paid_minor=paid, before_minor=standing.money.told_paid,
        )  # fmt: skip
    moves, rows = take_in_each(standing.money, tenders, ids, at=at, placed_at=told.placed_at)
    _happened(outcome, "paid", moves)
    outcome.facts += rows


# Goods went out


def _sent(outcome: Outcome, standing: Standing, told: Told) -> None:
    sent: ByTime = {}
    opened: list[Stock] = []
    canceled_before: list[int] = []
    for at, (unit, way) in enumerate(zip(standing.told, told.ways, strict=True)):
        if unit is None or not unit.ships:
            continue
        stage = told.stage(at)
        if stage:
            units, beyond = (unit.wanted, unit.canceled > 0) if stage in OUT else (0, False)
        else:
            out, gone = min(told.sent(at), unit.ordered), unit.gone
            units, beyond = min(out - gone, unit.wanted), out > gone + unit.wanted
        if beyond:
            canceled_before.append(unit.line_no)
        if units > 0:
            moves = sent.setdefault(way.sent_at, [])
            moves.append(Demand(unit.line_no, units, "wanted", "shipped"))
            unit.wanted -= units
            unit.shipped += units
            # What is back when it is first heard of left no gap.
            if stage != "taken_back" and (left := standing.goods.leave(unit, units, way.site, way.sent_at, opened)):
                moves.append(left)
    if opened:
        outcome.events.append(Event(OPENING, [*opened], {"what": "opened for history"}, told.placed_at))
    _happened(outcome, "fulfilled", sent)
    if canceled_before:
        named = _lines(canceled_before)
        reason = f"{named}: fulfilled, though it was canceled before"
        standing.contradicts("fulfilled_after_cancel", reason, lines=canceled_before)


def _arrived(outcome: Outcome, standing: Standing, told: Told) -> None:
    if outcome.opens is None:
        _back_again(standing, told)
    if not told.there.stages and not any(way.has_arrived for way in told.ways):
        return
    arrived: ByTime = {}
    for at, unit in enumerate(standing.told):
        if unit is None or not unit.ships:
            continue
        stage, way = told.stage(at), told.ways[at]
        if stage == "delivered" or (not stage and way.has_arrived and not told.there.came_back):
            for source in ("shipped", "lost"):
                _move(unit, source, "delivered", arrived, way.arrived_at)
    _happened(outcome, "delivered", arrived)


def _back_again(standing: Standing, told: Told) -> None:
    """Lines that are told to be less far than they are."""
    back: list[int] = []
    for at, unit in enumerate(standing.told):
        if unit is None or not unit.ships:
            continue
        stage = told.stage(at)
        if stage:
            ended = "canceled" if told.is_canceled or told.there.came_back else ""
            is_back = any(getattr(unit, further) for further in FURTHER[stage] if further != ended)
        else:
            line = told.new.lines[at]
            is_back = line.quantity == unit.ordered and told.sent(at) < unit.shipped + unit.delivered
        if is_back:
            back.append(unit.line_no)
    if back:
        reason = f"{_lines(back)}: told to be less far than before"
        standing.contradicts("stage_went_back", reason, lines=back)


def _came_back_or_lost(outcome: Outcome, standing: Standing, told: Told) -> None:
    if not told.there.stages and not told.there.came_back:
        return
    back: ByTime = {}
    lost: ByTime = {}
    for at, unit in enumerate(standing.told):
        if unit is None or not unit.ships:
            continue
        stage, way = told.stage(at), told.ways[at]
        if stage == "lost":
            _move(unit, "shipped", "lost", lost, way.sent_at)
        elif stage == "taken_back" or (not stage and told.there.came_back):
            when = told.there.refunded_at or way.arrived_at if stage else told.ended_at
            units = sum(_move(unit, source, "taken_back", back, when) for source in ("shipped", "delivered", "lost"))
            if units:
                back[when] += standing.goods.come_back(unit, units, way.site, way.sent_at).values()
    _happened(outcome, "lost", lost)
    _happened(outcome, "came back", back)


def _move(unit: Unit, source: str, target: str, moves: ByTime, when: datetime) -> int:
    units: int = getattr(unit, source)
    if units:
        moves.setdefault(when, []).append(Demand(unit.line_no, units, source, target))
        unit.move(units, source, target)
    return units


def _lines(numbers: list[int]) -> str:
    named = ", ".join(map(str, numbers[:20])) + (" …" if len(numbers) > 20 else "")
    return f"line{'s' if len(numbers) > 1 else ''} {named}"


# What was not sent is not wanted any more


def _no_longer_wanted(outcome: Outcome, standing: Standing, told: Told) -> None:
    """Canceled whole, or line by line, or what was left when the rest came back."""
    is_over = told.is_canceled or told.there.came_back
    lines = {unit.line_no for at, unit in enumerate(standing.told) if unit and told.stage(at) == "canceled"}
    if not is_over and not lines:
        return
    moves: list[Move] = []
    canceled: dict[int, int] = {}
    is_sent = standing.has_left
    for unit in standing.lines:
        # Services go with the goods: as long as nothing of these left.
        mine = unit.line_no in lines or (is_over and (unit.ships or not is_sent))
        source = "wanted" if unit.ships else "delivered"
        units = getattr(unit, source) if mine else 0
        if units:
            moves.append(Demand(unit.line_no, units, source, "canceled"))
            canceled[unit.line_no] = units
            unit.move(units, source, "canceled")
            if not unit.ships:
                outcome.count("services", -units)
    is_empty = not any(unit.ordered for unit in standing.lines) and not standing.cancellations
    if is_empty and (told.is_canceled or (lines and len(lines) == len(standing.lines))):
        outcome.count("cancellations")
        standing.cancellations = 1
    less = _owed_less(standing, canceled)
    if less:
        moves.append(Cash(less, "owed", "world"))
        standing.money.owed -= less
    if moves or (is_empty and standing.cancellations):
        what = "canceled" if told.is_canceled or lines else "came back"
        outcome.events.append(Event(VERB, moves, {"what": what}, told.ended_at))


def _owed_less(standing: Standing, canceled: dict[int, int]) -> int:
    """With the last unit that was to be sent goes the shipping, with the whole order all."""
    if not any(unit.ordered - unit.canceled for unit in standing.lines):
        return standing.money.owed
    less = sum(
        worth_of_last_units(
            unit.worth_minor, unit.ordered, unit.canceled - canceled[unit.line_no], canceled[unit.line_no]
        )
        for unit in standing.lines
        if unit.line_no in canceled
    )
    if canceled and not any(unit.ordered - unit.canceled for unit in standing.lines if unit.ships):
        less += standing.shipping_worth_minor
    return min(less, standing.money.owed)


# Money went back


def _refunded(
    outcome: Outcome, standing: Standing, told: Told, numbers: Numbers, ids: Iterator[int], at: datetime
) -> None:
    """The money is written down as given back, the credit as a credit note."""
    money, there = standing.money, told.there
    refunded = there.refunded_minor
    more = refunded - money.refunded
    if more < 0:
        reason = "less is refunded than was told before"
        standing.contradicts(
            "less_refunded_than_before", reason, refunded_minor=refunded, before_minor=money.refunded
        )  # fmt: skip
    beyond = refunded - standing.refund_taken
    if more < 0 or max(more, beyond) <= 0:
        return
    when = there.refunded_at or told.ended_at
    back = min(more, money.earned)
    if back < more:
        reason = "more was refunded than was paid"
        standing.contradicts("refunded_more_than_paid", reason, refunded_minor=refunded, paid_minor=money.came_in)
    moves, rows = give_back(money, back, ids, at, when)
    outcome.facts += rows
    # What was canceled is not owed any more; a refund beyond it is no longer owed either.
    less = min(money.owed, max(0, min(beyond, refunded - (standing.total_minor - money.owed))))
    if less:
        moves.append(Cash(less, "owed", "world"))
        money.owed -= less
    # Told again, what was credited before is not credited a second time, whatever of it was ever paid.
    credit = min(beyond, min(refunded, standing.total_minor) - standing.credited_of_it)
    credit = min(credit, standing.billed) if standing.invoiced else credit
    data: dict[str, Any] = {"what": "refunded", "amount_minor": max(more, beyond)}
    if credit > 0:
        data["credit_note"] = credited(outcome, standing, credit, numbers, ids, when)
    standing.refund_taken += max(less, credit, 0)
    if moves or credit > 0:
        outcome.events.append(Event(VERB, moves, data, when))
