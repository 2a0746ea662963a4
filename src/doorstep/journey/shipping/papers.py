"""papers: what travels on the parcel: the label, and for customs CN22, CN23, commercial invoice and packing list.

Customs forms are in English and one language more: that of where the goods go, French where the forms have none of it.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec

from doorstep.journey.shipping.form_words import POSTAL, words
from doorstep.kit.paper import (
    Address,
    Barcode,
    PageSize,
    Paper,
    address_lines,
    code128,
    country_name,
    figures,
    kilograms,
    paragraphs,
    printable,
    qr,
    scannable,
    spelled_date,
    sscc,
    unit_figures,
)

TEMPLATES = Path(__file__).with_name("templates")
LABEL_WIDTH_DOTS = 812
QUIET_MODULES = 10  # on either side of a Code 128


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A 4 x 6 inch label of a carrier that leaves the drawing to us."""

    carrier: str
    service: str
    tracking_number: str
    ship_from: Address
    ship_to: Address
    weight_g: int
    parcel_index: int = 1
    parcel_count: int = 1
    routing_code: str = ""  # what the carrier's hub sorts by; country and postcode when not given
    cod_amount_minor: int = 0
    cod_currency: str = ""
    reference: str = ""
    shipped_on: date | None = None
    sscc: str = ""  # 18 digits, for trade customers who scan cartons in
    instructions: str = ""


def label(of: Label) -> Paper:
    routing = printable(of.routing_code) or " ".join(filter(None, (of.ship_to.country, printable(of.ship_to.postcode))))
    bars, module_dots = _tracking_bars(of.tracking_number)
    return Paper(
        TEMPLATES / "label.typ",
        {
            "title": f"Label {of.tracking_number}",
            "carrier": of.carrier,
            "service": of.service,
            "ship_from": _with_phone(of.ship_from),
            "ship_to": _with_phone(of.ship_to),
            "weight": f"{kilograms(of.weight_g)} kg" if of.weight_g else "",
            "parcel": f"{of.parcel_index} of {of.parcel_count}",
            "shipped_on": spelled_date(of.shipped_on),
            "reference": of.reference,
            "routing": routing,
            "routing_code": _routing_code(of.tracking_number, routing),
            "cod": f"{figures(of.cod_amount_minor, of.cod_currency)} {of.cod_currency}" if of.cod_amount_minor else "",
            "tracking_number": _in_groups(of.tracking_number),
            "bars": bars,
            "module_dots": module_dots,
            "sscc": sscc(of.sscc) if of.sscc else None,
            "instructions": of.instructions,
        },
    )


Nature = Literal["sale_of_goods", "gift", "commercial_sample", "documents", "returned_goods", "other"]


class CustomsItem(msgspec.Struct, frozen=True, kw_only=True):
    """What one line of a parcel is to customs; weight and value are those of the whole line."""

    description: str
    quantity: int
    net_weight_g: int
    value_minor: int
    hs_code: str = ""
    origin: str = ""  # ISO 3166-1 alpha-2
    unit_price: Decimal | None = None
    sku: str = ""


class CustomsParty(msgspec.Struct, frozen=True, kw_only=True):
    address: Address
    name: str = ""  # as it stands at the head of the paper, where it is another than the address begins with
    eori: str = ""
    vat_number: str = ""
    tax_id: str = ""  # any other: CPF, IEC, RFC, PVM …


class CustomsDeclaration(msgspec.Struct, frozen=True, kw_only=True):
    """One parcel declared by post, on a CN 22 or a CN 23."""

    sender: CustomsParty
    recipient: CustomsParty
    items: tuple[CustomsItem, ...]
    currency: str
    declared_on: date
    gross_weight_g: int
    nature: Nature = "sale_of_goods"
    explanation: str = ""
    post: str = ""  # the designated operator
    office_of_origin: str = ""
    tracking_number: str = ""
    postage_minor: int = 0
    ioss: str = ""
    comments: str = ""
    licenses: str = ""
    certificates: str = ""
    invoice_number: str = ""
    signed_by: str = ""
    language: str = POSTAL


class CommercialInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """The seller's statement of what a parcel holds and is worth, for customs on both sides.

    `statements`: what the law wants said: under which number the export was filed, why not, which relief is asked for.
    """

    number: str
    issued_on: date
    seller: CustomsParty
    consignee: CustomsParty
    items: tuple[CustomsItem, ...]
    currency: str
    incoterm: str  # of Incoterms 2020: DAP, DDP …
    incoterm_place: str = ""
    importer: CustomsParty | None = None  # where it is not the consignee
    reason_for_export: str = "Sale of goods"
    order_number: str = ""
    carrier: str = ""
    tracking_number: str = ""
    parcel_count: int = 1
    gross_weight_g: int = 0
    discount_minor: int = 0
    freight_minor: int = 0
    insurance_minor: int = 0
    other_charges_minor: int = 0
    ioss: str = ""
    remarks: str = ""
    signed_by: str = ""
    signed_at: str = ""  # the place
    statements: tuple[str, ...] = ()
    language: str = ""
    page_size: PageSize = "a4"


