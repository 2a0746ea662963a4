"""item_data: what is sent ahead of a parcel, in the terms of ITMATT (UPU standard M33), and what it lacks for ICS2.

The post or the carrier sends it; it can be taken from here as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from msgspec import Struct

from doorstep.journey.shipping.paper_data import Customs, customs_of
from doorstep.journey.shipping.papers import CustomsItem
from doorstep.journey.shipping.sent_ahead import Fitting
from doorstep.journey.shipping.shipment import Packed, incoterm, ioss_number, packed
from doorstep.journey.shipping.statements import statements
from doorstep.kit.money import to_decimal
from doorstep.kit.refusals import NotFound
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
    """`missing`: what advance cargo information refuses; empty when it would be taken. `shortened`: texts that did not
    fit into their fields."""

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
    shortened: list[str]


async def item_data(tx: Tx, parcel: str, today: date) -> ItemData:
    """Refuses NotFound."""
    found = await packed(tx, parcel)
    if found is None:
        raise NotFound(parcel=parcel)
    return ahead(found, await customs_of(tx, found, today))


def ahead(found: Packed, customs: Customs) -> ItemData:
    row, shipment, currency = found.row, customs.shipment, found.row["currency"]
    numbers = row["tax_numbers"]
    of_sender, of_addressee = Fitting("sender"), Fitting("addressee")
    sender = of_sender.address(
        shipment.ship_from, str(numbers.get("eori") or numbers.get("vat") or numbers.get("ein") or "")
    )
    addressee = of_addressee.address(shipment.ship_to, str(row["ship_to"].get("tax_id", "")))
    fitted = [(Fitting(f"piece {number}"), item) for number, item in enumerate(customs.items, start=1)]
    pieces = [_piece(number, fitting, item, currency) for number, (fitting, item) in enumerate(fitted, start=1)]
    every = [of_sender, of_addressee, *(fitting for fitting, _ in fitted)]
    return ItemData(
        item_id=row["tracking_number"] or found.name,
        sender=Party(**sender),
        addressee=Party(**addressee),
        nature=SALE_OF_GOODS,
        gross_weight_kg=_kilograms(shipment.weight_g),
        declared_value=to_decimal(sum(item.value_minor for item in customs.items), currency),
        currency=currency,
        contents=pieces,
        incoterm=incoterm(found),
        ioss=ioss_number(found, customs.rules),
        export_reference=list(statements(found, customs.items, customs.rules).export),
        missing=[*_missing(pieces, addressee), *(told for fitting in every for told in fitting.left_out)],
        shortened=[told for fitting in every for told in fitting.shortened],
    )


def _piece(number: int, fitting: Fitting, item: CustomsItem, currency: str) -> ContentPiece:
    return ContentPiece(
        number=number, description=fitting.words("description", item.description), units=item.quantity,
        net_weight_kg=_kilograms(item.net_weight_g), declared_value=to_decimal(item.value_minor, currency),
        currency=currency, hs_code="".join(filter(str.isdigit, item.hs_code)), origin=item.origin,
    )  # fmt: skip


def _missing(pieces: Sequence[ContentPiece], addressee: Mapping[str, str]) -> list[str]:
    told = [] if pieces else ["no content is declared: the parcel crosses no border, or is empty"]
    for piece in pieces:
        if problem := vague(piece.description):
            told.append(f"piece {piece.number}: the text {problem}")
        if len(piece.hs_code) < HS_DIGITS:
            told.append(f"piece {piece.number}: no HS code of {HS_DIGITS} digits")
        if not piece.origin:
            told.append(f"piece {piece.number}: no country of origin")
    told += [f"addressee: no {name}" for name in ("name", "street", "city") if not addressee[name]]
    reached = addressee["phone"] or addressee["email"]
    return told if reached else [*told, "addressee: neither phone nor e-mail"]


def _kilograms(weight_g: int) -> Decimal:
    return Decimal(weight_g) / 1000
