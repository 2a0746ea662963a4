"""Sourcing: never more than there is, as much as there is, from the fewest sites, the nearest of those; and why."""

from __future__ import annotations

import time
from datetime import time as clock_time
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from doorstep.setup.sites import Site
from doorstep.setup.sourcing import WEIGHED, Choice, Want, source

COUNTRIES = ("US", "PL", "DE", "JP", "ZA", "BR", "IN")


def site(number: int, country: str) -> Site:
    return Site(number, f"S{number}", f"Site {number}", country, None, None, "UTC", clock_time(14), (1, 2, 3, 4, 5))


SITES = st.lists(st.sampled_from(COUNTRIES), min_size=0, max_size=5).map(
    lambda countries: [site(number, country) for number, country in enumerate(countries, start=1)]
)
SKUS = st.integers(1, 4)
FREE = st.dictionaries(SKUS, st.dictionaries(st.integers(1, 5), st.integers(0, 5)))
WANTS = st.lists(st.tuples(SKUS, st.integers(1, 6)), min_size=1, max_size=5).map(
    lambda wanted: [Want(number, sku, quantity) for number, (sku, quantity) in enumerate(wanted, start=1)]
)
ORDERS = st.tuples(WANTS, FREE, SITES, st.sampled_from((*COUNTRIES, "", "QQ")))
Order = tuple[list[Want], dict[int, dict[int, int]], list[Site], str]


def sourced(order: Order, complete: bool = False) -> Choice:
    wants, free, sites, country = order
    return source(wants, free, sites, country, complete=complete)


def units(choice: Choice) -> int:
    return sum(take.quantity for take in choice.takes)


def given_by(wants: list[Want], free: dict[int, dict[int, int]], group: tuple[Site, ...]) -> int:
    """As much as this group has of it, counted on its own."""
    total = 0
    for sku in {want.sku_id for want in wants}:
        needed = sum(want.quantity for want in wants if want.sku_id == sku)
        total += min(needed, sum(free.get(sku, {}).get(site.site_id, 0) for site in group))
    return total


@given(ORDERS)
def test_no_more_is_taken_than_is_free_or_wanted(order: Order) -> None:
    wants, free, _, _ = order
    choice = sourced(order)
    for take in choice.takes:
        assert take.quantity > 0
        taken = sum(t.quantity for t in choice.takes if (t.sku_id, t.site_id) == (take.sku_id, take.site_id))
        assert taken <= free[take.sku_id][take.site_id]
    for want in wants:
        takes = [take for take in choice.takes if take.line_no == want.line_no]
        assert {take.sku_id for take in takes} <= {want.sku_id}
        assert sum(take.quantity for take in takes) <= want.quantity


@given(ORDERS)
def test_what_is_not_taken_is_missing(order: Order) -> None:
    wants, _, _, _ = order
    choice = sourced(order)
    for want in wants:
        taken = sum(take.quantity for take in choice.takes if take.line_no == want.line_no)
        missing = sum(gone.quantity for gone in choice.missing if gone.line_no == want.line_no)
        assert taken + missing == want.quantity
    assert all(gone.quantity > 0 for gone in choice.missing)


@settings(max_examples=300)
@given(ORDERS)
def test_as_much_as_there_is_from_the_fewest_sites(order: Order) -> None:
    """Against every group of sites there is."""
    wants, free, sites, _ = order
    choice = sourced(order)
    groups = [group for size in range(len(sites) + 1) for group in combinations(sites, size)]
    most = max(given_by(wants, free, group) for group in groups)
    fewest = min(len(group) for group in groups if given_by(wants, free, group) == most)
    assert units(choice) == most
    assert len(choice.sites) == fewest


@given(ORDERS)
def test_complete_is_all_or_nothing(order: Order) -> None:
    wants, _, _, _ = order
    split, whole = sourced(order), sourced(order, complete=True)
    if split.missing:
        assert whole.takes == ()
        assert whole.missing == tuple(wants)
        assert whole.why["chosen"] == []
    else:
        assert (whole.takes, whole.missing) == (split.takes, ())


@given(ORDERS, st.booleans())
def test_every_site_is_chosen_or_has_its_reason(order: Order, complete: bool) -> None:
    _, _, sites, _ = order
    why = sourced(order, complete).why
    assert {*why["chosen"], *why["refused"]} == {site.code for site in sites}
    assert not {*why["chosen"]} & {*why["refused"]}
    assert {*why["distance_km"]} == {site.code for site in sites}


@given(ORDERS)
def test_the_order_in_which_sites_are_given_does_not_matter(order: Order) -> None:
    wants, free, sites, country = order
    assert sourced(order) == source(wants, free, sites[::-1], country, complete=False)


def test_of_two_sites_that_have_it_the_nearer_gives_it() -> None:
    sites = [site(1, "US"), site(2, "PL")]
    free = {1: {1: 5, 2: 5}}
    assert source([Want(1, 1, 2)], free, sites, "DE", complete=False).sites == (2,)
    assert source([Want(1, 1, 2)], free, sites, "US", complete=False).sites == (1,)


def test_one_parcel_from_afar_is_better_than_two_from_nearby() -> None:
    sites = [site(1, "DE"), site(2, "PL"), site(3, "JP")]
    free = {1: {1: 1, 3: 1}, 2: {2: 1, 3: 1}}
    choice = source([Want(1, 1, 1), Want(2, 2, 1)], free, sites, "DE", complete=True)
    assert choice.sites == (3,)
    assert choice.why["refused"].keys() == {"S1", "S2"}


def test_a_line_is_not_split_where_one_of_the_sites_has_all_of_it() -> None:
    sites = [site(1, "DE"), site(2, "PL")]
    free = {1: {1: 1, 2: 3}, 2: {1: 1}}
    choice = source([Want(1, 1, 3), Want(2, 2, 1)], free, sites, "DE", complete=False)
    assert {(take.line_no, take.site_id) for take in choice.takes} == {(1, 2), (2, 1)}


def test_what_only_the_farthest_of_many_sites_has_is_still_found() -> None:
    near = [site(number, "DE") for number in range(1, WEIGHED + 3)]
    sites = [*near, site(90, "JP")]
    free = {1: {one.site_id: 1 for one in near}, 2: {90: 1}}
    choice = source([Want(1, 1, 1), Want(2, 2, 1)], free, sites, "DE", complete=True)
    assert choice.sites == (1, 90)


def test_a_cart_of_hundreds_over_ten_sites_is_decided_quickly() -> None:
    sites = [site(number, COUNTRIES[number % 7]) for number in range(1, 11)]
    wants = [Want(number, number, 2) for number in range(1, 301)]
    free = {sku: {1 + (sku + step) % 10: 1 for step in (0, 3, 4)} for sku in range(1, 300)}
    started = time.process_time()
    choice = source(wants, free, sites, "DE", complete=False)
    assert time.process_time() - started < 5
    assert [want.line_no for want in choice.missing] == [300]
