"""Canceling and promising as rules: units and money add up, whatever is asked in whatever order."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from doorstep.journey.processing.customs_data import CustomsFacts
from doorstep.journey.processing.promise import Facts, Left, decide
from doorstep.setup.canceling import (
    InParcel,
    InTote,
    Touched,
    cancel_units,
    freed_skus,
    money_back,
    opened_parcels,
    owed_less,
)
from doorstep.setup.promising import NO_OUTLOOK, To
from doorstep.setup.sites import Site
from doorstep.spine.after import after
from doorstep.spine.facts import Line, OrderFacts
from doorstep.spine.outcome import Cash, Demand, Event, Outcome, Stock
from tests.rules.an_order import MERCHANT, ORDER, a_hold, a_line, an_allocation, an_ask, an_order

UNITS = st.integers(0, 3)


@st.composite
def orders(draw: st.DrawFn) -> tuple[OrderFacts, Touched]:
    """An order half on its way: units in every stage, in a tote and in a parcel."""
    lines, allocations, touched = [], [], Touched()
    for line_no in range(1, draw(st.integers(1, 3)) + 1):
        names = ("wanted", "promised", "picked", "packed", "shipped", "canceled")
        units = {stage: draw(UNITS) for stage in names}
        if not any(units.values()):
            units["wanted"] = 1
        worth = draw(st.integers(0, 5000))
        lines.append(a_line(line_no, sku=line_no, worth=worth, **units))
        at = {stage: units[stage] for stage in ("promised", "picked", "packed", "shipped")}
        allocations.append(an_allocation(line_no, sku=line_no, **at))
        touched.totes.append(InTote(line_no, 1, "tote:9", "", units["picked"]))
        if units["packed"]:
            touched.parcels.append(
                InParcel(30, 9, 1, "pre_transit", "bought", None, None, line_no, line_no, "", units["packed"])
            )
    still_owed = sum(line.worth_minor - worth_gone(line) for line in lines)
    counts = {"parcels_pre_transit": 1 if touched.parcels else 0}
    shipping = draw(st.integers(0, 900))
    order = an_order(
        *lines, allocations=tuple(allocations), owed=still_owed + shipping,
        details={"shipping_worth_minor": shipping}, **counts,
    )  # fmt: skip
    return order, touched


def worth_gone(line: Line) -> int:
    """What was canceled before is no longer owed, counted from the line's end."""
    left = line.ordered - line.canceled
    return line.worth_minor - line.worth_minor * left // line.ordered


def canceled(order: OrderFacts, units: dict[int, int], touched: Touched) -> Outcome:
    outcome = Outcome(MERCHANT, ("order", ORDER), [Event("cancel")])
    cancel_units(outcome, order, units, touched)
    return outcome


@given(orders(), st.data())
def test_every_unit_that_is_canceled_is_taken_once_and_its_stock_goes_somewhere(
    given_order: tuple[OrderFacts, Touched], data: st.DataObject
) -> None:
    order, touched = given_order
    units = {line.line_no: n for line in order.lines if (n := data.draw(st.integers(0, line.open)))}
    opened = opened_parcels(touched, order, units)
    outcome = canceled(order, units, touched)
    now = after(order, outcome)
    moves = outcome.events[0].moves
    for line in order.lines:
        gone = units.get(line.line_no, 0)
        after_line = now.line(line.line_no)
        assert after_line.canceled == line.canceled + gone
        assert min(after_line.wanted, after_line.promised, after_line.picked, after_line.packed) >= 0
        assert after_line.wanted == max(0, line.wanted - gone)
        assert after_line.shipped == line.shipped
    for stage, target in (("promised", "free"), ("picked", "quarantine"), ("packed", "quarantine")):
        units_out = sum(m.quantity for m in moves if isinstance(m, Demand) and m.source == stage)
        shelf = "reserved" if stage == "promised" else stage
        stock = sum(m.quantity for m in moves if isinstance(m, Stock) and (m.source, m.target) == (shelf, target))
        assert stock == units_out
    assert bool(opened) == any(isinstance(m, Demand) and m.source == "packed" for m in moves)
    assert {job.body["sku"] for job in freed_skus(moves)} == {
        f"sku_{m.sku}" for m in moves if isinstance(m, Stock) and m.target == "free"
    }


@given(orders(), st.randoms(use_true_random=False))
def test_canceling_unit_by_unit_owes_as_much_less_as_all_at_once(
    given_order: tuple[OrderFacts, Touched], random: Any
) -> None:
    order, touched = given_order
    all_open = {line.line_no: line.open for line in order.lines if line.open}
    assume(all_open)  # what is canceled whole owes no shipping any more: the books know no such order
    at_once = owed_less(order, all_open)
    one_by_one = [line_no for line_no, units in all_open.items() for _ in range(units)]
    random.shuffle(one_by_one)
    now, less = order, 0
    for line_no in one_by_one:
        outcome = canceled(now, {line_no: 1}, touched)
        less += sum(move.amount_minor for move in outcome.events[0].moves if isinstance(move, Cash))
        now = after(now, outcome)
        assert now.row["owed"] >= 0
    assert less == at_once
    if now.row["canceled"] == now.row["ordered"]:
        assert now.row["owed"] == 0


