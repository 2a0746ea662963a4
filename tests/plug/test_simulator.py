"""The simulated world: its carrier and its payments keep their contracts, on good days, bad days and after a kill."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

import httpx
import psutil
import pypdfium2
import pytest
from msgspec.structs import replace
from standardwebhooks.webhooks import Webhook

from doorstep.plug import registry
from doorstep.plug import wire as wire_of
from doorstep.plug.carrier import CarrierDown, CarrierRefused, Label, Manifests, TracksMany, track_all
from doorstep.plug.payments import Declined, ProviderDown
from doorstep.plug.simcarrier import CODES, SimCarrier, in_our_words, read_webhook
from doorstep.plug.simcarrier import Told as ToldEvent
from doorstep.plug.simpay import SimPay
from doorstep.plug.simulator.process import Outside
from doorstep.plug.simulator.routes import ABROAD, FATES, Trip, fate_of, route
from doorstep.plug.states import delivery_state
from doorstep.plug.wire import NoAnswer, Policy, Rejected, Wire, retry_after_s
from tests.plug.carrier_contract import (
    MUG,
    SLOW_S,
    Act,
    CarrierOverHttpContract,
    Fault,
    Part,
    a_key,
    a_mug_to_warsaw,
)
from tests.plug.payments_contract import LONG_AGO, PaymentsContract, charge_of, hold

QUICK = Policy(tries=3, backoff_s=0.01, deadline_s=30.0, breaker_after=99)
HASTY = Policy(tries=2, backoff_s=0.01, deadline_s=SLOW_S / 2, breaker_after=99)


def strike(outside: Outside, **rule: Any) -> None:
    outside.control("faults", rules=[rule])


SECRET = "whsec_" + base64.b64encode(b"a secret of the tests").decode()


class Listener:
    """A server that hears webhooks, checks who sent them, and says no to every fourth."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.refused = 0
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                listener.refused += 1
                fine = listener.refused % 4 != 0
                if fine:
                    told = Webhook(SECRET).verify(body, dict(self.headers))
                    listener.heard.append((self.headers["webhook-id"], told))
                self.send_response(202 if fine else 503)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    async def of(self, number: str, events: int) -> list[Any]:
        """What was told of that parcel, once so many events of it came, and the repeats of the last of them."""
        deadline = time.monotonic() + 90
        while len({message for message, one in list(self.heard) if number in one["parcels"]}) < events:
            assert time.monotonic() < deadline, f"only {len(self.heard)} messages came"
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        return [one for _, one in list(self.heard) if number in one["parcels"]]

    def __enter__(self) -> Listener:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
async def carrier(outside: Outside) -> AsyncIterator[SimCarrier]:
    made = SimCarrier("sim", Wire(outside.url, policy=QUICK))
    yield made
    await made.close()
    outside.control("faults", rules=[])


@pytest.fixture
async def payments(outside: Outside) -> AsyncIterator[SimPay]:
    made = SimPay("simpay", Wire(outside.url, policy=QUICK))
    yield made
    await made.close()
    outside.control("faults", rules=[])


class Controls:
    """The simulated world's controls, as the contract turns them."""

    PATHS: ClassVar[dict[Act, dict[str, str]]] = {
        "rates": {"path": "/carrier/rates"}, "buy": {"path": "/carrier/labels", "ends": "/labels"},
        "void": {"path": "/carrier/labels", "ends": "/void"}, "manifest": {"path": "/carrier/manifests"},
        "pickup": {"path": "/carrier/pickups", "ends": "/pickups"}, "track": {"path": "/carrier/track"},
    }  # fmt: skip

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def strike(self, fault: Fault, act: Act, *, times: int | None = 1, seconds: float = 3.0) -> None:
        strike(self._outside, kind=fault, times=times, seconds=seconds, **self.PATHS[act])

    def leave_out(self, *parts: Part) -> None:
        self._outside.control("leave_out", parts=parts)

    def calm(self) -> None:
        self._outside.control("faults", rules=[])
        self._outside.control("leave_out", parts=[])

    def count(self, what: Literal["labels", "manifests", "pickups"]) -> int:
        return int(self._outside.state()["carrier"]["in_force" if what == "labels" else what])


