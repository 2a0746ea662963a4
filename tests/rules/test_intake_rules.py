"""Rules of intake, alone: what is a repeat, what came in, what a file's order means, what a setting must be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.journey.intake.content import NOTHING, Happened, hash_of_parts, parts_of
from doorstep.journey.intake.files.from_file import arrival_of, happened_of, is_over
from doorstep.journey.intake.files.problems import Problem
from doorstep.journey.intake.files.shopify_lines import FileLine
from doorstep.journey.intake.files.shopify_order import FileOrder
from doorstep.journey.intake.import_history import ImportHistory
from doorstep.journey.intake.money import Money, Part, give_back, take_in
from doorstep.journey.intake.new_order import Address, Buyer, NewLine, NewOrder, Tender
from doorstep.journey.intake.place import Place
from doorstep.kit.money import UnknownCurrency
from doorstep.kit.refusals import Refusal
from doorstep.setup import checks
from doorstep.setup.merchants import NewSku, check_sku
from doorstep.spine.outcome import Cash

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
AMOUNTS = st.integers(min_value=0, max_value=10**6)


def an_order(**more: Any) -> NewOrder:
    lines = [NewLine(sku="MUG", quantity=2, unit_price=Decimal("12.50"))]
    return NewOrder(**{"lines": lines, "currency": "USD", "external_id": "#1", **more})


# A repeat, and a change


def test_how_a_price_is_written_does_not_change_the_order() -> None:
    plain = NewLine(sku="MUG", quantity=2, unit_price=Decimal("12.5"))
    assert parts_of(an_order(lines=[plain]), NOTHING) == parts_of(an_order(), NOTHING)


def test_the_name_of_an_order_is_no_part_of_what_it_says() -> None:
    assert parts_of(an_order(external_id="#2", channel="north"), NOTHING) == parts_of(an_order(), NOTHING)


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"note": "ring twice"}, "note"),
        ({"tags": ["vip"]}, "tags"),
        ({"buyer": Buyer(email="ada@example.com")}, "buyer"),
        ({"ship_to": Address(country="IE")}, "ship_to"),
        ({"shipping_minor": 500}, "goods"),
        ({"lines": [NewLine(sku="MUG", quantity=3, unit_price=Decimal("12.50"))]}, "goods"),
        ({"tenders": [Tender(kind="paid", amount_minor=1)]}, "paying"),
        ({"payment_term": "cod"}, "term"),
        ({"number": "#1-A"}, "named"),
    ],
)
def test_each_change_is_told_by_its_part_alone(more: dict[str, Any], part: str) -> None:
    before, after = parts_of(an_order(), NOTHING), parts_of(an_order(**more), NOTHING)
    assert {name for name in before if before[name] != after[name]} == {part}
    assert hash_of_parts(before) != hash_of_parts(after)


def test_what_happened_in_the_channel_is_part_of_what_it_says() -> None:
    before, after = parts_of(an_order(), NOTHING), parts_of(an_order(), Happened(canceled_at=AT))
    assert {name for name in before if before[name] != after[name]} == {"happened"}


# Money


@given(paid=AMOUNTS, authorized=AMOUNTS, held=AMOUNTS, earned=AMOUNTS, refunded=AMOUNTS, collected=AMOUNTS)
def test_what_is_missing_is_taken_in_and_no_more(
    paid: int, authorized: int, held: int, earned: int, refunded: int, collected: int
) -> None:
    money = Money(1, "USD", held=held, earned=earned, refunded=refunded, collected=collected)
    money.authorizations = [Part(9, held)]
    came_in = money.came_in
    tenders = [Tender(kind="paid", amount_minor=paid), Tender(kind="authorized", amount_minor=authorized)]
    moves, rows = take_in(money, tenders, count(100), AT)
    assert money.came_in == max(paid, came_in)
    assert sum(move.amount_minor for move in moves if isinstance(move, Cash) and move.target == "earned") == (
        money.came_in - came_in
    )
    assert len(moves) == len(rows)
    assert money.held >= 0
    again, _ = take_in(money, tenders, count(200), AT)
    assert [move for move in again if isinstance(move, Cash) and move.target == "earned"] == []


@given(parts=st.lists(st.integers(min_value=1, max_value=10**6), max_size=5), back=AMOUNTS)
def test_no_more_goes_back_than_came_in_and_each_part_names_its_payment(parts: list[int], back: int) -> None:
    money = Money(1, "USD", earned=sum(parts), received=[Part(number, left) for number, left in enumerate(parts)])
    moves, rows = give_back(money, back, count(100), AT, AT)
    given_back = sum(move.amount_minor for move in moves if isinstance(move, Cash))
    assert given_back == min(back, sum(parts)) == money.refunded
    drawn = {row.values["parent_id"]: row.values["amount_minor"] for row in rows}
    assert all(0 < amount <= parts[payment] for payment, amount in drawn.items())


# What an order of a file means


def from_file(**more: Any) -> FileOrder:
    lines = [
        NewLine(sku="MUG", quantity=2, unit_price=Decimal(5)),
        NewLine(sku="CUP", quantity=1, unit_price=Decimal(3)),
        NewLine(title="Gift note", quantity=1, unit_price=Decimal(1), ships=False),
    ]
    said = {
        "order": NewOrder(lines=lines, currency="USD", external_id="#1"),
        "lines": [_line(2), _line(3), _line(4)],
        "left_out": [], "subtotal_minor": 1400, "file": "o.csv", "first_line": 2, "last_line": 4, "rows": 3,
        "financial_status": "paid", "fulfillment_status": "unfulfilled",
    }  # fmt: skip
    return FileOrder(**{**said, **more})


def _line(number: int, status: str = "pending") -> FileLine:
    return FileLine(file="o.csv", line=number, sku="", title="", quantity="1", fulfillment_status=status)


@pytest.mark.parametrize(
    ("said", "over"),
    [
        ({}, False),
        ({"fulfillment_status": "fulfilled"}, True),
        ({"fulfillment_status": "restocked"}, True),
        ({"canceled_at": AT}, True),
        ({"financial_status": "refunded"}, True),
        ({"financial_status": "partially_refunded"}, False),
        ({"financial_status": "voided"}, False),
        ({"fulfillment_status": "partial"}, False),
    ],
)
def test_what_is_over_is_history_and_the_rest_is_work(said: dict[str, Any], over: bool) -> None:
    file = from_file(**said)
    assert is_over(file) is over
    assert arrival_of(file, history=False)[0] == ("import_history" if over else "place")
    assert arrival_of(file, history=True)[0] == "import_history"


@pytest.mark.parametrize(
    ("said", "units"),
    [
        ({}, [0, 0, 0]),
        ({"fulfillment_status": "fulfilled", "fulfilled_at": AT}, [2, 1, 0]),
        ({"fulfillment_status": "partial", "lines": [_line(2, "fulfilled"), _line(3), _line(4)]}, [2, 0, 0]),
        ({"fulfillment_status": "restocked"}, [0, 0, 0]),
        ({"fulfillment_status": "restocked", "fulfilled_at": AT}, [2, 1, 0]),
    ],
)
def test_units_are_fulfilled_as_the_order_or_its_lines_say(said: dict[str, Any], units: list[int]) -> None:
    assert happened_of(from_file(**said)).fulfilled == units


def test_a_line_of_which_a_part_was_fulfilled_waits_for_somebody_to_say_how_much() -> None:
    file = from_file(fulfillment_status="partial", lines=[_line(2, "partial"), _line(3, "fulfilled"), _line(4)])
    _, arrival = arrival_of(file, history=False)
    assert isinstance(arrival, Place)
    assert [(problem.hold, problem.line) for problem in arrival.problems] == [("changed", 1)]


def test_problems_of_a_kind_are_one_hold_and_those_of_a_line_hold_the_line() -> None:
    problems = [
        Problem(2, "Total", "total_does_not_add_up", "9"),
        Problem(2, "Subtotal", "subtotal_is_not_the_lines", "8"),
        Problem(3, "Lineitem quantity", "quantity_unclear", "x"),
        Problem(2, "Shipping Address1", "no_address", ""),
        Problem(2, "Email", "email_unclear", "@"),
    ]
    _, arrival = arrival_of(from_file(problems=problems), history=True)
    assert isinstance(arrival, ImportHistory)
    found = [(problem.hold, problem.line, problem.field) for problem in arrival.problems]
    assert found == [("amounts", 0, "Total, Subtotal"), ("unknown_item", 2, "Lineitem quantity")]


def test_units_told_for_a_line_are_never_more_than_it_has() -> None:
    line = NewLine(sku="MUG", quantity=2, unit_price=Decimal(5))
    assert Happened(fulfilled=[9]).units(1, line) == 2
    assert Happened(fulfilled_at=AT).units(1, line) == 2
    assert Happened(fulfilled=[1], fulfilled_at=AT + timedelta(days=1)).units(2, line) == 0
    assert NOTHING.units(1, line) == 0


# What a setting must be


@pytest.mark.parametrize(
    ("check", "value", "refusal"),
    [
        (checks.currency, "USX", UnknownCurrency),
        (checks.country, "EU", checks.UnknownCountry),
        (checks.country, "us", checks.UnknownCountry),
        (checks.country, "ZZ", checks.UnknownCountry),
        (checks.timezone, "Mars/Olympus", checks.UnknownTimezone),
        (checks.merchant_key, "-mugs", checks.NotACode),
        (checks.merchant_key, "m" * 41, checks.NotACode),
        (checks.site_code, "ewr", checks.NotACode),
        (checks.level, "Same Day", checks.NotACode),
        (checks.hs_code, "69.12", checks.NotAnHsCode),
        (checks.hs_code, "６９１２００", checks.NotAnHsCode),
    ],
)
def test_a_setting_that_cannot_be_is_refused(check: Any, value: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        check(value)


def test_settings_as_they_are_meant_pass() -> None:
    checks.currency("USD")
    checks.country("XK")
    checks.timezone("Europe/Warsaw")
    checks.hs_code("6912002300")
    checks.hs_code("")
    checks.days(0, 0)
    checks.word("name", "Ünïcode ☕")


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": " "}, {"code": "A\x00"}, {"code": "A" * 121}, {"hs_code": "12"}, {"origin": "XX"}, {"weight_g": -1},
        {"length_mm": 10**9}, {"value_minor": -1},
    ],
)  # fmt: skip
def test_a_sku_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        check_sku(NewSku(**{"code": "MUG", **wrong}))
