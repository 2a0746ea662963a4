"""Meest as it is lived with: prices, labels bought once whatever happens, tokens that end, registers, the courier."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pypdfium2
import pytest
from msgspec.structs import replace

from doorstep.plug import CarrierDown, CarrierRefused, Label, registry
from doorstep_meest import PLUGIN
from doorstep_meest.carrier import Meest
from doorstep_meest.settings import Settings
from doorstep_meest.words import KYIV, Ref
from plugins.meest.tests.conftest import PATIENT, a_meest
from plugins.meest.tests.fake_meest import CONTRACT, LOGIN, PASSWORD, FakeMeest, an_id
from plugins.meest.tests.shipments import BERLIN_BUYER, LVIV_BUYER, a_call, abroad, at_home, to_branch
from tests.plug.carrier_contract import ENDLESS_S, SLOW_S, a_key, settled

# Its patience is longer than a busy machine needs for all that comes before; what is slow takes until it is hurried.
TIRED = replace(PATIENT, deadline_s=2 * SLOW_S)


@pytest.fixture
def carrier(fake: FakeMeest) -> Meest:
    return a_meest(fake, currency="UAH", sender_phone="")


async def no_of(call: Any) -> tuple[str, str]:
    with pytest.raises(CarrierRefused) as no:
        await call
    return str(no.value.why["reason"]), str(no.value.why.get("detail", ""))


def made(fake: FakeMeest) -> dict[str, Any]:
    """What Meest was told of the last parcel."""
    return dict(fake.asked("/parcel")[-1])


# What it is told


async def test_an_address_becomes_their_city_and_street(carrier: Meest, fake: FakeMeest) -> None:
    label = await carrier.buy(at_home(), a_key())
    told = made(fake)
    assert told["receiver"] | {"zipCode": "", "countryId": "", "cityDescr": ""} == {
        "name": "Зоряна Ґудзь", "phone": "+380671234567", "service": "Door", "branchID": "",
        "addressID": an_id(3, 1), "building": "149А", "flat": "12", "zipCode": "", "countryId": "", "cityDescr": "",
    }  # fmt: skip
    assert (told["sender"]["addressID"], told["sender"]["building"]) == (an_id(3, 0), "22")
    assert told["placesItems"] == [{
        "quantity": 1, "weight": 1.25, "placeWeight": 1.25, "volume": 0.003, "placeVolume": 0.003, "length": 21,
        "width": 15, "height": 10, "insurance": 0,
    }]  # fmt: skip
    assert (told["contractID"], told["payType"], told["receiverPay"]) == (CONTRACT, "noncash", False)
    assert told["contentsItems"] == [{"contentName": "Товари", "quantity": 1, "weight": 1.25, "value": 0}]
    assert told["notation"] == "№ 1001" and label.tracking_number.startswith("711-")
    assert label.pdf and len(pypdfium2.PdfDocument(label.pdf)) == 1


async def test_a_branch_is_found_by_the_number_on_its_door_or_by_its_id(carrier: Meest, fake: FakeMeest) -> None:
    for point in ("465", "№ 465", an_id(4, 465)):
        await carrier.buy(to_branch(point), a_key())
        receiver = made(fake)["receiver"]
        assert (receiver["service"], receiver["branchID"], receiver["addressID"]) == ("Branch", an_id(4, 465), "")
    assert await no_of(carrier.buy(to_branch("777"), a_key())) == ("unknown_pickup_point", "777")
    assert await carrier.rates(to_branch("777")) == []
    assert (await no_of(carrier.buy(at_home("branch"), a_key())))[0] == "pickup_point_missing"


async def test_customs_is_told_what_the_goods_are(carrier: Meest, fake: FakeMeest) -> None:
    await carrier.buy(abroad(), a_key())
    told = made(fake)
    assert told["contentsItems"] == [{
        "contentName": "Ceramic cup", "quantity": 2, "weight": 0.76, "value": 840.5, "customsCode": "69120023",
        "country": "UA",
    }]  # fmt: skip
    assert told["receiver"] | {"name": "", "phone": ""} == {
        "name": "", "phone": "", "service": "Door", "branchID": "", "addressID": "", "building": "7",
        "zipCode": "10115", "countryId": an_id(1, 3), "cityDescr": "Berlin", "regionDescr": "Berlin",
        "addressDescr": "Große Straße 7 Hinterhaus",
    }  # fmt: skip


async def test_amounts_in_another_currency_are_refused_not_converted(carrier: Meest, fake: FakeMeest) -> None:
    cup = replace(abroad().customs[0], currency="EUR")
    assert (await no_of(carrier.buy(abroad(customs=(cup,)), a_key())))[0] == "currency"
    assert (await no_of(carrier.buy(at_home(cod_minor=500, currency="EUR"), a_key())))[0] == "currency"
    assert await carrier.rates(at_home(cod_minor=500, currency="EUR")) == []
    in_euros = a_meest(fake, currency="UAH", customs_currency="EUR")
    await in_euros.buy(abroad(customs=(cup,)), a_key())
    assert made(fake)["contentsItems"][0]["value"] == 840.5


async def test_cash_insurance_and_extra_services_are_ordered(fake: FakeMeest) -> None:
    carrier = a_meest(fake, currency="UAH", conditions="c1,, c2 ", signature_condition="c3")
    two = (at_home().parcels[0], at_home().parcels[0])
    await carrier.buy(at_home(cod_minor=120_050, insured_minor=99_999, signature=True, parcels=two), a_key())
    told = made(fake)
    assert told["COD"] == 1200.5 and [one["insurance"] for one in told["placesItems"]] == [999.99, 0]
    assert [one["conditionID"] for one in told["specConditionsItems"]] == ["c1", "c2", "c3"]
    assert told["weight"] == 2.5
    plain = a_meest(fake, currency="UAH")
    assert (await no_of(plain.buy(at_home(signature=True), a_key())))[0] == "unsupported"


async def test_parcels_may_be_handed_in_at_a_branch_and_paid_by_the_receiver(fake: FakeMeest) -> None:
    carrier = a_meest(fake, currency="UAH", sender_branch="1", payer="receiver", pay_by="cash")
    await carrier.buy(at_home(), a_key())
    told = made(fake)
    assert (told["sender"]["service"], told["sender"]["branchID"]) == ("Branch", an_id(4, 1))
    assert (told["payType"], told["receiverPay"]) == ("cash", True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"city": "Миколаїв", "line1": "вул. Шевченка, 1", "postal_code": ""}, "address_ambiguous"),
        ({"city": "Атлантида", "postal_code": ""}, "address_unknown"),
        ({"line1": "вул. Неіснуюча, 5"}, "address_unknown"),
        ({"line1": "вул. Зелена"}, "address_incomplete"),
        ({"line1": "Зелена, 5"}, "address_ambiguous"),  # a street and an avenue of one name
        ({"phone": ""}, "phone_missing"),
        ({"name": " ", "company": ""}, "address_incomplete"),
        ({"country": "AQ"}, "address_unknown"),
    ],
)
async def test_an_address_that_is_not_sure_is_refused_with_a_reason(
    carrier: Meest, fake: FakeMeest, change: dict[str, str], reason: str
) -> None:
    shipment = at_home(ship_to=replace(LVIV_BUYER, **change))
    if shipment.crosses_border:
        shipment = replace(shipment, customs=abroad().customs)
    assert (await no_of(carrier.buy(shipment, a_key())))[0] == reason
    assert fake.count("labels") == 0


async def test_a_region_tells_villages_of_one_name_apart(carrier: Meest, fake: FakeMeest) -> None:
    there = replace(LVIV_BUYER, city="Миколаїв", region="Львівська область", line1="вул. Шевченка, 1", postal_code="")
    await carrier.buy(at_home(ship_to=there), a_key())
    assert made(fake)["receiver"]["addressID"] == an_id(3, 6)
    by_postcode = replace(there, region="", postal_code="81600")
    await carrier.buy(at_home(ship_to=by_postcode), a_key())
    assert made(fake)["receiver"]["addressID"] == an_id(3, 6)


async def test_a_place_is_asked_for_once(carrier: Meest, fake: FakeMeest) -> None:
    await asyncio.gather(*(carrier.buy(at_home(), a_key()) for _ in range(10)))
    assert [len(fake.asked(path)) for path in ("/auth", "/countrySearch", "/addressSearch")] == [1, 1, 2]


async def test_what_was_not_found_is_looked_for_again(carrier: Meest, fake: FakeMeest) -> None:
    nowhere = at_home(ship_to=replace(LVIV_BUYER, line1="вул. Неіснуюча, 5"))
    for _ in range(2):
        assert (await no_of(carrier.buy(nowhere, a_key())))[0] == "address_unknown"
    assert len([one for one in fake.asked("/addressSearch") if "неіснуюча" in one["filters"]["addressDescr"]]) == 2


# Prices


async def test_a_price_says_how_many_days_it_takes(carrier: Meest) -> None:
    [home], [far] = await carrier.rates(at_home("")), await carrier.rates(abroad())
    assert (home.service, home.amount_minor, home.currency, home.days) == ("door", 7562, "UAH", 2)
    assert far.amount_minor > home.amount_minor and far.days == 9
    [branch] = await carrier.rates(replace(to_branch(), service=""))
    assert branch.service == "branch"


async def test_where_meest_does_not_go_it_offers_nothing_and_stops_nobody(carrier: Meest) -> None:
    assert await carrier.rates(at_home(ship_to=replace(LVIV_BUYER, city="Атлантида", postal_code=""))) == []
    assert await carrier.rates(abroad(ship_to=replace(BERLIN_BUYER, country="AQ"))) == []
    assert await carrier.rates(at_home("teleport")) == []


async def test_a_contract_that_is_not_theirs_is_told_as_such(fake: FakeMeest) -> None:
    carrier = a_meest(fake, contract_id="other", currency="UAH")
    assert (await no_of(carrier.buy(at_home(), a_key())))[0] == "unknown_contract"


# The token


async def test_a_token_that_ended_is_renewed_once_however_many_ask(carrier: Meest, fake: FakeMeest) -> None:
    label = await carrier.buy(at_home(), a_key())
    fake.meest.tokens.clear()
    assert all(await asyncio.gather(*(carrier.track(label.tracking_number) for _ in range(12))))
    assert (len(fake.asked("/auth")), len(fake.asked("/refreshToken"))) == (1, 1)
    fake.meest.tokens.clear()
    fake.meest.renewals.clear()
    await carrier.track(label.tracking_number)
    assert len(fake.asked("/auth")) == 2


async def test_a_purchase_turned_away_for_its_token_is_made_once(carrier: Meest, fake: FakeMeest) -> None:
    await carrier.rates(at_home())
    fake.meest.tokens.clear()
    fake.meest.renewals.clear()
    await carrier.buy(at_home(), a_key())
    assert fake.count("labels") == 1


async def test_a_token_that_is_about_to_end_is_renewed_before_it_is_used(carrier: Meest, fake: FakeMeest) -> None:
    fake.meest.lives_s = 0
    await carrier.rates(at_home())
    before = len(fake.asked("/refreshToken"))
    await carrier.rates(at_home())
    assert len(fake.asked("/refreshToken")) == before + 1
    assert len(fake.asked("/auth")) == 1


async def test_a_wrong_password_is_told_and_asked_about_again_next_time(fake: FakeMeest) -> None:
    carrier = a_meest(fake, password="wrong")
    for _ in range(2):
        assert (await no_of(carrier.rates(at_home())))[0] == "unauthorized"
    assert len(fake.asked("/auth")) == 2


async def test_a_token_of_the_cabinet_needs_no_password_and_says_when_it_ended(fake: FakeMeest) -> None:
    fake.meest.tokens.add("from-the-cabinet")
    carrier = a_meest(fake, username="", password="", token="from-the-cabinet", currency="UAH")
    assert await carrier.rates(at_home())
    assert fake.asked("/auth") == []
    fake.meest.tokens.clear()
    assert (await no_of(carrier.rates(at_home())))[0] == "unauthorized"


# One label, whatever happens


async def test_an_answer_lost_after_the_purchase_is_found_again_by_another_process(
    carrier: Meest, fake: FakeMeest
) -> None:
    key = a_key()
    fake.strike("drop_after", "buy")
    with pytest.raises(CarrierDown):
        await carrier.buy(at_home(), key)
    label = await a_meest(fake, currency="UAH").buy(at_home(), key)
    assert fake.count("labels") == 1
    [rate] = await carrier.rates(at_home())
    assert (label.cost_minor, label.pdf is not None) == (rate.amount_minor, True)


async def test_so_long_as_a_purchase_may_be_on_its_way_none_is_made_anew(fake: FakeMeest) -> None:
    """It came late: Meest was at it for a while, and took it after the answer had been given up."""
    carrier, key = a_meest(fake, settles_s=60.0, policy=TIRED, currency="UAH"), a_key()
    fake.strike("slow", "buy", seconds=ENDLESS_S)
    with pytest.raises(CarrierDown):
        await carrier.buy(at_home(), key)
    with pytest.raises(CarrierDown) as down:
        await carrier.buy(at_home(), key)
    assert 0 < down.value.why["retry_after_s"] <= 60.0
    fake.hurry()
    while not fake.count("labels"):
        await asyncio.sleep(0.05)
    assert (await settled(lambda: carrier.buy(at_home(), key))).tracking_number
    assert fake.count("labels") == 1 and len(fake.asked("/parcel")) == 1


async def test_who_could_not_be_reached_is_asked_again_at_once(fake: FakeMeest) -> None:
    carrier, key = a_meest(fake, settles_s=60.0, currency="UAH"), a_key()
    fake.strike("rate_limit", "buy", seconds=0)
    with pytest.raises(CarrierDown):
        await carrier.buy(at_home(), key)
    assert (await carrier.buy(at_home(), key)).tracking_number


async def test_a_twin_that_came_late_to_another_process_is_given_back_before_it_is_handed_over(
    carrier: Meest, fake: FakeMeest
) -> None:
    """The worst there is: the first process died, the second asked anew, and then the first one's parcel came."""
    key = a_key()
    fake.strike("slow", "buy", seconds=ENDLESS_S)
    with pytest.raises(CarrierDown):
        await a_meest(fake, policy=TIRED, currency="UAH").buy(at_home(), key)
    fake.calm()
    label = await a_meest(fake, currency="UAH").buy(at_home(), key)
    fake.hurry()
    until = time.monotonic() + 60
    while fake.count("labels") < 2 and time.monotonic() < until:
        await asyncio.sleep(0.05)
    assert fake.count("labels") == 2
    manifest = await carrier.manifest([label.label_ref], a_key())
    assert manifest.label_refs == (label.label_ref,)
    [left] = [one for one in fake.meest.parcels if not one.is_gone]
    assert left.bar_code == label.tracking_number


