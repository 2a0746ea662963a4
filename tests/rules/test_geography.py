"""Where countries are, and which have no customs border between them."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.setup.customs import EU, no_border_between
from doorstep.setup.geography import CENTERS, great_circle_km

COUNTRIES = st.sampled_from(sorted(CENTERS))
DEGREES = re.compile(r"([+-])(\d{2,3})(\d{2})(\d{2})?")


def _cities() -> dict[str, list[tuple[float, float]]]:
    """A few cities of each country, as the time zone database gives them (an independent source)."""
    cities: dict[str, list[tuple[float, float]]] = {}
    for row in (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines():
        if not row.startswith("#"):
            country, place = row.split("\t")[:2]
            latitude, longitude = re.findall(r"[+-]\d+", place)
            cities.setdefault(country, []).append((_degrees(latitude, 2), _degrees(longitude, 3)))
    return cities


def _degrees(text: str, whole: int) -> float:
    sign, digits = (-1 if text[0] == "-" else 1), text[1:].ljust(whole + 4, "0")
    return sign * (int(digits[:whole]) + int(digits[whole : whole + 2]) / 60 + int(digits[whole + 2 :]) / 3600)


def test_every_country_is_on_the_map_where_its_cities_are() -> None:
    cities = _cities()
    assert cities.keys() <= CENTERS.keys()
    for country, places in cities.items():
        nearest = min(great_circle_km(CENTERS[country], place) for place in places)
        assert nearest < 1_700, f"{country} is {nearest:.0f} km from its nearest city"


@given(COUNTRIES, COUNTRIES)
def test_a_border_is_the_same_from_both_sides(one: str, other: str) -> None:
    assert no_border_between(one, "", other, "") == no_border_between(other, "", one, "")
    assert no_border_between(one, "", one, "")


@given(st.sampled_from(sorted(EU)), st.sampled_from(sorted(EU)))
def test_inside_the_union_there_is_no_border(one: str, other: str) -> None:
    assert no_border_between(one, "", other, "")
    assert not no_border_between(one, "", "US", "")


@pytest.mark.parametrize(
    ("country", "postcode", "border"),
    [("ES", "28013", False), ("ES", "35001", True), ("FR", "97400", True), ("GB", "SW1A 1AA", True),
     ("GB", "BT1 5GS", False), ("CH", "8001", True), ("MC", "98000", False), ("FI", "22100", True)],
)  # fmt: skip
def test_special_places_of_the_union_have_a_border_where_customs_sees_one(
    country: str, postcode: str, border: bool
) -> None:
    assert no_border_between("PL", "35-001", country, postcode) is not border
