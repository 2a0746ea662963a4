"""Whose number it is, told by its shape and its check digit; one digit typed wrong is nobody's."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.plug.numbers import SERIES, candidates, mod10, s10

# Made up here, with check digits worked out by hand.
OURS = {
    "717-8685193": ("meest", "likely"),
    "RB473124829UA": ("post", "certain"),
    "LK590003196US": ("usps", "certain"),
    "1Z 999 AA1 01 2345 6784": ("ups", "certain"),
    "9400 1000 0000 0000 0000 13": ("usps", "certain"),
    "JD014600003456789012": ("dhl", "likely"),
}


@pytest.mark.parametrize("number", OURS)
def test_a_number_is_recognized_however_it_is_spaced(number: str) -> None:
    first = candidates(number)[0]
    assert (first.carrier, first.certainty) == OURS[number]
    assert candidates(f" {number.lower()} ")[0] == first


def test_a_check_digit_that_does_not_fit_is_no_candidate() -> None:
    assert candidates("1Z999AA10123456785") == []
    assert candidates("RB473124828UA") == []
    assert candidates("RB473124829XX") == []  # a post of no country
    assert candidates("hello") == [] and candidates("") == []


def test_routing_codes_before_a_number_are_no_part_of_it() -> None:
    (found,) = candidates("420 10282 9400 1000 0000 0000 0000 13")[:1]
    assert found.number == "9400100000000000000013"


def test_what_several_carriers_may_claim_is_told_surest_first() -> None:
    claimed = candidates("61299998820821171811")
    assert [one.certainty for one in claimed] == sorted(
        (one.certainty for one in claimed), key=["certain", "likely", "possible"].index
    )
    assert len({one.carrier for one in claimed}) == len(claimed)


@given(st.text(alphabet="0123456789", min_size=8, max_size=8), st.integers(1, 9), st.integers(0, 7))
def test_one_wrong_digit_of_an_s10_number_is_always_seen(body: str, by: int, at: int) -> None:
    wrong = body[:at] + str((int(body[at]) + by) % 10) + body[at + 1 :]
    right = s10(body)
    # 0 and 5 each stand for two remainders: the standard itself cannot tell those apart.
    if s10(wrong) == right:
        assert right in (0, 5)


@given(st.text(alphabet="0123456789", min_size=19, max_size=19), st.integers(1, 9), st.integers(0, 18))
def test_one_wrong_digit_of_a_postal_barcode_is_always_seen(body: str, by: int, at: int) -> None:
    wrong = body[:at] + str((int(body[at]) + by) % 10) + body[at + 1 :]
    assert mod10(body, 3, 1, from_right=True) != mod10(wrong, 3, 1, from_right=True)


@given(st.text(max_size=60))
def test_whatever_is_typed_is_answered(typed: str) -> None:
    assert all(one.number for one in candidates(typed))


CARRIERS = {"dhl", "dpd", "fedex", "ups", "usps", "canada_post", "s10"}


def test_labeled_numbers_are_told_right() -> None:
    folder = os.environ.get("DOORSTEP_DATA")
    if not folder:
        pytest.skip("DOORSTEP_DATA is not set: no labeled tracking numbers to check against")
    with Path(folder, "tracking", "tracking_numbers.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["courier"] in CARRIERS]
    wrong = []
    for row in rows:
        found = candidates(row["number"])
        of_series = [
            one for one in found if one.carrier == row["courier"] or (row["courier"], one.kind) == ("s10", "s10")
        ]
        if bool(of_series) != (row["label"] == "valid"):
            wrong.append((row["courier"], row["service"], row["label"], row["number"], found))
    assert len(rows) > 90 and wrong == []
    assert {series.carrier for series in SERIES} >= CARRIERS - {"s10"}