class TestSimulatedCarrierKeepsTheContract(CarrierOverHttpContract):
    pickup_point = "SIM-7"
    service = "standard"
    read = staticmethod(read_webhook)

    @pytest.fixture(autouse=True)
    def _of_that_world(self, outside: Outside) -> None:
        """Its days pass when a test moves them, whatever day it is outside."""
        self.now = lambda: datetime.fromisoformat(outside.state()["now"])

    @pytest.fixture
    async def hasty(self, outside: Outside) -> AsyncIterator[SimCarrier]:
        made = SimCarrier("sim", Wire(outside.url, policy=HASTY))
        yield made
        await made.close()

    @pytest.fixture
    async def anew(self, outside: Outside) -> AsyncIterator[SimCarrier]:
        made = SimCarrier("sim", Wire(outside.url, policy=QUICK))
        yield made
        await made.close()

    @pytest.fixture
    def fake(self, outside: Outside) -> Controls:
        return Controls(outside)

    @pytest.fixture
    def webhooks(self, outside: Outside) -> Iterator[Callable[[Label], Awaitable[Sequence[Any]]]]:
        with Listener() as listener:
            outside.control("hook", url=listener.url, secret=SECRET, disorder=0.5)

            async def sent(label: Label) -> Sequence[Any]:
                outside.control("fate", number=label.tracking_number, fate="smooth")
                outside.control("advance", days=40)
                return await listener.of(label.tracking_number, events=10)

            yield sent
            httpx.delete(f"{outside.url}/control/hook", verify=False)


async def test_webhooks_come_twice_and_in_a_muddle_until_they_are_heard(start_outside: Callable[..., Outside]) -> None:
    """In a world of its own: that of the other tests would tell of all their parcels too."""
    world = start_outside("--speed", "0", "--start", "2026-03-02T12:00:00+00:00")
    carrier = SimCarrier("sim", Wire(world.url, policy=QUICK))
    label = await carrier.buy(a_mug_to_warsaw("standard"), a_key())
    world.control("fate", number=label.tracking_number, fate="smooth")
    with Listener() as listener:
        world.control("hook", url=listener.url, secret=SECRET, disorder=0.5)
        world.control("advance", days=40)
        whole = await carrier.track(label.tracking_number)
        told = await listener.of(label.tracking_number, events=len({event.fingerprint for event in whole}))
    await carrier.close()
    events = [event for one in told for event in read_webhook(one)[label.tracking_number]]
    assert {event.fingerprint for event in events} == {event.fingerprint for event in whole}
    assert len(events) > len({event.fingerprint for event in events}), "some came twice"
    assert events != sorted(events, key=lambda event: event.happened_at), "some came in the wrong order"
    assert delivery_state(events) == "delivered"


class TestSimulatedPaymentsKeepTheContract(PaymentsContract):
    pass


# Parcels travel


async def test_a_parcel_ages_from_its_label_to_the_door(outside: Outside, carrier: SimCarrier) -> None:
    label = await carrier.buy(a_mug_to_warsaw("standard"), a_key())
    outside.control("fate", number=label.tracking_number, fate="smooth")
    assert delivery_state(await carrier.track(label.tracking_number)) == "pre_transit"
    seen = []
    for _ in range(40):
        outside.control("advance", hours=8)
        seen.append(delivery_state(await carrier.track(label.tracking_number)))
    # The carrier comes for it within ten hours.
    passed = [state for state in dict.fromkeys(seen) if state != "pre_transit"]
    assert passed[0] == "accepted"
    assert passed[-1] == "delivered"
    assert {"departed", "arrived"} & set(passed)
    codes = {event.code for event in await carrier.track(label.tracking_number)}
    assert {"EMA", "EMB", "EMC", "EMD", "EME", "EMF", "EMG", "EMI"} <= codes


