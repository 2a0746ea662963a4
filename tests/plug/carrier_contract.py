"""The contract of a carrier: every carrier plugin runs this suite.

Subclass `CarrierContract`; give it a `carrier` fixture and a `service` that it sells for `shipment` (from NEWARK to
WARSAW; override it for a carrier that does not go there). What the carrier declares in `can` is exercised, what it
does not declare must be refused as `unsupported`.

A carrier that is reached over HTTP subclasses `CarrierOverHttpContract` and gives three fixtures more: `fake`, the
controls of what stands in for its API (`Fake`); `anew`, a second carrier of the same settings, as after a restart; and
`hasty`, a third that waits for an answer half as long as `SLOW_S` at most, for whom what is slow is too late. The
others wait as long as a busy machine may need. One that declares `webhook` gives `read`, and a `webhooks` fixture: what
it would send of a label.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol, TypeVar, get_args
from uuid import uuid4

import pytest
from msgspec.structs import replace

from doorstep.plug.carrier import (
    Ability,
    Address,
    CancelsPickups,
    Carrier,
    CarrierDown,
    CarrierRefused,
    CustomsItem,
    Label,
    Manifests,
    Parcel,
    PickupAsked,
    Pickups,
    Shipment,
    TracksMany,
    track_all,
)
from doorstep.plug.states import DELIVERY_STATES, NEWS, delivery_state
from doorstep.plug.words import NotReadable, Read
from tests import hostile

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

Act = Literal["rates", "buy", "void", "manifest", "pickup", "track"]
# As the simulated world's own faults have them (`plug/simulator/faults.py`), and what each means here:
# `…_before` = nothing was done, `…_after` = done, and nobody is told.
Fault = Literal[
    "slow", "late", "error_before", "error_after", "drop_before", "drop_after", "rate_limit", "garbage", "huge",
    "redirect", "repeated", "answered_twice",
]  # fmt: skip
FAULTS: tuple[Fault, ...] = get_args(Fault)
# A fault that leaves the call without an answer as long as it lasts.
SILENCING: tuple[Fault, ...] = (
    "slow", "late", "error_before", "error_after", "drop_before", "drop_after", "rate_limit", "garbage", "huge",
)  # fmt: skip
# These end with somebody's patience only; and how long they last.
TOO_LATE: tuple[Fault, ...] = ("slow", "late")
SLOW_S = 0.6
# What nobody waits for, however long the machine stands still meanwhile.
ENDLESS_S = 120.0
# What an answer may come without: the price at purchase, the label as PDF, the days of a rate, the last mile's number.
Part = Literal["price", "pdf", "days", "last_mile"]
PARTS: tuple[Part, ...] = get_args(Part)


class Fake(Protocol):
    """The controls of a stateful stand-in for the carrier's own API."""

    def strike(self, fault: Fault, act: Act, *, times: int | None = 1, seconds: float = 3.0) -> None:
        """The next requests of that act go wrong: so many of them, or all (None) until `calm`."""

    def leave_out(self, *parts: Part) -> None:
        """Answers come without these from now on."""

    def calm(self) -> None:
        """All is well again."""

    def count(self, what: Literal["labels", "manifests", "pickups"]) -> int:
        """How many are in force at the carrier: bought and not given back, ordered and not canceled."""


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


def needs(carrier: Carrier, *abilities: Ability) -> None:
    """Skips the test of a carrier that does not declare them; the refusal is a test of its own."""
    if missing := [ability for ability in abilities if ability not in carrier.can]:
        pytest.skip(f"{carrier.code} does not declare {', '.join(missing)}")


T = TypeVar("T")


async def settled(call: Callable[[], Awaitable[T]]) -> T:
    """As the job does it: without an answer the same is asked again, with the same key."""
    for _ in range(4):
        try:
            return await call()
        except CarrierDown:
            await asyncio.sleep(0.05)
    return await call()


