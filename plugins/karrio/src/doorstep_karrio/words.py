"""words: doorstep's parcels as Karrio has them, and Karrio's answers in doorstep's words. Pure: no I/O, no Karrio.

Karrio takes and gives plain dicts; each connector spells them as its carrier does. Grams are told as kilograms and
millimeters as centimeters, which is exact; a connector that needs pounds and inches turns them itself.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Collection, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from doorstep.plug import Address, CarrierRefused, CustomsItem, Label, Rate, Refusal, Shipment, to_decimal, to_minor
from doorstep_karrio.exchange import Exchange

# Of these two it is known that a purchase is sent by the thread that asked, so that what came of it is known.
PROVEN = frozenset({"ups", "fedex"})
# Options that a connector takes though it does not list them.
UNLISTED: dict[str, frozenset[str]] = {"ups": frozenset({"signature_confirmation"})}
CENT = Decimal("0.01")


def must_fit(shipment: Shipment) -> None:
    """Raises CarrierRefused of what would be asked in vain."""
    if len(shipment.parcels) != 1:
        raise CarrierRefused(reason="several_parcels", detail="one parcel at a time")
    if shipment.weight_g <= 0:
        raise CarrierRefused(reason="weight_missing")
    if shipment.ship_to.pickup_point:  # its connectors have no word for one, and would leave it out silently
        raise CarrierRefused(reason="unsupported", detail="pickup_point")
    if shipment.crosses_border and not shipment.customs:
        raise CarrierRefused(reason="customs_incomplete", detail="no customs items")
    for number, item in enumerate(shipment.customs if shipment.crosses_border else (), 1):
        wanting = [name for name in ("description", "hs_code", "origin_country") if not getattr(item, name).strip()]
        wanting += [name for name in ("quantity", "value_minor", "weight_g") if getattr(item, name) <= 0]
        if wanting:
            raise CarrierRefused(reason="customs_incomplete", detail=f"item {number}: {', '.join(wanting)}")


def rates_asked(shipment: Shipment, signer: str, services: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "shipper": _address(shipment.ship_from),
        "recipient": _recipient(shipment),
        "parcels": [_parcel(shipment)],
        "services": list(services),
        "options": {"currency": shipment.currency} if shipment.currency else {},
        "reference": shipment.reference,
        **_customs(shipment, signer),
    }


def label_asked(shipment: Shipment, signer: str, options: Collection[str]) -> dict[str, Any]:
    return {
        "service": shipment.service,
        "shipper": _address(shipment.ship_from),
        "recipient": _recipient(shipment),
        "parcels": [_parcel(shipment)],
        "payment": {"paid_by": "sender"},
        "options": _options(shipment, options),
        "reference": shipment.reference,
        "label_type": "PDF",
        **_customs(shipment, signer),
    }


def _options(shipment: Shipment, known: Collection[str]) -> dict[str, Any]:
    """Raises CarrierRefused of a service that the connector has no word for: it would be left out silently."""
    wanted: dict[str, Any] = {}
    if shipment.cod_minor:
        wanted["cash_on_delivery"] = float(to_decimal(shipment.cod_minor, shipment.currency))
    if shipment.insured_minor:
        wanted["insurance"] = float(to_decimal(shipment.insured_minor, shipment.currency))
    if shipment.signature:
        wanted["signature_confirmation"] = True
    if unknown := sorted(set(wanted) - set(known)):
        raise CarrierRefused(reason="unsupported", detail=", ".join(unknown))
    return wanted | ({"currency": shipment.currency} if shipment.currency else {})


def _address(address: Address) -> dict[str, Any]:
    told = {
        "person_name": address.name, "company_name": address.company, "address_line1": address.line1,
        "address_line2": address.line2, "city": address.city, "state_code": address.region,
        "postal_code": address.postal_code, "country_code": address.country, "phone_number": address.phone,
        "email": address.email,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value}


def _recipient(shipment: Shipment) -> dict[str, Any]:
    number = {"federal_tax_id": shipment.recipient_number} if shipment.recipient_number else {}
    return _address(shipment.ship_to) | number


def _parcel(shipment: Shipment) -> dict[str, Any]:
    (box,) = shipment.parcels
    told: dict[str, Any] = {"weight": box.weight_g / 1000, "weight_unit": "KG", "packaging_type": "your_packaging"}
    if box.length_mm and box.width_mm and box.height_mm:
        told |= {
            "length": box.length_mm / 10, "width": box.width_mm / 10, "height": box.height_mm / 10,
            "dimension_unit": "CM",
        }  # fmt: skip
    return told


def _customs(shipment: Shipment, signer: str) -> dict[str, Any]:
    if not shipment.crosses_border:
        return {}
    worth = sum(item.value_minor for item in shipment.customs)
    currency = shipment.customs[0].currency if shipment.customs else shipment.currency
    return {"customs": {
        "commodities": [_commodity(item) for item in shipment.customs],
        "certify": True,
        "signer": signer or shipment.ship_from.name,
        "content_type": "merchandise",
        "content_description": "; ".join(dict.fromkeys(item.description for item in shipment.customs))[:100],
        "incoterm": shipment.incoterm or "DAP",
        "invoice": shipment.reference,
        "commercial_invoice": True,
        "duty": {
            "paid_by": "sender" if shipment.incoterm == "DDP" else "recipient", "currency": currency,
            "declared_value": float(to_decimal(worth, currency)) if currency else 0.0,
        },
        "options": _customs_options(shipment),
    }}  # fmt: skip


# What Karrio calls the sender's numbers.
NUMBERS = {"ioss": "ioss", "eori": "eori_number", "vat": "vat_registration_number"}


def _customs_options(shipment: Shipment) -> dict[str, str]:
    """Of two VAT numbers the one that was told last: that of where the parcel goes."""
    told = {NUMBERS[one.kind]: one.number for one in shipment.sender_numbers if one.kind in NUMBERS}
    return told | ({"aes": shipment.filing.removeprefix("AES ")} if shipment.filing else {})


def _commodity(item: CustomsItem) -> dict[str, Any]:
    """Karrio is told of one unit: a worth that does not divide is rounded half-up to a cent."""
    unit = to_decimal(item.value_minor, item.currency) / item.quantity
    return {
        "title": item.description,
        "description": item.description,
        "quantity": item.quantity,
        "weight": item.weight_g / item.quantity / 1000,
        "weight_unit": "KG",
        "value_amount": float(unit.quantize(CENT, ROUND_HALF_UP)),
        "value_currency": item.currency,
        "hs_code": item.hs_code,
        "origin_country": item.origin_country,
        "sku": item.sku,
    }


# What Karrio answers


def rates_of(told: Sequence[dict[str, Any]], code: str, service: str = "") -> list[Rate]:
    """Cheapest first; without a price or a currency it is no rate."""
    rates = [
        Rate(
            carrier=code, service=one["service"], amount_minor=_minor(one["total_charge"], one["currency"]),
            currency=one["currency"], days=_days(one.get("transit_days")),
        )
        for one in told if one.get("total_charge") and one.get("currency") and service in ("", one.get("service"))
    ]  # fmt: skip
    return sorted(rates, key=lambda rate: (rate.amount_minor, rate.service))


def _minor(amount: float, currency: str) -> int:
    """Karrio rounds to a cent, in a float: spelled, it is that cent again."""
    return to_minor(str(amount), currency)


def _days(told: Any) -> int | None:
    return told if isinstance(told, int) and told >= 0 else None


def label_of(told: dict[str, Any], code: str, service: str) -> Label:
    """It is bought: what cannot be read of it but its number is as if nobody had told it."""
    number = str(told["tracking_number"])
    cost_minor, currency = _price(told)
    return Label(
        carrier=code, service=service, tracking_number=number,
        label_ref=str(told.get("shipment_identifier") or number), cost_minor=cost_minor, currency=currency,
        pdf=_pdf(told),
    )  # fmt: skip


def _price(told: dict[str, Any]) -> tuple[int | None, str]:
    try:
        rate = told["selected_rate"]
        charge, currency = rate["total_charge"], rate["currency"]
        return (_minor(charge, currency), currency) if charge and currency else (None, "")
    except (KeyError, TypeError, ValueError, Refusal):
        return None, ""


def _pdf(told: dict[str, Any]) -> bytes | None:
    try:
        page = b64decode((told.get("docs") or {}).get("label") or "", validate=True)
    except (NotBase64, ValueError, TypeError, AttributeError):
        return None
    return page if page.startswith(b"%PDF-") else None


# What went wrong


Verdict = Literal["no", "idle", "unknown"]
# Said before anything is sent.
NOT_SENT = frozenset({
    "SHIPPING_SDK_FIELD_ERROR", "SHIPPING_SDK_NON_SUPPORTED_ERROR", "SHIPPING_SDK_ORIGIN_NOT_SERVICED_ERROR",
})  # fmt: skip
_REASON_OF_CODE = {
    "SHIPPING_SDK_NON_SUPPORTED_ERROR": "unsupported", "SHIPPING_SDK_ORIGIN_NOT_SERVICED_ERROR": "origin_not_serviced",
}  # fmt: skip
NOT_READY = frozenset({408, 425, 429})
_LOGIN = re.compile(r"/oauth|/token|/auth", re.IGNORECASE)
_ALREADY = re.compile(r"already.{0,40}(void|cancel)|(void|cancel).{0,40}already", re.IGNORECASE)
_NOT_THEIRS = re.compile(r"(not|no|un).{0,20}(found|known|exist|valid)|invalid|no shipment", re.IGNORECASE)
_MOVING = re.compile(
    r"picked up|in transit|tendered|delivered|too late|(time|period).{0,30}(expired|passed|over)", re.I
)


def verdict(connector: str, exchanges: Sequence[Exchange], messages: Sequence[dict[str, Any]]) -> Verdict:
    """A call that brought nothing: a clear no, a question that nobody acted on, or one whose outcome nobody knows."""
    codes = {str(one.get("code")) for one in messages}
    if not exchanges:
        return "no" if connector in PROVEN or (codes and codes <= NOT_SENT) else "unknown"
    last = exchanges[-1]
    is_login = bool(_LOGIN.search(last.url))
    if last.status is None:
        return "idle" if last.is_unheard or is_login else "unknown"
    if last.status in NOT_READY:
        return "idle"
    if last.status >= 500:
        return "idle" if is_login else "unknown"
    if last.status >= 300:
        return "no"
    if is_login:
        return "idle"
    return "no" if codes and not any(code.startswith("SHIPPING_SDK") for code in codes) else "unknown"


def complaint(messages: Sequence[dict[str, Any]]) -> str:
    """What was said, in the carrier's own words."""
    told = (f"{one.get('code') or ''} {_plain(one.get('message'))}".strip() for one in messages)
    return "; ".join(dict.fromkeys(one for one in told if one))[:1000]


def _plain(message: Any) -> str:
    return message if isinstance(message, str) else "" if message is None else str(message)


def reason_of(exchanges: Sequence[Exchange], messages: Sequence[dict[str, Any]]) -> str:
    for one in messages:
        if reason := _REASON_OF_CODE.get(str(one.get("code"))):
            return reason
    status = exchanges[-1].status if exchanges else None
    if status in (401, 403):
        return "unauthorized"
    text = complaint(messages)
    if re.search(r"service", text, re.I) and re.search(
        r"(invalid|unavailable|not (available|valid|supported))", text, re.I
    ):
        return "unknown_service"
    if re.search(r"address|postal|zip|city|state|province", text, re.I):
        return "address_incomplete"
    return "rejected"


def is_void_already(messages: Sequence[dict[str, Any]]) -> bool:
    return bool(_ALREADY.search(complaint(messages)))


def reason_of_void(messages: Sequence[dict[str, Any]], status: int | None) -> str:
    text = complaint(messages)
    if _MOVING.search(text):
        return "already_moving"
    return "unknown_label" if status == 404 or _NOT_THEIRS.search(text) else "void_refused"