@pytest.mark.parametrize(
    ("fate", "end"),
    [
        ("smooth", "delivered"),
        ("delayed", "delivered"),
        ("attempted", "delivered"),
        ("pickup", "delivered"),
        ("customs_hold", "delivered"),
        ("refused", "returned_to_sender"),
        ("absent", "returned_to_sender"),
        ("unclaimed", "returned_to_sender"),
        ("damaged", "returned_to_sender"),
        ("lost", "lost"),
        ("seized", "seized"),
    ],
)
async def test_every_fate_comes_to_its_end(outside: Outside, carrier: SimCarrier, fate: str, end: str) -> None:
    label = await carrier.buy(a_mug_to_warsaw("express"), a_key())
    outside.control("fate", number=label.tracking_number, fate=fate)
    outside.control("advance", days=60)
    assert delivery_state(await carrier.track(label.tracking_number)) == end


def test_routes_go_forward_in_time_and_speak_known_codes() -> None:
    born = datetime(2026, 3, 2, tzinfo=UTC)
    for abroad in (True, False):
        for fate in FATES:
            if fate in ABROAD and not abroad:
                continue
            for number in range(20):
                trip = Trip(
                    number=str(number),
                    origin_place="Newark",
                    origin_country="US",
                    place="Kyiv" if abroad else "Boise",
                    country="UA" if abroad else "US",
                    labeled_at=born,
                    accepted_at=born + timedelta(hours=3),
                    days=6,
                )
                stops = route(7, trip, fate)
                assert stops == route(7, trip, fate)
                assert [stop.at for stop in stops] == sorted(stop.at for stop in stops)
                assert all(stop.reported_at >= stop.at and stop.status in CODES for stop in stops)


def test_fates_fall_as_they_are_weighed() -> None:
    fates = [fate_of(1, str(number), FATES, abroad=True) for number in range(4000)]
    assert set(fates) == set(FATES)
    assert 0.70 < fates.count("smooth") / len(fates) < 0.82
    assert not ABROAD & {fate_of(1, str(number), FATES, abroad=False) for number in range(2000)}


async def test_events_are_told_twice_and_in_a_muddle_and_mean_the_same(
    start_outside: Callable[..., Outside],
) -> None:
    world = start_outside("--speed", "0", "--disorder", "1")
    carrier = SimCarrier("sim", Wire(world.url, policy=QUICK))
    labels = [await carrier.buy(a_mug_to_warsaw("standard"), a_key()) for _ in range(20)]
    world.control("advance", days=40)
    histories = await carrier.track_many([label.tracking_number for label in labels])
    assert all(len({event.fingerprint for event in told}) < len(told) for told in histories.values())
    assert any(told != sorted(told, key=lambda event: event.happened_at) for told in histories.values())
    for told in histories.values():
        assert delivery_state(told) == delivery_state(sorted(told, key=lambda event: event.happened_at))
    await carrier.close()


async def test_many_parcels_are_followed_in_one_call(carrier: SimCarrier) -> None:
    labels = [await carrier.buy(a_mug_to_warsaw("economy"), a_key()) for _ in range(3)]
    assert isinstance(carrier, TracksMany)
    found = await track_all(carrier, [*(label.last_mile_number for label in labels), "NOSUCHNUMBER"])
    assert set(found) == {label.last_mile_number for label in labels}


async def test_a_parcel_moves_once_it_is_on_a_manifest(start_outside: Callable[..., Outside]) -> None:
    world = start_outside("--speed", "0", "--accept", "manifest")
    carrier = SimCarrier("sim", Wire(world.url, policy=QUICK))
    label = await carrier.buy(a_mug_to_warsaw("standard"), a_key())
    world.control("advance", days=30)
    assert delivery_state(await carrier.track(label.tracking_number)) == "pre_transit"
    assert isinstance(carrier, Manifests)
    manifest = await carrier.manifest([label.label_ref], a_key())
    assert manifest.label_refs == (label.label_ref,)
    world.control("advance", days=3)
    assert delivery_state(await carrier.track(label.tracking_number)) not in ("pre_transit", "canceled")
    await carrier.close()


