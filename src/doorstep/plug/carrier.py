"""carrier: the socket for whoever moves parcels: ask prices, buy a label once, void it, follow it.

Money is whole minor units, weights are grams, lengths are millimeters, times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, Protocol, runtime_checkable

from msgspec import Struct

from doorstep.kit.refusals import Refusal

# What a carrier may be able to do; it declares which (`Carrier.can`), and refuses the rest as `unsupported`.
Ability = Literal[
    "rates", "buy", "void", "manifest", "pickup", "cancel_pickup", "track", "webhook", "return_label", "pickup_point",
    "insurance",
]  # fmt: skip


class CarrierRefused(Refusal):
    """The carrier said no."""

    # why: reason=a word (unknown_service, already_moving, unsupported, …), detail=the carrier's own text
    status = 422


class CarrierDown(Refusal):
    """The carrier did not answer; whether it acted is unknown, so ask again with the same key."""

    # why: carrier, detail, retry_after_s (None when the carrier named no time)
    status = 503


class Address(Struct, frozen=True, kw_only=True):
    name: str
    line1: str
    city: str
    country: str  # ISO 3166-1 alpha-2
    company: str = ""
    line2: str = ""
    region: str = ""
    postal_code: str = ""
    phone: str = ""
    email: str = ""
    pickup_point: str = ""  # the carrier's own id of a branch or locker; empty = to the door


class Parcel(Struct, frozen=True, kw_only=True):
    """One box of a shipment, as the carrier weighs and measures it. Zero = not measured."""

    weight_g: int
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0


class CustomsItem(Struct, frozen=True, kw_only=True):
    """One line of the declaration; value and weight are of the whole line, not of one unit."""

    description: str
    quantity: int
    value_minor: int
    currency: str
    weight_g: int
    hs_code: str
    origin_country: str
    sku: str = ""


class TaxNumber(Struct, frozen=True, kw_only=True):
    """Under which number somebody is known to customs or a tax office."""

    kind: str  # ioss, eori, vat, ein
    number: str
    country: str = ""  # which gave it, where that is known


class Shipment(Struct, frozen=True, kw_only=True):
    """What a carrier is asked to move: our parcel (or several going together) with all a label needs."""

    ship_from: Address
    ship_to: Address
    parcels: tuple[Parcel, ...]
    reference: str = ""
    service: str = ""  # needed to buy; when asking rates, empty = every service
    customs: tuple[CustomsItem, ...] = ()
    incoterm: str = ""  # DAP or DDP across a border
    filing: str = ""  # the export's, as papers spell it: AES and its ITN; empty = none was filed
    sender_numbers: tuple[TaxNumber, ...] = ()  # with ioss where the tax was paid at the sale
    recipient_number: str = ""  # the recipient's own, where its country asks for one: CPF, PCCC …
    cod_minor: int = 0
    currency: str = ""  # of cod_minor and insured_minor
    insured_minor: int = 0
    signature: bool = False
    contains: tuple[str, ...] = ()  # what not every service takes: battery, liquid, flammable, dangerous
    is_return: bool = False  # the way back: ship_from is the buyer; needs the ability return_label

    @property
    def crosses_border(self) -> bool:
        return self.ship_from.country != self.ship_to.country

    @property
    def weight_g(self) -> int:
        return sum(parcel.weight_g for parcel in self.parcels)


class Rate(Struct, frozen=True, kw_only=True):
    carrier: str
    service: str
    amount_minor: int
    currency: str
    days: int | None = None  # transit days promised; None = the carrier does not say
    why: tuple[str, ...] = ()  # how the price came about, a part a line
    takes: tuple[str, ...] = ()  # of what not every service takes, what this one says that it does


class Label(Struct, frozen=True, kw_only=True):
    """What was bought; all but its number and how the carrier finds it may be told later, or never."""

    carrier: str
    service: str
    tracking_number: str
    label_ref: str  # what the carrier calls it; `void` takes it
    cost_minor: int | None = None  # None = the carrier does not say at purchase, which is not the same as 0
    currency: str = ""
    pdf: bytes | None = None  # None = doorstep prints the label itself
    first_mile_number: str = ""
    last_mile_number: str = ""

    @property
    def numbers(self) -> tuple[str, ...]:
        """Every number that finds this parcel, each once."""
        all_numbers = (self.tracking_number, self.first_mile_number, self.last_mile_number)
        return tuple(dict.fromkeys(number for number in all_numbers if number))


class Proof(Struct, frozen=True, kw_only=True):
    """That it was delivered: who signed, where it was left, and where signature and photo can be seen."""

    signed_by: str = ""
    left_at: str = ""
    signature: str = ""  # a URL, or how the carrier finds it
    photo: str = ""


class TrackEvent(Struct, frozen=True, kw_only=True):
    happened_at: datetime
    code: str = ""  # UPU EMSEVT, such as EMA; empty when the carrier's code has none
    raw_code: str = ""
    state: str = ""  # one of states.DELIVERY_STATES, or states.NEWS; empty = a word that nobody knows
    place: str = ""
    country: str = ""
    message: str = ""
    reason: str = ""  # why it went wrong, one word: absent, unverifiable, customs, …
    party: str = ""  # at whose side the fault lies: carrier, buyer, merchant, customs
    proof: Proof | None = None  # with the event that delivers
    until: date | None = None  # how long it can be picked up
    holder: str = ""  # who had the parcel then; empty = the carrier of the label
    leg: str = ""  # first_mile, line_haul or last_mile; empty = the whole way is one

    @property
    def fingerprint(self) -> str:
        """The same for every repeat of one event, however often and in whatever order it is told."""
        return f"{self.happened_at.isoformat()}|{self.raw_code or self.code}|{self.place}"


class Manifest(Struct, frozen=True, kw_only=True):
    """The list that a driver signs; labels that the carrier left out of `label_refs` are not on it."""

    manifest_ref: str
    label_refs: tuple[str, ...]
    pdf: bytes | None = None  # None = doorstep prints the list itself


class PickupAsked(Struct, frozen=True, kw_only=True):
    """Somebody is to come and fetch so many parcels, between two times of one day."""

    address: Address
    ready_at: datetime
    until: datetime
    label_refs: tuple[str, ...] = ()
    parcels: int = 1
    weight_g: int = 0
    note: str = ""


class Pickup(Struct, frozen=True, kw_only=True):
    pickup_ref: str
    ready_at: datetime | None = None  # when they come, where the carrier says so
    until: datetime | None = None
    cost_minor: int | None = None
    currency: str = ""


class Carrier(Protocol):
    """Every call but `rates` and `track` takes a key: the same key again is the same act, answered alike.

    A key names one act of the whole account, which may serve several merchants: unique over all of them.
    """

    @property
    def code(self) -> str: ...

    @property
    def can(self) -> frozenset[Ability]:
        """What it is able to do; whatever else is asked is CarrierRefused(reason="unsupported")."""

    async def rates(self, shipment: Shipment) -> list[Rate]:
        """Cheapest first; empty when no service goes there."""

    async def buy(self, shipment: Shipment, key: str) -> Label:
        """Buy the label of `shipment.service`."""

    async def void(self, label_ref: str, key: str) -> None:
        """Give the label back; CarrierRefused(reason="already_moving") once the carrier has the parcel."""

    async def track(self, tracking_number: str) -> list[TrackEvent]:
        """All that is known, in no promised order, perhaps with repeats; any number of the label finds it."""


@runtime_checkable
class Manifests(Protocol):
    """A carrier that wants a list of what is handed over (check with isinstance)."""

    async def manifest(self, label_refs: Sequence[str], key: str) -> Manifest: ...


@runtime_checkable
class Pickups(Protocol):
    """A carrier that comes and fetches (check with isinstance)."""

    async def pickup(self, asked: PickupAsked, key: str) -> Pickup: ...


@runtime_checkable
class CancelsPickups(Protocol):
    """A carrier that can be told not to come (check with isinstance)."""

    async def cancel_pickup(self, pickup_ref: str, key: str) -> None:
        """Canceling again changes nothing; CarrierRefused(reason="unknown_pickup") of none of theirs."""


@runtime_checkable
class AsksOnce(Protocol):
    """A carrier that knows no keys and cannot be asked what came of one (check with isinstance).

    Its `buy` answers CarrierDown only when surely nothing was bought, and CarrierRefused(reason="outcome_unknown")
    when nobody knows; it remembers nothing over a restart, so whoever asks notes down that he does.
    """

    @property
    def asks_once(self) -> bool: ...


@runtime_checkable
class TracksMany(Protocol):
    """A carrier that answers for many parcels in one call (check with isinstance)."""

    async def track_many(self, tracking_numbers: Sequence[str]) -> dict[str, list[TrackEvent]]:
        """By the number asked for; numbers that the carrier does not know are left out."""


async def track_all(carrier: Carrier, tracking_numbers: Sequence[str]) -> dict[str, list[TrackEvent]]:
    """Follow many parcels, in one call where the carrier can; nothing of one that tells nothing."""
    if "track" not in carrier.can:
        return {}
    if isinstance(carrier, TracksMany):
        return await carrier.track_many(tracking_numbers)
    found: dict[str, list[TrackEvent]] = {}
    for number in tracking_numbers:
        try:
            found[number] = await carrier.track(number)
        except CarrierRefused:
            continue
    return found


def must_be_able(carrier: Carrier, ability: Ability) -> None:
    """Raises CarrierRefused(reason="unsupported") of what a carrier does not declare, before anybody is asked."""
    if ability not in carrier.can:
        raise CarrierRefused(carrier=carrier.code, reason="unsupported", detail=ability)


def must_be_able_to_take(carrier: Carrier, shipment: Shipment) -> None:
    """Raises CarrierRefused(reason="unsupported") of a shipment that asks for more than the carrier declares."""
    if shipment.is_return:
        must_be_able(carrier, "return_label")
    if shipment.ship_to.pickup_point:
        must_be_able(carrier, "pickup_point")
    if shipment.insured_minor:
        must_be_able(carrier, "insurance")
