"""paper_data: the papers of a parcel, filled in from what is recorded: label, customs papers, commercial invoice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from doorstep.journey.shipping import papers
from doorstep.journey.shipping.customs_papers import CustomsPapers, customs_papers
from doorstep.journey.shipping.papers import CommercialInvoice, CustomsDeclaration, CustomsItem, CustomsParty, Label
from doorstep.journey.shipping.shipment import Packed, packed, shipment_of, weight_g
from doorstep.kit.paper import Address, Paper
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.plug.carrier import Address as CarrierAddress
from doorstep.plug.carrier import Shipment
from doorstep.spine.tenant import Tx


class NoSuchPaper(Refusal):
    """This parcel has no such paper."""

    status = 404


async def paper_of(tx: Tx, parcel: str, kind: str, today: date) -> Paper:
    """One paper of the parcel: label, cn22, cn23 or commercial_invoice; refuses NoSuchPaper with what there is."""
    found = await packed(tx, parcel)
    if found is None:
        raise NotFound(parcel=parcel)
    if kind == "label":
        return papers.label(label_of(found))
    needed = needed_papers(found)
    if kind not in needed.papers:
        raise NoSuchPaper(parcel=parcel, asked=kind, papers=["label", *needed.papers], why=needed.why)
    shipment = shipment_of(found)
    if kind == "commercial_invoice":
        return papers.commercial_invoice(_commercial_invoice(found, shipment, today))
    declared = _declaration(found, shipment, today)
    return papers.cn22(declared) if kind == "cn22" else papers.cn23(declared)


def needed_papers(parcel: Packed) -> CustomsPapers:
    """Which customs papers go with it, and why."""
    shipment = shipment_of(parcel)
    return customs_papers(
        shipment.ship_from.country,
        shipment.ship_to.country,
        sum(item.value_minor for item in _customs_items(parcel)),
        parcel.row["currency"],
        from_postcode=shipment.ship_from.postal_code,
        to_postcode=shipment.ship_to.postal_code,
        weight_g=weight_g(parcel),
    )


def label_of(parcel: Packed) -> Label:
    """The label that doorstep prints itself, for a carrier that leaves it to us; refuses NoSuchPaper without one."""
    row, shipment = parcel.row, shipment_of(parcel)
    if row["label_state"] != "bought":
        raise NoSuchPaper(parcel=parcel.name, asked="label", label=row["label_state"])
    handed_over: datetime | None = row["handed_over_at"]
    return Label(
        carrier=row["carrier"],
        service=row["service"],
        tracking_number=row["tracking_number"],
        ship_from=_printed(shipment.ship_from),
        ship_to=_printed(shipment.ship_to),
        weight_g=shipment.weight_g,
        parcel_index=row["parcel_index"],
        parcel_count=row["parcel_count"],
        cod_amount_minor=shipment.cod_minor,
        cod_currency=row["currency"] if shipment.cod_minor else "",
        reference=row["number"],
        shipped_on=handed_over.date() if handed_over else None,
    )


def _declaration(parcel: Packed, shipment: Shipment, today: date) -> CustomsDeclaration:
    numbers = parcel.row["tax_numbers"]
    return CustomsDeclaration(
        sender=_party(shipment.ship_from, numbers),
        recipient=_party(shipment.ship_to, {}),
        items=_customs_items(parcel),
        currency=parcel.row["currency"],
        declared_on=today,
        gross_weight_g=shipment.weight_g,
        tracking_number=parcel.row["tracking_number"],
        ioss=numbers.get("ioss", ""),
        signed_by=parcel.row["merchant_name"],
    )


def _commercial_invoice(parcel: Packed, shipment: Shipment, today: date) -> CommercialInvoice:
    row, numbers = parcel.row, parcel.row["tax_numbers"]
    return CommercialInvoice(
        number=parcel.name,
        issued_on=today,
        seller=_party(shipment.ship_from, numbers),
        consignee=_party(shipment.ship_to, {}),
        items=_customs_items(parcel),
        currency=row["currency"],
        incoterm=shipment.incoterm,
        incoterm_place=shipment.ship_to.city,
        order_number=row["number"],
        carrier=row["carrier"],
        tracking_number=row["tracking_number"],
        gross_weight_g=shipment.weight_g,
        ioss=numbers.get("ioss", ""),
        signed_by=row["merchant_name"],
    )


def _customs_items(parcel: Packed) -> tuple[CustomsItem, ...]:
    """As declared to the carrier, so that its data and our papers say the same."""
    declared = shipment_of(parcel).customs
    return tuple(
        CustomsItem(
            description=item.description,
            quantity=item.quantity,
            net_weight_g=item.weight_g,
            value_minor=item.value_minor,
            hs_code=item.hs_code,
            origin=item.origin_country,
            unit_price=line["unit_price"],
            sku=item.sku,
        )
        for item, line in zip(declared, parcel.goods, strict=False)
    )


def _party(address: CarrierAddress, numbers: Mapping[str, Any]) -> CustomsParty:
    return CustomsParty(
        address=_printed(address), eori=str(numbers.get("eori", "")), vat_number=str(numbers.get("vat", ""))
    )


def _printed(address: CarrierAddress) -> Address:
    return Address(
        name=address.name, company=address.company, line1=address.line1, line2=address.line2, city=address.city,
        region=address.region, postcode=address.postal_code, country=address.country, phone=address.phone,
        email=address.email,
    )  # fmt: skip