async def test_a_label_cannot_be_given_back_once_the_parcel_moves(outside: Outside, carrier: SimCarrier) -> None:
    label = await carrier.buy(a_mug_to_warsaw("standard"), a_key())
    outside.control("advance", days=1)
    with pytest.raises(CarrierRefused) as no:
        await carrier.void(label.label_ref, a_key())
    assert no.value.why["reason"] == "already_moving"


async def test_a_label_given_back_shows_as_canceled(carrier: SimCarrier) -> None:
    label = await carrier.buy(a_mug_to_warsaw("standard"), a_key())
    await carrier.void(label.label_ref, a_key())
    assert delivery_state(await carrier.track(label.tracking_number)) == "canceled"


async def test_across_a_border_the_declaration_must_be_whole(carrier: SimCarrier) -> None:
    shipment = a_mug_to_warsaw("standard")
    for customs, missing in (((), "no customs items"), ((replace(MUG, hs_code=""),), "item 1: hs_code")):
        with pytest.raises(CarrierRefused) as no:
            await carrier.buy(replace(shipment, customs=customs), a_key())
        assert (no.value.why["reason"], no.value.why["detail"]) == ("customs_incomplete", missing)


async def test_a_refused_label_may_be_asked_again_with_the_same_key_once_mended(carrier: SimCarrier) -> None:
    shipment, key = a_mug_to_warsaw("standard"), a_key()
    with pytest.raises(CarrierRefused):
        await carrier.buy(replace(shipment, customs=()), key)
    assert (await carrier.buy(shipment, key)).tracking_number


async def test_an_international_parcel_has_a_number_for_each_mile(carrier: SimCarrier) -> None:
    label = await carrier.buy(a_mug_to_warsaw("standard"), a_key())
    assert label.first_mile_number.endswith("US")
    assert label.last_mile_number.endswith("PL")
    assert len(label.numbers) == 2


async def test_the_carriers_own_label_is_a_page_with_the_number_on_it(carrier: SimCarrier) -> None:
    to_warsaw = a_mug_to_warsaw("standard")
    plain = replace(to_warsaw.ship_to, name="Zofia Nowak", line1="ul. Prosta 44")
    label = await carrier.buy(replace(to_warsaw, ship_to=plain), a_key())
    assert label.pdf is not None
    page = pypdfium2.PdfDocument(label.pdf)[0]
    assert page.get_size() == (288, 432)
    assert label.tracking_number in page.get_textpage().get_text_range()
    assert (await carrier.buy(to_warsaw, a_key())).pdf is None, "it has no ł: we print it"


def test_a_code_nobody_knows_is_kept_and_changes_nothing() -> None:
    event = in_our_words(ToldEvent("77777", datetime(2026, 3, 2, tzinfo=UTC), "Newark", "US"))
    assert (event.raw_code, event.state, event.code) == ("77777", "", "")
    assert "77777" in event.message


# Money


@pytest.mark.parametrize(
    ("token", "reason"),
    [("tok_insufficient_funds", "insufficient_funds"), ("tok_expired_card", "expired_card"), ("tok_stolen", "fraud")],
)
async def test_each_bad_card_has_its_own_no(payments: SimPay, token: str, reason: str) -> None:
    with pytest.raises(Declined) as no:
        await payments.authorize(100, "USD", token, "ord_1", a_key())
    assert no.value.why["reason"] == reason


async def test_a_hold_expires_and_then_pays_nothing(outside: Outside, payments: SimPay) -> None:
    held = await hold(payments, token="tok_short")
    assert held.expires_at
    outside.control("advance", hours=2)
    with pytest.raises(Declined) as no:
        await payments.capture(held.ref, 100, a_key())
    assert no.value.why["reason"] == "expired"
    charge = await charge_of(payments, held.ref, since=held.expires_at)
    assert (charge.status, charge.entries[-1].kind, charge.updated_at) == ("expired", "expire", held.expires_at)


