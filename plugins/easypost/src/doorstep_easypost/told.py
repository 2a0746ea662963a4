"""told: what EasyPost answers, in our words: prices, a label, a scan form, a pickup, and why it said no. Pure: no HTTP.

Of each object only what is read is named; whatever may be missing may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from doorstep.plug import NotReadable, Rate, Refusal, Shipment, to_minor
from doorstep_easypost.asked import on_label
from doorstep_easypost.units import inches, parcel_ounces


class ToldRate(Struct, frozen=True):
    id: str
    carrier: str
    service: str
    rate: str
    currency: str = "USD"
    delivery_days: int | None = None
    est_delivery_days: int | None = None

    @property
    def name(self) -> str:
        """How doorstep calls the service: EasyPost's carrier and its service."""
        return f"{self.carrier} {self.service}"

    @property
    def amount_minor(self) -> int:
        return minor(self.rate, self.currency)


class Message(Struct, frozen=True):
    carrier: str | None = None
    message: Any = None  # as the carrier spelled it


class PostageLabel(Struct, frozen=True):
    label_url: str | None = None
    label_pdf_url: str | None = None
    label_file_type: str | None = None

    @property
    def pdf_url(self) -> str:
        is_pdf = self.label_file_type == "application/pdf"
        return self.label_pdf_url or (self.label_url if is_pdf else "") or ""


class ToldParcel(Struct, frozen=True):
    weight: float | None = None
    length: float | None = None
    width: float | None = None
    height: float | None = None


class ToldAddress(Struct, frozen=True):
    country: str | None = None
    zip: str | None = None


class ToldScanForm(Struct, frozen=True):
    id: str
    status: str | None = None
    message: str | None = None
    tracking_codes: list[str] | None = None
    form_url: str | None = None


class ToldTracker(Struct, frozen=True):
    status: str | None = None


class ToldShipment(Struct, frozen=True):
    id: str
    created_at: datetime | None = None
    reference: str | None = None
    is_return: bool | None = None
    options: dict[str, Any] | None = None
    from_address: ToldAddress | None = None
    to_address: ToldAddress | None = None
    parcel: ToldParcel | None = None
    rates: list[ToldRate] | None = None
    messages: list[Message] | None = None
    selected_rate: ToldRate | None = None
    postage_label: PostageLabel | None = None
    tracking_code: str | None = None
    tracker: ToldTracker | None = None
    refund_status: str | None = None
    scan_form: ToldScanForm | None = None

    @property
    def is_bought(self) -> bool:
        return bool(self.tracking_code)


class Shipments(Struct, frozen=True):
    shipments: list[ToldShipment]
    has_more: bool = False


class Rates(Struct, frozen=True):
    rates: list[ToldRate]


class Batch(Struct, frozen=True):
    id: str


class Trackers(Struct, frozen=True):
    trackers: list[Any]  # read by the words that webhooks are read by
    has_more: bool = False


class PickupRate(Struct, frozen=True):
    carrier: str
    service: str
    rate: str
    currency: str = "USD"


class ToldPickup(Struct, frozen=True):
    id: str
    status: str | None = None
    min_datetime: datetime | None = None
    max_datetime: datetime | None = None
    pickup_rates: list[PickupRate] | None = None
    messages: list[Message] | None = None

    @property
    def cheapest(self) -> PickupRate | None:
        return min(self.pickup_rates or [], key=lambda rate: minor(rate.rate, rate.currency), default=None)


class Error(Struct, frozen=True):
    code: str = ""
    message: Any = ""  # a sentence, or a list of them
    errors: list[Any] | None = None  # {field, message}, or sentences

    @property
    def detail(self) -> str:
        parts = [_sentence(self.message), *(_sentence(one) for one in self.errors or [])]
        return "; ".join(dict.fromkeys(part for part in parts if part))[:1000]


class Errors(Struct, frozen=True):
    error: Error


def minor(amount: str, currency: str) -> int:
    """Exact where it is exact; a fraction of a minor unit, which nobody can pay, is rounded half-up."""
    try:
        return to_minor(amount, currency)
    except Refusal as odd:
        raise NotReadable(f"{amount[:40]!r} {currency[:10]!r} is no money") from odd


def rates_of(shipment: ToldShipment, code: str, service: str = "") -> list[Rate]:
    """Cheapest first; of one service of several accounts the cheapest."""
    best = cheapest_of_each(shipment.rates or [])
    told = [
        Rate(
            carrier=code, service=rate.name, amount_minor=rate.amount_minor, currency=rate.currency,
            days=_days(rate.delivery_days, rate.est_delivery_days),
        )
        for rate in best.values() if service in ("", rate.name)
    ]  # fmt: skip
    return sorted(told, key=lambda rate: (rate.amount_minor, rate.service))


def _days(*told: int | None) -> int | None:
    return next((days for days in told if days is not None and days >= 0), None)


