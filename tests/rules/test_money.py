"""Money: rounded once, half-up; split without losing a cent; ISO 4217's minor units, not a country's habits."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from fractions import Fraction

import pytest
from babel.numbers import format_currency
from hypothesis import example, given
from hypothesis import strategies as st

from doorstep.kit.money import (
    LARGEST_MINOR,
    NotMoney,
    UnknownCurrency,
    allocate,
    digits,
    line_total,
    spell,
    to_decimal,
    to_minor,
)

CURRENCIES = st.sampled_from(("USD", "EUR", "JPY", "KWD", "CLF", "RSD", "HUF"))
AMOUNTS = st.integers(-LARGEST_MINOR, LARGEST_MINOR)
PRICES = st.decimals(min_value=0, max_value=10**6, places=6, allow_nan=False, allow_infinity=False)


@given(AMOUNTS, st.lists(st.integers(0, 10**12), min_size=1, max_size=30))
@example(100, [1, 1, 1])
@example(-100, [1, 1, 1])
@example(7, [0, 0])
def test_a_split_amount_is_whole_again_when_put_together(amount: int, weights: list[int]) -> None:
    parts = allocate(amount, weights)
    assert len(parts) == len(weights)
    assert sum(parts) == amount
    assert all(part == 0 or (part > 0) == (amount > 0) for part in parts)


@given(AMOUNTS, st.lists(st.integers(0, 10**12), min_size=1, max_size=30).filter(any))
def test_a_part_is_less_than_one_from_its_exact_share(amount: int, weights: list[int]) -> None:
    for part, weight in zip(allocate(amount, weights), weights, strict=True):
        assert abs(part - Fraction(amount * weight, sum(weights))) < 1
        assert weight or part == 0


@given(AMOUNTS, st.integers(1, 30))
def test_equal_weights_get_parts_that_differ_by_one_at_most(amount: int, count: int) -> None:
    parts = allocate(amount, [5] * count)
    assert max(parts) - min(parts) <= 1


def test_nothing_is_split_among_nobody() -> None:
    assert allocate(100, []) == []
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    with pytest.raises(AssertionError, match="below zero"):
        allocate(100, [3, -1])


@given(PRICES, st.integers(1, 10**6), CURRENCIES)
def test_a_line_is_the_exact_product_rounded_once_half_up(price: Decimal, quantity: int, currency: str) -> None:
    exact = Fraction(price) * quantity * 10 ** digits(currency)
    if exact > LARGEST_MINOR:
        with pytest.raises(NotMoney):
            line_total(price, quantity, currency)
        return
    assert line_total(price, quantity, currency) == (exact + Fraction(1, 2)).__floor__()


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("19.99", "USD", 1999),
        ("0.005", "USD", 1),
        ("-0.005", "USD", -1),
        ("0.0049", "USD", 0),
        ("1.2345", "KWD", 1235),
        ("100", "JPY", 100),
        ("100.5", "JPY", 101),
        ("1e3", "EUR", 100_000),
        ("1e-999999999", "EUR", 0),
        ("10000000000000.00", "USD", LARGEST_MINOR),
    ],
)
def test_an_amount_becomes_whole_minor_units(amount: str, currency: str, minor: int) -> None:
    assert to_minor(amount, currency) == minor


@pytest.mark.parametrize(
    "amount",
    [
        "",
        "mug",
        "12,50",
        "0x1",
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "1e40",
        "1e999999",
        "9" * 80,
        "10000000000000.01",
    ],
)
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(NotMoney) as refused:
        to_minor(amount, "USD")
    assert refused.value.status == 422


@given(st.text(max_size=30))
def test_any_text_is_an_amount_or_is_refused(text: str) -> None:
    with contextlib.suppress(NotMoney):
        assert abs(to_minor(text, "EUR")) <= LARGEST_MINOR


@given(AMOUNTS, CURRENCIES)
def test_minor_units_and_decimals_are_the_same_amount(amount: int, currency: str) -> None:
    assert to_minor(to_decimal(amount, currency), currency) == amount
    assert to_minor(str(to_decimal(amount, currency)), currency) == amount


@pytest.mark.parametrize(
    ("currencies", "places"),
    [
        ("JPY KRW VND CLP ISK PYG UGX XAF XOF XPF BIF", 0),
        ("USD EUR GBP PLN HUF TWD IDR COP RSD IRR ALL AFN LAK LBP MMK MGA SOS SYP YER KPW MRU SLE HRK ZWG XCG", 2),
        ("KWD BHD TND JOD OMR LYD IQD", 3),
        ("CLF UYW", 4),
    ],
)
def test_minor_units_are_those_of_iso_4217(currencies: str, places: int) -> None:
    assert {currency: digits(currency) for currency in currencies.split()} == dict.fromkeys(currencies.split(), places)


@pytest.mark.parametrize("word", ["", "usd", "US", "USDT", "XXX", "XAU", "XTS", "ABC", "$"])
def test_what_is_no_currency_is_refused(word: str) -> None:
    with pytest.raises(UnknownCurrency):
        digits(word)


def test_amounts_are_written_as_people_write_them_to_the_last_minor_unit() -> None:
    assert spell(1999, "USD") == "$19.99"
    assert spell(-1999, "USD") == "-$19.99"
    assert spell(123456, "JPY") == "¥123,456"
    assert spell(1950, "RSD") == "RSD19.50"
    assert spell(1999, "EUR", "de_DE") == "19,99\u00a0€"


@given(
    AMOUNTS, st.sampled_from(("USD", "EUR", "JPY", "KWD", "PLN")), st.sampled_from(("en_US", "de_DE", "pl_PL", "ja_JP"))
)
def test_where_habit_and_iso_agree_it_is_what_the_locale_says(amount: int, currency: str, locale: str) -> None:
    assert spell(amount, currency, locale) == format_currency(to_decimal(amount, currency), currency, locale=locale)
