"""Linking: whatever was sold and credited, a sale is never credited twice, and what is undone leaves nothing behind."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from doorstep.journey.intake.corrections.correcting import (
    Correction,
    Line,
    line_facts,
    link_facts,
    order_events,
    stock_events,
)
from doorstep.journey.intake.corrections.linking import (
    Credited,
    Ends,
    Link,
    Sale,
    Sales,
    link,
    release,
    together,
    units_linked,
)
from doorstep.journey.intake.shelf import Shelf
from doorstep.spine.outcome import Cash, Delete, Demand, Fact, Insert, Stock, Update

DAY = datetime(2010, 3, 1, tzinfo=UTC)
CREDIT_DAY = 20
SKUS = (1, 2)
PRICES = tuple(Decimal(price) for price in ("0.85", "1.25", "2.10"))


ORDER_LINES = st.lists(
    st.tuples(st.sampled_from(SKUS), st.sampled_from(PRICES), st.integers(0, 5), st.integers(0, 5)),
    min_size=1, max_size=2,
)  # fmt: skip


@st.composite
def shops(draw: st.DrawFn) -> tuple[Sales, dict[int, int]]:
    """Orders of one buyer, of two SKUs, newest first, and what is still owed for each."""
    days = draw(st.lists(st.integers(0, 30), max_size=8))
    sales = Sales()
    for order, day in sorted(enumerate(days, start=1), key=lambda row: (-row[1], -row[0])):
        for line_no, (sku, price, delivered, shipped) in enumerate(draw(ORDER_LINES), start=1):
            left = {"delivered": delivered, "shipped": shipped}
            sales.add(sku, Sale(order, line_no, DAY + timedelta(days=day), price, left))
    return sales, {order: draw(st.integers(0, 1500)) for order in range(1, len(days) + 1)}


LINES = st.lists(
    st.tuples(st.sampled_from(SKUS), st.integers(1, 9), st.sampled_from(PRICES), st.integers(0, 3000)), max_size=6
)


def credited(rows: Iterable[tuple[int, int, Decimal, int]]) -> list[Credited]:
    return [Credited(number, *row) for number, row in enumerate(rows, start=1)]


AT = DAY + timedelta(days=CREDIT_DAY)


def every(sales: Sales) -> dict[tuple[int, int], Sale]:
    return {(sale.order_id, sale.line_no): sale for found in sales.by_sku.values() for sale in found}


def left_of(sales: Sales) -> dict[tuple[int, int], dict[str, int]]:
    return {key: dict(sale.left) for key, sale in every(sales).items()}


@given(shops(), LINES)
def test_no_unit_is_credited_twice_and_none_of_a_later_sale(shop: Any, rows: Any) -> None:
    (sales, owed), lines = shop, credited(rows)
    before = left_of(sales)
    links = link(lines, sales, owed, AT)
    taken: Counter[tuple[int, int, str]] = Counter()
    for ends, tied in links.items():
        assert tied.quantity > 0
        assert every(sales)[ends.order_id, ends.order_line_no].placed_at <= AT
        taken[ends.order_id, ends.order_line_no, ends.stage] += tied.quantity
    for key, stages in left_of(sales).items():
        assert min(stages.values()) >= 0
        assert {stage: units + taken[*key, stage] for stage, units in stages.items()} == before[key]


@given(shops(), LINES)
def test_as_much_is_linked_as_was_sold_and_credited(shop: Any, rows: Any) -> None:
    (sales, owed), lines = shop, credited(rows)
    sold = Counter({sku: sum(sum(sale.left.values()) for sale in sales.of(sku, AT)) for sku in SKUS})
    linked = units_linked(link(lines, sales, owed, AT))
    for sku in SKUS:
        asked = [line for line in lines if line.sku_id == sku]
        assert all(linked.get(line.line_no, 0) <= line.quantity for line in asked)
        total = sum(linked.get(line.line_no, 0) for line in asked)
        assert total == min(sold[sku], sum(line.quantity for line in asked))


@given(shops(), LINES)
def test_the_same_price_comes_first_and_then_the_newest(shop: Any, rows: Any) -> None:
    (sales, owed), lines = shop, credited(rows)
    links = link(lines, sales, owed, AT)
    for line in lines:
        used = {ends[1:3] for ends in links if ends.line_no == line.line_no}
        there = sales.of(line.sku_id, AT)
        for is_same_price in (True, False):
            ranked = [sale for sale in there if (sale.unit_price == line.unit_price) is is_same_price]
            last = max((rank for rank, sale in enumerate(ranked) if (sale.order_id, sale.line_no) in used), default=0)
            assert not any(sum(sale.left.values()) for sale in ranked[:last])
        if any(tied.price_differs for ends, tied in links.items() if ends.line_no == line.line_no):
            assert not any(sum(sale.left.values()) for sale in there if sale.unit_price == line.unit_price)
    for ends, tied in links.items():
        price = next(line.unit_price for line in lines if line.line_no == ends.line_no)
        assert tied.price_differs == (every(sales)[ends.order_id, ends.order_line_no].unit_price != price)


@given(shops(), LINES)
def test_less_is_owed_by_what_was_credited_to_the_cent_and_never_more_than_was_owed(shop: Any, rows: Any) -> None:
    (sales, owed), lines = shop, credited(rows)
    before = dict(owed)
    links = link(lines, sales, owed, AT)
    less = Counter[int]()
    for ends, tied in links.items():
        less[ends.order_id] += tied.less_minor
    assert {order: before[order] - less[order] for order in before} == owed
    assert min(owed.values(), default=0) >= 0
    linked = units_linked(links)
    for line in lines:
        mine = [tied.less_minor for ends, tied in links.items() if ends.line_no == line.line_no]
        units = linked.get(line.line_no, 0)
        worth = line.amount_minor * units // line.quantity
        is_capped = any(not owed[ends.order_id] for ends in links if ends.line_no == line.line_no)
        assert sum(mine) == worth or (is_capped and sum(mine) < worth)


@given(shops(), LINES, st.randoms(use_true_random=False))
def test_lines_told_in_another_order_are_linked_alike(shop: Any, rows: Any, chance: random.Random) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert _content(*deepcopy(shop), credited(rows)) == _content(*deepcopy(shop), credited(shuffled))


def _content(sales: Sales, owed: dict[int, int], lines: list[Credited]) -> Counter[Any]:
    of = {line.line_no: (line.sku_id, line.quantity, line.unit_price, line.amount_minor) for line in lines}
    return Counter((of[ends.line_no], *ends[1:], *tied) for ends, tied in link(lines, sales, owed, AT).items())


def _amounts_by_sku(rows: Iterable[tuple[int, int, Decimal, int]]) -> list[tuple[int, int, Decimal, int]]:
    """Lines of one SKU, price and quantity say the same amount, as lines of one correction do."""
    return [(sku, units, price, int(units * price * 100)) for sku, units, price, _ in rows]


@given(shops(), LINES)
def test_what_is_released_is_as_it_was(shop: Any, rows: Any) -> None:
    (sales, owed), first = shop, deepcopy(shop)
    release(link(credited(rows), sales, owed, AT), every(sales), owed)
    assert (sales, owed) == first


@given(shops(), LINES, LINES)
def test_one_of_two_that_is_released_finds_its_own_sales_again(shop: Any, one: Any, other: Any) -> None:
    (sales, owed), lines = shop, credited(_amounts_by_sku(one))
    first = link(lines, sales, owed, AT)
    link(credited(_amounts_by_sku(other)), sales, owed, AT + timedelta(days=5))
    after_both = deepcopy((sales, owed))
    release(first, every(sales), owed)
    assert units_linked(link(lines, sales, owed, AT)) == units_linked(first)
    assert left_of(sales) == left_of(after_both[0])


@given(shops(), LINES, st.integers(0, 20))
def test_a_credit_that_is_linked_in_two_goes_is_worth_what_it_is_worth_in_one(shop: Any, rows: Any, day: int) -> None:
    """Sales that come in later complete it: the shares add up."""
    sales, owed = shop
    owed = dict.fromkeys(owed, 10**9)
    lines = credited(rows)
    early = link(lines, sales, owed, DAY + timedelta(days=day))
    linked = units_linked(early)
    more = link([replace(line, linked=linked.get(line.line_no, 0)) for line in lines], sales, owed, AT)
    links = together(early, more)
    units = units_linked(links)
    for line in lines:
        less = sum(tied.less_minor for ends, tied in links.items() if ends.line_no == line.line_no)
        assert units.get(line.line_no, 0) <= line.quantity
        assert less == line.amount_minor * units.get(line.line_no, 0) // line.quantity


# From one state of a correction to another, and back


@st.composite
def corrections(draw: st.DrawFn) -> Correction:
    kind = draw(st.sampled_from(("credit", "stock")))
    lines = tuple(
        Line(number, sku, True, draw(st.sampled_from((None, 7, 8))), f"S{sku}", "", quantity, price, quantity * 100)
        for number, (sku, quantity, price) in enumerate(
            draw(st.lists(st.tuples(st.sampled_from(SKUS), st.integers(-5, 5), st.sampled_from(PRICES)), max_size=4)),
            start=1,
        )
    )
    ends = st.builds(Ends, st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.sampled_from(STAGED))
    links = draw(st.dictionaries(ends, st.builds(Link, st.integers(1, 5), st.integers(0, 900), st.booleans())))
    return Correction(kind, DAY + timedelta(days=draw(st.integers(0, 2))), lines, links)


STAGED = ("delivered", "shipped")


def moved(one: Correction, to: Correction) -> Counter[Any]:
    """What comes of the step, per account and day."""
    one = replace(one, kind=to.kind)
    events = [event for found in order_events(one, to, {}, {}).items() for event in _of(*found)]
    shelf = Shelf()
    for sku in SKUS:
        for site in (7, 8):
            shelf.move((1, sku, site), 1000)  # type: ignore[arg-type]
    events += [(0, event) for event in stock_events(1, one, to, shelf, {"number": ""})]
    sums: Counter[Any] = Counter()
    for order, event in events:
        for move in event.moves:
            if isinstance(move, Demand):
                key, amount = ("demand", order, move.line_no), move.quantity
            elif isinstance(move, Cash):
                key, amount = ("cash", order), move.amount_minor
            else:
                assert isinstance(move, Stock)
                key, amount = ("stock", move.sku, move.site), move.quantity
            assert amount > 0
            sums[key, move.source, event.happened_at] -= amount
            sums[key, move.target, event.happened_at] += amount
    return sums


def _of(order: int, events: Iterable[Any]) -> list[tuple[int, Any]]:
    return [(order, event) for event in events]


@given(corrections(), corrections())
def test_there_and_back_moves_nothing_on_any_day(one: Correction, other: Correction) -> None:
    other = replace(other, kind=one.kind)
    there, back = moved(one, other), moved(other, one)
    there.update(back)
    assert not any(there.values())


@given(corrections(), corrections(), corrections())
def test_two_steps_move_what_one_step_moves(one: Correction, between: Correction, last: Correction) -> None:
    between, last = replace(between, kind=one.kind), replace(last, kind=one.kind)
    steps = moved(one, between)
    steps.update(moved(between, last))
    direct = moved(one, last)
    assert {key: n for key, n in steps.items() if n} == {key: n for key, n in direct.items() if n}


@given(corrections(), corrections())
def test_the_rows_become_those_of_the_other_and_what_is_the_same_is_left_alone(
    one: Correction, other: Correction
) -> None:
    table: dict[Any, Any] = {}
    written(table, Correction(one.kind, one.happened_at), one)
    first = deepcopy(table)
    written(table, one, other)
    again: dict[Any, Any] = {}
    written(again, Correction(one.kind, one.happened_at), other)
    assert table == again
    written(table, other, one)
    assert table == first
    assert not [*line_facts(5, one, one), *link_facts(5, one, one)]


def written(table: dict[Any, Any], before: Correction, after: Correction) -> None:
    facts: list[Fact] = [*line_facts(5, before, after), *link_facts(5, before, after)]
    for fact in sorted(facts, key=lambda fact: (Delete, Insert, Update).index(type(fact))):
        names = ("correction_id", "line_no")
        if fact.table == "credit_link":
            names = ("correction_id", *Ends._fields)
        if isinstance(fact, Insert):
            key = (fact.table, *(fact.values[name] for name in names))
            assert key not in table
            table[key] = {name: value for name, value in fact.values.items() if name not in names}
        elif isinstance(fact, Delete):
            del table[fact.table, *fact.where.values()]
        else:
            table[fact.table, *fact.where.values()].update(fact.values)