def cheapest_of_each(rates: Iterable[ToldRate]) -> dict[str, ToldRate]:
    best: dict[str, ToldRate] = {}
    for rate in rates:
        if rate.name not in best or rate.amount_minor < best[rate.name].amount_minor:
            best[rate.name] = rate
    return best


def said_by_carriers(messages: Sequence[Message] | None) -> str:
    """Why carriers told no price, in their own words."""
    told = (f"{one.carrier or ''}: {_sentence(one.message)}".strip(": ") for one in messages or [])
    return "; ".join(dict.fromkeys(one for one in told if one))[:1000]


def differs(kept: ToldShipment, asked: Shipment) -> str:
    """What of a shipment kept under a key is not as it is asked now; '' where all that can be compared is the same.

    Addresses are compared by country alone: EasyPost spells the rest as the post does.
    """
    start, end = (asked.ship_to, asked.ship_from) if asked.is_return else (asked.ship_from, asked.ship_to)
    countries = {_country(kept.from_address), _country(kept.to_address)} - {""}
    (box,) = asked.parcels
    weight = kept.parcel.weight if kept.parcel else None
    length = kept.parcel.length if kept.parcel else None
    wrong = {
        "reference": str((kept.options or {}).get("print_custom_1") or "") != on_label(asked),
        "is_return": kept.is_return is not None and kept.is_return != asked.is_return,
        "country": not countries <= {start.country, end.country},
        "weight": weight is not None and weight != parcel_ounces(box.weight_g),
        "size": bool(length) and bool(box.length_mm) and length != inches(box.length_mm),
        "service": kept.is_bought and kept.selected_rate is not None and kept.selected_rate.name != asked.service,
    }
    return next((name for name, is_wrong in wrong.items() if is_wrong), "")


def _country(address: ToldAddress | None) -> str:
    return (address.country if address else "") or ""


# A refund that was asked for, or that there is nothing to ask for: the carrier bills what it scans.
GIVEN_BACK = frozenset({"submitted", "refunded", "not_applicable"})
NOT_YET_MOVING = frozenset({"", "unknown", "pre_transit", "error"})


def is_moving(shipment: ToldShipment) -> bool:
    return ((shipment.tracker.status if shipment.tracker else "") or "") not in NOT_YET_MOVING


# The outcome is not known, or not yet: asking again tells.
UNSETTLED = frozenset({
    "SHIPMENT.POSTAGE.TIMED_OUT", "SHIPMENT.POSTAGE.NO_RESPONSE", "SHIPMENT.PURCHASE.IN_PROGRESS", "RATE_LIMITED",
    "INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE",
})  # fmt: skip
ALREADY_BOUGHT = "SHIPMENT.POSTAGE.EXISTS"
_REASONS: Mapping[str, str] = {
    "SHIPMENT.CUSTOMS_INFO": "customs_incomplete",
    "CUSTOMS_INFO": "customs_incomplete",
    "CUSTOMS_ITEM": "customs_incomplete",
    "ADDRESS": "address_incomplete",
    "PARCEL": "parcel_unfit",
    "RATE": "unknown_service",
    "SHIPMENT.RATE": "unknown_service",
    "SHIPMENT.RATES": "unknown_service",
    "SHIPMENT.MISSING_RATE": "unknown_service",
    "SHIPMENT.REFUND": "refund_refused",
    "REFUND": "refund_refused",
    "SCAN_FORM.BATCH.MULTIPLE_CARRIERS": "several_carriers",
    "SCAN_FORM": "manifest_refused",
    "PICKUP": "pickup_refused",
    "TRACKER.NOT_FOUND": "unknown_number",
    "INSUFFICIENT_FUNDS": "payment_required",
    "PAYMENT_REQUIRED": "payment_required",
    "APIKEY": "unauthorized",
    "USER.UNAUTHORIZED": "unauthorized",
}
_REASON_OF_STATUS: Mapping[int, str] = {
    401: "unauthorized", 402: "payment_required", 403: "unauthorized", 404: "not_found",
}  # fmt: skip


def error_in(said: bytes) -> Error:
    try:
        return msgspec.json.decode(said, type=Errors).error
    except (msgspec.DecodeError, msgspec.ValidationError):
        return Error(message=said[:200].decode("utf-8", "replace"))


def reason_of(error: Error, status: int = 0) -> str:
    """A word for EasyPost's code: that of the code itself, else of the longest beginning of it that is known."""
    words = error.code.split(".")
    for count in range(len(words), 0, -1):
        if reason := _REASONS.get(".".join(words[:count])):
            return reason
    return _REASON_OF_STATUS.get(status) or error.code.lower() or f"http_{status}"


def _sentence(told: Any) -> str:
    if isinstance(told, dict):
        field, message = told.get("field"), _sentence(told.get("message"))
        return f"{field}: {message}" if field else message
    if isinstance(told, list):
        return ", ".join(filter(None, map(_sentence, told)))
    return str(told).strip() if told is not None else ""