async def test_an_answer_that_comes_too_late_is_unknown_and_settles_on_retry(outside: Outside) -> None:
    hasty = SimPay("simpay", Wire(outside.url, policy=Policy(tries=1, deadline_s=0.3)))
    payments = SimPay("simpay", Wire(outside.url, policy=QUICK))
    key, reference = a_key(), a_key()
    with pytest.raises(ProviderDown):
        await hasty.authorize(700, "USD", "tok_timeout", reference, key)
    held = await payments.authorize(700, "USD", "tok_timeout", reference, key)
    charges = [charge for charge in await payments.list(LONG_AGO) if charge.reference == reference]
    assert [charge.ref for charge in charges] == [held.ref]
    await hasty.close()
    await payments.close()


async def test_a_long_list_comes_whole_over_several_pages(payments: SimPay) -> None:
    keys = [a_key() for _ in range(230)]
    for key in keys:
        await payments.authorize(100, "EUR", "tok_visa", key, key)
    charges = await payments.list(LONG_AGO)
    assert {charge.reference for charge in charges} >= set(keys)
    assert [charge.updated_at for charge in charges] == sorted(charge.updated_at for charge in charges)


# Bad days


@pytest.mark.parametrize("kind", ["error_before", "error_after", "drop_before", "drop_after", "garbage", "huge"])
async def test_one_bad_answer_is_mended_by_the_retry_and_acts_once(
    outside: Outside, carrier: SimCarrier, payments: SimPay, kind: str
) -> None:
    labels_before = outside.state()["carrier"]["labels"]
    strike(outside, kind=kind, path="/carrier/labels", times=1)
    label = await carrier.buy(a_mug_to_warsaw("standard"), a_key())
    assert label.tracking_number
    assert outside.state()["carrier"]["labels"] == labels_before + 1
    held = await hold(payments)
    strike(outside, kind=kind, path="/pay/authorizations", times=1)
    assert (await payments.capture(held.ref, 1200, a_key())).captured_minor == 1200


@pytest.mark.parametrize("kind", ["error_after", "drop_after", "garbage", "late"])
async def test_what_stays_unanswered_is_down_and_the_same_key_settles_it(outside: Outside, kind: str) -> None:
    hasty, carrier = (SimCarrier("sim", Wire(outside.url, policy=policy)) for policy in (HASTY, QUICK))
    shipment, key = a_mug_to_warsaw("standard"), a_key()
    before = outside.state()["carrier"]["labels"]
    strike(outside, kind=kind, path="/carrier", seconds=SLOW_S)
    with pytest.raises(CarrierDown) as down:
        await hasty.buy(shipment, key)
    assert down.value.why["carrier"] == "sim"
    outside.control("faults", rules=[])
    label = await carrier.buy(shipment, key)
    assert label == await carrier.buy(shipment, key)
    assert outside.state()["carrier"]["labels"] == before + 1
    await hasty.close()
    await carrier.close()


async def test_too_many_requests_are_answered_by_waiting(outside: Outside, carrier: SimCarrier) -> None:
    strike(outside, kind="rate_limit", path="/carrier", seconds=1, times=1)
    started = asyncio.get_running_loop().time()
    assert await carrier.rates(a_mug_to_warsaw())
    assert asyncio.get_running_loop().time() - started >= 1.0


async def test_asked_to_wait_long_it_gives_the_time_to_the_caller(outside: Outside, carrier: SimCarrier) -> None:
    strike(outside, kind="rate_limit", path="/carrier", seconds=120, times=1)
    with pytest.raises(CarrierDown) as down:
        await carrier.rates(a_mug_to_warsaw())
    assert down.value.why["retry_after_s"] == 120


async def test_a_redirect_is_not_followed(outside: Outside, carrier: SimCarrier) -> None:
    strike(outside, kind="redirect", path="/carrier", times=1)
    with pytest.raises(CarrierRefused) as no:
        await carrier.rates(a_mug_to_warsaw())
    assert no.value.why["reason"] == "http_302"


