"""words: what doorstep means, in Meest's words, and back. Pure: what has to be looked up is handed in.

Fields are called as Meest calls them. Its money has two decimals, its weights are kilograms, its lengths centimeters,
its days those of Kyiv.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, structs

from doorstep.plug import (
    Address,
    CarrierRefused,
    CustomsItem,
    Label,
    Parcel,
    PickupAsked,
    Rate,
    Shipment,
    to_decimal,
    to_minor,
)
from doorstep_meest.addresses import Door
from doorstep_meest.settings import Settings

KYIV = ZoneInfo("Europe/Kyiv")
# To the receiver's door, or to a branch or locker where the receiver fetches it.
DOOR, BRANCH = "door", "branch"
SERVICES = (DOOR, BRANCH)
HOME = "UA"
LONGEST = 100
OURS = "DS-"  # how our numbers begin


# What Meest answers. A number is a number in one answer, and a text in another.
Text = str | int | float


class Info(Struct, frozen=True):
    fieldName: str | None = None
    message: str | None = None
    messageDetails: str | None = None


class Said(Struct, frozen=True):
    """Every answer: with `status` Error, what is wrong is in `info`, or beside it."""

    status: str | None = None
    info: Info | None = None
    fieldName: str | None = None
    message: str | None = None
    messageDetails: str | None = None
    result: Any = None

    @property
    def is_error(self) -> bool:
        return (self.status or "").casefold() == "error"

    @property
    def field(self) -> str:
        return (self.info and self.info.fieldName) or self.fieldName or ""

    @property
    def wants_token(self) -> bool:
        return self.is_error and self.field.casefold() == "token"

    @property
    def complaint(self) -> str:
        """Meest's own text, with the field it is about."""
        info = self.info or Info()
        texts = (info.message, info.messageDetails, self.message, self.messageDetails)
        text = ". ".join(dict.fromkeys(one.strip() for one in texts if one and one.strip()))
        return ": ".join(one for one in (self.field, text) if one)[:500]


class Token(Struct, frozen=True):
    token: str
    refresh_token: str = ""
    expiresIn: int = 86_400


class Price(Struct, frozen=True):
    costServices: Text
    estimatedDeliveryDate: str | None = None


class Made(Struct, frozen=True):
    """A parcel that was made, as the answer to making it tells."""

    parcelID: str
    barCode: str
    costServices: Text | None = None


class Listed(Struct, frozen=True, rename={"cyrillicBarCode": "вarCode"}):
    """A parcel in the list of a day; its bar code's name begins with a Cyrillic letter."""

    parcelID: str
    parcelNumber: str | None = None
    cyrillicBarCode: str | None = None
    barCode: str | None = None
    registerID: str | None = None
    registerType: str | None = None

    @property
    def number(self) -> str:
        return self.cyrillicBarCode or self.barCode or self.parcelNumber or ""


class Told(Struct, frozen=True):
    """Of a parcel that was made before, what says whether it is the same one."""

    parcelNumber: str | None = None
    notation: str | None = None
    COD: Text | None = None
    weight: Text | None = None
    receiver: Mapping[str, Any] | None = None


class Register(Struct, frozen=True):
    registerID: str
    registerNumber: str | None = None
    pickUpDate: str | None = None
    Not_added_to_registry: Sequence[str] | None = None


# What Meest is told