async def test_a_meest_that_takes_a_number_once_only_is_understood_too(carrier: Meest, fake: FakeMeest) -> None:
    fake.meest.numbers_are_unique = True
    fake.strike("repeated", "buy")
    label = await carrier.buy(at_home(), key := a_key())
    assert await carrier.buy(at_home(), key) == label
    assert fake.count("labels") == 1


async def test_a_label_of_yesterday_is_found_in_yesterdays_list(carrier: Meest, fake: FakeMeest) -> None:
    label = await carrier.buy(at_home(), key := a_key())
    fake.meest.parcels[0].made_at -= timedelta(days=1)
    again = await carrier.buy(at_home(), key)
    assert again.tracking_number == label.tracking_number and fake.count("labels") == 1
    day = datetime.now(KYIV).date() - timedelta(days=1)
    assert Ref.read(again.label_ref).day == day


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_after", "garbage", "late", "huge"])
async def test_twenty_purchases_on_a_bad_day_are_twenty_labels(fake: FakeMeest, fault: Any) -> None:
    carrier, keys = a_meest(fake, policy=replace(PATIENT, deadline_s=1.0), currency="UAH"), [a_key() for _ in range(20)]
    fake.strike(fault, "buy", times=12, seconds=1.4)

    async def buy(key: str) -> Label:
        return await settled(lambda: carrier.buy(at_home(), key))

    labels = await asyncio.gather(*map(buy, keys))
    assert len({label.tracking_number for label in labels}) == 20 == fake.count("labels")


