"""Rules of the floor and of goods: on their own, and in random walks of verbs with the audit at the end."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Coroutine
from dataclasses import fields, replace
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from doorstep.journey.fulfillment.floor import Floor, FulfillmentOrder
from doorstep.journey.fulfillment.pick_list import BinUnits, LineToPick, OrderToPick, walk
from doorstep.journey.fulfillment.release import Release, StillADraft
from doorstep.journey.fulfillment.release import decide as decide_release
from doorstep.journey.fulfillment.status import Work, fulfillment_status
from doorstep.journey.inventory.adjust import Adjust
from doorstep.journey.inventory.adjust import Facts as AdjustFacts
from doorstep.journey.inventory.adjust import decide as decide_adjust
from doorstep.journey.inventory.goods import Catalog, NotThatManyFree
from doorstep.kit.embedded import Urls
from doorstep.kit.refusals import Refusal
from doorstep.setup.places import QUARANTINE, Goods, Places, is_bin, tote, walking_order
from doorstep.setup.sites import Site
from doorstep.setup.skus import Sku
from doorstep.spine.facts import OrderFacts
from doorstep.spine.outcome import Ask, Stock
from doorstep.spine.runner import Answer
from doorstep.spine.tenant import Db
from doorstep.spine.walls import NotInThatPlace
from tests.shop import HOME, NOON, Shop, a_pick, open_shop

# the status of a fulfillment order

RANK = {
    name: rank
    for rank, name in enumerate(
        ("allocated", "awaiting_fulfillment", "picking", "picked", "packing", "packed", "ready_to_ship", "shipped")
    )
}
_UNITS = st.integers(0, 3)
_WORK = st.builds(
    Work, promised=_UNITS, picked=_UNITS, packed=_UNITS, shipped=_UNITS, missing=_UNITS, released=st.booleans(),
    on_hold=st.booleans(), unlabeled=st.booleans(),
)  # fmt: skip


@given(_WORK)
def test_what_is_left_to_do_tells_whether_a_fulfillment_order_is_over(work: Work) -> None:
    over = fulfillment_status(work) in ("short", "shipped", "canceled")
    assert over == (work.promised + work.picked + work.packed == 0)


@given(_WORK)
def test_picking_and_packing_never_move_a_fulfillment_order_back(work: Work) -> None:
    before = RANK.get(fulfillment_status(work), 0)
    if work.promised:
        picked = replace(work, promised=work.promised - 1, picked=work.picked + 1)
        assert RANK[fulfillment_status(picked)] >= before
    if work.picked:
        packed = replace(work, picked=work.picked - 1, packed=work.packed + 1)
        assert RANK[fulfillment_status(packed)] >= before


@given(_WORK)
def test_a_hold_never_makes_a_fulfillment_order_look_nearer_to_the_door(work: Work) -> None:
    held, free = replace(work, on_hold=True), replace(work, on_hold=False)
    assert RANK.get(fulfillment_status(held), 9) <= RANK.get(fulfillment_status(free), 9)
    assert fulfillment_status(held) not in ("awaiting_fulfillment", "ready_to_ship")


@pytest.mark.parametrize(
    ("work", "status"),
    [
        (Work(promised=2), "allocated"),
        (Work(promised=2, released=True), "awaiting_fulfillment"),
        (Work(promised=2, released=True, on_hold=True), "allocated"),
        (Work(promised=1, picked=1, released=True), "picking"),
        (Work(picked=2, released=True), "picked"),
        (Work(picked=1, packed=1, released=True), "packing"),
        (Work(promised=1, packed=1, released=True), "packing"),
        (Work(packed=2, released=True, unlabeled=True), "packed"),
        (Work(packed=2, released=True, on_hold=True), "packed"),
        (Work(packed=2, released=True), "ready_to_ship"),
        (Work(shipped=2, released=True), "shipped"),
        (Work(shipped=1, promised=1, released=True), "awaiting_fulfillment"),
        (Work(missing=1, released=True), "short"),
        (Work(missing=1, shipped=1, released=True), "short"),
        (Work(released=True), "canceled"),
    ],
)
def test_where_a_fulfillment_order_stands(work: Work, status: str) -> None:
    assert fulfillment_status(work) == status


# places

GOODS = Goods(1, 2, 3)
_LOTS = st.dictionaries(st.sampled_from(("", "L1", "L2")), st.integers(0, 5))


@given(_LOTS, st.integers(1, 12))
def test_what_is_taken_from_a_place_is_what_it_has_less(lots: dict[str, int], quantity: int) -> None:
    places = Places()
    for lot, units in lots.items():
        places.add(GOODS, "A-1", lot, units)
    before = sum(lots.values())
    try:
        taken = places.take(GOODS, "A-1", quantity)
    except NotInThatPlace:
        assert before < quantity
        assert places.units(GOODS, "A-1") == before
        return
    assert sum(units for _, units in taken) == quantity
    assert all(0 < units <= lots[lot] for lot, units in taken)
    assert places.units(GOODS, "A-1") == before - quantity


def test_feet_know_the_way_past_the_bins() -> None:
    bins = ["B-1", "A-10", "RECEIVING", "A-2", "A-2-1", "a", "10", "9"]
    assert sorted(bins, key=walking_order) == ["9", "10", "A-2", "A-2-1", "A-10", "B-1", "RECEIVING", "a"]


@given(st.text(max_size=12))
def test_totes_parcels_and_quarantine_are_never_bins(word: str) -> None:
    for place in (tote(word), f"parcel:{word}", f"{QUARANTINE}{word}"):
        assert not is_bin(place)


@pytest.mark.parametrize(
    ("barcode", "scanned", "same"),
    [
        ("036000291452", "0036000291452", True),
        ("0036000291452", "036000291452", True),
        ("5901234123457", "5901234123457\r\n", True),
        ("5901234123457", "MUG", True),
        ("", "", False),
        ("", "0", False),
        ("ABC", "0ABC", False),
        ("5901234123457", "5901234123458", False),
    ],
)
def test_a_scan_is_the_barcode_or_the_code(barcode: str, scanned: str, same: bool) -> None:
    assert Sku(1, "MUG", barcode, "A mug", 0).is_scanned(scanned) is same


# the walk


@given(
    held=st.lists(
        st.dictionaries(st.sampled_from(("A-1", "A-2", "A-10", "B-1")), st.integers(1, 6)), min_size=2, max_size=2
    ),
    wanted=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 6)), max_size=6),
)  # fmt: skip
def test_a_walk_takes_each_unit_of_a_bin_once_and_all_that_there_is(
    held: list[dict[str, int]], wanted: list[tuple[int, int]]
) -> None:
    orders = [
        OrderToPick(1, f"ful_{number}", f"ord_{number}", "", "", None, (_to_pick(sku, quantity, held[sku]),))
        for number, (sku, quantity) in enumerate(wanted)
    ]
    stops = walk(orders)
    taken = Counter[tuple[str, str]]()
    for stop in stops:
        taken[stop.line.sku, stop.bin] += stop.quantity
    for sku, bins in enumerate(held):
        asked = sum(quantity for item, quantity in wanted if item == sku)
        there = sum(bins.values())
        assert all(taken[str(sku), bin] <= units for bin, units in bins.items())
        assert taken[str(sku), ""] == max(0, asked - there)
    assert sum(stop.quantity for stop in stops) == sum(quantity for _, quantity in wanted)
    walked = [walking_order(stop.bin) for stop in stops if stop.bin]
    assert walked == sorted(walked)


def _to_pick(sku: int, quantity: int, held: dict[str, int]) -> LineToPick:
    bins = sorted((BinUnits(bin, units) for bin, units in held.items()), key=lambda one: walking_order(one.bin))
    return LineToPick(1, str(sku), "", "", quantity, tuple(bins), Goods(1, sku, 1))


# release and adjust

SITE = Site(**{field.name: None for field in fields(Site)} | {"site_id": 3, "code": "NJ"})  # type: ignore[arg-type]


def test_a_draft_is_not_released_whatever_is_promised_to_it() -> None:
    order = OrderFacts(1, 5, {"drafts": 1, "checks": 1, "ship": "split", "wanted": 0}, ())
    of = FulfillmentOrder(order, 9, SITE.site_id, SITE.code, None)
    floor = Floor({9: of}, {order.order_id: [of]}, {})
    with pytest.raises(StillADraft):
        decide_release(floor, set(), Ask(1, Release(fulfillment_order="ful_9"), NOON))


@given(
    free=st.integers(0, 5), reserved=st.integers(0, 5), in_totes=st.integers(0, 3), counted=st.integers(0, 14),
    split=st.integers(0, 10),
)  # fmt: skip
def test_after_a_count_the_books_say_what_was_counted_or_refuse_to_take_what_is_promised(
    free: int, reserved: int, in_totes: int, counted: int, split: int
) -> None:
    places = Places()
    on_shelves = free + reserved
    places.add(GOODS, "A-1", "", min(split, on_shelves))
    places.add(GOODS, "B-1", "L1", on_shelves - min(split, on_shelves))
    stages = {"free": free, "reserved": reserved, "picked": in_totes, "packed": 0, "quarantine": 7}
    facts = AdjustFacts(Catalog({(1, "MUG"): 2}, {"NJ": SITE}), {GOODS: dict(stages)}, places)
    ask = Ask(1, Adjust(sku="MUG", site="NJ", reason="count", counted=counted), NOON)
    before = free + reserved + in_totes
    try:
        outcome = decide_adjust(facts, ask)
    except NotThatManyFree:
        assert before - counted > free
        return
    moves = [move for event in outcome.events for move in event.moves if isinstance(move, Stock)]
    change = sum(move.quantity * (1 if move.source == "world" else -1) for move in moves)
    assert before + change == counted
    assert facts.stages[GOODS]["free"] == free + change >= 0
    assert all(units >= 0 for lots in places.held[GOODS].values() for units in lots.values())


# random walks

T = TypeVar("T")
# More when somebody looks for trouble: WALKS=300 pytest tests/rules/test_floor.py
WALKS = int(os.environ.get("WALKS", "15"))
PARCELS = "select parcel_id, handed_over_at is null as here from parcel where merchant_id = $1 order by parcel_id"
SKUS, SITES, BINS = ("MUG", "CUP"), ("NJ", "PL"), ("A-1", "A-2")
_sku, _site, _bin = st.sampled_from(SKUS), st.sampled_from(SITES), st.sampled_from(BINS)
_few, _which = st.integers(1, 3), st.integers(0, 99)


class Floors(RuleBasedStateMachine):
    """Anybody does anything at any time: what does not go is refused, and the books hold."""

    loop: asyncio.AbstractEventLoop
    db: Db

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[str] = []
        self.holds: list[str] = []
        self.in_the_world = Counter[str]()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    def ask(self, verb: str, **body: Any) -> Answer:
        return self.run(self.shop.ask(verb, **body))

    def pick_one(self, rows: list[dict[str, Any]], which: int) -> dict[str, Any] | None:
        return rows[which % len(rows)] if rows else None

    def allocation(self, which: int, stage: str) -> dict[str, Any] | None:
        """A line on the floor, with units in that stage if there is one."""
        rows = [row for order in self.orders for row in self.run(self.shop.on_floor(order))]
        return self.pick_one([row for row in rows if row[stage]] or rows, which)

    def parcel(self, which: int) -> str | None:
        """One that has not left, if there is one."""
        rows = self.run(self.shop.rows(PARCELS, self.shop.merchant))
        found = self.pick_one([row for row in rows if row["here"]] or rows, which)
        return f"par_{found['parcel_id']}" if found else None

    @initialize()
    def begin(self) -> None:
        self.shop: Shop = self.run(open_shop(self.db, hold_duplicates=False))
        self.an_order_comes("MUG", 2, 1, True)
        for sku in SKUS:
            self.goods_come(sku, "NJ", "A-1", 6, 0)

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.run(self.shop.work())
            self.run(self.shop.audit())
            self._all_units_are_somewhere()

    def _all_units_are_somewhere(self) -> None:
        for sku in SKUS:
            standing = sum(sum(self.run(self.shop.places(sku, site)).values()) for site in SITES)
            assert standing == self.in_the_world[sku], sku

    @rule(sku=_sku, site=_site, bin=_bin, units=_few, damaged=st.integers(0, 1))
    def goods_come(self, sku: str, site: str, bin: str, units: int, damaged: int) -> None:
        self.run(self.shop.receive(sku, units, site, bin=bin, damaged=min(damaged, units)))
        self.in_the_world[sku] += units

    @rule(sku=_sku, first=_few, second=st.integers(0, 2), at_once=st.sampled_from((True, True, False)))
    def an_order_comes(self, sku: str, first: int, second: int, at_once: bool) -> None:
        lines = [(sku, first), *([("CUP", second)] if second else [])]
        ship_to = HOME | {"line1": f"{len(self.orders) + 1} Grafton Street"}
        self.orders.append(self.run(self.shop.place(*lines, payment_term="on_account", ship_to=ship_to)))
        if at_once:
            self.jobs_are_done()

    @rule()
    def jobs_are_done(self) -> None:
        self.run(self.shop.work())

    @rule(which=_which, units=_few, tote_name=st.sampled_from(("", "T1")), guess=st.sampled_from((None, None, *BINS)))
    def somebody_picks(self, which: int, units: int, tote_name: str, guess: str | None) -> None:
        if row := self.allocation(which, "promised"):
            bins = [place for place, _ in self.run(self.shop.bins(row["code"], row["site"]))]
            bin = guess or next(iter(bins), "A-1")
            self.ask("pick", **a_pick(row["ful"], row["line_no"], units, bin, row["code"]), tote=tote_name)

    @precondition(lambda self: self.orders)
    @rule(which=_which, tote_name=st.sampled_from(("", "T1")), whole=st.booleans())
    def an_order_is_picked(self, which: int, tote_name: str, whole: bool) -> None:
        for row in self.run(self.shop.on_floor(self.orders[which % len(self.orders)])):
            for place, units in self.run(self.shop.bins(row["code"], row["site"])):
                some = min(units, row["promised"]) or 1
                self.ask("pick", **a_pick(row["ful"], row["line_no"], some, place, row["code"]), tote=tote_name)
            if whole:
                self.ask("pack", fulfillment_order=row["ful"])

    @rule(which=_which, units=_few, bin=_bin, tote_name=st.sampled_from(("", "T1")))
    def somebody_puts_back(self, which: int, units: int, bin: str, tote_name: str) -> None:
        if row := self.allocation(which, "picked"):
            body = {"line": row["line_no"], "quantity": units, "bin": bin, "tote": tote_name}
            self.ask("unpick", fulfillment_order=row["ful"], **body)

    @rule(which=_which, units=_few, bin=_bin)
    def a_bin_is_short(self, which: int, units: int, bin: str) -> None:
        if row := self.allocation(which, "promised"):
            body = {"line": row["line_no"], "quantity": units, "bin": bin}
            if isinstance(self.ask("short", fulfillment_order=row["ful"], **body), dict):
                self.in_the_world[row["code"]] -= units

    @rule(which=_which, tote_name=st.sampled_from(("", "", "T1")), some=st.booleans())
    def somebody_packs(self, which: int, tote_name: str, some: bool) -> None:
        if row := self.allocation(which, "picked"):
            lines = [{"line": row["line_no"], "quantity": 1}] if some else []
            self.ask("pack", fulfillment_order=row["ful"], tote=tote_name, lines=lines)

    @rule(which=_which, some=st.booleans(), tote_name=st.sampled_from(("", "T1")))
    def somebody_unpacks(self, which: int, some: bool, tote_name: str) -> None:
        if parcel := self.parcel(which):
            lines = [{"line": 1, "quantity": 1}] if some else []
            self.ask("unpack", parcel=parcel, lines=lines, tote=tote_name)

    @rule(which=_which)
    def a_parcel_leaves(self, which: int) -> None:
        if parcel := self.parcel(which):
            self.ask("keep_label", parcel=parcel, carrier="by hand", tracking_number=f"T{parcel}")
            before = self._packed()
            if isinstance(self.ask("hand_over", parcel=parcel), dict):
                self.in_the_world -= before - self._packed()

    def _packed(self) -> Counter[str]:
        places = {sku: [self.run(self.shop.places(sku, site)) for site in SITES] for sku in SKUS}
        return Counter({sku: sum(sum(held.values()) for held in found) for sku, found in places.items()})

    @precondition(lambda self: self.orders)
    @rule(which=_which, line=st.sampled_from((None, 1)))
    def somebody_holds(self, which: int, line: int | None) -> None:
        order = self.orders[which % len(self.orders)]
        body = {"line": line} if line else {}
        answer = self.ask("hold", order=order, type="operator", reason="wait", **body)
        if isinstance(answer, dict):
            self.holds.append(answer["hold"])

    @precondition(lambda self: self.holds)
    @rule(which=_which)
    def somebody_lifts(self, which: int) -> None:
        self.ask("lift", hold=self.holds.pop(which % len(self.holds)))

    @precondition(lambda self: self.orders)
    @rule(which=_which, units=st.sampled_from((1, 1, None)))
    def the_buyer_cancels(self, which: int, units: int | None) -> None:
        order = self.orders[which % len(self.orders)]
        self.ask("cancel", order=order, lines=[{"line": 1, "quantity": units}] if units else [], reason="customer")

    @rule(sku=_sku, site=_site, units=_few, verb=st.sampled_from(("restock", "scrap")))
    def quarantine_is_decided(self, sku: str, site: str, units: int, verb: str) -> None:
        more = {"reason": "broken"} if verb == "scrap" else {"bin": "A-1"}
        answer = self.ask(verb, sku=sku, site=self.shop.site(site), quantity=units, **more)
        if verb == "scrap" and isinstance(answer, dict):
            self.in_the_world[sku] -= units

    @rule(sku=_sku, site=_site, units=_few, way=st.permutations(BINS))
    def goods_are_moved(self, sku: str, site: str, units: int, way: list[str]) -> None:
        self.ask("put_away", sku=sku, site=self.shop.site(site), quantity=units, from_bin=way[0], to_bin=way[1])

    @rule(sku=_sku, site=_site, counted=st.integers(0, 6))
    def somebody_counts(self, sku: str, site: str, counted: int) -> None:
        answer = self.ask("adjust", sku=sku, site=self.shop.site(site), counted=counted, reason="count")
        if isinstance(answer, Refusal):
            return
        self.in_the_world[sku] += answer["quantity"]


def test_whatever_people_do_on_the_floor_the_books_hold(urls: Urls) -> None:
    loop = asyncio.new_event_loop()
    db = loop.run_until_complete(Db.open(urls.app, urls.router, size=2))
    run_state_machine_as_test(
        type("FloorsHere", (Floors,), {"loop": loop, "db": db}),
        settings=settings(
            max_examples=WALKS,
            stateful_step_count=40,
            deadline=None,
            # A walk that breaks the books is told as it was walked: a shorter one would take minutes to find.
            phases=(Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
    loop.run_until_complete(db.close())
    loop.close()
