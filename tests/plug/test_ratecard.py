"""The rate card prices what it says and prints numbers of its own."""

from __future__ import annotations

import csv
import os
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from doorstep.plug import registry
from doorstep.plug.carrier import Address, Carrier, CarrierRefused, Parcel, Rate
from doorstep.plug.numbers import s10
from doorstep.plug.ratecard import Break, Fuel, RateCard, Service, Surcharge, Tariff, Zone, problems
from doorstep.plug.ratecard_carrier import RateCardCarrier, is_tracking_number, tracking_number
from doorstep.plug.ratecard_prices import price
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


async def test_on_the_way_back_it_is_the_buyers_address_that_is_remote(own: RateCardCarrier) -> None:
    there = a_mug_to_warsaw("ground")
    back = replace(there, ship_from=there.ship_to, ship_to=there.ship_from, is_return=True)
    [rate] = await own.rates(back)
    assert "island 700" in rate.why


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
    if s10(wrong) == s10(serial):
        assert s10(serial) == 5  # eleven remainders in ten digits: two of them share the 5


def test_check_digits_agree_with_recorded_postal_numbers() -> None:
    folder = os.environ.get("DOORSTEP_DATA")
    if not folder:
        pytest.skip("DOORSTEP_DATA is not set: no recorded tracking numbers to check against")
    with Path(folder, "tracking", "tracking_numbers.csv").open(encoding="utf-8") as file:
        numbers = [row["number"].replace(" ", "") for row in csv.DictReader(file) if row["label"] == "valid"]
    postal = [number for number in numbers if re.fullmatch(r"[A-Z]{2}\d{9}[A-Z]{2}", number)]
    assert len(postal) >= 3
    assert all(int(number[10]) == s10(number[2:10]) for number in postal)


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


# What changes with the day, and in steps


def dated(*tariffs: Tariff, **service: Any) -> RateCard:
    zones = (Zone(name="all", countries=("*",)), Zone(name="islands", postal=("PL 00-1", "PL 00")))
    return RateCard(currency="USD", zones=zones, services=(Service(code="ground", tariffs=tariffs, **service),))


def flat(amount_minor: int, begins: date | None = None, zone: str = "all") -> Tariff:
    return Tariff(zone=zone, begins=begins, breaks=(Break(up_to_g=30000, amount_minor=amount_minor),))


def priced(card: RateCard, on: date, **change: Any) -> Rate:
    rate = price("own", card, card.services[0], replace(a_mug_to_warsaw("ground"), **change), on)
    assert isinstance(rate, Rate), rate
    return rate


NEW_YEAR = date(2027, 1, 1)


def test_prices_of_later_wait_until_their_day() -> None:
    card = dated(flat(900), flat(990, NEW_YEAR), flat(1090, date(2027, 7, 1)))
    assert [priced(card, day).amount_minor for day in (date(2026, 12, 31), NEW_YEAR, date(2027, 6, 30))] == [
        900,
        990,
        990,
    ]
    assert priced(card, date(2030, 1, 1)).amount_minor == 1090


def test_a_card_holds_from_its_first_day_to_its_last() -> None:
    card = replace(dated(flat(900)), begins=NEW_YEAR, ends=date(2027, 12, 31))
    for day, there in (
        (date(2026, 12, 31), False),
        (NEW_YEAR, True),
        (date(2027, 12, 31), True),
        (date(2028, 1, 1), False),
    ):
        found = price("own", card, card.services[0], a_mug_to_warsaw("ground"), day)
        assert isinstance(found, Rate) is there, day
        assert there or found == "not_in_force"


async def test_the_carrier_prices_by_the_day_on_which_it_is_asked() -> None:
    card, today = dated(flat(900), flat(990, NEW_YEAR)), [date(2026, 12, 31)]
    own = RateCardCarrier("own", card, lambda: today[0])
    assert (await own.rates(a_mug_to_warsaw()))[0].amount_minor == 900
    today[0] = NEW_YEAR
    assert (await own.buy(a_mug_to_warsaw("ground"), a_key())).cost_minor == 990


def test_fuel_is_that_of_the_day_on_the_base_and_on_named_surcharges() -> None:
    card = dated(
        flat(1000),
        fuel=(Fuel(begins=date(2026, 11, 1), percent=Decimal("12.5")), Fuel(begins=NEW_YEAR, percent=Decimal(10))),
        surcharges=(Surcharge(code="border", on="border", amount_minor=200), Surcharge(code="peak", amount_minor=99)),
        fuel_on=("border",),
    )  # fmt: skip
    assert priced(card, date(2026, 10, 31)).why[-1] == "peak 99"
    assert priced(card, date(2026, 11, 1)).why[-1] == "fuel 12.5 % 150"
    assert priced(card, NEW_YEAR).why[-4:] == ("base 1000", "border 200", "peak 99", "fuel 10 % 120")


def test_a_surcharge_of_a_season_begins_and_ends() -> None:
    peak = Surcharge(code="peak", amount_minor=99, begins=date(2026, 11, 15), ends=date(2026, 12, 31))
    card = dated(flat(1000), surcharges=(peak,))
    days = (date(2026, 11, 14), date(2026, 11, 15), date(2026, 12, 31), NEW_YEAR)
    assert [priced(card, day).amount_minor for day in days] == [1000, 1099, 1099, 1000]