# After the purchase


async def test_a_label_is_given_back_until_the_parcel_moves(carrier: Meest, fake: FakeMeest) -> None:
    early, late = await carrier.buy(at_home(), a_key()), await carrier.buy(at_home(), a_key())
    await carrier.void(early.label_ref, a_key())
    assert [event.state for event in await carrier.track(early.tracking_number)].count("canceled") >= 1
    fake.meest.move(late.tracking_number, "101")
    assert (await no_of(carrier.void(late.label_ref, a_key())))[0] == "already_moving"
    assert fake.count("labels") == 1


async def test_a_parcel_is_followed_by_both_of_its_numbers(carrier: Meest, fake: FakeMeest) -> None:
    label = await carrier.buy(at_home(), a_key())
    fake.meest.move(label.tracking_number, "101", "606", "1622")
    own = made(fake)["parcelNumber"]
    by_bar_code, by_ours = await carrier.track(label.tracking_number), await carrier.track(own)
    assert by_bar_code == by_ours
    assert {event.state for event in by_bar_code} == {"pre_transit", "accepted", "delivered"}
    assert len({event.fingerprint for event in by_bar_code}) == 4 < len(by_bar_code)


async def test_the_register_tells_which_parcels_it_would_not_take(carrier: Meest, fake: FakeMeest) -> None:
    fresh, moving = await carrier.buy(at_home(), a_key()), await carrier.buy(at_home(), a_key())
    fake.meest.move(moving.tracking_number, "101")
    manifest = await carrier.manifest([fresh.label_ref, moving.label_ref], a_key())
    assert manifest.label_refs == (fresh.label_ref,)
    assert manifest.pdf and manifest.pdf.startswith(b"%PDF-")
    assert (await no_of(carrier.manifest([moving.label_ref], a_key())))[0] == "refused"
    assert (await no_of(carrier.manifest([], a_key())))[0] == "labels_missing"


