"""item_data: what is sent ahead of a parcel, in the terms of ITMATT (UPU standard M33), and what it lacks for ICS2.

The post or the carrier sends it; it can be taken from here as it is.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from msgspec import Struct

from doorstep.journey.shipping.paper_data import Customs, customs_of
from doorstep.journey.shipping.papers import CustomsItem
from doorstep.journey.shipping.shipment import incoterm, packed
from doorstep.journey.shipping.statements import ioss_number, statements
from doorstep.kit.money import to_decimal
from doorstep.kit.refusals import NotFound
from doorstep.plug.carrier import Address
from doorstep.setup.customs.rules import HS_DIGITS
from doorstep.setup.customs.wording import vague
from doorstep.spine.tenant import Tx

SALE_OF_GOODS = "31"  # UPU code list 136: nature of the transaction


class Party(Struct, frozen=True, kw_only=True):
    name: str
    company: str
    street: str
    city: str
    region: str
    postcode: str
    country: str
    phone: str
    email: str
    identification: str  # EORI, VAT, CPF …


class ContentPiece(Struct, frozen=True, kw_only=True):
    number: int
    description: str
    units: int
    net_weight_kg: Decimal
    declared_value: Decimal
    currency: str
    hs_code: str
    origin: str


class ItemData(Struct, frozen=True, kw_only=True):
    """`missing`: what advance cargo information refuses; empty when it would be taken."""

    item_id: str
    sender: Party
    addressee: Party
    nature: str
    gross_weight_kg: Decimal
    declared_value: Decimal
    currency: str
    contents: list[ContentPiece]
    incoterm: str
    ioss: str
    export_reference: list[str]
    missing: list[str]


async def item_data(tx: Tx, parcel: str, today: date) -> ItemData:
    """Refuses NotFound."""
    found = await packed(tx, parcel)
    if found is None:
        raise NotFound(parcel=parcel)
    customs = await customs_of(tx, found, today)
    row, shipment, currency = found.row, customs.shipment, found.row["currency"]
    numbers = row["tax_numbers"]
    return ItemData(
        item_id=row["tracking_number"] or found.name,
        sender=_party(shipment.ship_from, str(numbers.get("eori") or numbers.get("vat") or numbers.get("ein") or "")),
        addressee=_party(shipment.ship_to, str(row["ship_to"].get("tax_id", ""))),
        nature=SALE_OF_GOODS,
        gross_weight_kg=_kilograms(shipment.weight_g),
        declared_value=to_decimal(sum(item.value_minor for item in customs.items), currency),
        currency=currency,
        contents=[_piece(number, item, currency) for number, item in enumerate(customs.items, start=1)],
        incoterm=incoterm(found),
        ioss=ioss_number(found, customs.items, customs.rules),
        export_reference=list(statements(found, customs.items, customs.rules).export),
        missing=_missing(customs),
    )


def _piece(number: int, item: CustomsItem, currency: str) -> ContentPiece:
    return ContentPiece(
        number=number, description=item.description, units=item.quantity, net_weight_kg=_kilograms(item.net_weight_g),
        declared_value=to_decimal(item.value_minor, currency), currency=currency,
        hs_code="".join(filter(str.isdigit, item.hs_code)), origin=item.origin,
    )  # fmt: skip


def _party(address: Address, identification: str) -> Party:
    street = ", ".join(filter(None, (address.line1, address.line2)))
    return Party(
        name=address.name, company=address.company, street=street, city=address.city, region=address.region,
        postcode=address.postal_code, country=address.country, phone=address.phone, email=address.email,
        identification=identification,
    )  # fmt: skip


def _missing(customs: Customs) -> list[str]:
    told = [] if customs.items else ["no content is declared: the parcel crosses no border, or is empty"]
    for number, item in enumerate(customs.items, start=1):
        if problem := vague(item.description):
            told.append(f"piece {number}: the text {problem}")
        if len("".join(filter(str.isdigit, item.hs_code))) < HS_DIGITS:
            told.append(f"piece {number}: no HS code of {HS_DIGITS} digits")
        if not item.origin:
            told.append(f"piece {number}: no country of origin")
    to = customs.shipment.ship_to
    told += [f"addressee: no {name}" for name in ("name", "line1", "city") if not getattr(to, name)]
    return told + ([] if to.phone or to.email else ["addressee: neither phone nor e-mail"])


def _kilograms(weight_g: int) -> Decimal:
    return Decimal(weight_g) / 1000
