"""EasyPost as a carrier: the contract over a stateful stand-in, and what is its own: no keys, ounces, returns."""

from __future__ import annotations

import asyncio
import csv
import gzip
import hmac
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from doorstep.plug import (
    READERS,
    CarrierDown,
    CarrierRefused,
    Label,
    Parcel,
    PickupAsked,
    Policy,
    TaxNumber,
    delivery_state,
    registry,
)
from doorstep.plug.signatures import easypost as is_signed
from doorstep_easypost.asked import export_statement, shipment_asked
from doorstep_easypost.carrier import EasyPost
from doorstep_easypost.settings import Settings
from doorstep_easypost.told import (
    Error,
    Errors,
    Rates,
    Shipments,
    ToldPickup,
    ToldScanForm,
    ToldShipment,
    Trackers,
    minor,
    rates_of,
    reason_of,
)
from doorstep_easypost.units import GRAMS_PER_OUNCE, amount, inches, line_ounces, parcel_ounces
from plugins.easypost.tests.fake_easypost import API_KEY, WAY, Controls, EasyPostWorld, No
from tests.plug.carrier_contract import (
    MUG,
    NEWARK,
    SLOW_S,
    TOO_LATE,
    CarrierOverHttpContract,
    Part,
    a_key,
    a_mug_to_warsaw,
    settled,
)
from tests.plug.fake_http import FakeServer

