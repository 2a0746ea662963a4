"""The contract of a carrier: every carrier plugin runs this suite.

Subclass `CarrierContract`, give it a `carrier` fixture and a `service` it sells from NEWARK to WARSAW.
"""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from msgspec.structs import replace

from doorstep.plug.carrier import Address, Carrier, CarrierRefused, CustomsItem, Label, Parcel, Shipment
from doorstep.plug.states import DELIVERY_STATES

NEWARK = Address(
    name="Mugs & More", line1="1 Dock Street", city="Newark", region="NJ", postal_code="07102", country="US"
)
WARSAW = Address(
    name="Zofia Żak",
    line1="ul. Złota 44 m. 7",
    city="Warszawa",
    postal_code="00-120",
    country="PL",
    phone="+48221234567",
)
MUG = CustomsItem(
    description="Ceramic mug with a quirky face",
    quantity=1,
    value_minor=1800,
    currency="USD",
    weight_g=380,
    hs_code="6912.00",
    origin_country="US",
    sku="MUG",
)
BOX = Parcel(weight_g=450, length_mm=150, width_mm=120, height_mm=110)


def a_mug_to_warsaw(service: str = "") -> Shipment:
    return Shipment(
        ship_from=NEWARK,
        ship_to=WARSAW,
        parcels=(BOX,),
        reference="ord_1001",
        service=service,
        customs=(MUG,),
        incoterm="DAP",
        currency="USD",
    )


def a_key() -> str:
    return f"test-{uuid4()}"


class CarrierContract:
    service: str
    remembers_keys = True  # False for a carrier that keeps nothing, such as a rate card
    reports_events = True

    async def test_rates_are_real_prices_and_the_cheapest_comes_first(self, carrier: Carrier) -> None:
        rates = await carrier.rates(a_mug_to_warsaw())
        assert rates
        assert [rate.amount_minor for rate in rates] == sorted(rate.amount_minor for rate in rates)
        for rate in rates:
            assert rate.carrier == carrier.code
            assert rate.amount_minor > 0
            assert len(rate.currency) == 3
            assert rate.days is None or rate.days >= 0

    async def test_asking_for_one_service_prices_that_one(self, carrier: Carrier) -> None:
        rates = await carrier.rates(a_mug_to_warsaw(self.service))
        assert [rate.service for rate in rates] == [self.service]

    async def test_a_heavier_parcel_never_costs_less(self, carrier: Carrier) -> None:
        light = a_mug_to_warsaw(self.service)
        heavy = replace(light, parcels=(replace(BOX, weight_g=4800),))
        [cheap], [dear] = await carrier.rates(light), await carrier.rates(heavy)
        assert dear.amount_minor >= cheap.amount_minor

    async def test_a_label_has_a_number_a_price_and_the_service_asked_for(self, carrier: Carrier) -> None:
        shipment = a_mug_to_warsaw(self.service)
        label = await carrier.buy(shipment, a_key())
        [rate] = await carrier.rates(shipment)
        assert label.carrier == carrier.code
        assert label.service == self.service
        assert label.tracking_number and label.label_ref
        assert (label.cost_minor, label.currency) == (rate.amount_minor, rate.currency)
        assert label.tracking_number in label.numbers
        assert label.pdf is None or label.pdf.startswith(b"%PDF-")

    async def test_the_same_key_is_the_same_label(self, carrier: Carrier) -> None:
        shipment, key = a_mug_to_warsaw(self.service), a_key()
        assert await carrier.buy(shipment, key) == await carrier.buy(shipment, key)

    async def test_the_same_key_twice_at_once_is_one_label(self, carrier: Carrier) -> None:
        shipment, key = a_mug_to_warsaw(self.service), a_key()
        labels: list[Label] = await asyncio.gather(*(carrier.buy(shipment, key) for _ in range(8)))
        assert {label.tracking_number for label in labels} == {labels[0].tracking_number}

    async def test_other_keys_are_other_labels(self, carrier: Carrier) -> None:
        shipment = a_mug_to_warsaw(self.service)
        one, two = await carrier.buy(shipment, a_key()), await carrier.buy(shipment, a_key())
        assert one.tracking_number != two.tracking_number
        assert one.label_ref != two.label_ref

    async def test_a_key_used_for_something_else_is_refused(self, carrier: Carrier) -> None:
        if not self.remembers_keys:
            pytest.skip("this carrier keeps nothing to compare with")
        shipment, key = a_mug_to_warsaw(self.service), a_key()
        await carrier.buy(shipment, key)
        with pytest.raises(CarrierRefused) as no:
            await carrier.buy(replace(shipment, reference="ord_1002"), key)
        assert no.value.why["reason"] == "key_reused"

    async def test_an_unknown_service_is_refused_by_name(self, carrier: Carrier) -> None:
        with pytest.raises(CarrierRefused) as no:
            await carrier.buy(a_mug_to_warsaw("teleport"), a_key())
        assert no.value.why["reason"] == "unknown_service"

    async def test_a_parcel_without_weight_is_refused(self, carrier: Carrier) -> None:
        weightless = replace(a_mug_to_warsaw(self.service), parcels=(Parcel(weight_g=0),))
        with pytest.raises(CarrierRefused) as no:
            await carrier.buy(weightless, a_key())
        assert no.value.why["reason"] == "weight_missing"

    async def test_a_label_can_be_given_back_and_giving_it_back_again_changes_nothing(self, carrier: Carrier) -> None:
        label = await carrier.buy(a_mug_to_warsaw(self.service), a_key())
        key = a_key()
        await carrier.void(label.label_ref, key)
        await carrier.void(label.label_ref, key)
        await carrier.void(label.label_ref, a_key())

    async def test_a_label_that_is_not_theirs_cannot_be_given_back(self, carrier: Carrier) -> None:
        with pytest.raises(CarrierRefused) as no:
            await carrier.void("no-such-label", a_key())
        assert no.value.why["reason"] == "unknown_label"

    async def test_a_number_that_is_not_theirs_cannot_be_followed(self, carrier: Carrier) -> None:
        with pytest.raises(CarrierRefused) as no:
            await carrier.track("NOSUCHNUMBER")
        assert no.value.why["reason"] == "unknown_number"

    async def test_a_fresh_label_can_be_followed_by_each_of_its_numbers(self, carrier: Carrier) -> None:
        label = await carrier.buy(a_mug_to_warsaw(self.service), a_key())
        for number in label.numbers:
            events = await carrier.track(number)
            assert bool(events) == self.reports_events
            for event in events:
                assert event.happened_at.utcoffset() is not None
                assert event.state in DELIVERY_STATES or event.state == ""
                assert event.raw_code
