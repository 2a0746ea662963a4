"""paper_data: the papers of a parcel, filled in from what is recorded: label, customs papers, invoice, packing list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

import msgspec

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
from doorstep.journey.shipping.shipment import (
    Packed,
    freight_minor,
    incoterm,
    ioss_number,
    packed,
    shipment_of,
    weight_g,
)
from doorstep.journey.shipping.statements import relief, statements
from doorstep.kit.ids import number, public
from doorstep.kit.money import line_total, to_decimal
from doorstep.kit.paper import Address, Paper
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.plug.carrier import Address as CarrierAddress
from doorstep.plug.carrier import CustomsItem as DeclaredItem
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
    freight_minor: int = 0  # on the commercial invoice

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
    left: datetime | None = found.row["handed_over_at"]
    # Printed again it says what it said when the goods left.
    customs = await customs_of(tx, found, left.date() if left and kind != BACK else today)
    needed = needed_papers(customs)
    if kind == BACK and needed.papers and found.row["handed_over_at"]:
        return papers.commercial_invoice(_return_invoice(customs))
    if kind not in needed.papers and not (needed.papers and kind in BESIDE):
        raise NoSuchPaper(parcel=parcel, asked=kind, papers=["label", *needed.papers], why=needed.why)
    if kind == "commercial_invoice":
        customs = replace(customs, freight_minor=await freight_minor(tx, found))
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


MANIFEST = """
select m.manifest_id, m.carrier, m.manifest_ref, m.state, m.made_at, t.name as merchant_name, s.name as site_name,
    s.country as site_country, s.address as site_address
  from manifest m join merchant t on t.merchant_id = m.merchant_id join site s on s.site_id = m.site_id
  where m.merchant_id = any($1) and m.manifest_id = $2
"""
ON_THE_MANIFEST = """
select p.tracking_number, p.service, p.weight_g, o.number, o.ship_to
  from parcel p join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  where p.merchant_id = any($1) and p.manifest_id = $2 order by p.parcel_id
"""
RETURN_LABEL = """
select l.parcel_id, l.state, l.carrier, l.service, l.tracking_number from return_label l
  where l.merchant_id = any($1) and l.return_label_id = $2
"""


async def manifest_paper(tx: Tx, manifest: str) -> Paper:
    """The list that the driver signs. Refuses NotFound, NoSuchPaper while the carrier has not answered."""
    at = (list(tx.merchants), number("man", manifest))
    row = await tx.row(MANIFEST, *at)
    if row is None:
        raise NotFound(manifest=manifest)
    if row["state"] != "made":
        raise NoSuchPaper(manifest=manifest, asked="manifest", state=row["state"])
    told = msgspec.json.decode(row["site_address"]) if row["site_address"] else {}
    lines = []
    for parcel in await tx.rows(ON_THE_MANIFEST, *at):
        to = msgspec.json.decode(parcel["ship_to"]) if parcel["ship_to"] else {}
        where = " ".join(str(to.get(name, "")) for name in ("country", "postcode", "city"))
        lines.append(papers.ManifestLine(
            tracking_number=parcel["tracking_number"], order_number=parcel["number"], service=parcel["service"],
            to=where.strip(), weight_g=parcel["weight_g"],
        ))  # fmt: skip
    names = ("line1", "line2", "city", "region", "postcode")
    here = Address(
        company=row["site_name"], country=row["site_country"], **{name: str(told.get(name, "")) for name in names}
    )
    return papers.manifest_list(papers.ManifestList(
        number=manifest, carrier=row["carrier"], manifest_ref=row["manifest_ref"], merchant=row["merchant_name"],
        ship_from=here, made_on=row["made_at"].date(), lines=tuple(lines),
    ))  # fmt: skip


async def return_label_paper(tx: Tx, return_label: str) -> Paper:
    """The label for the way back, where the carrier leaves it to us. Refuses NotFound, NoSuchPaper without one."""
    row = await tx.row(RETURN_LABEL, list(tx.merchants), number("ret", return_label))
    if row is None:
        raise NotFound(return_label=return_label)
    parcel = await packed(tx, public("par", row["parcel_id"]))
    if parcel is None or row["state"] != "bought":
        raise NoSuchPaper(return_label=return_label, asked="label", label=row["state"])
    there = shipment_of(parcel)
    return papers.label(Label(
        carrier=row["carrier"], service=row["service"], tracking_number=row["tracking_number"],
        ship_from=_printed(there.ship_to), ship_to=_printed(there.ship_from), weight_g=there.weight_g,
        reference=f"{parcel.row['number']} {return_label}",
    ))  # fmt: skip


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
        ioss=ioss_number(customs.parcel, customs.rules),
        comments="; ".join(said.export),
        licenses=", ".join(said.licenses),
        invoice_number=customs.parcel.name,
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
        freight_minor=customs.freight_minor,
        ioss=ioss_number(customs.parcel, customs.rules),
        signed_by=row["merchant_name"],
        signed_at=customs.shipment.ship_from.city,
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
            unit_price=_of_one(item, line["unit_price"]),
            sku=item.sku,
        )
        for item, line in zip(declared, parcel.goods, strict=False)
    )


def _of_one(item: DeclaredItem, unit_price: Decimal) -> Decimal:
    """The price of the line, where discount and tax leave it as it is; else what the declared value makes of one."""
    if line_total(unit_price, item.quantity, item.currency) == item.value_minor:
        return unit_price
    each = to_decimal(item.value_minor, item.currency) / item.quantity
    return each.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _sender(customs: Customs) -> CustomsParty:
    numbers = customs.parcel.row["tax_numbers"]
    return CustomsParty(
        name=customs.parcel.row["merchant_name"], address=_printed(customs.shipment.ship_from),
        eori=str(numbers.get("eori", "")), vat_number=str(numbers.get("vat", "")), tax_id=str(numbers.get("ein", "")),
    )  # fmt: skip


def _recipient(customs: Customs) -> CustomsParty:
    tax_id = str(customs.parcel.row["ship_to"].get("tax_id", ""))
    return CustomsParty(address=_printed(customs.shipment.ship_to), tax_id=tax_id)


def _printed(address: CarrierAddress) -> Address:
    return Address(
        name=address.name, company=address.company, pickup_point=address.pickup_point, line1=address.line1,
        line2=address.line2, city=address.city, region=address.region, postcode=address.postal_code,
        country=address.country, phone=address.phone, email=address.email,
    )  # fmt: skip
