"""Karrio's connectors as carriers: the contract over stand-ins for UPS and FedEx, and no second purchase in doubt."""

from __future__ import annotations

import gzip
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from doorstep.plug import AsksOnce, Carrier, CarrierDown, CarrierRefused, Label, TaxNumber, delivery_state, registry
from plugins.karrio.tests.fake_fedex import FakeFedEx
from plugins.karrio.tests.fake_ups import WAY, FakeUps
from tests.plug.carrier_contract import (
    ENDLESS_S,
    MUG,
    SILENCING,
    SLOW_S,
    TOO_LATE,
    CarrierOverHttpContract,
    Fault,
    Part,
    a_key,
    a_mug_to_warsaw,
    settled,
)
from tests.plug.fake_http import Asked, FakeControls, FakeServer

pytest.importorskip("karrio.sdk", reason="Karrio is not installed: pip install 'doorstep-karrio[ups,fedex]'")
pytest.importorskip("karrio.mappers.ups")
pytest.importorskip("karrio.mappers.fedex")

from doorstep_karrio import door, words
from doorstep_karrio.carrier import Karrio
from doorstep_karrio.exchange import Exchange
from doorstep_karrio.settings import Settings

DATA = os.environ.get("DOORSTEP_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="DOORSTEP_DATA is not set: no recorded answers of carriers to read")


class Controls(FakeControls):
    def count(self, what: Literal["labels", "manifests", "pickups"]) -> int:
        return len(self.world.sold) if what == "labels" else 0


@pytest.fixture(scope="module", params=[FakeUps, FakeFedEx], ids=["ups", "fedex"])
def controls(request: pytest.FixtureRequest) -> Iterator[Controls]:
    world = request.param()
    with FakeServer(world.answer, world.act_of) as server:
        yield Controls(world, server)


@pytest.fixture
def fake(controls: Controls) -> Iterator[Controls]:
    yield controls
    controls.calm()


# As long as a busy machine may need.
PATIENT_S = 30.0


@contextmanager
def enough_patience(fake: Controls, fault: Fault) -> Iterator[None]:
    """Less than what is slow takes; else enough for everything."""
    door.wait_for(fake.server.url, SLOW_S / 2 if fault in TOO_LATE else PATIENT_S)
    yield
    door.wait_for(fake.server.url, PATIENT_S)


def settings_of(fake: Controls) -> Settings:
    return Settings(
        connector=fake.world.connector, credentials=fake.world.credentials, country="US", base_url=fake.server.url,
        deadline_s=PATIENT_S,
    )  # fmt: skip


@pytest.fixture
async def carrier(fake: Controls) -> AsyncIterator[Karrio]:
    made = Karrio(fake.world.connector, settings_of(fake))
    yield made
    await made.close()


@pytest.fixture
async def anew(fake: Controls) -> AsyncIterator[Karrio]:
    made = Karrio(fake.world.connector, settings_of(fake))
    yield made
    await made.close()


# Of these nobody can tell whether a label was made.
DOUBTFUL: tuple[Fault, ...] = ("slow", "late", "error_before", "error_after", "drop_before", "drop_after", "garbage",
                               "huge")  # fmt: skip


class TestKarriosConnectorsKeepTheContract(CarrierOverHttpContract):
    parts: tuple[Part, ...] = ("pdf", "days")
    # A request that comes twice is bought twice by a carrier that knows no keys: nothing here can keep a proxy from it.
    faults: tuple[Fault, ...] = tuple(fault for fault in CarrierOverHttpContract.faults if fault != "repeated")

    @pytest.fixture(autouse=True)
    def _of_that_connector(self, fake: Controls) -> None:
        type(self).service = fake.world.service

    @pytest.mark.parametrize("fault", [*DOUBTFUL, "rate_limit", "answered_twice"])
    async def test_after_one_bad_answer_one_label_is_bought(self, carrier: Carrier, fake: Any, fault: Fault) -> None:
        """Or none that doorstep knows of: then it says so, and goes on saying so."""
        shipment, key, before = self.shipment(self.service), a_key(), fake.count("labels")
        await carrier.rates(shipment)  # it has logged in now
        self._strike(fake, fault, "buy", times=1, seconds=ENDLESS_S if fault in TOO_LATE else 0.1)
        if fault in DOUBTFUL:
            for _ in range(2):
                with enough_patience(fake, fault), pytest.raises(CarrierRefused) as no:
                    await carrier.buy(shipment, key)
                assert no.value.why["reason"] == "outcome_unknown" and "ord_1001" in no.value.why["detail"]
            fake.server.hurry()  # what came late has been done
            assert fake.count("labels") <= before + 1
        else:
            label = await settled(lambda: carrier.buy(shipment, key))
            assert await carrier.buy(shipment, key) == label
            assert fake.count("labels") == before + 1
        other = await settled(lambda: carrier.buy(shipment, a_key()))
        assert other.tracking_number in fake.world.sold

    @pytest.mark.parametrize("fault", SILENCING)
    async def test_what_nobody_answered_is_asked_again_with_its_key_and_is_one_label(
        self, carrier: Carrier, anew: Carrier, fake: Any, fault: Fault
    ) -> None:
        """It is not asked again: whoever asks notes down that he does (`AsksOnce`), for a restart forgets."""
        shipment, key, before = self.shipment(self.service), a_key(), fake.count("labels")
        await carrier.rates(shipment)
        self._strike(fake, fault, "buy", times=None, seconds=ENDLESS_S if fault in TOO_LATE else 0.1)
        refusal = CarrierDown if fault == "rate_limit" else CarrierRefused
        with enough_patience(fake, fault), pytest.raises(refusal) as no:
            await carrier.buy(shipment, key)
        assert fault == "rate_limit" or no.value.why["reason"] == "outcome_unknown"
        assert isinstance(anew, AsksOnce)
        fake.server.hurry()
        assert fake.count("labels") <= before + 1

    @pytest.mark.parametrize("fault", ["error_after", "drop_after", "garbage"])
    async def test_a_label_whose_giving_back_nobody_confirmed_is_given_back_once(
        self, carrier: Carrier, anew: Carrier, fake: Any, fault: Fault
    ) -> None:
        await super().test_a_label_whose_giving_back_nobody_confirmed_is_given_back_once(carrier, anew, fake, fault)


# Each connector on its way


async def test_a_parcel_is_priced_bought_followed_and_another_given_back(fake: Controls, carrier: Karrio) -> None:
    shipment = a_mug_to_warsaw(fake.world.service)
    [rate] = await carrier.rates(shipment)
    label = await carrier.buy(shipment, a_key())
    assert label.pdf is not None and label.pdf.startswith(b"%PDF-")
    seen = []
    for step in range(len(WAY)):
        fake.world.steps[label.tracking_number] = step
        seen.append(delivery_state(await carrier.track(label.tracking_number)))
    assert seen[0] == "pre_transit" and seen[-1] == "delivered" and seen[1] == "accepted"
    [*_, proven] = [event.proof for event in await carrier.track(label.tracking_number) if event.proof]
    assert "BYRNE" in proven.signed_by
    with pytest.raises(CarrierRefused) as no:
        await carrier.void(label.label_ref, a_key())
    assert no.value.why["reason"] == "already_moving"
    assert rate.amount_minor > 1000 and rate.days


async def test_what_is_told_of_a_parcel_arrives(fake: Controls, carrier: Karrio) -> None:
    shipment = replace(a_mug_to_warsaw(fake.world.service), customs=(replace(MUG, quantity=2),), incoterm="DDP")
    label = await carrier.buy(shipment, a_key())
    told = json.dumps(fake.world.sold[label.tracking_number])
    for words_told in ("Newark", "Warszawa", "6912", "Ceramic mug", "9.0", "USD"):
        assert words_told in told, words_told


def test_the_numbers_of_both_sides_are_told_in_karrios_words() -> None:
    numbers = (
        TaxNumber(kind="ioss", number="IM3720000224"), TaxNumber(kind="eori", number="DE1234567"),
        TaxNumber(kind="vat", number="DE136695976"), TaxNumber(kind="ein", number="12-3456789"),
    )  # fmt: skip
    shipment = replace(
        a_mug_to_warsaw("any"), sender_numbers=numbers, recipient_number="PL8567346215", filing="AES X20261129123456"
    )
    asked = words.label_asked(shipment, "", ())
    assert asked["customs"]["options"] == {
        "ioss": "IM3720000224", "eori_number": "DE1234567", "vat_registration_number": "DE136695976",
        "aes": "X20261129123456",
    }  # fmt: skip
    assert asked["recipient"]["federal_tax_id"] == "PL8567346215"


async def test_the_account_logs_in_once_for_many_questions(fake: Controls, carrier: Karrio) -> None:
    before = fake.world.logins
    for _ in range(3):
        await carrier.rates(a_mug_to_warsaw())
    assert fake.world.logins == before + 1


async def test_a_login_that_fails_bought_nothing(fake: Controls, carrier: Karrio) -> None:
    fake.server.strike("error_before", "login", times=None)
    with pytest.raises(CarrierDown):
        await carrier.buy(a_mug_to_warsaw(fake.world.service), a_key())


async def test_nobody_there_bought_nothing(fake: Controls) -> None:
    settings = replace(settings_of(fake), base_url="http://127.0.0.1:9")
    nobody = Karrio("nobody", settings)
    with pytest.raises(CarrierDown):
        await nobody.buy(a_mug_to_warsaw(fake.world.service), a_key())
    await nobody.close()


async def test_what_a_connector_has_no_word_for_is_refused_not_left_out(fake: Controls, carrier: Karrio) -> None:
    with pytest.raises(CarrierRefused) as no:
        await carrier.buy(replace(a_mug_to_warsaw(fake.world.service), insured_minor=5000), a_key())
    assert (no.value.why["reason"], no.value.why["detail"]) == ("unsupported", "insurance")


# The door


def test_a_host_that_has_no_address_heard_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the resolver says; the name is resolved before anything is sent."""
    from urllib.error import URLError
    from urllib.request import Request

    def nowhere(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    exchanges: list[Exchange] = []
    door.send_for(exchanges)
    with pytest.raises(URLError):
        door.urlopen(Request("http://carrier.example/labels"))
    assert exchanges[0].is_unheard and words.verdict("ups", exchanges, []) == "idle"


def test_a_request_is_sent_once_though_karrio_opens_it_again(fake: Controls) -> None:
    """As it does where sentry_sdk is installed: a label whose answer was lost would be bought twice."""
    from urllib.request import Request

    fake.server.strike("drop_after", "track", times=1)
    before, request = len(fake.server.asked), Request(f"{fake.server.url}/api/track/v1/details/1")
    for _ in range(2):
        with pytest.raises(OSError):
            door.urlopen(request)
    assert len(fake.server.asked) == before + 1


def test_karrio_has_no_other_way_out() -> None:
    from karrio.core.utils import helpers

    assert helpers.urlopen is door.urlopen
    folder = Path(str(helpers.__file__)).parents[2]
    ways = ("urlopen(", "import requests", "import httpx", "http.client")
    others = [
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*.py")
        if any(way in file.read_text("utf-8") for way in ways)
    ]
    assert others == ["core/utils/helpers.py"], others


@pytest.mark.parametrize(
    ("exchange", "codes", "wanted"),
    [
        (None, ["SHIPPING_SDK_FIELD_ERROR"], "no"),
        (Exchange("POST", "https://x/ship", None), ["SHIPPING_SDK_INTERNAL_ERROR"], "unknown"),
        (Exchange("POST", "https://x/ship", None, is_unheard=True), [], "idle"),
        (Exchange("POST", "https://x/oauth/token", None), [], "idle"),
        (Exchange("POST", "https://x/ship", 429), [], "idle"),
        (Exchange("POST", "https://x/ship", 503), ["1"], "unknown"),
        (Exchange("POST", "https://x/ship", 400), ["1"], "no"),
        (Exchange("POST", "https://x/ship", 200), ["1"], "no"),
        (Exchange("POST", "https://x/ship", 200), [], "unknown"),
    ],
)
def test_a_no_is_told_from_what_nobody_knows(exchange: Exchange | None, codes: list[str], wanted: str) -> None:
    assert words.verdict("ups", [exchange] if exchange else [], [{"code": code} for code in codes]) == wanted


def test_of_a_connector_nobody_proved_silence_is_never_taken_for_a_no() -> None:
    assert words.verdict("sendle", [], [{"code": "SHIPPING_SDK_INTERNAL_ERROR"}]) == "unknown"


# Accounts


def test_an_account_names_its_connector_and_keeps_its_credentials_secret() -> None:
    assert registry.secret_fields("karrio") == ("credentials",)
    registry.check("karrio", {"connector": "ups", "credentials": FakeUps.credentials})
    for wrong, reason in (
        ({"connector": "pigeon", "credentials": "a=b"}, "not_installed"),
        ({"connector": "ups", "credentials": "pigeon=b"}, "bad_settings"),
        ({"connector": "ups", "credentials": "no pairs"}, "bad_settings"),
    ):
        with pytest.raises(CarrierRefused) as no:
            registry.check("karrio", wrong)
        assert no.value.why["reason"] == reason
    assert "secret" not in repr(Settings(connector="ups", credentials=FakeUps.credentials))


def test_without_karrio_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "karrio", ModuleType("karrio"))
    monkeypatch.delitem(__import__("sys").modules, "karrio.sdk")
    with pytest.raises(CarrierRefused) as no:
        Karrio("ups", Settings(connector="ups", credentials=FakeUps.credentials))
    assert no.value.why["reason"] == "not_installed" and "doorstep-karrio" in no.value.why["detail"]


# What the carriers answered once


def recorded(name: str) -> Any:
    with gzip.open(Path(str(DATA)) / "payloads" / "carriers_raw.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["src"].endswith(f"modules/connectors/{name}"):
                return row["body"]
    raise AssertionError(name)


def fields(told: Any, path: str = "") -> set[str]:
    if isinstance(told, dict):
        return {f"{path}.{name}" for name in told} | {
            one for name, inner in told.items() for one in fields(inner, f"{path}.{name}")
        }
    return {one for inner in told for one in fields(inner, path)} if isinstance(told, list) else set()


@needs_data
async def test_the_stand_ins_answer_in_the_recorded_shapes(fake: Controls, carrier: Karrio) -> None:
    label = await carrier.buy(a_mug_to_warsaw(fake.world.service), a_key())
    connector, answers = fake.world.connector, {}
    for asked in [one for one in fake.server.asked if fake.world.act_of(one) == "rates"][-1:] or []:
        answers["rating_responses"] = fake.world.answer(asked).body
    await carrier.rates(a_mug_to_warsaw())
    [*_, asked] = [one for one in fake.server.asked if fake.world.act_of(one) == "rates"]
    answers["rating_responses"] = fake.world.answer(asked).body
    answers["tracking_response"] = (
        fake.world._track(label.tracking_number).body
        if connector == "ups"
        else fake.world._track(label.tracking_number)
    )
    [*_, asked] = [one for one in fake.server.asked if fake.world.act_of(one) == "buy"]
    answers["shipping_response" + ("" if connector == "ups" else "s")] = fake.world.answer(asked).body
    for name, answer in answers.items():
        known = fields(recorded(f"{connector}/schemas/{name}.json"))
        strange = fields(answer) - known
        assert not strange, f"{connector} {name}: {sorted(strange)}"


@needs_data
@pytest.mark.parametrize("fake", [FakeUps], indirect=False)
async def test_recorded_tracking_is_read(fake: Any) -> None:
    told = recorded("ups/schemas/tracking_response.json")
    world = FakeUps()
    number = told["trackResponse"]["shipment"][0]["package"][0]["trackingNumber"]

    def answer(asked: Asked) -> Any:
        from tests.plug.fake_http import Reply

        return Reply(200, told) if world.act_of(asked) == "track" else world.answer(asked)

    with FakeServer(answer, world.act_of) as server:
        carrier = Karrio("ups", Settings(connector="ups", credentials=world.credentials, base_url=server.url))
        events = await carrier.track(number)
        await carrier.close()
    assert [event.raw_code for event in events] == ["F4", "MP"]
    assert delivery_state(events) == "delivered"


@pytest.mark.parametrize(
    "odd",
    [
        {"selected_rate": {"total_charge": 12.5, "currency": "???"}},
        {"selected_rate": {"total_charge": "a lot", "currency": "USD"}},
        {"selected_rate": "12.50"},
        {"docs": ["a page"]},
        {"docs": {"label": 7}},
    ],
)
def test_what_was_sold_is_a_label_whatever_else_cannot_be_read(odd: dict[str, Any]) -> None:
    label = words.label_of({"tracking_number": "1Z", **odd}, "ups", "ups_ground")
    assert (label.tracking_number, label.label_ref, label.cost_minor, label.pdf) == ("1Z", "1Z", None, None)


def test_a_label_of_parts_is_a_label() -> None:
    told = {"tracking_number": "1Z", "docs": {"label": "no base64!"}}
    assert words.label_of(told, "ups", "ups_ground") == Label(
        carrier="ups", service="ups_ground", tracking_number="1Z", label_ref="1Z"
    )