def test_weights_go_up_in_steps_and_a_parcel_costs_at_least_the_minimum() -> None:
    breaks = (
        Break(up_to_g=400, amount_minor=300),
        Break(up_to_g=500, amount_minor=500),
        Break(up_to_g=1000, amount_minor=800),
    )
    card = dated(Tariff(zone="all", breaks=breaks), round_up_to_g=500, minimum_minor=600)
    small = priced(card, NEW_YEAR, parcels=(Parcel(weight_g=100),))
    assert small.amount_minor == 600
    assert small.why == ("zone all", "500 g on the scales, rounded up", "base 500", "minimum 100")
    assert priced(card, NEW_YEAR, parcels=(Parcel(weight_g=501),)).amount_minor == 800
    both = priced(card, NEW_YEAR, parcels=(Parcel(weight_g=100), Parcel(weight_g=900)))
    assert both.amount_minor == 600 + 800


def test_the_longest_beginning_of_a_postcode_comes_before_the_country() -> None:
    card = dated(flat(900), flat(1900, zone="islands"))
    warsaw = a_mug_to_warsaw().ship_to
    assert priced(card, NEW_YEAR).amount_minor == 1900  # 00-120
    assert priced(card, NEW_YEAR, ship_to=replace(warsaw, postal_code="30-001")).amount_minor == 900
    nearer = replace(card, zones=(*card.zones, Zone(name="center", postal=("PL 00-12",))))
    card = replace(nearer, services=(replace(nearer.services[0], tariffs=(flat(900), flat(1900, zone="islands"),
                                                                         flat(700, zone="center"))),))  # fmt: skip
    assert priced(card, NEW_YEAR).amount_minor == 700


async def test_goods_that_it_does_not_take_are_priced_and_not_sold() -> None:
    shipment = replace(a_mug_to_warsaw("ground"), contains=("battery",))
    careful = RateCardCarrier("own", dated(flat(900), takes=("battery",)))
    assert (await careful.rates(shipment))[0].takes == ("battery",)
    await careful.buy(shipment, a_key())
    other = RateCardCarrier("own", dated(flat(900)))
    assert (await other.rates(shipment))[0].takes == ()
    with pytest.raises(CarrierRefused) as no:
        await other.buy(shipment, a_key())
    assert no.value.why["reason"] == "goods_not_taken"


@st.composite
def cards(draw: st.DrawFn) -> RateCard:
    """Whose prices rise with the weight, as price lists do."""
    tariffs = []
    for begins in draw(
        st.lists(st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31)), min_size=1, max_size=3, unique=True)
    ):
        weights = sorted(draw(st.sets(st.integers(100, 20000), min_size=1, max_size=5)))
        amounts = sorted(draw(st.lists(st.integers(0, 9999), min_size=len(weights), max_size=len(weights))))
        breaks = tuple(Break(up_to_g=w, amount_minor=a) for w, a in zip(weights, amounts, strict=True))
        tariffs.append(Tariff(zone="all", breaks=breaks, begins=begins,
                              per_extra_kg_minor=draw(st.none() | st.integers(0, 500))))  # fmt: skip
    percents = st.decimals(0, 40, places=2)
    return dated(
        *tariffs, round_up_to_g=draw(st.sampled_from([1, 100, 500])), minimum_minor=draw(st.integers(0, 2000)),
        volumetric_divisor=draw(st.none() | st.sampled_from([4000, 5000])),
        surcharges=tuple(
            Surcharge(code=f"extra-{nth}", amount_minor=draw(st.integers(0, 900)), percent=draw(percents))
            for nth in range(draw(st.integers(0, 2)))
        ),
        fuel=tuple(Fuel(begins=day, percent=draw(percents)) for day in draw(
            st.lists(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=2, unique=True))),
    )  # fmt: skip


@given(cards(), st.dates(date(2025, 12, 1), date(2028, 1, 31)), st.integers(1, 30000), st.integers(1, 30000))
def test_a_heavier_parcel_never_costs_less_and_the_parts_add_up(card: RateCard, on: date, one: int, other: int) -> None:
    assert problems(card) == []
    service = card.services[0]
    boxes = [Parcel(weight_g=weight, length_mm=200, width_mm=150, height_mm=100) for weight in sorted((one, other))]
    lighter, heavier = (
        price("own", card, service, replace(a_mug_to_warsaw("ground"), parcels=(box,)), on) for box in boxes
    )
    for rate in (lighter, heavier):
        if isinstance(rate, Rate):
            assert sum(int(line.rsplit(" ", 1)[1]) for line in rate.why[2:]) == rate.amount_minor
    if isinstance(heavier, Rate):
        assert isinstance(lighter, Rate) and lighter.amount_minor <= heavier.amount_minor


def test_dates_steps_and_fuel_that_make_no_sense_are_told() -> None:
    card = dated(flat(1), flat(2), round_up_to_g=0, fuel=(Fuel(begins=NEW_YEAR, percent=Decimal(-1)),), fuel_on=("x",))
    told = "; ".join(
        problems(replace(card, begins=NEW_YEAR, ends=date(2026, 1, 1), zones=(*card.zones, Zone(name="no"))))
    )
    for part in ("zone no is no place", "ends before it begins", "is there twice", "steps above 0", "not below 0 %",
                 "no surcharge x"):  # fmt: skip
        assert part in told