async def test_a_carrier_that_never_answers_is_soon_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire("http://127.0.0.1:1", policy=Policy(tries=1, backoff_s=0.01, breaker_after=3, breaker_s=60))
    for _ in range(3):
        with pytest.raises(NoAnswer):
            await wire.call("GET", "/", dict)
    with pytest.raises(NoAnswer, match="not asked") as rest:
        await wire.call("GET", "/", dict)
    assert rest.value.retry_after_s is not None and rest.value.retry_after_s <= 60
    later = time.monotonic() + 60
    monkeypatch.setattr(wire_of, "time", SimpleNamespace(monotonic=lambda: later))
    with pytest.raises(NoAnswer, match="could not be reached"):
        await wire.call("GET", "/", dict)
    await wire.close()


async def test_an_endless_answer_is_cut_off() -> None:
    async def endless(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"x" * 1000)

    policy = Policy(tries=1, largest_answer=100)
    wire = Wire("http://carrier.test", policy=policy, transport=httpx.MockTransport(endless))
    with pytest.raises(NoAnswer, match="larger than 100"):
        await wire.call("GET", "/", dict)
    await wire.close()


async def test_a_no_without_a_reason_still_has_a_name() -> None:
    wire = Wire("http://carrier.test", transport=httpx.MockTransport(lambda _: httpx.Response(403, text="<b>no</b>")))
    with pytest.raises(Rejected) as no:
        await wire.call("GET", "/", dict)
    assert (no.value.reason, no.value.detail) == ("http_403", "<b>no</b>")
    await wire.close()


async def test_a_no_keeps_what_was_said_for_whoever_speaks_its_language() -> None:
    said = httpx.Response(400, json={"status": "Error", "info": {"message": "no such street"}})
    wire = Wire("http://carrier.test", transport=httpx.MockTransport(lambda _: said))
    with pytest.raises(Rejected) as no:
        await wire.call("POST", "/", dict, body={})
    assert b"no such street" in no.value.said
    await wire.close()


async def test_what_is_no_json_comes_as_it_is() -> None:
    wire = Wire("http://carrier.test", transport=httpx.MockTransport(lambda _: httpx.Response(200, content=b"%PDF-1")))
    assert await wire.call("GET", "/label", bytes, headers={"token": "t"}) == b"%PDF-1"
    await wire.close()