class CarrierContract:
    service: str
    remembers_keys = True  # False for a carrier that keeps nothing, such as a rate card
    pickup_point = "LOCKER-1"  # one of theirs, where they go to such
    point_service = ""  # the service that goes there, where it is another
    read: Read | None = None  # of one that declares `webhook`: how what it sends is read

    def shipment(self, service: str = "") -> Shipment:
        """A parcel over a border, of all that the carrier asks for."""
        return a_mug_to_warsaw(service)

    def way_back(self, service: str = "") -> Shipment:
        there = self.shipment(service)
        return replace(there, ship_from=there.ship_to, ship_to=there.ship_from, is_return=True)

    def to_a_point(self) -> Shipment:
        there = self.shipment(self.point_service or self.service)
        return replace(there, ship_to=replace(there.ship_to, pickup_point=self.pickup_point))

    def insured(self) -> Shipment:
        return replace(self.shipment(self.service), insured_minor=5000)

    def now(self) -> datetime:
        """By the carrier's own clock."""
        return datetime.now(UTC)

    def pickup_asked(self, *label_refs: str) -> PickupAsked:
        """Tomorrow, of two parcels."""
        day = self.now().replace(hour=15, minute=0, second=0, microsecond=0) + timedelta(days=1)
        here = self.shipment().ship_from
        return PickupAsked(
            address=here, ready_at=day, until=day + timedelta(hours=3), label_refs=label_refs, parcels=2, weight_g=900
        )

    @pytest.fixture
    def webhooks(self) -> Callable[[Label], Awaitable[Sequence[Any]]]:
        """What the carrier would send of a parcel, message by message, decoded as JSON or the text of XML."""
        pytest.fail("it declares `webhook`: give the messages that it sends, by a fixture `webhooks`")

    # Abilities

    def test_it_says_what_it_can_do(self, carrier: Carrier) -> None:
        assert carrier.can
        assert carrier.can <= set(get_args(Ability))
        assert isinstance(carrier, Manifests) or "manifest" not in carrier.can
        assert isinstance(carrier, Pickups) or "pickup" not in carrier.can
        assert isinstance(carrier, CancelsPickups) or "cancel_pickup" not in carrier.can
        assert "pickup" in carrier.can or "cancel_pickup" not in carrier.can
        of_labels = {"void", "manifest", "return_label", "pickup_point", "insurance"}
        assert "buy" in carrier.can or not carrier.can & of_labels

    @pytest.mark.parametrize("ability", get_args(Ability))
    async def test_what_it_does_not_declare_is_refused_as_unsupported(self, carrier: Carrier, ability: Ability) -> None:
        if ability in carrier.can:
            pytest.skip("declared: it has tests of its own")
        calls: dict[Ability, Callable[[Any], Awaitable[Any]]] = {
            "rates": lambda it: it.rates(self.shipment()),
            "buy": lambda it: it.buy(self.shipment(self.service), a_key()),
            "void": lambda it: it.void("LABEL", a_key()),
            "manifest": lambda it: it.manifest(["LABEL"], a_key()),
            "pickup": lambda it: it.pickup(self.pickup_asked(), a_key()),
            "cancel_pickup": lambda it: it.cancel_pickup("PICKUP", a_key()),
            "track": lambda it: it.track("NUMBER"),
            "return_label": lambda it: it.buy(self.way_back(self.service), a_key()),
            "pickup_point": lambda it: it.buy(self.to_a_point(), a_key()),
            "insurance": lambda it: it.buy(self.insured(), a_key()),
        }
        if ability == "webhook":
            assert self.read is None
        elif ability in ("manifest", "pickup", "cancel_pickup") and not hasattr(carrier, ability):
            return  # there is nothing that could be called
        else:
            with pytest.raises(CarrierRefused) as no:
                await calls[ability](carrier)
            assert no.value.why["reason"] == "unsupported"

    # Rates

    async def test_rates_are_real_prices_and_the_cheapest_comes_first(self, carrier: Carrier) -> None:
        needs(carrier, "rates")
        rates = await carrier.rates(self.shipment())
        assert rates
        assert [rate.amount_minor for rate in rates] == sorted(rate.amount_minor for rate in rates)
        for rate in rates:
            assert rate.carrier == carrier.code
            assert rate.amount_minor > 0
            assert len(rate.currency) == 3
            assert rate.days is None or rate.days >= 0

    async def test_asking_for_one_service_prices_that_one(self, carrier: Carrier) -> None:
        needs(carrier, "rates")
        rates = await carrier.rates(self.shipment(self.service))
        assert [rate.service for rate in rates] == [self.service]

    async def test_a_heavier_parcel_never_costs_less(self, carrier: Carrier) -> None:
        needs(carrier, "rates")
        light = self.shipment(self.service)
        heavy = replace(light, parcels=(replace(light.parcels[0], weight_g=4800),))
        [cheap], [dear] = await carrier.rates(light), await carrier.rates(heavy)
        assert dear.amount_minor >= cheap.amount_minor

    # Labels

    async def test_a_label_has_a_number_and_the_service_asked_for_at_the_price_told_before(
        self, carrier: Carrier
    ) -> None:
        needs(carrier, "buy")
        shipment = self.shipment(self.service)
        label = await carrier.buy(shipment, a_key())
        assert label.carrier == carrier.code
        assert label.service == self.service
        assert label.tracking_number and label.label_ref
        assert label.tracking_number in label.numbers
        assert label.pdf is None or label.pdf.startswith(b"%PDF-")
        if label.cost_minor is not None and "rates" in carrier.can:
            [rate] = await carrier.rates(shipment)
            assert (label.cost_minor, label.currency) == (rate.amount_minor, rate.currency)

    async def test_the_same_key_is_the_same_label(self, carrier: Carrier) -> None:
        needs(carrier, "buy")
        shipment, key = self.shipment(self.service), a_key()
        assert await carrier.buy(shipment, key) == await carrier.buy(shipment, key)

    async def test_the_same_key_twice_at_once_is_one_label(self, carrier: Carrier) -> None:
        needs(carrier, "buy")
        shipment, key = self.shipment(self.service), a_key()
        labels: list[Label] = await asyncio.gather(*(carrier.buy(shipment, key) for _ in range(8)))
        assert {label.tracking_number for label in labels} == {labels[0].tracking_number}

    async def test_other_keys_are_other_labels(self, carrier: Carrier) -> None:
        needs(carrier, "buy")
        shipment = self.shipment(self.service)
        one, two = await carrier.buy(shipment, a_key()), await carrier.buy(shipment, a_key())
        assert one.tracking_number != two.tracking_number
        assert one.label_ref != two.label_ref

    async def test_a_key_used_for_something_else_is_refused(self, carrier: Carrier) -> None:
        needs(carrier, "buy")
        if not self.remembers_keys:
            pytest.skip("this carrier keeps nothing to compare with")
        shipment, key = self.shipment(self.service), a_key()
        await carrier.buy(shipment, key)
        with pytest.raises(CarrierRefused) as no:
            await carrier.buy(replace(shipment, reference="ord_1002"), key)
        assert no.value.why["reason"] == "key_reused"

    async def test_an_unknown_service_is_refused_by_name(self, carrier: Carrier) -> None:
        needs(carrier, "buy")
        with pytest.raises(CarrierRefused) as no:
            await carrier.buy(self.shipment("teleport"), a_key())
        assert no.value.why["reason"] == "unknown_service"

    async def test_a_parcel_without_weight_is_refused(self, carrier: Carrier) -> None:
        needs(carrier, "buy")
        weightless = replace(self.shipment(self.service), parcels=(Parcel(weight_g=0),))
        with pytest.raises(CarrierRefused) as no:
            await carrier.buy(weightless, a_key())
        assert no.value.why["reason"] == "weight_missing"

    @pytest.mark.parametrize("missing", ["hs_code", "origin_country", "description", "weight_g", "value_minor", "all"])
    async def test_what_customs_was_not_told_is_sold_without_or_refused_with_a_reason(
        self, carrier: Carrier, missing: str
    ) -> None:
        needs(carrier, "buy")
        shipment = self.shipment(self.service)
        nothing: dict[str, Any] = {missing: 0 if missing in ("weight_g", "value_minor") else ""}
        customs = () if missing == "all" else tuple(replace(item, **nothing) for item in shipment.customs)
        try:
            label = await carrier.buy(replace(shipment, customs=customs), a_key())
        except CarrierRefused as no:
            assert no.why["reason"]
        else:
            assert label.tracking_number

    async def test_a_parcel_goes_to_a_branch_or_locker(self, carrier: Carrier) -> None:
        needs(carrier, "buy", "pickup_point")
        shipment = self.to_a_point()
        label = await carrier.buy(shipment, a_key())
        assert label.tracking_number and label.service == shipment.service

    async def test_what_is_insured_costs_no_less(self, carrier: Carrier) -> None:
        needs(carrier, "buy", "insurance")
        assert (await carrier.buy(self.insured(), a_key())).tracking_number
        if "rates" in carrier.can:
            [plain] = await carrier.rates(self.shipment(self.service))
            [insured] = await carrier.rates(self.insured())
            assert insured.amount_minor >= plain.amount_minor

    # Void

    async def test_a_label_can_be_given_back_and_giving_it_back_again_changes_nothing(self, carrier: Carrier) -> None:
        needs(carrier, "buy", "void")
        label = await carrier.buy(self.shipment(self.service), a_key())
        key = a_key()
        await carrier.void(label.label_ref, key)
        await carrier.void(label.label_ref, key)
        await carrier.void(label.label_ref, a_key())

    async def test_a_label_that_is_not_theirs_cannot_be_given_back(self, carrier: Carrier) -> None:
        needs(carrier, "void")
        with pytest.raises(CarrierRefused) as no:
            await carrier.void("no-such-label", a_key())
        assert no.value.why["reason"] == "unknown_label"

    # Return labels

    async def test_a_label_for_the_way_back_is_bought_once_and_is_another_than_that_of_the_way_there(
        self, carrier: Carrier
    ) -> None:
        needs(carrier, "return_label")
        there = await carrier.buy(self.shipment(self.service), a_key())
        key = a_key()
        back = await carrier.buy(self.way_back(self.service), key)
        assert back == await carrier.buy(self.way_back(self.service), key)
        assert back.tracking_number and back.label_ref
        assert back.tracking_number != there.tracking_number
        assert back.service == self.service

    async def test_a_label_for_the_way_back_can_be_given_back_as_any_other(self, carrier: Carrier) -> None:
        needs(carrier, "return_label", "void")
        back = await carrier.buy(self.way_back(self.service), a_key())
        key = a_key()
        await carrier.void(back.label_ref, key)
        await carrier.void(back.label_ref, key)
        await carrier.void(back.label_ref, a_key())

    # Manifests

    async def test_a_manifest_lists_the_labels_asked_for_and_the_same_key_is_the_same_manifest(
        self, carrier: Carrier
    ) -> None:
        needs(carrier, "buy", "manifest")
        assert isinstance(carrier, Manifests)
        refs = [(await carrier.buy(self.shipment(self.service), a_key())).label_ref for _ in range(2)]
        key = a_key()
        manifest = await carrier.manifest(refs, key)
        assert manifest.manifest_ref
        assert set(manifest.label_refs) == set(refs)
        assert manifest.pdf is None or manifest.pdf.startswith(b"%PDF-")
        assert await carrier.manifest(refs, key) == manifest

    async def test_what_is_not_theirs_is_on_no_manifest(self, carrier: Carrier) -> None:
        needs(carrier, "manifest")
        assert isinstance(carrier, Manifests)
        with pytest.raises(CarrierRefused) as no:
            await carrier.manifest(["no-such-label"], a_key())
        assert no.value.why["reason"] == "unknown_label"

    # Pickups

    async def test_a_pickup_is_booked_once_for_a_key(self, carrier: Carrier) -> None:
        needs(carrier, "buy", "pickup")
        assert isinstance(carrier, Pickups)
        label = await carrier.buy(self.shipment(self.service), a_key())
        asked, key = self.pickup_asked(label.label_ref), a_key()
        booked = await carrier.pickup(asked, key)
        assert booked.pickup_ref
        assert await carrier.pickup(asked, key) == booked
        for at in (booked.ready_at, booked.until):
            assert at is None or at.utcoffset() is not None
        assert booked.cost_minor is None or (booked.cost_minor >= 0 and len(booked.currency) == 3)

    async def test_a_pickup_can_be_canceled_and_canceling_it_again_changes_nothing(self, carrier: Carrier) -> None:
        needs(carrier, "buy", "pickup", "cancel_pickup")
        assert isinstance(carrier, Pickups) and isinstance(carrier, CancelsPickups)
        label = await carrier.buy(self.shipment(self.service), a_key())
        booked = await carrier.pickup(self.pickup_asked(label.label_ref), a_key())
        key = a_key()
        await carrier.cancel_pickup(booked.pickup_ref, key)
        await carrier.cancel_pickup(booked.pickup_ref, key)
        await carrier.cancel_pickup(booked.pickup_ref, a_key())
        with pytest.raises(CarrierRefused) as no:
            await carrier.cancel_pickup("no-such-pickup", a_key())
        assert no.value.why["reason"] == "unknown_pickup"

    # Tracking

    async def test_a_number_that_is_not_theirs_cannot_be_followed(self, carrier: Carrier) -> None:
        needs(carrier, "track")
        with pytest.raises(CarrierRefused) as no:
            await carrier.track("NOSUCHNUMBER")
        assert no.value.why["reason"] == "unknown_number"

    async def test_a_fresh_label_can_be_followed_by_each_of_its_numbers(self, carrier: Carrier) -> None:
        needs(carrier, "buy", "track")
        label = await carrier.buy(self.shipment(self.service), a_key())
        for number in label.numbers:
            events = await carrier.track(number)
            assert events
            for event in events:
                assert event.happened_at.utcoffset() is not None
                assert event.state in DELIVERY_STATES or event.state in ("", NEWS)
                assert event.raw_code

    async def test_many_are_followed_and_the_unknown_are_left_out(self, carrier: Carrier) -> None:
        needs(carrier, "buy", "track")
        labels = [await carrier.buy(self.shipment(self.service), a_key()) for _ in range(3)]
        numbers = [label.tracking_number for label in labels]
        found = await track_all(carrier, [*numbers, "NOSUCHNUMBER"])
        assert set(found) == set(numbers)
        if isinstance(carrier, TracksMany):
            assert await carrier.track_many([]) == {}

    async def test_what_it_sends_by_itself_is_read_the_same_however_often_and_in_whatever_order(
        self, carrier: Carrier, request: pytest.FixtureRequest
    ) -> None:
        needs(carrier, "buy", "webhook")
        read = type(self).read
        assert read is not None, "it declares `webhook`: say how what it sends is read, by `read`"
        webhooks = request.getfixturevalue("webhooks")
        label = await carrier.buy(self.shipment(self.service), a_key())
        told = [read(message) for message in await webhooks(label)]
        events = [event for one in told for number in label.numbers for event in one.get(number, ())]
        assert events, "what it sends tells of the label by one of its numbers"
        assert all(event.happened_at.utcoffset() is not None for event in events)
        muddled = [*reversed(events), *events]
        assert delivery_state(muddled) == delivery_state(events)
        assert len({event.fingerprint for event in muddled}) == len({event.fingerprint for event in events})

    @pytest.mark.parametrize("told", [None, 7, "", [], {}, {"parcels": 3}, {"events": [{}]}, "<a/>", "\x00"])
    def test_a_message_that_makes_no_sense_is_not_readable_and_nothing_worse(self, carrier: Carrier, told: Any) -> None:
        needs(carrier, "webhook")
        try:
            found = type(self).read(told)  # type: ignore[misc]
        except NotReadable:
            return
        assert not any(found.values())

    # Hostile texts

    async def test_whatever_is_typed_as_a_name_or_an_address_breaks_no_request(self, carrier: Carrier) -> None:
        """A label or a reasoned no; and the next request is none the worse for it."""
        needs(carrier, "buy")
        plain = self.shipment(self.service)
        texts = hostile.texts()
        for at in range(0, len(texts), 4):
            name, street, city, words = (texts + texts)[at : at + 4]
            to = replace(plain.ship_to, name=name, line1=street, line2=words, city=city, company=words)
            customs = tuple(replace(item, description=words or name) for item in plain.customs)
            shipment = replace(plain, ship_to=to, customs=customs, reference=city[:60])
            try:
                label = await carrier.buy(shipment, a_key())
            except CarrierRefused as no:
                assert no.why["reason"]
            else:
                assert label.tracking_number
                assert label.pdf is None or label.pdf.startswith(b"%PDF-")
        assert (await carrier.buy(plain, a_key())).tracking_number

    @pytest.mark.parametrize(
        "typed", ["../labels", "a/b?c=d#e", "x\r\nHost: evil", "№ 7", "%2e%2e%2f", " ", "\x00", "9" * 300]
    )
    async def test_no_number_leads_elsewhere(self, carrier: Carrier, typed: str) -> None:
        needs(carrier, "track")
        with pytest.raises(CarrierRefused):
            await carrier.track(typed)
        if "void" in carrier.can:
            with pytest.raises(CarrierRefused):
                await carrier.void(typed, a_key())