class PackingList(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a parcel, without prices: for customs, and for who opens it."""

    number: str
    issued_on: date
    seller: CustomsParty
    consignee: CustomsParty
    items: tuple[CustomsItem, ...]
    order_number: str = ""
    carrier: str = ""
    tracking_number: str = ""
    parcel_index: int = 1
    parcel_count: int = 1
    gross_weight_g: int = 0
    size_mm: tuple[int, int, int] = (0, 0, 0)
    statements: tuple[str, ...] = ()
    language: str = ""
    page_size: PageSize = "a4"


class ManifestLine(msgspec.Struct, frozen=True, kw_only=True):
    tracking_number: str
    order_number: str
    service: str
    to: str  # country, postcode and city
    weight_g: int


class ManifestList(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver takes and signs for."""

    number: str
    carrier: str
    manifest_ref: str  # what the carrier calls it, as a barcode; ours where it has no word of its own
    merchant: str
    ship_from: Address
    made_on: date
    lines: tuple[ManifestLine, ...]
    page_size: PageSize = "a4"


def manifest_list(of: ManifestList) -> Paper:
    total_g = sum(line.weight_g for line in of.lines)
    return Paper(
        TEMPLATES / "manifest.typ",
        {
            "title": f"Manifest {of.number}",
            "page_size": of.page_size,
            "number": of.number,
            "carrier": of.carrier,
            "merchant": of.merchant,
            "ship_from": address_lines(of.ship_from),
            "made_on": spelled_date(of.made_on),
            "manifest_ref": of.manifest_ref,
            "bars": scannable(printable(of.manifest_ref or of.number)),
            "parcels": f"{len(of.lines):,}",
            "weight": kilograms(total_g),
            "lines": [
                {
                    "tracking_number": _in_groups(line.tracking_number),
                    "order_number": line.order_number,
                    "service": line.service,
                    "to": line.to,
                    "weight": kilograms(line.weight_g),
                }
                for line in of.lines
            ],
        },
    )


def cn22(of: CustomsDeclaration) -> Paper:
    """On 4 x 6 inch, so that the label's printer prints it too."""
    return Paper(TEMPLATES / "cn22.typ", {"title": f"CN 22 {of.tracking_number}", **_declared(of)})


def cn23(of: CustomsDeclaration) -> Paper:
    return Paper(TEMPLATES / "cn23.typ", {"title": f"CN 23 {of.tracking_number}", **_declared(of)})


# Who pays duty and tax, by the terms and whether the tax was paid at the sale.
_PAID_BY = {("DDP", False): "ddp", ("DDP", True): "ddp", ("DAP", False): "dap", ("DAP", True): "dap_taxed"}


def commercial_invoice(of: CommercialInvoice) -> Paper:
    goods_minor = sum(item.value_minor for item in of.items)
    charges = (
        ("discount", -of.discount_minor),
        ("freight", of.freight_minor),
        ("insurance", of.insurance_minor),
        ("other_charges", of.other_charges_minor),
    )
    total_minor = goods_minor + sum(amount for _, amount in charges)
    return Paper(
        TEMPLATES / "commercial_invoice.typ",
        {
            "title": f"Commercial invoice {of.number}",
            "words": words(of.language),
            "paid_by": _PAID_BY.get((of.incoterm, bool(of.ioss)), ""),
            "statements": list(of.statements),
            "page_size": of.page_size,
            "number": of.number,
            "issued_on": spelled_date(of.issued_on),
            "seller": _party(of.seller),
            "consignee": _party(of.consignee),
            "importer": _party(of.importer) if of.importer else None,
            "terms": f"{of.incoterm} {of.incoterm_place} (Incoterms 2020)" if of.incoterm else "",
            "reason_for_export": of.reason_for_export,
            "order_number": of.order_number,
            "carrier": of.carrier,
            "tracking_number": of.tracking_number,
            "ioss": of.ioss,
            "parcels": str(of.parcel_count),
            "currency": of.currency,
            "items": [_item(item, of.currency) for item in of.items],
            "goods": figures(goods_minor, of.currency),
            "charges": [[name, figures(amount, of.currency)] for name, amount in charges if amount],
            "total": figures(total_minor, of.currency),
            "net_weight": kilograms(sum(item.net_weight_g for item in of.items)),
            "gross_weight": kilograms(of.gross_weight_g),
            "origins": sorted({country_name(item.origin) for item in of.items if item.origin}),
            "remarks": paragraphs(of.remarks),
            "signed_by": of.signed_by,
            "signed_at": of.signed_at,
        },
    )


def packing_list(of: PackingList) -> Paper:
    return Paper(
        TEMPLATES / "packing_list.typ",
        {
            "title": f"Packing list {of.number}",
            "words": words(of.language),
            "page_size": of.page_size,
            "number": of.number,
            "issued_on": spelled_date(of.issued_on),
            "seller": _party(of.seller),
            "consignee": _party(of.consignee),
            "order_number": of.order_number,
            "carrier": of.carrier,
            "tracking_number": of.tracking_number,
            "parcel": f"{of.parcel_index} / {of.parcel_count}",
            "size": f"{' × '.join(str(side) for side in of.size_mm)} mm" if all(of.size_mm) else "",
            "items": [_item(item, "USD") for item in of.items],
            "units": f"{sum(item.quantity for item in of.items):,}",
            "net_weight": kilograms(sum(item.net_weight_g for item in of.items)),
            "gross_weight": kilograms(of.gross_weight_g),
            "statements": list(of.statements),
        },
    )


def _declared(of: CustomsDeclaration) -> dict[str, Any]:
    return {
        "words": words(of.language),
        "sender": _party(of.sender),
        "recipient": _party(of.recipient),
        "items": [_item(item, of.currency) for item in of.items],
        "currency": of.currency,
        "total": figures(sum(item.value_minor for item in of.items), of.currency),
        "net_weight": kilograms(sum(item.net_weight_g for item in of.items)),
        "gross_weight": kilograms(of.gross_weight_g),
        "nature": of.nature,
        "explanation": of.explanation,
        "post": of.post,
        "office_of_origin": of.office_of_origin,
        "tracking_number": _in_groups(of.tracking_number),
        "bars": scannable(printable(of.tracking_number)),
        "postage": f"{figures(of.postage_minor, of.currency)} {of.currency}" if of.postage_minor else "",
        "ioss": of.ioss,
        "comments": of.comments,
        "licenses": of.licenses,
        "certificates": of.certificates,
        "invoice_number": of.invoice_number,
        "declared_on": spelled_date(of.declared_on),
        "signed_by": of.signed_by,
    }


def _item(item: CustomsItem, currency: str) -> dict[str, str]:
    return {
        "description": item.description,
        "sku": item.sku,
        "quantity": f"{item.quantity:,}",
        "net_weight": kilograms(item.net_weight_g),
        "value": figures(item.value_minor, currency),
        "unit_price": unit_figures(item.unit_price, currency) if item.unit_price is not None else "",
        "hs_code": item.hs_code,
        "origin": item.origin,
    }


def _party(party: CustomsParty) -> dict[str, Any]:
    numbers = (("EORI", party.eori), ("VAT", party.vat_number), ("Tax ID", party.tax_id))
    return {
        "name": party.name or party.address.company or party.address.name,
        "lines": address_lines(party.address),
        "contact": [text for text in (party.address.phone, party.address.email) if text],
        "numbers": [[name, number] for name, number in numbers if number],
    }


def _with_phone(address: Address) -> list[str]:
    return address_lines(address) + ([printable(address.phone)] if printable(address.phone) else [])


def _tracking_bars(tracking_number: str) -> tuple[Barcode | None, int]:
    """The widest bars that fit the label; a number that no bars can hold becomes a QR code."""
    number = printable(tracking_number)
    if number and number.isascii() and len(number) <= 40:
        bars = code128(number)
        dots = (LABEL_WIDTH_DOTS - 40) // (bars.wide + 2 * QUIET_MODULES)
        if dots >= 2:
            return bars, min(dots, 4)
    return scannable(number, longest=0), 5


def _routing_code(tracking_number: str, routing: str) -> Barcode | None:
    text = printable(f"{tracking_number}|{routing}")
    return qr(text) if len(text.encode()) <= 120 else None


_GROUPS = (
    re.compile(r"([A-Z]{2})(\d{3})(\d{3})(\d{3})([A-Z]{2})"),  # UPU S10
    re.compile(r"(1Z)(\w{3})(\w{3})(\w{2})(\w{4})(\w{4})"),
)
_RUNS = re.compile(r"\D+|\d+")


def _in_groups(tracking_number: str) -> str:
    """As people read it aloud: MP 123 456 785 US, else digits in fours; short ones and those with marks as is."""
    number = printable(tracking_number)
    for pattern in _GROUPS:
        if found := pattern.fullmatch(number):
            return " ".join(found.groups())
    if len(number) < 10 or not (number.isascii() and number.isalnum()):
        return number
    return " ".join(group for run in _RUNS.findall(number) for group in _fours(run))


def _fours(run: str) -> list[str]:
    """A single sign at the end stays with those before it."""
    ends = range(4, len(run) - 1, 4)
    return [run[start:end] for start, end in zip((0, *ends), (*ends, len(run)), strict=True)]