@pytest.mark.parametrize(("answer", "sure"), [(500, False), (429, True), (408, True), (200, False)])
async def test_asked_once_it_says_whether_nothing_was_done_for_sure(answer: int, sure: bool) -> None:
    asked = []

    def garbled(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(answer, text="{")

    wire = Wire("http://carrier.test", transport=httpx.MockTransport(garbled))
    with pytest.raises(NoAnswer) as silence:
        await wire.call("POST", "/", dict, body={}, tries=1)
    assert (len(asked), silence.value.has_not_acted) == (1, sure)
    await wire.close()


async def test_what_is_left_of_an_answer_is_not_the_next_ones() -> None:
    """Both come in one piece, so that it cannot be seen in the connection that there is more."""

    async def answer_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        told = f'{{"told": "{path}"}}'
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(told)}\r\n\r\n{told}".encode() * 2)
        await writer.drain()

    server = await asyncio.start_server(answer_twice, "127.0.0.1")
    wire = Wire(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    for path in ("/one", "/two", "/three"):
        assert await wire.call("GET", path, dict) == {"told": path}
    await wire.close()
    server.close()


async def test_nobody_has_acted_who_could_not_be_reached() -> None:
    wire = Wire("http://127.0.0.1:1", policy=Policy(tries=1))
    with pytest.raises(NoAnswer) as silence:
        await wire.call("POST", "/", dict, body={})
    assert silence.value.has_not_acted
    await wire.close()


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    assert retry_after_s("7") == 7
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after_s("soon") is None
    assert retry_after_s("") is None


# Life of the process


async def test_the_world_is_the_same_after_a_kill(start_outside: Callable[..., Outside], tmp_path: Path) -> None:
    arguments = ("--speed", "0", "--state", str(tmp_path / "world.log"), "--start", "2026-03-02T12:00:00Z")
    first = start_outside(*arguments)
    carrier, payments = SimCarrier("sim", Wire(first.url)), SimPay("simpay", Wire(first.url))
    labels, keys = [], [a_key() for _ in range(15)]
    for key in keys:
        labels.append(await carrier.buy(a_mug_to_warsaw("express"), key))
        first.control("advance", hours=1)
    await carrier.void(labels[-1].label_ref, a_key())
    held = await hold(payments)
    capture_key = a_key()
    captured = await payments.capture(held.ref, 1500, capture_key)
    first.control("advance", days=5)
    numbers = [label.tracking_number for label in labels]
    told, charges, state = await carrier.track_many(numbers), await payments.list(LONG_AGO), first.state()
    await carrier.close()
    await payments.close()
    first.kill()
    with (tmp_path / "world.log").open("ab") as log:
        log.write(b'{"at":"2026-03-07T')  # a line cut short by the kill

    second = start_outside(*arguments)
    carrier, payments = SimCarrier("sim", Wire(second.url)), SimPay("simpay", Wire(second.url))
    assert second.state() == state
    assert await carrier.track_many(numbers) == told
    assert await payments.list(LONG_AGO) == charges
    assert await carrier.buy(a_mug_to_warsaw("express"), keys[0]) == labels[0]
    assert await payments.capture(held.ref, 1500, capture_key) == captured
    await carrier.close()
    await payments.close()


STARTER = """
import os
from doorstep.plug.simulator.process import Outside
print(Outside().pid, flush=True)
os._exit(9)
"""


def test_it_ends_with_the_program_that_started_it() -> None:
    done = subprocess.run([sys.executable, "-c", STARTER], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    deadline = time.monotonic() + 60
    while lives(pid):
        assert time.monotonic() < deadline, "it outlived its starter"
        time.sleep(0.05)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_time_runs_at_the_speed_asked_for(start_outside: Callable[..., Outside]) -> None:
    world = start_outside("--speed", "86400", "--start", "2026-03-02T12:00:00Z")
    await asyncio.sleep(1)
    now = datetime.fromisoformat(world.state()["now"])
    assert timedelta(hours=12) < now - datetime(2026, 3, 2, 12, tzinfo=UTC) < timedelta(days=20)
    stopped = world.control("speed", speed=0)["now"]
    assert world.state()["now"] == stopped


async def test_without_the_right_key_it_says_no(start_outside: Callable[..., Outside]) -> None:
    world = start_outside("--api-key", "s3cret")
    stranger = registry.carrier("simcarrier", "sim", {"base_url": world.url, "api_key": "guess"})
    with pytest.raises(CarrierRefused) as no:
        await stranger.rates(a_mug_to_warsaw())
    assert no.value.why["reason"] == "unauthorized"
    friend = registry.carrier("simcarrier", "sim", {"base_url": world.url, "api_key": "s3cret"})
    assert await friend.rates(a_mug_to_warsaw())


def test_what_makes_no_sense_is_refused_by_name(outside: Outside) -> None:
    def post(path: str, body: bytes, key: str = "k") -> tuple[int, str]:
        headers = {"Idempotency-Key": key} if key else {}
        answer = httpx.post(
            outside.url + path, content=body, headers=headers, timeout=120, trust_env=False, verify=False
        )
        return answer.status_code, answer.json()["error"]

    assert post("/carrier/labels", b"{nonsense") == (400, "malformed")
    assert post("/carrier/labels", b'{"parcels": 3}') == (422, "malformed")
    assert post("/carrier/labels", b"{}", key="") == (422, "key_missing")
    assert post("/carrier/teleport", b"{}") == (404, "no_such_thing")
    assert post("/control/advance", b'{"hours": -1}') == (422, "time_goes_forward")
    assert post("/pay/authorizations", b'{"amount_minor":0,"currency":"USD","token":"tok_x"}') == (422, "bad_amount")
    assert post("/carrier/rates", b" " * 5_000_001) == (413, "too_large")
