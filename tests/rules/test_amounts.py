"""Amounts: whatever is shared out of an order adds up to the order again, to the minor unit."""

from __future__ import annotations

from decimal import Decimal
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from doorstep.kit.money import line_total
from doorstep.spine.amounts import (
    Amounts,
    DiscountTooLarge,
    Priced,
    TaxBelowLines,
    amounts,
    parcel_share,
    to_collect,
    untaxed,
    worth_of_last_units,
    worth_of_units,
)

MINOR = st.integers(0, 10**6)


@st.composite
def orders(draw: st.DrawFn) -> tuple[list[Priced], dict[str, Any]]:
    """Lines and the order's own amounts, such as `amounts` accepts."""
    lines = []
    taxed = draw(st.booleans())
    for _ in range(draw(st.integers(1, 8))):
        price = draw(st.decimals(min_value=0, max_value=1000, places=draw(st.integers(0, 6)), allow_nan=False))
        quantity = draw(st.integers(1, 50))
        gross = line_total(price, quantity, "EUR")
        lines.append(Priced(quantity, price, draw(st.integers(0, gross)), draw(MINOR) if taxed else 0))
    shipping = draw(MINOR)
    most = sum(line_total(line.unit_price, line.quantity, "EUR") - line.discount_minor for line in lines) + shipping
    given_amounts = {
        "discount_minor": draw(st.integers(0, most)),
        "shipping_minor": shipping,
        "fees_minor": draw(MINOR),
        "tax_minor": sum(line.tax_minor for line in lines) + draw(MINOR),
        "tax_included": draw(st.booleans()),
    }
    return lines, given_amounts


@given(orders())
def test_an_order_costs_its_parts(order: tuple[list[Priced], dict[str, Any]]) -> None:
    lines, more = order
    found = amounts(lines, "EUR", **more)
    added = 0 if more["tax_included"] else more["tax_minor"]
    assert found.total_minor == (
        found.lines_minor - more["discount_minor"] + more["shipping_minor"] + more["fees_minor"] + added
    )
    assert found.total_minor == sum(found.worths) + found.shipping_worth_minor + found.fees_minor


@given(orders())
def test_no_part_of_an_order_is_worth_less_than_nothing(order: tuple[list[Priced], dict[str, Any]]) -> None:
    lines, more = order
    found = amounts(lines, "EUR", **more)
    assert min(found.worths) >= 0
    assert found.shipping_worth_minor >= 0
    assert all(worth - tax <= total for worth, tax, total in zip(found.worths, found.taxes, found.totals, strict=True))


@given(orders())
def test_taxes_on_top_are_shared_whole(order: tuple[list[Priced], dict[str, Any]]) -> None:
    lines, more = order
    found = amounts(lines, "EUR", **more)
    if more["tax_included"]:
        assert not any(found.taxes)
        return
    own = [line.tax_minor for line in lines]
    assert found.taxes == tuple(own) if any(own) else sum(found.taxes) <= more["tax_minor"]


def test_a_discount_beyond_the_lines_is_one_on_shipping() -> None:
    found = amounts([Priced(1, Decimal("10"))], "USD", discount_minor=1300, shipping_minor=500)
    assert (found.worths, found.shipping_worth_minor, found.total_minor) == ((0,), 200, 200)


def test_a_third_of_a_cent_is_rounded_with_the_line_and_not_with_the_unit() -> None:
    assert amounts([Priced(300, Decimal("0.003333"))], "USD").total_minor == 100


@pytest.mark.parametrize(
    ("line", "more"),
    [
        (Priced(1, Decimal("10"), discount_minor=1001), {}),
        (Priced(1, Decimal("10")), {"discount_minor": 1501, "shipping_minor": 500}),
    ],
)
def test_a_discount_larger_than_what_it_is_taken_from_is_refused(line: Priced, more: dict[str, int]) -> None:
    with pytest.raises(DiscountTooLarge):
        amounts([line], "USD", **more)


@pytest.mark.parametrize("included", [True, False])
def test_an_order_tax_below_the_taxes_of_its_lines_is_refused(included: bool) -> None:
    with pytest.raises(TaxBelowLines) as refused:
        amounts([Priced(1, Decimal("10"), tax_minor=190)], "EUR", tax_minor=100, tax_included=included)
    assert refused.value.why == {"tax_minor": 100, "lines_tax_minor": 190}


