"""The checks as rules: addresses, duplicates, payment, customs data; any input, never a crash."""

from __future__ import annotations

from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.journey.processing.address import address_problem, rules_of, spellings
from doorstep.journey.processing.customs_data import customs_problem
from doorstep.journey.processing.duplicate import Likely, duplicate_problem, goods_of
from doorstep.journey.processing.hold import Type
from doorstep.journey.processing.payment import payment_problem
from doorstep.setup.customs import EU
from doorstep.setup.customs.readiness import Goods, lacking
from doorstep.setup.customs.rules import NO_RULES
from doorstep.setup.geography import CENTERS
from doorstep.setup.sites import Site
from doorstep.spine.holds import TYPES
from tests.rules.an_order import HOME, NOON

NOBODY: dict[str, Any] = {}
COUNTRIES = st.sampled_from(sorted(CENTERS))
WORDS = st.text(max_size=30)


def a_site(site_id: int, country: str) -> Site:
    return Site(site_id, f"S{site_id}", "", country, None, None, "UTC", time(14), (1, 2, 3, 4, 5))


def fields(problem: Any) -> list[str]:
    return [field["field"] for field in problem.why["fields"]] if problem else []


# address


@given(
    st.fixed_dictionaries({
        "name": WORDS, "line1": WORDS, "city": WORDS, "region": WORDS, "postcode": WORDS, "phone": WORDS,
        "country": st.one_of(COUNTRIES, WORDS),
    }),
    st.booleans(),
)  # fmt: skip
def test_whatever_was_typed_gets_an_answer_that_says_how_to_mend_it(address: dict[str, str], crosses: bool) -> None:
    problem = address_problem(address, NOBODY, crosses_border=crosses)
    if problem:
        assert problem.type == "address"
        assert all(field["mend"] and field["detail"] for field in problem.why["fields"])
        assert address_problem(address, NOBODY, crosses_border=crosses) == problem


@pytest.mark.parametrize("country", sorted(CENTERS))
def test_a_country_accepts_its_own_postcodes_however_they_are_dressed(country: str) -> None:
    for example in rules_of(country, "").postal_code_examples:
        for written in (example, example.lower(), example.replace(" ", "").replace("-", ""), f"{country}-{example}"):
            address = HOME | {"country": country, "postcode": written, "region": ""}
            assert "postcode" not in fields(address_problem(address, NOBODY, crosses_border=False)), written


@given(COUNTRIES, st.sampled_from(["line1", "name"]))
def test_no_country_delivers_without_a_street_or_a_name(country: str, field: str) -> None:
    assert field in fields(address_problem(HOME | {"country": country, field: " "}, NOBODY, crosses_border=False))


@pytest.mark.parametrize(
    ("region", "country", "postcode", "good"),
    [("NJ", "US", "07001", True), ("New Jersey", "US", "07001", True), ("US-NJ", "US", "07001", True),
     ("NJ", "US", "90210", False), ("Californa", "US", "90210", True), ("Californa", "US", "07001", False),
     ("Bavaria", "US", "90210", False), ("", "US", "90210", True), ("", "ES", "28013", True),
     ("Dubai", "AE", "", True), ("", "AE", "", False), ("Beijing", "CN", "100000", True),
     ("JP-13", "JP", "100-0001", True), ("Québec", "CA", "H2X 1Y4", True), ("Quebec", "CA", "h2x1y4", True)],
)  # fmt: skip
def test_a_region_is_known_by_name_code_or_postcode(region: str, country: str, postcode: str, good: bool) -> None:
    address = HOME | {"country": country, "region": region, "postcode": postcode}
    assert (address_problem(address, NOBODY, crosses_border=False) is None) is good


@pytest.mark.parametrize(
    ("phone", "email", "crosses", "good"),
    [("", "a@example.com", True, True), ("", "", True, False), ("", "", False, True), ("12", "", True, False),
     ("12", "", False, True), ("+353 1 555 0143", "", True, True), ("call me", "a@example.com", True, False)],
)  # fmt: skip
def test_over_a_border_somebody_must_be_reached(phone: str, email: str, crosses: bool, good: bool) -> None:
    problem = address_problem(HOME | {"phone": phone}, {"email": email}, crosses_border=crosses)
    assert fields(problem) == ([] if good else ["phone"])