class Sender(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of `branchID`, or `addressID` and `building`, the one that does not apply is empty."""

    name: str
    phone: str
    branchID: str
    addressID: str
    building: str
    service: Literal["Door", "Branch"]
    flat: str = ""
    zipCode: str = ""
    countryId: str = ""
    cityDescr: str = ""


class Receiver(Sender, frozen=True, kw_only=True, omit_defaults=True):
    """Abroad, the address goes in words."""

    regionDescr: str = ""
    addressDescr: str = ""


class Box(Struct, frozen=True, kw_only=True, omit_defaults=True):
    quantity: int
    weight: float
    volume: float
    insurance: float
    length: int = 0
    width: int = 0
    height: int = 0


class Place(Box, frozen=True, kw_only=True, omit_defaults=True):
    """Of a parcel that is made: of one place alone, what all such places are together too."""

    placeWeight: float
    placeVolume: float


class Content(Struct, frozen=True, kw_only=True, omit_defaults=True):
    contentName: str
    quantity: int
    weight: float
    value: float
    customsCode: str = ""
    country: str = ""


class Condition(Struct, frozen=True):
    conditionID: str


class NewParcel(Struct, frozen=True, kw_only=True):
    parcelNumber: str
    notation: str
    contractID: str
    payType: Literal["noncash", "cash"]
    receiverPay: bool
    COD: float
    weight: float
    sendingDate: str
    sender: Sender
    receiver: Receiver
    placesItems: tuple[Place, ...]
    contentsItems: tuple[Content, ...]
    specConditionsItems: tuple[Condition, ...] = ()


class End(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One end of the way, when a price is asked."""

    branchID: str
    cityID: str
    service: Literal["Door", "Branch"]
    countryID: str = ""


class Asked(Struct, frozen=True, kw_only=True):
    sendingDate: str
    contractID: str
    COD: float
    sender: End
    receiver: End
    placesItems: tuple[Box, ...]
    specConditionsItems: tuple[Condition, ...] = ()


class ParcelID(Struct, frozen=True):
    parcelID: str


class NewRegister(Struct, frozen=True, kw_only=True):
    """What is handed in at a branch."""

    notation: str
    contractID: str
    parcelsItems: tuple[ParcelID, ...]


class When(Struct, frozen=True, kw_only=True):
    date: str
    timeFrom: str
    timeTo: str


class Fetched(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the courier comes."""

    name: str
    phone: str
    addressID: str
    building: str
    flat: str = ""


class NewPickup(Struct, frozen=True, kw_only=True):
    """What is handed to a courier who is called."""

    notation: str
    contractID: str
    payType: Literal["noncash", "cash"]
    receiverPay: bool
    expectedPickUpDate: When
    sender: Fetched
    parcelsItems: tuple[ParcelID, ...]


class Ends(NamedTuple):
    """Where it starts and where it goes, as Meest knows these places."""

    sender: Spot
    receiver: Spot


class Spot(NamedTuple):
    country_id: str = ""
    city_id: str = ""
    street_id: str = ""
    branch_id: str = ""
    door: Door = Door("", "", "")


# A label's reference


class Ref(NamedTuple):
    """How a label is found again: Meest's id of the parcel, its bar code, and the day in whose list it stands."""

    parcel_id: str
    number: str = ""
    day: date | None = None

    def __str__(self) -> str:
        return ":".join((self.parcel_id, self.number, self.day.isoformat() if self.day else ""))

    @classmethod
    def read(cls, label_ref: str) -> Ref:
        parcel_id, _, rest = label_ref.partition(":")
        number, _, day = rest.rpartition(":")
        try:
            return cls(parcel_id, number, date.fromisoformat(day))
        except ValueError:
            return cls(parcel_id, number or rest)


def parcel_number(key: str) -> str:
    """Our own number of the parcel: the same for the same key, and by it the parcel is found again."""
    return OURS + base64.b32encode(hashlib.sha256(key.encode("utf-8", "replace")).digest())[:12].decode()


def is_ours(number: str | None) -> bool:
    return bool(number) and str(number).startswith(OURS)


# Ours to theirs


def new_parcel(shipment: Shipment, number: str, ends: Ends, settings: Settings, today: date) -> NewParcel:
    return NewParcel(
        parcelNumber=number,
        notation=plain(shipment.reference),
        contractID=settings.contract_id,
        payType=settings.pay_by,
        receiverPay=settings.payer == "receiver",
        COD=_cash(shipment.cod_minor, shipment.currency, settings.currency),
        weight=_kg(shipment.weight_g),
        sendingDate=day_spelled(today),
        sender=_sender(shipment.ship_from, ends.sender, settings),
        receiver=_receiver(shipment.ship_to, ends.receiver),
        placesItems=tuple(map(_place, _boxes(shipment, settings))),
        contentsItems=_contents(shipment, settings),
        specConditionsItems=_conditions(shipment, settings),
    )


def price_asked(shipment: Shipment, ends: Ends, settings: Settings, today: date) -> Asked:
    abroad = shipment.ship_to.country != HOME
    return Asked(
        sendingDate=day_spelled(today),
        contractID=settings.contract_id,
        COD=_cash(shipment.cod_minor, shipment.currency, settings.currency),
        sender=_end(ends.sender, ""),
        receiver=_end(ends.receiver, ends.receiver.country_id if abroad else ""),
        placesItems=_boxes(shipment, settings),
        specConditionsItems=_conditions(shipment, settings),
    )


def new_register(refs: Sequence[Ref], settings: Settings, note: str) -> NewRegister:
    return NewRegister(notation=note, contractID=settings.contract_id, parcelsItems=_parcel_ids(refs))


def new_pickup(asked: PickupAsked, refs: Sequence[Ref], spot: Spot, settings: Settings) -> NewPickup:
    ready, until = asked.ready_at.astimezone(KYIV), asked.until.astimezone(KYIV)
    return NewPickup(
        notation=plain(asked.note),
        contractID=settings.contract_id,
        payType=settings.pay_by,
        receiverPay=settings.payer == "receiver",
        expectedPickUpDate=When(
            date=day_spelled(ready.date()), timeFrom=f"{ready:%H:%M}",
            timeTo=f"{until:%H:%M}" if until.date() == ready.date() else "23:59",
        ),
        sender=Fetched(
            name=_named(asked.address), phone=_phone(asked.address, settings.sender_phone),
            addressID=spot.street_id, building=spot.door.building, flat=spot.door.flat,
        ),
        parcelsItems=_parcel_ids(refs),
    )  # fmt: skip


def services_of(shipment: Shipment) -> tuple[str, ...]:
    """The service that goes where this goes, unless another one is asked for."""
    goes = BRANCH if shipment.ship_to.pickup_point else DOOR
    return (goes,) if shipment.service in ("", goes) else ()


def must_be_sendable(shipment: Shipment, settings: Settings) -> None:
    """Raises CarrierRefused of what Meest need not be asked about."""
    if shipment.is_return:
        raise CarrierRefused(reason="unsupported", detail="return_label")
    if shipment.service not in SERVICES:
        raise CarrierRefused(reason="unknown_service", detail=shipment.service)
    if shipment.service == BRANCH and not shipment.ship_to.pickup_point:
        raise CarrierRefused(reason="pickup_point_missing", detail="a branch or locker was not chosen")
    if shipment.service == DOOR and shipment.ship_to.pickup_point:
        raise CarrierRefused(reason="unknown_service", detail="it goes to a branch, not to a door")
    must_be_priceable(shipment, settings)
    if shipment.crosses_border:
        _must_be_declared(shipment)


def must_be_priceable(shipment: Shipment, settings: Settings) -> None:
    if not shipment.parcels or any(parcel.weight_g <= 0 for parcel in shipment.parcels):
        raise CarrierRefused(reason="weight_missing", detail="every parcel needs its weight")
    if shipment.signature and not settings.signature_condition:
        raise CarrierRefused(reason="unsupported", detail="signature: no extra service of this account brings one")


def _must_be_declared(shipment: Shipment) -> None:
    if not shipment.customs:
        raise CarrierRefused(reason="customs_incomplete", detail="nothing is declared")
    for number, item in enumerate(shipment.customs, 1):
        wanting = [
            name
            for name, there in (
                ("description", plain(item.description)), ("hs_code", len(_digits(item.hs_code)) >= 6),
                ("origin_country", len(item.origin_country) == 2), ("quantity", item.quantity > 0),
                ("weight_g", item.weight_g > 0), ("value_minor", item.value_minor > 0),
            )
            if not there
        ]  # fmt: skip
        if wanting:
            raise CarrierRefused(reason="customs_incomplete", detail=f"item {number}: {', '.join(wanting)}")


def _sender(address: Address, spot: Spot, settings: Settings) -> Sender:
    return Sender(
        name=_named(address), phone=_phone(address, settings.sender_phone), branchID=spot.branch_id,
        addressID=spot.street_id, building=spot.door.building, flat=spot.door.flat,
        service="Branch" if spot.branch_id else "Door", zipCode=plain(address.postal_code),
        countryId=spot.country_id, cityDescr=plain(address.city),
    )  # fmt: skip


def _receiver(address: Address, spot: Spot) -> Receiver:
    in_words = address.country != HOME
    if in_words and not spot.branch_id and not (plain(address.city) and plain(address.line1)):
        raise CarrierRefused(reason="address_incomplete", detail="abroad it needs a city and a street, in words")
    return Receiver(
        name=_named(address), phone=_phone(address), branchID=spot.branch_id,
        addressID=spot.street_id, building=spot.door.building, flat=spot.door.flat,
        service="Branch" if spot.branch_id else "Door", zipCode=plain(address.postal_code),
        countryId=spot.country_id, cityDescr=plain(address.city),
        regionDescr=plain(address.region) if in_words else "",
        addressDescr=plain(f"{address.line1} {address.line2}") if in_words else "",
    )  # fmt: skip


def _end(spot: Spot, country_id: str) -> End:
    return End(
        branchID=spot.branch_id, cityID="" if spot.branch_id else spot.city_id,
        service="Branch" if spot.branch_id else "Door", countryID=country_id,
    )  # fmt: skip


def _boxes(shipment: Shipment, settings: Settings) -> tuple[Box, ...]:
    """The insured amount lies on the first one: all of them are one shipment."""
    insured = _cash(shipment.insured_minor, shipment.currency, settings.currency)
    return tuple(_box(parcel, 0.0 if number else insured) for number, parcel in enumerate(shipment.parcels))


def _box(parcel: Parcel, insured: float) -> Box:
    volume = parcel.length_mm * parcel.width_mm * parcel.height_mm / 1e9
    return Box(
        quantity=1, weight=_kg(parcel.weight_g), volume=round(volume, 3), insurance=insured,
        length=_cm(parcel.length_mm), width=_cm(parcel.width_mm), height=_cm(parcel.height_mm),
    )  # fmt: skip


def _place(box: Box) -> Place:
    return Place(**structs.asdict(box), placeWeight=box.weight, placeVolume=box.volume)


def _contents(shipment: Shipment, settings: Settings) -> tuple[Content, ...]:
    if shipment.customs:
        return tuple(_content(item, settings) for item in shipment.customs)
    worth = _cash(shipment.insured_minor or shipment.cod_minor, shipment.currency, settings.currency)
    return (Content(contentName=settings.contents, quantity=1, weight=_kg(shipment.weight_g), value=worth),)


def _content(item: CustomsItem, settings: Settings) -> Content:
    return Content(
        contentName=plain(item.description), quantity=item.quantity, weight=_kg(item.weight_g),
        value=_cash(item.value_minor, item.currency, settings.declares_in), customsCode=_digits(item.hs_code),
        country=item.origin_country,
    )  # fmt: skip


def _conditions(shipment: Shipment, settings: Settings) -> tuple[Condition, ...]:
    signed = (settings.signature_condition,) if shipment.signature and settings.signature_condition else ()
    return tuple(Condition(one) for one in dict.fromkeys((*settings.condition_ids, *signed)))


def _parcel_ids(refs: Sequence[Ref]) -> tuple[ParcelID, ...]:
    return tuple(ParcelID(ref.parcel_id) for ref in refs)


def _named(address: Address) -> str:
    name, company = plain(address.name), plain(address.company)
    named = ", ".join(dict.fromkeys(one for one in (name, company) if one))[:LONGEST].strip()
    if not named:
        raise CarrierRefused(reason="address_incomplete", detail="nobody's name")
    return named


def _phone(address: Address, otherwise: str = "") -> str:
    phone = plain(address.phone) or otherwise
    if not phone:
        raise CarrierRefused(reason="phone_missing", detail=f"Meest calls {_named(address)}")
    return phone


def _cash(minor: int, currency: str, wanted: str) -> float:
    """An amount as Meest writes it; it does not say in which currency, so there is one only."""
    if minor and currency != wanted:
        raise CarrierRefused(reason="currency", detail=f"{currency}: this account is told amounts in {wanted}")
    return float(to_decimal(minor, wanted))


def _kg(grams: int) -> float:
    return grams / 1000


def _cm(millimeters: int) -> int:
    """A started centimeter is a whole one."""
    return -(-millimeters // 10)


def _digits(code: str) -> str:
    return "".join(letter for letter in code if letter.isdigit())


def plain(text: str) -> str:
    """On one line, without what cannot be printed or sent."""
    printable = (" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text)
    return " ".join("".join(printable).split())[:250]


# Theirs to ours


def label(made: Made, service: str, code: str, day: date, settings: Settings, pdf: bytes | None) -> Label:
    return Label(
        carrier=code, service=service, tracking_number=made.barCode,
        label_ref=str(Ref(made.parcelID, made.barCode, day)), pdf=pdf,
        cost_minor=amount(made.costServices, settings.currency) if made.costServices is not None else None,
        currency=settings.currency if made.costServices is not None else "",
    )  # fmt: skip


def rate(price: Price, service: str, code: str, today: date, settings: Settings) -> Rate:
    arrives = day_read(price.estimatedDeliveryDate)
    return Rate(
        carrier=code, service=service, amount_minor=amount(price.costServices, settings.currency),
        currency=settings.currency, days=max(0, (arrives - today).days) if arrives else None,
    )  # fmt: skip


def amount(said: Text, currency: str) -> int:
    return to_minor(str(said).strip().replace(",", "."), currency)


def is_the_same(told: Told, shipment: Shipment) -> bool:
    """Whether the parcel of our number that Meest knows is the one wanted now; what it does not tell, agrees."""
    receiver = told.receiver or {}
    cash = to_decimal(shipment.cod_minor, shipment.currency) if shipment.cod_minor else Decimal(0)
    return (
        _letters(told.notation) in ("", _letters(plain(shipment.reference)))
        and _letters(receiver.get("name")) in ("", _letters(_named(shipment.ship_to)))
        and _number(told.COD) in (None, cash)
        and _number(told.weight) in (None, _number(_kg(shipment.weight_g)))
    )


def _letters(said: Any) -> str:
    """However it was spaced and written."""
    return "".join(letter for letter in str(said or "").casefold() if letter.isalnum())


def _number(said: Text | None) -> Decimal | None:
    try:
        return Decimal(str(said).strip().replace(",", "."))
    except InvalidOperation:
        return None


def taken(register: Register, refs: Sequence[Ref]) -> list[Ref]:
    """The parcels on the register: of those that it would not take it names the numbers, in a sentence each."""
    said = " ".join(register.Not_added_to_registry or ())
    return [ref for ref in refs if not (ref.number and ref.number in said) and ref.parcel_id not in said]


def day_spelled(day: date) -> str:
    return f"{day:%d.%m.%Y}"


def day_read(said: str | None) -> date | None:
    try:
        return datetime.strptime((said or "").strip(), "%d.%m.%Y").date()
    except ValueError:
        return None


def moment_on(day: date, at: datetime) -> datetime:
    """That day at the time of day of another moment, both Kyiv's."""
    local = at.astimezone(KYIV)
    return datetime.combine(day, time(local.hour, local.minute), KYIV).astimezone(at.tzinfo)


# How a no is called


REASONS: Mapping[str, str] = {
    "token": "unauthorized", "username": "unauthorized", "password": "unauthorized", "refreshtoken": "unauthorized",
    "contractid": "unknown_contract", "parcelid": "unknown_label", "registerid": "unknown_register",
    "tracknumber": "unknown_number", "barcode": "unknown_number", "parcelnumber": "unknown_number",
    "branchid": "unknown_pickup_point", "cityid": "address_unknown", "addressid": "address_unknown",
    "building": "address_incomplete", "phone": "phone_missing", "name": "address_incomplete", "cod": "cod_refused",
    "weight": "weight_refused", "placeweight": "weight_refused", "contentsitems": "customs_incomplete",
    "customscode": "customs_incomplete", "contentname": "customs_incomplete", "expectedpickupdate": "bad_time",
}  # fmt: skip
BY_STATUS: Mapping[int, str] = {401: "unauthorized", 403: "unauthorized", 404: "not_found", 410: "not_found"}


def reason_of(said: Said, status: int = 0) -> str:
    """One word for it: by the field that Meest names (of a path, the end that says something), else by the status."""
    fields = reversed(re.split(r"[\W_]+", said.field.casefold()))
    return next((REASONS[field] for field in fields if field in REASONS), BY_STATUS.get(status, "refused"))


def said_in(content: bytes) -> Said:
    """An answer that is no page and perhaps no JSON either."""
    try:
        return msgspec.json.decode(content, type=Said)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return Said(message=content[:200].decode("utf-8", "replace"))