class CarrierOverHttpContract(CarrierContract):
    """Bad days: whatever the other side does, the answer is true, or a no, or that nobody knows: never an accident."""

    faults: tuple[Fault, ...] = FAULTS  # those that the fake can do; leave one out only where HTTP itself has no such
    parts: tuple[Part, ...] = PARTS  # those that this carrier's answers have at all

    @pytest.fixture(autouse=True)
    def _all_is_well_afterwards(self, fake: Fake) -> Iterator[None]:
        yield
        fake.calm()

    def _strike(self, fake: Fake, fault: Fault, act: Act, **how: Any) -> None:
        if fault not in self.faults:
            pytest.skip(f"this fake cannot do {fault}")
        fake.strike(fault, act, **how)

    @pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in (*TOO_LATE, "redirect")])
    async def test_after_one_bad_answer_one_label_is_bought(self, carrier: Carrier, fake: Fake, fault: Fault) -> None:
        shipment, key, before = self.shipment(self.service), a_key(), fake.count("labels")
        self._strike(fake, fault, "buy", times=1, seconds=0.1)
        label = await settled(lambda: carrier.buy(shipment, key))
        assert await settled(lambda: carrier.buy(shipment, key)) == label
        assert fake.count("labels") == before + 1
        # What was left of a doubled answer is not taken for the next one's.
        other = await settled(lambda: carrier.buy(shipment, a_key()))
        assert other.tracking_number != label.tracking_number

    @pytest.mark.parametrize("fault", SILENCING)
    async def test_what_nobody_answered_is_asked_again_with_its_key_and_is_one_label(
        self, carrier: Carrier, hasty: Carrier, anew: Carrier, fake: Fake, fault: Fault
    ) -> None:
        """The answer is lost, the process dies, another one asks again."""
        shipment, key, before = self.shipment(self.service), a_key(), fake.count("labels")
        asked = hasty if fault in TOO_LATE else carrier
        # Slow is slower than all that follows: where no keys are known, what came late would be a second parcel.
        self._strike(fake, fault, "buy", times=None, seconds=ENDLESS_S if fault in TOO_LATE else 0.1)
        started = time.monotonic()
        with pytest.raises(CarrierDown) as down:
            await asked.buy(shipment, key)
        assert down.value.why["carrier"] == asked.code
        assert time.monotonic() - started < 60, "it waits for ever"
        fake.calm()
        label = await settled(lambda: anew.buy(shipment, key))
        assert await settled(lambda: anew.buy(shipment, key)) == label
        assert fake.count("labels") == before + 1

    @pytest.mark.parametrize("act", ["rates", "track"])
    @pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in TOO_LATE])
    async def test_a_question_on_a_bad_day_is_answered_or_nobody_knows(
        self, carrier: Carrier, fake: Fake, act: Act, fault: Fault
    ) -> None:
        needs(carrier, "buy", "rates" if act == "rates" else "track")
        label = await carrier.buy(self.shipment(self.service), a_key())

        async def ask() -> Sequence[Any]:
            return await (carrier.rates(self.shipment()) if act == "rates" else carrier.track(label.tracking_number))

        well = await ask()
        self._strike(fake, fault, act, times=None, seconds=30.0)
        try:
            assert len(await ask()) == len(well)
        except (CarrierDown, CarrierRefused) as no:
            assert no.why["carrier"] == carrier.code
            assert isinstance(no, CarrierDown) or fault == "redirect"
        fake.calm()
        assert len(await settled(ask)) == len(well)

    async def test_asked_to_wait_long_it_says_until_when(self, carrier: Carrier, fake: Fake) -> None:
        needs(carrier, "rates")
        self._strike(fake, "rate_limit", "rates", times=None, seconds=120)
        with pytest.raises(CarrierDown) as down:
            await carrier.rates(self.shipment())
        assert 60 <= down.value.why["retry_after_s"] <= 121

    async def test_nobody_is_sent_elsewhere(self, carrier: Carrier, fake: Fake) -> None:
        before = fake.count("labels")
        self._strike(fake, "redirect", "buy", times=None)
        with pytest.raises((CarrierRefused, CarrierDown)):
            await carrier.buy(self.shipment(self.service), a_key())
        assert fake.count("labels") == before

    @pytest.mark.parametrize("fault", ["error_after", "drop_after", "garbage", "repeated"])
    async def test_a_label_whose_giving_back_nobody_confirmed_is_given_back_once(
        self, carrier: Carrier, anew: Carrier, fake: Fake, fault: Fault
    ) -> None:
        needs(carrier, "void")
        before, key = fake.count("labels"), a_key()
        label = await carrier.buy(self.shipment(self.service), a_key())
        self._strike(fake, fault, "void", times=1)
        await settled(lambda: carrier.void(label.label_ref, key))
        await anew.void(label.label_ref, key)
        assert fake.count("labels") == before

    async def test_a_label_for_the_way_back_that_was_given_back_is_in_force_no_more(
        self, carrier: Carrier, anew: Carrier, fake: Fake
    ) -> None:
        needs(carrier, "return_label", "void")
        before, key = fake.count("labels"), a_key()
        back = await carrier.buy(self.way_back(self.service), a_key())
        assert fake.count("labels") == before + 1
        self._strike(fake, "drop_after", "void", times=1)
        await settled(lambda: carrier.void(back.label_ref, key))
        await anew.void(back.label_ref, key)
        assert fake.count("labels") == before

    @pytest.mark.parametrize("fault", ["error_before", "error_after", "drop_after", "garbage", "repeated"])
    async def test_a_manifest_that_nobody_confirmed_is_made_once(
        self, carrier: Carrier, anew: Carrier, fake: Fake, fault: Fault
    ) -> None:
        needs(carrier, "manifest")
        assert isinstance(carrier, Manifests) and isinstance(anew, Manifests)
        ref, key = (await carrier.buy(self.shipment(self.service), a_key())).label_ref, a_key()
        before = fake.count("manifests")
        self._strike(fake, fault, "manifest", times=1)
        made = await settled(lambda: carrier.manifest([ref], key))  # type: ignore[attr-defined]
        assert await anew.manifest([ref], key) == made
        assert fake.count("manifests") == before + 1

    @pytest.mark.parametrize("fault", ["error_before", "error_after", "drop_after", "garbage", "repeated"])
    async def test_a_pickup_that_nobody_confirmed_is_booked_once(
        self, carrier: Carrier, anew: Carrier, fake: Fake, fault: Fault
    ) -> None:
        needs(carrier, "pickup")
        assert isinstance(carrier, Pickups) and isinstance(anew, Pickups)
        asked = self.pickup_asked((await carrier.buy(self.shipment(self.service), a_key())).label_ref)
        before, key = fake.count("pickups"), a_key()
        self._strike(fake, fault, "pickup", times=1)
        booked = await settled(lambda: carrier.pickup(asked, key))  # type: ignore[attr-defined]
        assert await anew.pickup(asked, key) == booked
        assert fake.count("pickups") == before + 1

    @pytest.mark.parametrize("part", PARTS)
    async def test_an_answer_that_comes_without_a_part_is_an_answer(
        self, carrier: Carrier, fake: Fake, part: Part
    ) -> None:
        if part not in self.parts:
            pytest.skip(f"this carrier never tells {part}")
        fake.leave_out(part)
        if "rates" in carrier.can:
            rates = await carrier.rates(self.shipment())
            assert rates
            assert part != "days" or all(rate.days is None for rate in rates)
        label = await carrier.buy(self.shipment(self.service), a_key())
        assert label.tracking_number and label.label_ref
        assert part != "price" or label.cost_minor is None
        assert part != "pdf" or label.pdf is None
        assert part != "last_mile" or label.last_mile_number == ""

    async def test_an_answer_that_comes_with_next_to_nothing_is_still_a_label(
        self, carrier: Carrier, fake: Fake
    ) -> None:
        fake.leave_out(*self.parts)
        label = await carrier.buy(self.shipment(self.service), a_key())
        assert label.tracking_number and label.label_ref and label.service == self.service