@given(WORDS, COUNTRIES)
def test_a_postcode_as_written_is_always_tried_first(postcode: str, country: str) -> None:
    assert spellings(postcode, country, [])[0] == postcode.strip().upper()


# duplicate

LINES = st.lists(st.tuples(st.integers(1, 3), st.just("X"), st.integers(1, 4)), min_size=1, max_size=4)


@given(LINES, st.randoms(use_true_random=False), st.integers(0, 3 * 24 * 60))
def test_the_later_of_two_equal_orders_is_the_duplicate(lines: Any, random: Any, minutes: int) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)
    later = NOON + timedelta(minutes=minutes)
    first, second = Likely(1, "1", NOON, goods_of(lines)), Likely(2, "2", later, goods_of(shuffled))
    assert duplicate_problem(1, NOON, first.goods, [second]) is None
    found = duplicate_problem(2, later, second.goods, [first])
    assert (found is not None) is (minutes <= 24 * 60)
    if found:
        assert found.why["order"] == "ord_1"


@given(LINES, LINES)
def test_other_goods_are_another_order(one: Any, other: Any) -> None:
    found = duplicate_problem(2, NOON, goods_of(one), [Likely(1, "1", NOON, goods_of(other))])
    assert (found is not None) is (goods_of(one) == goods_of(other))


# payment

MONEY = st.integers(0, 10**9)


@given(st.sampled_from(["prepaid", "on_shipment", "cod", "on_account"]), MONEY, MONEY, MONEY)
def test_only_prepaid_orders_wait_and_only_for_what_is_missing(term: str, owed: int, held: int, earned: int) -> None:
    problem = payment_problem(term, owed, held, earned)
    if problem:
        assert term == "prepaid"
        assert problem.why["missing_minor"] == owed - held - earned > 0
    else:
        assert term != "prepaid" or held + earned >= owed


# customs data

GOODS = st.builds(
    Goods, sku_id=st.just(5), code=st.just("MUG"), hs_code=st.sampled_from(["", "6912", "691200", "6912.00.00"]),
    origin=st.sampled_from(["", "US", "usa"]), customs_text=st.sampled_from(["", " ", "a mug"]),
    weight_g=st.integers(0, 2), value_minor=st.integers(0, 2),
)  # fmt: skip


def missing_fields(goods: Goods, price: Decimal) -> list[str]:
    return [lack.field for lack in lacking(goods, price, "UA", NO_RULES)]


@given(GOODS, st.sampled_from([Decimal(0), Decimal("12.50")]), st.lists(COUNTRIES, min_size=1, max_size=3), COUNTRIES)
def test_only_goods_that_must_cross_a_border_need_customs_data(
    goods: Goods, price: Decimal, countries: list[str], to: str
) -> None:
    sites = [a_site(number, country) for number, country in enumerate(countries)]
    problem = customs_problem(1, goods, price, {"country": to}, sites)
    missing = missing_fields(goods, price)
    if to in countries or not missing or (to in EU and EU & set(countries)):
        assert problem is None
    if problem:
        assert [field["field"] for field in problem.why["fields"]] == missing
        assert problem.line_no == 1


def test_the_first_six_digits_of_a_tariff_code_are_enough_however_they_are_written() -> None:
    whole = Goods(5, "MUG", "6912.00", "US", "a mug", 350, 0)
    assert missing_fields(whole, Decimal("12.50")) == []
    assert missing_fields(whole, Decimal(0)) == ["value_minor"]


def test_every_type_of_hold_may_be_placed_by_hand() -> None:
    assert set(Type.__args__) == TYPES.keys()  # type: ignore[attr-defined]


def test_where_a_parcel_is_fetched_no_street_and_no_postcode_is_wanted() -> None:
    point = HOME | {"line1": "", "postcode": "", "country": "PL", "city": "Warszawa", "pickup_point": "WAW-12"}
    assert address_problem(point, NOBODY, crosses_border=False) is None
    assert "postcode" in fields(address_problem(point | {"postcode": "ABC"}, NOBODY, crosses_border=False))
    assert "line1" in fields(address_problem(point | {"pickup_point": " "}, NOBODY, crosses_border=False))
