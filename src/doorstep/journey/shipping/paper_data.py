"""paper_data: the papers of a parcel, filled in from what is recorded: label, customs papers, invoice, packing list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from doorstep.journey.shipping import papers
from doorstep.journey.shipping.customs_papers import CustomsPapers, customs_papers, sdr_rate
from doorstep.journey.shipping.form_words import POSTAL, language_of
from doorstep.journey.shipping.papers import (
    CommercialInvoice,
    CustomsDeclaration,
    CustomsItem,
    CustomsParty,
    Label,
    PackingList,
)
from doorstep.journey.shipping.shipment import Packed, incoterm, packed, shipment_of, weight_g
from doorstep.journey.shipping.statements import ioss_number, relief, statements
from doorstep.kit.paper import Address, Paper
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.plug.carrier import Address as CarrierAddress
from doorstep.plug.carrier import Shipment
from doorstep.setup.customs.rules import Rules, rules_of
from doorstep.spine.tenant import Tx

# Go with a parcel over a border wherever somebody asks for them, needed or not.
BESIDE = ("commercial_invoice", "packing_list")
# Those of goods on their way back, over the border that they came.
BACK = "return_invoice"


class NoSuchPaper(Refusal):
    """This parcel has no such paper."""

    status = 404


@dataclass(frozen=True, slots=True)
class Customs:
    """A parcel as its customs papers have it."""

    parcel: Packed
    shipment: Shipment
    items: tuple[CustomsItem, ...]
    rules: Rules
    today: date

    @property
    def to(self) -> str:
        return self.shipment.ship_to.country


async def paper_of(tx: Tx, parcel: str, kind: str, today: date) -> Paper:
    """One paper of the parcel: label, cn22, cn23, commercial_invoice, packing_list or return_invoice; refuses
    NoSuchPaper with what there is."""
    found = await packed(tx, parcel)
    if found is None:
        raise NotFound(parcel=parcel)
    if kind == "label":
        return papers.label(label_of(found))
    customs = await customs_of(tx, found, today)
    needed = needed_papers(customs)
    if kind == BACK and needed.papers and found.row["handed_over_at"]:
        return papers.commercial_invoice(_return_invoice(customs))
    if kind not in needed.papers and not (needed.papers and kind in BESIDE):
        raise NoSuchPaper(parcel=parcel, asked=kind, papers=["label", *needed.papers], why=needed.why)
    return _DRAWN[kind](customs)


async def customs_of(tx: Tx, parcel: Packed, today: date) -> Customs:
    shipment = shipment_of(parcel)
    countries = (shipment.ship_from.country, shipment.ship_to.country)
    rules = await rules_of(tx, countries, today, (line["hs_code"] for line in parcel.goods))
    return Customs(parcel, shipment, _customs_items(parcel), rules, today)


def needed_papers(customs: Customs) -> CustomsPapers:
    """Which customs papers go with it, and why."""
    shipment, currency = customs.shipment, customs.parcel.row["currency"]
    return customs_papers(
        shipment.ship_from.country,
        shipment.ship_to.country,
        sum(item.value_minor for item in customs.items),
        currency,
        from_postcode=shipment.ship_from.postal_code,
        to_postcode=shipment.ship_to.postal_code,
        weight_g=weight_g(customs.parcel),
        per_sdr=_per_sdr(customs.rules, currency),
    )


def _per_sdr(rules: Rules, currency: str) -> Decimal | None:
    """By rates that are loaded and no sample; else the rule is cautious."""
    listed = rules.lists.get("exchange-rates")
    return None if listed is None or listed.is_sample else sdr_rate(currency, rules.per_euro)


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


def _declaration(customs: Customs) -> CustomsDeclaration:
    row, said = customs.parcel.row, statements(customs.parcel, customs.items, customs.rules)
    return CustomsDeclaration(
        sender=_sender(customs),
        recipient=_recipient(customs),
        items=customs.items,
        currency=row["currency"],
        declared_on=customs.today,
        gross_weight_g=customs.shipment.weight_g,
        tracking_number=row["tracking_number"],
        ioss=ioss_number(customs.parcel, customs.items, customs.rules),
        comments="; ".join(said.export),
        licenses=", ".join(said.licenses),
        signed_by=row["merchant_name"],
        language=language_of(customs.to, POSTAL),
    )


def _commercial_invoice(customs: Customs) -> CommercialInvoice:
    row = customs.parcel.row
    return CommercialInvoice(
        number=customs.parcel.name,
        issued_on=customs.today,
        seller=_sender(customs),
        consignee=_recipient(customs),
        items=customs.items,
        currency=row["currency"],
        incoterm=incoterm(customs.parcel),
        incoterm_place=customs.shipment.ship_to.city,
        order_number=row["number"],
        carrier=row["carrier"],
        tracking_number=row["tracking_number"],
        gross_weight_g=customs.shipment.weight_g,
        ioss=ioss_number(customs.parcel, customs.items, customs.rules),
        signed_by=row["merchant_name"],
        statements=statements(customs.parcel, customs.items, customs.rules).all,
        language=language_of(customs.to),
    )


def _return_invoice(customs: Customs) -> CommercialInvoice:
    """The same goods on their way back: the buyer sends them, the merchant takes them, and asks for the relief."""
    row = customs.parcel.row
    home = customs.shipment.ship_from.country
    return CommercialInvoice(
        number=f"{customs.parcel.name}-R",
        issued_on=customs.today,
        seller=_recipient(customs),
        consignee=_sender(customs),
        items=customs.items,
        currency=row["currency"],
        incoterm="",
        reason_for_export="Returned goods",
        order_number=row["number"],
        gross_weight_g=customs.shipment.weight_g,
        statements=relief(customs.parcel, customs.rules, home, customs.today),
        language=language_of(home),
    )


def _packing_list(customs: Customs) -> PackingList:
    row = customs.parcel.row
    return PackingList(
        number=customs.parcel.name,
        issued_on=customs.today,
        seller=_sender(customs),
        consignee=_recipient(customs),
        items=customs.items,
        order_number=row["number"],
        carrier=row["carrier"],
        tracking_number=row["tracking_number"],
        parcel_index=row["parcel_index"],
        parcel_count=row["parcel_count"],
        gross_weight_g=customs.shipment.weight_g,
        size_mm=(row["length_mm"], row["width_mm"], row["height_mm"]),
        language=language_of(customs.to),
    )


_DRAWN: Mapping[str, Callable[[Customs], Paper]] = {
    "cn22": lambda customs: papers.cn22(_declaration(customs)),
    "cn23": lambda customs: papers.cn23(_declaration(customs)),
    "commercial_invoice": lambda customs: papers.commercial_invoice(_commercial_invoice(customs)),
    "packing_list": lambda customs: papers.packing_list(_packing_list(customs)),
}


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


def _sender(customs: Customs) -> CustomsParty:
    numbers = customs.parcel.row["tax_numbers"]
    return CustomsParty(
        address=_printed(customs.shipment.ship_from), eori=str(numbers.get("eori", "")),
        vat_number=str(numbers.get("vat", "")), tax_id=str(numbers.get("ein", "")),
    )  # fmt: skip


def _recipient(customs: Customs) -> CustomsParty:
    tax_id = str(customs.parcel.row["ship_to"].get("tax_id", ""))
    return CustomsParty(address=_printed(customs.shipment.ship_to), tax_id=tax_id)


def _printed(address: CarrierAddress) -> Address:
    return Address(
        name=address.name, company=address.company, line1=address.line1, line2=address.line2, city=address.city,
        region=address.region, postcode=address.postal_code, country=address.country, phone=address.phone,
        email=address.email,
    )  # fmt: skip
