"""The rate card prices what it says and prints numbers of its own."""

from __future__ import annotations

import csv
import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from doorstep.plug import registry
from doorstep.plug.carrier import Address, Carrier, CarrierRefused, Parcel
from doorstep.plug.ratecard import (
    Break,
    RateCard,
    RateCardCarrier,
    Service,
    Surcharge,
    Tariff,
    Zone,
    is_tracking_number,
    s10_check_digit,
    tracking_number,
)
from tests.plug.carrier_contract import BOX, CarrierContract, a_key, a_mug_to_warsaw

CARD = RateCard(
    currency="USD",
    zones=(
        Zone(name="home", countries=("home",)),
        Zone(name="near", countries=("PL", "DE", "CZ")),
        Zone(name="rest", countries=("*",)),
    ),
    services=(
        Service(
            code="ground",
            tariffs=(
                Tariff(zone="home", days=2, breaks=(Break(up_to_g=1000, amount_minor=500),)),
                Tariff(
                    zone="near",
                    days=5,
                    breaks=(Break(up_to_g=500, amount_minor=900), Break(up_to_g=2000, amount_minor=1500)),
                    per_extra_kg_minor=400,
                ),
            ),
            volumetric_divisor=5000,
            max_length_mm=1000,
            cash_on_delivery=True,
            surcharges=(
                Surcharge(code="fuel", percent=Decimal("7.5")),
                Surcharge(code="cod", on="cod", amount_minor=200, percent=Decimal(1)),
                Surcharge(code="insurance", on="insured", percent=Decimal("0.5")),
                Surcharge(code="island", on="remote", amount_minor=700, country="PL", postal_prefixes=("00-1",)),
            ),
        ),
        Service(code="air", tariffs=(Tariff(zone="rest", breaks=(Break(up_to_g=30000, amount_minor=9900),)),)),
    ),
)


class TestRateCardKeepsTheContract(CarrierContract):
    service = "ground"
    remembers_keys = False

    @pytest.fixture
    def carrier(self) -> Carrier:
        return RateCardCarrier("own", CARD)


@pytest.fixture
def own() -> RateCardCarrier:
    return RateCardCarrier("own", CARD)


def plain(card: RateCard) -> RateCard:
    return replace(card, services=tuple(replace(service, surcharges=()) for service in card.services))


async def cost(parcel: Parcel, service: str = "ground", card: RateCard | None = None) -> int:
    shipment = replace(a_mug_to_warsaw(service), parcels=(parcel,))
    [rate] = await RateCardCarrier("own", card or plain(CARD)).rates(shipment)
    return rate.amount_minor


async def test_the_price_is_that_of_the_first_break_that_holds_the_weight() -> None:
    assert await cost(Parcel(weight_g=500)) == 900
    assert await cost(Parcel(weight_g=501)) == 1500


async def test_beyond_the_last_break_every_begun_kilogram_costs_extra() -> None:
    assert await cost(Parcel(weight_g=2001)) == 1900
    assert await cost(Parcel(weight_g=4000)) == 2300


async def test_a_big_light_parcel_pays_for_its_room() -> None:
    assert await cost(Parcel(weight_g=100, length_mm=300, width_mm=200, height_mm=150)) == 1500  # 1800 g by volume


async def test_surcharges_are_added_and_named(own: RateCardCarrier) -> None:
    shipment = replace(a_mug_to_warsaw("ground"), cod_minor=10000, insured_minor=5050)
    [rate] = await own.rates(shipment)
    # 900 + 7.5 % fuel 67.5 → 68 + cod 200 + 100 + insurance 25.25 → 25 + island 700
    assert rate.amount_minor == 900 + 68 + 300 + 25 + 700
    assert rate.why == (
        "zone near",
        "450 g on the scales",
        "base 900",
        "fuel 68",
        "cod 300",
        "insurance 25",
        "island 700",
    )


async def test_a_country_named_in_a_zone_is_not_the_rest_of_the_world(own: RateCardCarrier) -> None:
    both = await own.rates(a_mug_to_warsaw())
    assert [rate.service for rate in both] == ["ground", "air"]
    japan = Address(name="Sato", line1="1-1", city="Tokyo", country="JP")
    assert [rate.service for rate in await own.rates(replace(a_mug_to_warsaw(), ship_to=japan))] == ["air"]
    newark = a_mug_to_warsaw().ship_from
    [home, _] = await own.rates(replace(a_mug_to_warsaw(), ship_to=newark))
    assert home.why[0] == "zone home"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"parcels": (replace(BOX, length_mm=1001),)}, "too_long"),
        ({"ship_to": Address(name="Sato", line1="1-1", city="Tokyo", country="JP")}, "country_not_served"),
        ({"service": "air", "cod_minor": 100}, "cod_not_offered"),
        ({"service": "air", "parcels": (Parcel(weight_g=30001),)}, "too_heavy"),
        ({"cod_minor": 100, "currency": "EUR"}, "cod_currency"),
    ],
)
async def test_what_the_card_does_not_take_is_refused_with_the_reason(
    own: RateCardCarrier, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(CarrierRefused) as no:
        await own.buy(replace(a_mug_to_warsaw("ground"), **change), a_key())
    assert no.value.why["reason"] == reason


@given(st.text(max_size=40))
def test_every_number_it_makes_passes_its_own_check(key: str) -> None:
    number = tracking_number("DS", key, "US")
    assert re.fullmatch(r"DS\d{17}US", number)
    assert is_tracking_number(number)


@given(st.text(max_size=40), st.integers(0, 15), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(key: str, place: int, by: int) -> None:
    serial = tracking_number("DS", key, "US")[2:-3]
    wrong = serial[:place] + str((int(serial[place]) + by) % 10) + serial[place + 1 :]
    if s10_check_digit(wrong) == s10_check_digit(serial):
        assert s10_check_digit(serial) == 5  # eleven remainders in ten digits: two of them share the 5


def test_check_digits_agree_with_recorded_postal_numbers() -> None:
    folder = os.environ.get("DOORSTEP_DATA")
    if not folder:
        pytest.skip("DOORSTEP_DATA is not set: no recorded tracking numbers to check against")
    with Path(folder, "tracking", "tracking_numbers.csv").open(encoding="utf-8") as file:
        numbers = [row["number"].replace(" ", "") for row in csv.DictReader(file) if row["label"] == "valid"]
    postal = [number for number in numbers if re.fullmatch(r"[A-Z]{2}\d{9}[A-Z]{2}", number)]
    assert len(postal) >= 3
    assert all(int(number[10]) == s10_check_digit(number[2:10]) for number in postal)


def test_a_card_that_would_answer_nonsense_is_refused_with_every_problem() -> None:
    config = {
        "currency": "XXQ",
        "zones": [{"name": "near", "countries": ["PL"]}],
        "services": [{"code": "ground", "tariffs": [{"zone": "far", "breaks": []}], "volumetric_divisor": 0}],
    }
    with pytest.raises(registry.BadSettings) as no:
        registry.carrier("ratecard", "own", config)
    for part in ("XXQ is no currency", "no zone far", "weight breaks are missing", "divisor"):
        assert part in no.value.why["problem"]
