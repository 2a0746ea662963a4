"""load_papers: what is stuck on a load, the tag with its barcode; and what travels beside it, their list."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import msgspec

from doorstep.kit.paper import PageSize, Paper, code128, country_name, kilograms, printable, spelled_date, sscc

TEMPLATES = Path(__file__).with_name("templates")
TITLES = {"bag": "Bag", "pallet": "Pallet", "flight": "Air waybill", "entry": "Customs entry"}
LONGEST_ON_A_TAG = 30  # signs that a Code 128 still scans with, four inches wide


class LoadTag(msgspec.Struct, frozen=True, kw_only=True):
    """4 x 6 inches, to be scanned from afar; a number that is an SSCC is printed as one."""

    kind: str
    number: str
    operator: str
    country: str = ""
    from_airport: str = ""
    to_airport: str = ""
    carrier: str = ""
    flight: str = ""
    parcels: int = 0
    loads: int = 0
    weight_g: int = 0
    gross_g: int = 0
    seal: str = ""
    inside: str = ""  # the number of what it lies in
    closed_on: date | None = None


class ListedParcel(msgspec.Struct, frozen=True, kw_only=True):
    load: str
    number: str
    merchant: str
    order: str
    country: str
    weight_g: int


class LoadList(msgspec.Struct, frozen=True, kw_only=True):
    """What is in it, a parcel a line; `left_out` more are not on it."""

    tag: LoadTag
    parcels: tuple[ListedParcel, ...]
    loads: tuple[tuple[str, str, int, int], ...] = ()  # kind, number, parcels, grams; indented by how deep they lie
    left_out: int = 0
    page_size: PageSize = "a4"


def load_tag(of: LoadTag) -> Paper:
    return Paper(TEMPLATES / "load_tag.typ", _tag(of))


def load_list(of: LoadList) -> Paper:
    return Paper(
        TEMPLATES / "load_list.typ",
        _tag(of.tag)
        | {
            "title": f"List of {TITLES[of.tag.kind].lower()} {of.tag.number}",
            "page_size": of.page_size,
            "within": [
                {"kind": kind, "number": printable(number), "parcels": f"{parcels:,}", "weight": kilograms(grams)}
                for kind, number, parcels, grams in of.loads
            ],
            "parcels_listed": [
                {
                    "load": printable(one.load), "number": printable(one.number), "merchant": printable(one.merchant),
                    "order": printable(one.order), "country": one.country, "weight": kilograms(one.weight_g),
                }
                for one in of.parcels
            ],
            "left_out": f"{of.left_out:,}" if of.left_out else "",
        },
    )  # fmt: skip


def _tag(of: LoadTag) -> dict[str, object]:
    pieces = [_counted(of.parcels, "parcel"), _counted(of.loads, "load")]
    number = printable(of.number)
    return {
        "title": f"{TITLES[of.kind]} {number}",
        "kind": TITLES[of.kind],
        "number": number,
        "operator": printable(of.operator),
        "to": country_name(of.country) if of.country else "",
        "airports": " > ".join(filter(None, (of.from_airport, of.to_airport))),
        "carrier": " ".join(filter(None, (printable(of.carrier), printable(of.flight)))),
        "pieces": ", ".join(filter(None, pieces)),
        "weight": f"{kilograms(of.gross_g or of.weight_g)} kg" if of.gross_g or of.weight_g else "",
        "weighed": bool(of.gross_g),
        "seal": printable(of.seal),
        "inside": printable(of.inside),
        "closed_on": spelled_date(of.closed_on),
        "bars": _bars(number),
        "is_sscc": _is_sscc(number),
    }


def _counted(many: int, thing: str) -> str:
    return f"{many:,} {thing}{'' if many == 1 else 's'}" if many else ""


def _bars(number: str) -> object:
    if _is_sscc(number):
        return sscc(number)
    short = number.isascii() and len(number) <= LONGEST_ON_A_TAG
    return code128(number) if short else None


def _is_sscc(number: str) -> bool:
    """Eighteen digits whose last checks the others."""
    if not re.fullmatch("[0-9]{18}", number):
        return False
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(number[:17]))
    return -total % 10 == int(number[17])