async def test_the_courier_comes_when_meest_says(carrier: Meest, fake: FakeMeest) -> None:
    label = await carrier.buy(at_home(), a_key())
    asked = a_call(label.label_ref)
    fake.meest.pickup_days_later = 1
    booked = await carrier.pickup(asked, a_key())
    assert booked.ready_at and booked.ready_at.date() == asked.ready_at.date() + timedelta(days=1)
    told = fake.asked("/registerPickup")[-1]
    assert told["expectedPickUpDate"]["timeFrom"] == f"{asked.ready_at.astimezone(KYIV):%H:%M}"
    assert (told["sender"]["addressID"], told["sender"]["building"]) == (an_id(3, 0), "22")
    assert told["notation"] == "Двір, сірі ворота"
    await carrier.cancel_pickup(booked.pickup_ref, a_key())
    assert fake.count("pickups") == 0
    again = await carrier.pickup(asked, a_key())
    assert again.pickup_ref != booked.pickup_ref


async def test_no_courier_comes_for_what_is_to_be_handed_in(carrier: Meest, fake: FakeMeest) -> None:
    label = await carrier.buy(at_home(), a_key())
    await carrier.manifest([label.label_ref], a_key())
    assert (await no_of(carrier.pickup(a_call(label.label_ref), a_key())))[0] == "refused"
    assert fake.count("pickups") == 0