@given(st.integers(0, 10**9), st.lists(st.integers(0, 50), min_size=1, max_size=20))
def test_units_that_go_one_after_another_are_worth_exactly_the_line(worth: int, parts: list[int]) -> None:
    ordered = sum(parts)
    assume(ordered)
    before = [0, *accumulate(parts)]
    shares = [worth_of_units(worth, ordered, gone, part) for gone, part in zip(before, parts, strict=False)]
    assert sum(shares) == worth
    assert min(shares) >= 0


@given(st.integers(0, 10**9), st.integers(1, 100), st.data())
def test_units_shipped_from_the_front_and_canceled_from_the_end_share_no_cent(
    worth: int, ordered: int, data: st.DataObject
) -> None:
    shipped = data.draw(st.integers(0, ordered))
    front = worth_of_units(worth, ordered, 0, shipped)
    canceled, cuts = 0, 0
    while canceled < ordered - shipped:
        part = data.draw(st.integers(1, ordered - shipped - canceled))
        cuts += worth_of_last_units(worth, ordered, canceled, part)
        canceled += part
    assert front + cuts == worth


def test_a_line_of_nothing_is_worth_nothing() -> None:
    assert worth_of_units(500, 0, 0, 0) == 0


def test_amounts_are_plain_data() -> None:
    found = amounts([Priced(2, Decimal("1.50")), Priced(1, Decimal("2"))], "USD", discount_minor=100, tax_minor=80)
    assert found == Amounts(
        totals=(300, 200), worths=(288, 192), taxes=(48, 32), discount_minor=100, shipping_minor=0,
        shipping_worth_minor=0, fees_minor=0, tax_minor=80, tax_included=False,
    )  # fmt: skip


@given(st.integers(0, 100_000), st.lists(st.integers(0, 40_000), min_size=1, max_size=5), st.integers(0, 40_000))
def test_what_all_parcels_collect_is_exactly_what_is_due(due: int, worths: list[int], not_packed: int) -> None:
    parts = [to_collect(due, worths, nth, not_packed) for nth in range(len(worths))]
    assert min(parts) >= 0 and sum(parts) == max(0, due - not_packed)
    assert all(part <= worth for part, worth in zip(parts[1:], worths[1:], strict=True))


@given(st.integers(0, 100_000), st.lists(st.integers(0, 40_000), min_size=2, max_size=5))
def test_what_a_parcel_collects_stays_when_the_rest_is_packed(due: int, worths: list[int]) -> None:
    first = to_collect(due, worths[:1], 0, sum(worths[1:]))
    assert first == to_collect(due, worths, 0, 0)


@given(orders())
def test_without_its_tax_an_order_costs_the_rest_and_no_line_less_than_nothing(
    order: tuple[list[Priced], dict[str, Any]],
) -> None:
    lines, more = order
    found = amounts(lines, "EUR", **more)
    costs = untaxed(more, found.totals, [line.tax_minor for line in lines])
    assert len(costs) == len(lines) + 1 and min(costs) >= 0
    if not more["tax_included"]:
        assert costs[:-1] == [worth - tax for worth, tax in zip(found.worths, found.taxes, strict=True)]
    with_tax = found.lines_minor - more["discount_minor"] + more["shipping_minor"]
    if more["tax_included"] and not any(line.tax_minor for line in lines) and more["tax_minor"] <= with_tax:
        assert sum(costs) >= with_tax - more["tax_minor"]


def test_a_price_with_tax_in_it_is_told_to_customs_without() -> None:
    of = {"discount_minor": 0, "shipping_minor": 1190, "tax_minor": 570, "tax_included": True}
    assert untaxed(of, [2380], [0]) == [2000, 1000]
    assert untaxed(of, [2380], [380]) == [2000, 1000]
    assert untaxed(of | {"tax_included": False}, [2380], [380]) == [2380, 1190]


@given(st.integers(0, 10**9), st.lists(MINOR, min_size=1, max_size=6), MINOR)
def test_insurance_and_freight_of_an_order_are_shared_by_its_parcels_and_never_more(
    insured: int, worths: list[int], not_packed: int
) -> None:
    whole = sum(worths) + not_packed
    shares = [parcel_share(insured, worths, nth, whole) for nth in range(len(worths))]
    assert all(share >= 0 for share in shares) and sum(shares) <= insured
    if not not_packed or not whole:
        assert sum(shares) == insured
    if whole:
        assert all(abs(share - insured * worth / whole) <= 1 for share, worth in zip(shares, worths, strict=True))