DATA = os.environ.get("DOORSTEP_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="DOORSTEP_DATA is not set: no recorded answers of EasyPost to read")
PATIENT = Policy(tries=2, backoff_s=0.01, deadline_s=30.0, breaker_after=10_000)
HASTY = replace(PATIENT, deadline_s=SLOW_S / 2)
ABROAD = "USPS FirstClassPackageInternationalService"


@pytest.fixture(scope="module")
def controls() -> Iterator[Controls]:
    world = EasyPostWorld()
    with FakeServer(world.answer, world.act_of) as server:
        world.url = server.url
        yield Controls(world, server)


@pytest.fixture
def fake(controls: Controls) -> Iterator[Controls]:
    yield controls
    controls.calm()


def made_of(fake: Controls, policy: Policy = PATIENT) -> EasyPost:
    return EasyPost("easypost", Settings(api_key=API_KEY, base_url=f"{fake.server.url}/v2"), policy)


@pytest.fixture
async def carrier(fake: Controls) -> AsyncIterator[EasyPost]:
    made = made_of(fake)
    yield made
    await made.close()


@pytest.fixture
async def hasty(fake: Controls) -> AsyncIterator[EasyPost]:
    made = made_of(fake, HASTY)
    yield made
    await made.close()


@pytest.fixture
async def anew(fake: Controls) -> AsyncIterator[EasyPost]:
    made = made_of(fake)
    yield made
    await made.close()


class TestEasyPostKeepsTheContract(CarrierOverHttpContract):
    service = ABROAD
    read = staticmethod(READERS["easypost"])
    parts: tuple[Part, ...] = ("price", "pdf", "days")

    @pytest.fixture
    def webhooks(self, fake: Controls) -> Callable[[Label], Awaitable[Sequence[Any]]]:
        async def told(label: Label) -> list[Any]:
            return [fake.world.event(label.tracking_number, step) for step in range(len(WAY))]

        return told


# One label for a key, though EasyPost knows no keys


@pytest.mark.parametrize("fault", ["error_after", "drop_after", "garbage", "late", "slow", "repeated", "error_before"])
@pytest.mark.parametrize("act", ["create", "buy", "file", "look"])
@pytest.mark.parametrize("found", ["newest", "oldest"])
async def test_whatever_gets_lost_on_the_way_to_a_label_one_is_bought(
    fake: Controls, carrier: EasyPost, hasty: EasyPost, anew: EasyPost, act: str, fault: Any, found: Any
) -> None:
    fake.world.by_reference = found
    shipment, key, before = a_mug_to_warsaw(ABROAD), a_key(), fake.world.purchases
    fake.server.strike(fault, act, times=2, seconds=SLOW_S)
    if fault in TOO_LATE:
        with suppress(CarrierDown):
            await hasty.buy(shipment, key)
    label = await settled(lambda: carrier.buy(shipment, key))
    assert await settled(lambda: anew.buy(shipment, key)) == label
    assert fake.world.purchases == before + 1


@pytest.mark.parametrize("found", ["newest", "oldest"])
async def test_of_two_shipments_with_one_reference_the_bought_one_counts(
    fake: Controls, carrier: EasyPost, found: Any
) -> None:
    """The first came late, when it had been asked for again and the second was bought."""
    fake.world.by_reference = found
    shipment, key, before = a_mug_to_warsaw(ABROAD), a_key(), fake.world.purchases
    label = await carrier.buy(shipment, key)
    late = fake.world._create(shipment_asked(shipment, key)["shipment"])
    if found == "oldest":  # as if it had been the first after all
        fake.world.shipments = {late["id"]: late} | fake.world.shipments
    assert await carrier.buy(shipment, key) == label
    assert fake.world.purchases == before + 1


async def test_the_bought_one_is_found_though_many_were_bought_since(fake: Controls, carrier: EasyPost) -> None:
    shipment, key = a_mug_to_warsaw(ABROAD), a_key()
    label = await carrier.buy(shipment, key)
    bought = fake.world.shipments[label.label_ref]
    for _ in range(230):
        other = bought | {"id": f"shp_{a_key()}", "reference": a_key()}
        fake.world.shipments[other["id"]] = other
    fake.world._create(shipment_asked(shipment, key)["shipment"])
    assert (await carrier.buy(shipment, key)).tracking_number == label.tracking_number
    for ref in [ref for ref in fake.world.shipments if ref.startswith("shp_test-")]:
        del fake.world.shipments[ref]


async def test_one_that_nobody_bought_yet_is_bought_at_the_price_of_today(fake: Controls, carrier: EasyPost) -> None:
    shipment, key = a_mug_to_warsaw(ABROAD), a_key()
    fake.world.no_to_buying = No(402, "INSUFFICIENT_FUNDS", "Insufficient funds.")
    with pytest.raises(CarrierRefused) as no:
        await carrier.buy(shipment, key)
    assert no.value.why["reason"] == "payment_required"
    fake.world.no_to_buying = None
    label = await carrier.buy(shipment, key)
    assert len([one for one in fake.world.shipments.values() if one["reference"] == key]) == 1
    assert [one.path for one in fake.server.asked if one.path.endswith("/rerate")][-1].split("/")[3] == label.label_ref


@pytest.mark.parametrize(
    "code", ["SHIPMENT.POSTAGE.TIMED_OUT", "SHIPMENT.POSTAGE.NO_RESPONSE", "SHIPMENT.PURCHASE.IN_PROGRESS"]
)
async def test_what_easypost_itself_does_not_know_is_asked_again(fake: Controls, carrier: EasyPost, code: str) -> None:
    shipment, key = a_mug_to_warsaw(ABROAD), a_key()
    fake.world.no_to_buying = No(422, code, "The carrier did not answer in time.")
    with pytest.raises(CarrierDown):
        await carrier.buy(shipment, key)
    fake.world.no_to_buying = None
    assert (await carrier.buy(shipment, key)).tracking_number


async def test_eight_workers_with_one_key_are_one_label(fake: Controls) -> None:
    """Of one process; of several, a job is leased to one."""
    shipment, key, before, carrier = a_mug_to_warsaw(ABROAD), a_key(), fake.world.purchases, made_of(fake)
    labels = await asyncio.gather(*(carrier.buy(shipment, key) for _ in range(8)))
    assert len({label.label_ref for label in labels}) == 1
    assert fake.world.purchases == before + 1
    await carrier.close()


# Labels


async def test_a_label_that_came_as_a_picture_is_asked_for_as_pdf(fake: Controls, carrier: EasyPost) -> None:
    fake.world.label_type = "image/png"
    label = await carrier.buy(a_mug_to_warsaw(ABROAD), a_key())
    assert label.pdf is not None and label.pdf.startswith(b"%PDF-")


async def test_the_way_back_is_told_with_the_addresses_of_the_way_out(fake: Controls, carrier: EasyPost) -> None:
    there = a_mug_to_warsaw(ABROAD)
    back = replace(there, ship_from=there.ship_to, ship_to=there.ship_from, is_return=True)
    asked = shipment_asked(back)["shipment"]
    assert asked["is_return"] and asked["to_address"]["country"] == "PL"
    assert asked["customs_info"]["contents_type"] == "returned_goods"
    kept = fake.world.shipments[(await carrier.buy(back, a_key())).label_ref]
    assert (kept["from_address"]["country"], kept["to_address"]["country"]) == ("PL", "US")


async def test_what_a_label_needs_is_told_whole(fake: Controls, carrier: EasyPost) -> None:
    shipment = replace(
        a_mug_to_warsaw(ABROAD), signature=True, insured_minor=12345, cod_minor=1999, filing="AES X20260302123456"
    )
    kept = fake.world.shipments[(await carrier.buy(shipment, a_key())).label_ref]
    assert kept["insurance"] == "123.45"
    assert kept["options"]["delivery_confirmation"] == "SIGNATURE"
    assert (kept["options"]["cod_amount"], kept["options"]["incoterm"]) == ("19.99", "DAP")
    assert kept["options"]["print_custom_1"] == "ord_1001"
    info = kept["customs_info"]
    assert (info["eel_pfc"], info["customs_signer"]) == ("AES X20260302123456", NEWARK.name)
    [item] = info["customs_items"]
    assert (item["hs_tariff_number"], item["origin_country"], item["value"], item["quantity"]) == (
        "691200", "US", "18.00", 1,
    )  # fmt: skip
    assert item["weight"] <= kept["parcel"]["weight"]


async def test_the_numbers_of_both_sides_reach_easypost_and_none_on_the_way_back(
    fake: Controls, carrier: EasyPost
) -> None:
    numbers = (TaxNumber(kind="ioss", number="IM3720000224"), TaxNumber(kind="eori", number="GB1", country="GB"))
    shipment = replace(a_mug_to_warsaw(ABROAD), sender_numbers=numbers, recipient_number="PL8567346215")
    kept = fake.world.shipments[(await carrier.buy(shipment, a_key())).label_ref]
    assert kept["tax_identifiers"] == [
        {"entity": "SENDER", "tax_id": "IM3720000224", "tax_id_type": "IOSS"},
        {"entity": "SENDER", "tax_id": "GB1", "tax_id_type": "EORI", "issuing_country": "GB"},
    ]
    assert kept["to_address"]["federal_tax_id"] == "PL8567346215"
    assert "tax_identifiers" not in shipment_asked(replace(shipment, is_return=True))["shipment"]


def test_an_export_is_exempt_filed_or_refused() -> None:
    low = a_mug_to_warsaw()
    assert export_statement(low) == "NOEEI 30.37(a)"
    assert export_statement(replace(low, ship_to=replace(low.ship_to, country="CA"))) == "NOEEI 30.36"
    dear = replace(low, customs=(replace(MUG, value_minor=250_000), replace(MUG, value_minor=1)))
    with pytest.raises(CarrierRefused) as no:
        export_statement(dear)
    assert no.value.why["reason"] == "filing_missing" and "691200" in no.value.why["detail"]
    assert export_statement(replace(dear, filing="AES X20260302123456")) == "AES X20260302123456"
    two_codes = replace(
        low, customs=(replace(MUG, value_minor=250_000), replace(MUG, value_minor=9, hs_code="6911.10"))
    )
    assert export_statement(two_codes) == "NOEEI 30.37(a)"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"parcels": (Parcel(weight_g=1), Parcel(weight_g=1))}, "several_parcels"),
        ({"insured_minor": 100, "currency": "EUR"}, "insurance_currency"),
        ({"customs": (replace(MUG, hs_code=""),)}, "customs_incomplete"),
        ({"ship_to": replace(a_mug_to_warsaw().ship_to, city="")}, "address_incomplete"),
    ],
)
async def test_what_easypost_would_not_take_is_refused_with_a_word(
    carrier: EasyPost, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(CarrierRefused) as no:
        await carrier.buy(replace(a_mug_to_warsaw(ABROAD), **change), a_key())
    assert (no.value.why["reason"], no.value.why["carrier"]) == (reason, "easypost")
    assert no.value.why["detail"]


async def test_a_wrong_key_is_said_so(fake: Controls) -> None:
    stranger = EasyPost("easypost", Settings(api_key="EZTK-wrong", base_url=f"{fake.server.url}/v2"), PATIENT)
    with pytest.raises(CarrierRefused) as no:
        await stranger.rates(a_mug_to_warsaw())
    assert no.value.why["reason"] == "unauthorized"
    await stranger.close()


async def test_a_parcel_that_moves_cannot_be_given_back(fake: Controls, carrier: EasyPost) -> None:
    label = await carrier.buy(a_mug_to_warsaw(ABROAD), a_key())
    fake.world.steps[label.tracking_number] = 2
    with pytest.raises(CarrierRefused) as no:
        await carrier.void(label.label_ref, a_key())
    assert no.value.why["reason"] == "already_moving"


async def test_a_refund_that_was_rejected_may_be_asked_for_again(fake: Controls, carrier: EasyPost) -> None:
    label = await carrier.buy(a_mug_to_warsaw(ABROAD), a_key())
    fake.world.shipments[label.label_ref]["refund_status"] = "rejected"
    with pytest.raises(CarrierRefused) as no:
        await carrier.void(label.label_ref, a_key())
    assert no.value.why["reason"] == "refund_refused"
    fake.world.shipments[label.label_ref]["refund_status"] = "not_applicable"
    await carrier.void(label.label_ref, a_key())


# Scan forms and pickups


async def test_a_scan_form_that_failed_is_refused_and_one_being_made_is_waited_for(
    fake: Controls, carrier: EasyPost
) -> None:
    label = await carrier.buy(a_mug_to_warsaw(ABROAD), a_key())
    fake.world.form_status = "failed"
    with pytest.raises(CarrierRefused) as no:
        await carrier.manifest([label.label_ref], a_key())
    assert (no.value.why["reason"], no.value.why["detail"]) == ("manifest_refused", "Unable to create manifest.")
    fake.world.form_status, before = "creating", len(fake.world.scan_forms)
    with pytest.raises(CarrierDown):
        await carrier.manifest([label.label_ref], a_key())
    [*_, form] = fake.world.scan_forms.values()
    form["status"] = "created"
    assert (await carrier.manifest([label.label_ref], a_key())).manifest_ref == form["id"]
    assert len(fake.world.scan_forms) == before + 1


def asked_of(*labels: Label) -> PickupAsked:
    day = datetime.now(UTC).replace(hour=15, minute=0, second=0, microsecond=0) + timedelta(days=1)
    refs = tuple(label.label_ref for label in labels)
    return PickupAsked(address=NEWARK, ready_at=day, until=day + timedelta(hours=3), label_refs=refs)


@pytest.mark.parametrize("fault", ["error_after", "drop_after", "late"])
@pytest.mark.parametrize("act", ["create_pickup", "pickup", "look"])
async def test_several_parcels_are_fetched_together_once_at_the_lowest_price(
    fake: Controls, carrier: EasyPost, hasty: EasyPost, anew: EasyPost, act: str, fault: Any
) -> None:
    labels = [await carrier.buy(a_mug_to_warsaw(ABROAD), a_key()) for _ in range(2)]
    key, before = a_key(), fake.count("pickups")
    fake.server.strike(fault, act, times=2, seconds=SLOW_S)
    if fault in TOO_LATE:
        with suppress(CarrierDown):
            await hasty.pickup(asked_of(*labels), key)
    booked = await settled(lambda: carrier.pickup(asked_of(*labels), key))
    assert await anew.pickup(asked_of(*labels), key) == booked
    assert (booked.cost_minor, booked.currency) == (0, "USD")
    assert fake.count("pickups") == before + 1


async def test_nobody_is_sent_for_no_label(carrier: EasyPost) -> None:
    with pytest.raises(CarrierRefused) as no:
        await carrier.pickup(asked_of(), a_key())
    assert no.value.why["reason"] == "labels_missing"


# Tracking


async def test_a_parcel_is_followed_to_the_door_and_says_who_signed(fake: Controls, carrier: EasyPost) -> None:
    label = await carrier.buy(a_mug_to_warsaw(ABROAD), a_key())
    seen = []
    for step in range(len(WAY)):
        fake.world.steps[label.tracking_number] = step
        seen.append(delivery_state(await carrier.track(label.tracking_number)))
    assert seen == ["pre_transit", "accepted", "in_transit", "out_for_delivery", "delivered"]
    [*_, last] = await carrier.track(label.tracking_number)
    assert last.proof is not None and last.proof.signed_by == "Z ZAK"


def test_a_webhook_is_taken_only_with_easyposts_signature() -> None:
    world = EasyPostWorld()
    world.shipments["shp_1"] = {"id": "shp_1", "tracking_code": "9400", "selected_rate": {"carrier": "USPS"}}
    world.steps["9400"] = 4
    body = json.dumps(world.event("9400", 4)).encode()
    signature = "hmac-sha256-hex=" + hmac.new(b"s\xc3\xa9cret"[:1] + b"ecret", body, sha256).hexdigest()
    now = datetime.now(UTC)
    assert is_signed({"x-hmac-signature": signature}, body, "secret", now)
    assert not is_signed({"x-hmac-signature": signature}, body + b" ", "secret", now)
    assert not is_signed({}, body, "secret", now)
    assert delivery_state(registry.reader("easypost")(json.loads(body))["9400"]) == "delivered"


# Units and money


def test_ounces_and_inches_never_understate_a_parcel_and_lines_never_outweigh_it() -> None:
    for grams in [*range(1, 3000), 31_751]:
        assert parcel_ounces(grams) >= grams / float(GRAMS_PER_OUNCE) - 1e-9
        assert parcel_ounces(grams) - grams / float(GRAMS_PER_OUNCE) < 0.1
        assert line_ounces(grams) <= grams / float(GRAMS_PER_OUNCE) + 1e-9
        assert sum(line_ounces(part) for part in (grams, grams, grams)) <= parcel_ounces(3 * grams) + 1e-9
    for millimeters in range(1, 2000):
        assert 0 <= inches(millimeters) - millimeters / 25.4 + 1e-9 < 0.1 + 2e-9
    assert (parcel_ounces(437), inches(254), line_ounces(0)) == (15.5, 10.0, 0.001)


@pytest.mark.parametrize(
    ("told", "currency", "wanted"),
    [("6.07", "USD", 607), ("34.15000", "USD", 3415), ("0.00", "USD", 0), ("120", "JPY", 120), ("1.234", "KWD", 1234)],
)
def test_money_in_strings_is_exact(told: str, currency: str, wanted: int) -> None:
    assert minor(told, currency) == wanted
    assert minor(amount(wanted, currency), currency) == wanted


def test_every_code_has_a_word() -> None:
    assert reason_of(Error(code="SHIPMENT.CUSTOMS_INFO.REQUIRED")) == "customs_incomplete"
    assert reason_of(Error(code="ADDRESS.VERIFY.FAILURE")) == "address_incomplete"
    assert reason_of(Error(code="TRACKER.NOT_FOUND"), 404) == "unknown_number"
    assert reason_of(Error(code="PARAMETER.REQUIRED"), 422) == "parameter.required"
    assert reason_of(Error(), 403) == "unauthorized"
    assert reason_of(Error(), 418) == "http_418"
    told = Error(message=["one", "two"], errors=[{"field": "zip", "message": "is odd"}, "and so on"])
    assert told.detail == "one, two; zip: is odd; and so on"


def test_the_account_is_set_up_with_a_key_that_is_kept_secret() -> None:
    assert "easypost" in registry.names()
    assert registry.secret_fields("easypost") == ("api_key",)
    registry.check("easypost", {"api_key": "EZTK1"})
    with pytest.raises(registry.BadSettings):
        registry.check("easypost", {"api_key": "EZTK1", "contents": "bribes"})
    assert "EZTK1" not in repr(Settings(api_key="EZTK1"))


# What EasyPost answered once


def recorded() -> list[dict[str, Any]]:
    with gzip.open(Path(str(DATA)) / "payloads" / "easypost.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def objects(told: Any, kind: str) -> Iterator[dict[str, Any]]:
    if isinstance(told, dict):
        if told.get("object") == kind:
            yield told
        for inner in told.values():
            yield from objects(inner, kind)
    elif isinstance(told, list):
        for inner in told:
            yield from objects(inner, kind)


@needs_data
def test_every_recorded_answer_is_read() -> None:
    read: dict[str, int] = {}
    kinds: dict[str, type] = {
        "Shipment": ToldShipment, "ScanForm": ToldScanForm, "Pickup": ToldPickup,
    }  # fmt: skip
    for row in recorded():
        body = row["body"]
        for kind, shape in kinds.items():
            for one in objects(body, kind):
                if "id" in one:
                    msgspec.convert(one, shape)
                    read[kind] = read.get(kind, 0) + 1
        for key, page in (("shipments", Shipments), ("trackers", Trackers)):
            if isinstance(body, dict) and key in body and row["path"].split("?")[0].split("/")[-1] in (key, "batch"):
                msgspec.convert(body, page)
                read[key] = read.get(key, 0) + 1
        if isinstance(body, dict) and "error" in body and isinstance(body["error"], dict):
            error = msgspec.convert(body, Errors).error
            assert reason_of(error, row["status"]) and error.detail
            read["error"] = read.get("error", 0) + 1
        if row["path"].endswith("/rerate"):
            msgspec.convert(body, Rates)
        for tracker in objects(body, "Tracker"):
            assert set(READERS["easypost"](tracker)) == {tracker["tracking_code"]}
    assert min(read.values()) > 0 and set(read) >= {"Shipment", "ScanForm", "Pickup", "shipments", "trackers", "error"}


@needs_data
def test_recorded_prices_and_labels_mean_what_they_say() -> None:
    priced = bought = 0
    for row in recorded():
        for told in objects(row["body"], "Shipment"):
            shipment = msgspec.convert(told, ToldShipment)
            for rate, raw in zip(shipment.rates or [], told.get("rates") or [], strict=True):
                assert f"{rate.amount_minor / 100:.2f}" == raw["rate"]
            rates = rates_of(shipment, "easypost")
            assert [rate.amount_minor for rate in rates] == sorted(rate.amount_minor for rate in rates)
            priced += len(rates)
            assert shipment.is_bought == bool(told["tracking_code"])
            if shipment.is_bought and shipment.selected_rate:
                fee = next(float(fee["amount"]) for fee in told["fees"] if fee["type"] == "PostageFee")
                assert shipment.selected_rate.amount_minor == round(fee * 100)
                bought += 1
    assert priced > 200 and bought > 20


@needs_data
def test_prices_that_were_observed_are_exact_and_their_parcels_are_told_no_lighter_than_they_are() -> None:
    with open(Path(str(DATA)) / "payloads" / "easypost_observed_rates.csv", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) >= 40
    for row in rows:
        for name in ("rate", "list_rate", "retail_rate"):
            assert Decimal(amount(minor(row[name], row["currency"]), row["currency"])) == Decimal(row[name])
        grams = int(Decimal(row["weight_oz"]) * GRAMS_PER_OUNCE)
        assert parcel_ounces(grams) <= float(row["weight_oz"])
        assert float(row["weight_oz"]) - parcel_ounces(grams) < 0.1


@needs_data
async def test_the_stand_in_answers_in_the_recorded_shape(fake: Controls, carrier: EasyPost) -> None:
    """Of each kind of object it names no field that EasyPost does not, and misses none that was read."""
    labels = [await carrier.buy(a_mug_to_warsaw(ABROAD), a_key()) for _ in range(2)]
    await carrier.manifest([labels[0].label_ref], a_key())
    await carrier.pickup(asked_of(labels[1]), a_key())
    shown = [fake.world._shown(fake.world.shipments[label.label_ref]) for label in labels]
    shown += [*fake.world.scan_forms.values(), *fake.world.pickups.values()]
    for kind in (
        "Shipment", "Rate", "Address", "Parcel", "CustomsInfo", "CustomsItem", "PostageLabel", "Tracker",
        "TrackingDetail", "ScanForm", "Pickup", "PickupRate", "Fee",
    ):  # fmt: skip
        known = {name for row in recorded() for one in objects(row["body"], kind) for name in one}
        ours = {name for one in objects(shown, kind) for name in one}
        assert ours and ours <= known, f"{kind}: {ours - known}"


@needs_data
def test_what_is_asked_has_the_recorded_shape() -> None:
    """No field is sent of which no client of EasyPost's own sent one, but those named here."""
    documented = {"company", "carrier_facility", "currency", "code", "is_return", "carrier_accounts"}
    kinds = {"from_address", "to_address", "parcel", "customs_info"}
    asked = shipment_asked(a_mug_to_warsaw(ABROAD), "key")["shipment"]
    sent = [row["request"]["shipment"] for row in recorded() if row["path"] == "/v2/shipments" and row["request"]]
    assert set(asked) <= {name for one in sent for name in one} | documented
    for kind in kinds:
        known = {name for one in sent if isinstance(one.get(kind), dict) for name in one[kind]}
        assert set(asked[kind]) <= known | documented
    items = [item for one in sent if one.get("customs_info") for item in one["customs_info"]["customs_items"]]
    assert set(asked["customs_info"]["customs_items"][0]) <= {name for item in items for name in item} | documented
