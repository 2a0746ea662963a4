"""asked: what EasyPost is told of a parcel, a scan form, a pickup. Pure: no HTTP."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

from doorstep.plug import Address, CarrierRefused, CustomsItem, PickupAsked, Shipment, TaxNumber, to_decimal
from doorstep_easypost.units import amount, inches, line_ounces, parcel_ounces

Contents = Literal["merchandise", "gift", "documents", "returned_goods", "sample", "other"]

# The exemptions of 15 CFR 30.36 and 30.37(a), as they are written on the papers.
TO_CANADA, OF_LOW_VALUE = "NOEEI 30.36", "NOEEI 30.37(a)"
LOW_VALUE_USD = 2500  # of one tariff code
MOST_NUMBERS = 8
LONGEST_ON_LABEL = 30  # what the narrowest of the carriers prints of a reference


def must_fit(shipment: Shipment) -> None:
    """Raises CarrierRefused of what EasyPost would not take, before it is asked."""
    if len(shipment.parcels) != 1:
        raise CarrierRefused(reason="several_parcels", detail="EasyPost labels one parcel at a time")
    if shipment.weight_g <= 0:
        raise CarrierRefused(reason="weight_missing")
    if shipment.insured_minor and shipment.currency != "USD":
        raise CarrierRefused(reason="insurance_currency", detail="EasyPost insures in USD")
    if shipment.crosses_border:
        _must_be_declared(shipment)


def _must_be_declared(shipment: Shipment) -> None:
    if not shipment.customs:
        raise CarrierRefused(reason="customs_incomplete", detail="no customs items")
    for number, item in enumerate(shipment.customs, 1):
        wanting = [name for name in ("description", "hs_code", "origin_country") if not getattr(item, name).strip()]
        wanting += [name for name in ("quantity", "value_minor", "weight_g") if getattr(item, name) <= 0]
        if wanting:
            raise CarrierRefused(reason="customs_incomplete", detail=f"item {number}: {', '.join(wanting)}")


def shipment_asked(
    shipment: Shipment, key: str = "", *, signer: str = "", contents: Contents = "merchandise",
    accounts: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """The body of `POST /shipments`; `key` is kept as its reference, by which it is found again."""
    # Of a return EasyPost wants the addresses of the way out, and turns them round itself.
    start, end = (
        (shipment.ship_to, shipment.ship_from) if shipment.is_return else (shipment.ship_from, shipment.ship_to)
    )
    told: dict[str, Any] = {
        "from_address": _address(start),
        "to_address": _address(end),
        "parcel": _parcel(shipment),
        "options": _options(shipment),
        "is_return": shipment.is_return,
    }
    if key:
        told["reference"] = key
    if accounts:
        told["carrier_accounts"] = list(accounts)
    if shipment.crosses_border:
        told["customs_info"] = _customs(shipment, signer, contents)
    if shipment.crosses_border and not shipment.is_return:
        told["to_address"] |= {"federal_tax_id": shipment.recipient_number} if shipment.recipient_number else {}
        told["tax_identifiers"] = [_identifier(number) for number in shipment.sender_numbers[:MOST_NUMBERS]]
    return {"shipment": told}


def _identifier(number: TaxNumber) -> dict[str, str]:
    told = {"entity": "SENDER", "tax_id": number.number, "tax_id_type": number.kind.upper()}
    return told | ({"issuing_country": number.country} if number.country else {})


def _address(address: Address) -> dict[str, str]:
    told = {
        "name": address.name, "company": address.company, "street1": address.line1, "street2": address.line2,
        "city": address.city, "state": address.region, "zip": address.postal_code, "country": address.country,
        "phone": address.phone, "email": address.email, "carrier_facility": address.pickup_point,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value}


def _parcel(shipment: Shipment) -> dict[str, float]:
    (box,) = shipment.parcels
    told = {"weight": parcel_ounces(box.weight_g)}
    if box.length_mm and box.width_mm and box.height_mm:
        told |= {
            "length": inches(box.length_mm), "width": inches(box.width_mm), "height": inches(box.height_mm),
        }  # fmt: skip
    return told


def _options(shipment: Shipment) -> dict[str, Any]:
    told: dict[str, Any] = {"label_format": "PDF", "label_size": "4x6"}
    if shipment.reference:
        told["print_custom_1"] = on_label(shipment)
    if shipment.incoterm:
        told["incoterm"] = shipment.incoterm
    if shipment.signature:
        told["delivery_confirmation"] = "SIGNATURE"
    if shipment.cod_minor:
        told |= {
            "cod_amount": amount(shipment.cod_minor, shipment.currency), "cod_method": "CASH",
            "currency": shipment.currency,
        }  # fmt: skip
    return told


def on_label(shipment: Shipment) -> str:
    return shipment.reference[:LONGEST_ON_LABEL]


def _customs(shipment: Shipment, signer: str, contents: Contents) -> dict[str, Any]:
    told: dict[str, Any] = {
        "customs_certify": True,
        "customs_signer": signer or shipment.ship_from.name,
        "contents_type": "returned_goods" if shipment.is_return else contents,
        "contents_explanation": "; ".join(dict.fromkeys(item.description for item in shipment.customs))[:255],
        "restriction_type": "none",
        "non_delivery_option": "return",
        "customs_items": [_item(item) for item in shipment.customs],
    }
    if shipment.ship_from.country == "US":
        told["eel_pfc"] = export_statement(shipment)
    return told


def _item(item: CustomsItem) -> dict[str, Any]:
    return {
        "description": item.description,
        "quantity": item.quantity,
        "value": float(to_decimal(item.value_minor, item.currency)),
        "weight": line_ounces(item.weight_g),
        "hs_tariff_number": digits_of(item.hs_code),
        "origin_country": item.origin_country,
        "currency": item.currency,
        "code": item.sku,
    }


def digits_of(hs_code: str) -> str:
    return re.sub(r"\D", "", hs_code)


def export_statement(shipment: Shipment) -> str:
    """The number of the filing (EEL/PFC); else the exemption. Raises CarrierRefused where it must be filed first.

    What is worth too much is seen here in USD only: whether an order in another currency is filed is asked when it is
    processed, where the rates of exchange are.
    """
    if shipment.filing:
        return shipment.filing
    if shipment.ship_to.country == "CA":
        return TO_CANADA
    worth: defaultdict[str, int] = defaultdict(int)
    for item in shipment.customs:
        worth[digits_of(item.hs_code)] += item.value_minor if item.currency == "USD" else 0
    if dear := sorted(code for code, minor in worth.items() if minor > LOW_VALUE_USD * 100):
        detail = f"worth more than {LOW_VALUE_USD} USD under {', '.join(dear)}: file the export and keep its ITN first"
        raise CarrierRefused(reason="filing_missing", detail=detail)
    return OF_LOW_VALUE


def purchase_asked(shipment: Shipment, rate_id: str) -> dict[str, Any]:
    told: dict[str, Any] = {"rate": {"id": rate_id}}
    if shipment.insured_minor:
        told["insurance"] = amount(shipment.insured_minor, shipment.currency)
    return told


def scan_form_asked(label_refs: Sequence[str]) -> dict[str, Any]:
    return {"shipments": [{"id": ref} for ref in label_refs]}


def batch_asked(label_refs: Sequence[str], key: str) -> dict[str, Any]:
    return {"batch": {"reference": key, "shipments": [{"id": ref} for ref in label_refs]}}


def pickup_asked(asked: PickupAsked, key: str, batch: str = "") -> dict[str, Any]:
    """Of one parcel, or of a batch of several."""
    told: dict[str, Any] = {
        "reference": key,
        "address": _address(asked.address),
        "min_datetime": asked.ready_at.isoformat(),
        "max_datetime": asked.until.isoformat(),
        "instructions": asked.note,
        "is_account_address": False,
    }
    told |= {"batch": {"id": batch}} if batch else {"shipment": {"id": asked.label_refs[0]}}
    return {"pickup": told}