async def test_a_purchase_that_is_broken_off_may_be_on_its_way_too(fake: FakeMeest) -> None:
    carrier, key = a_meest(fake, settles_s=60.0, currency="UAH"), a_key()
    await carrier.buy(at_home(), a_key())  # it knows the places now
    fake.strike("slow", "buy", seconds=ENDLESS_S)
    buying = asyncio.create_task(carrier.buy(at_home(), key))
    await fake.is_at_it()
    buying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await buying
    with pytest.raises(CarrierDown):
        await carrier.buy(at_home(), key)
    fake.hurry()
    until = time.monotonic() + 60
    while fake.count("labels") < 2 and time.monotonic() < until:
        await asyncio.sleep(0.05)
    assert (await carrier.buy(at_home(), key)).tracking_number
    assert fake.count("labels") == 2


async def test_a_courier_who_is_called_for_yesterday_is_refused(carrier: Meest) -> None:
    label = await carrier.buy(at_home(), a_key())
    past = datetime.now(UTC) - timedelta(days=2)
    asked = replace(a_call(label.label_ref), ready_at=past, until=past + timedelta(hours=1))
    assert (await no_of(carrier.pickup(asked, a_key())))[0] == "bad_time"
    assert (await no_of(carrier.pickup(a_call(), a_key())))[0] == "labels_missing"


# The plugin


def test_it_is_found_by_its_name_and_says_what_it_needs() -> None:
    assert "meest" in registry.names()
    found = registry.carrier("meest", "meest-ua", {"contract_id": CONTRACT, "username": LOGIN, "password": PASSWORD})
    assert isinstance(found, Meest) and found.code == "meest-ua"
    assert registry.secret_fields("meest") == PLUGIN.secret_fields == ("password", "token")
    with pytest.raises(registry.BadSettings):
        registry.check("meest", {"contract_id": CONTRACT, "pay_by": "cheque", "username": "x"})
    with pytest.raises(registry.BadSettings):
        registry.check("meest", {"contract_id": CONTRACT})


def test_its_settings_are_printed_without_what_is_secret() -> None:
    said = repr(Settings(contract_id="c", username="u", password="hush", token="hush"))
    assert "hush" not in said


async def test_its_secret_goes_out_in_a_header_and_nowhere_else(carrier: Meest, fake: FakeMeest) -> None:
    await carrier.buy(at_home(), a_key())
    token = next(iter(fake.meest.tokens))
    assert all(token not in path and token not in str(body) for _, path, body in fake.meest.requests)
    async with httpx.AsyncClient(timeout=120, trust_env=False, verify=False) as stranger:
        answer = await stranger.get(f"{fake.url}/tracking/711-1", headers={"token": "guess"})
    assert answer.status_code == 401
