"""papers: what travels on the parcel: the label, and for customs CN22, CN23 and the commercial invoice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec

from doorstep.kit.money import line_total, to_decimal
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
    routing = printable(of.routing_code) or " ".join(
        filter(None, (of.ship_to.country, printable(of.ship_to.postcode)))
    )
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
            "routing_code": qr("|".join((of.tracking_number, routing))) if _fits_2d(of, routing) else None,
            "cod": f"{figures(of.cod_amount_minor, of.cod_currency)} {of.cod_currency}"
            if of.cod_amount_minor
            else "",
            "tracking_number": _in_groups(of.tracking_number),
            "bars": bars,
            "module_dots": module_dots,
            "sscc": sscc(of.sscc) if of.sscc else None,
            "instructions": of.instructions,
        },
    )


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


def _fits_2d(of: Label, routing: str) -> bool:
    return len(f"{of.tracking_number}{routing}".encode("utf-8", "replace")) <= 120


_GROUPS = (
    re.compile(r"([A-Z]{2})(\d{3})(\d{3})(\d{3})([A-Z]{2})"),  # UPU S10
    re.compile(r"(1Z)(\w{3})(\w{3})(\w{2})(\w{4})(\w{4})"),
)


def _in_groups(tracking_number: str) -> str:
    """As people read it aloud: MP 123 456 785 US, else in fours; short ones and those with marks as they are."""
    number = printable(tracking_number)
    for pattern in _GROUPS:
        if found := pattern.fullmatch(number):
            return " ".join(found.groups())
    if len(number) < 10 or not (number.isascii() and number.isalnum()):
        return number
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))