@given(orders(), st.integers(0, 20_000), st.integers(0, 20_000))
def test_only_what_a_cancellation_made_too_much_goes_back(
    given_order: tuple[OrderFacts, Touched], earned: int, held: int
) -> None:
    order, touched = given_order
    order = an_order(
        *order.lines, allocations=order.allocations, owed=order.row["owed"], details=order.row["details"],
        earned=earned, held=held, parcels_pre_transit=order.row["parcels_pre_transit"],
    )  # fmt: skip
    units = {line.line_no: line.open for line in order.lines if line.open}
    now = after(order, canceled(order, units, touched))
    back = {job.verb: job.body for job in money_back(order, now, "x")}
    too_much = max(0, earned - now.row["owed"]) - max(0, earned - order.row["owed"])
    assert back.get("want_refund", {}).get("amount_minor", 0) == too_much
    if "want_release_of_funds" in back:
        assert held > 0
        assert now.row["owed"] <= earned


# promise


def a_site(site_id: int, country: str = "PL", weekdays: tuple[int, ...] = (1, 2, 3, 4, 5), zone: str = "UTC") -> Site:
    return Site(site_id, f"S{site_id}", "", country, None, None, zone, time(14), weekdays)


def promising(free: dict[int, dict[int, int]]) -> tuple[Facts, Left]:
    sites = {1: a_site(1), 2: a_site(2, "US"), 3: a_site(3, "DE")}
    facts = Facts({}, sites, {MERCHANT: "backorder"}, {}, CustomsFacts(), {})
    return facts, Left(iter(range(1000, 9000)), {(MERCHANT, sku): dict(at) for sku, at in free.items()})


FREE = st.dictionaries(st.integers(1, 2), st.dictionaries(st.integers(1, 3), st.integers(0, 5), max_size=3), max_size=2)
WANTS = st.lists(st.lists(st.tuples(st.integers(1, 2), st.integers(1, 4)), min_size=1, max_size=3), max_size=5)


@given(FREE, WANTS, st.sampled_from(["split", "complete"]))
def test_a_batch_of_orders_never_promises_more_than_there_is(
    free: dict[int, dict[int, int]], wants: list[list[tuple[int, int]]], ship: str
) -> None:
    facts, left = promising(free)
    given_out: dict[tuple[int, int], int] = {}
    for number, lines in enumerate(wants):
        made = [a_line(n, sku=sku, wanted=units) for n, (sku, units) in enumerate(lines, start=1)]
        order = an_order(*made, order_id=ORDER + number, ship=ship)
        outcome = decide(facts, left, order, an_ask())
        now = after(order, outcome)
        assert outcome.answer["promised"] + outcome.answer["waiting"] == order.row["wanted"]
        assert now.row["promised"] == outcome.answer["promised"]
        if ship == "complete":
            assert outcome.answer["promised"] in (0, order.row["wanted"])
        for move in (move for event in outcome.events for move in event.moves):
            if isinstance(move, Stock):
                given_out[move.sku, move.site] = given_out.get((move.sku, move.site), 0) + move.quantity
    for (sku, site), units in given_out.items():
        assert units + left.free[MERCHANT, sku][site] == free[sku][site]
    assert all(units >= 0 for at in left.free.values() for units in at.values())


@given(FREE, st.integers(1, 2))
def test_a_held_line_gets_nothing_and_stops_all_others_only_when_they_go_together(
    free: dict[int, dict[int, int]], held: int
) -> None:
    for ship in ("split", "complete"):
        facts, left = promising(free)
        order = an_order(
            a_line(1, sku=1, wanted=2), a_line(2, sku=2, wanted=1), holds=(a_hold(line_no=held),), ship=ship
        )
        now = after(order, decide(facts, left, order, an_ask()))
        assert now.line(held).promised == 0
        if ship == "complete":
            assert now.row["promised"] == 0


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)), st.sets(st.integers(1, 7), min_size=1),
    st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"]), st.integers(0, 9),
    st.integers(0, 9),
)  # fmt: skip
def test_it_leaves_at_a_cut_off_on_a_working_day_and_arrives_after(
    at: datetime, weekdays: set[int], zone: str, days: int, more: int
) -> None:
    site, moment = a_site(1, weekdays=tuple(sorted(weekdays)), zone=zone), at.replace(tzinfo=UTC)
    dates = NO_OUTLOOK.dates(site, moment, To(), (days, days + more))
    local = dates.ship_by.astimezone(ZoneInfo(zone))
    assert dates.ship_by > moment
    assert dates.ship_by - moment <= timedelta(days=15, hours=2)
    assert (local.isoweekday() in weekdays, local.time()) == (True, site.cut_off)
    assert local.date() <= dates.deliver_from <= dates.deliver_by
    assert dates.deliver_from.isoweekday() < 6


def test_an_order_after_the_cut_off_on_friday_leaves_on_monday() -> None:
    friday = datetime(2026, 3, 6, 15, 0, tzinfo=UTC)
    dates = NO_OUTLOOK.dates(a_site(1), friday, To(), (2, 3))
    assert dates.ship_by == datetime(2026, 3, 9, 14, 0, tzinfo=UTC)
    assert (dates.deliver_from, dates.deliver_by) == (date(2026, 3, 11), date(2026, 3, 12))
