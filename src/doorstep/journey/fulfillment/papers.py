"""papers: what the floor works with: the pick list to scan from and the packing slip that goes into the parcel."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec

from doorstep.kit.paper import (
    Address,
    PageSize,
    Paper,
    address_lines,
    paragraphs,
    scannable,
    spelled_date,
)

TEMPLATES = Path(__file__).with_name("templates")


class SlipLine(msgspec.Struct, frozen=True, kw_only=True):
    sku: str
    title: str
    quantity: int  # in this parcel
    ordered: int
    variant: str = ""
    lot: str = ""


class PackingSlip(msgspec.Struct, frozen=True, kw_only=True):
    """What the buyer finds in the parcel: no prices, so that it may travel with a gift."""

    merchant: str
    order_number: str
    fulfillment_order: str  # its public id, printed as a barcode
    ship_from: Address
    ship_to: Address
    lines: tuple[SlipLine, ...]
    ordered_on: date | None = None
    shipping_method: str = ""
    parcel: str = ""
    parcel_index: int = 1
    parcel_count: int = 0  # 0: not known yet
    gift_message: str = ""
    note: str = ""
    thanks: str = "Thank you for your order."
    returns: str = ""
    contact: str = ""
    page_size: PageSize = "a4"


class PickLine(msgspec.Struct, frozen=True, kw_only=True):
    """One stop: so many of a SKU out of one bin, for one order or tote."""

    bin: str
    sku: str
    title: str
    quantity: int
    barcode: str = ""  # what is on the item; the SKU where it has none
    variant: str = ""
    lot: str = ""
    order_number: str = ""
    tote: str = ""
    note: str = ""


class PickList(msgspec.Struct, frozen=True, kw_only=True):
    """The walk through one site, in the order of its lines."""

    number: str  # printed as a barcode
    site: str
    lines: tuple[PickLine, ...]
    merchant: str = ""
    picker: str = ""
    due: str = ""
    orders: int = 0
    note: str = ""
    page_size: PageSize = "a4"


def packing_slip(of: PackingSlip) -> Paper:
    waiting = any(line.quantity < line.ordered for line in of.lines)
    parcel = f"{of.parcel_index} of {of.parcel_count}" if of.parcel_count else ""
    return Paper(
        TEMPLATES / "packing_slip.typ",
        {
            "title": f"Packing slip {of.order_number}",
            "page_size": of.page_size,
            "merchant": of.merchant,
            "order_number": of.order_number,
            "ordered_on": spelled_date(of.ordered_on),
            "shipping_method": of.shipping_method,
            "parcel": " · ".join(filter(None, (of.parcel, parcel))),
            "bars": scannable(of.fulfillment_order),
            "fulfillment_order": of.fulfillment_order,
            "ship_from": address_lines(of.ship_from, seen_from=of.ship_to.country),
            "ship_to": address_lines(of.ship_to, seen_from=of.ship_from.country),
            "lines": [_slip_line(line) for line in of.lines],
            "units": f"{sum(line.quantity for line in of.lines):,}",
            "waiting": waiting,
            "gift_message": paragraphs(of.gift_message),
            "note": paragraphs(of.note),
            "thanks": of.thanks,
            "returns": paragraphs(of.returns),
            "contact": of.contact,
        },
    )


def pick_list(of: PickList) -> Paper:
    return Paper(
        TEMPLATES / "pick_list.typ",
        {
            "title": f"Pick list {of.number}",
            "page_size": of.page_size,
            "number": of.number,
            "bars": scannable(of.number),
            "site": of.site,
            "merchant": of.merchant,
            "picker": of.picker,
            "due": of.due,
            "orders": f"{of.orders:,}" if of.orders else "",
            "stops": f"{len(of.lines):,}",
            "units": f"{sum(line.quantity for line in of.lines):,}",
            "note": paragraphs(of.note),
            "lines": [_pick_line(line) for line in of.lines],
        },
    )


def _slip_line(line: SlipLine) -> dict[str, object]:
    return {
        "sku": line.sku,
        "title": line.title,
        "variant": line.variant,
        "lot": line.lot,
        "quantity": f"{line.quantity:,}",
        "ordered": f"{line.ordered:,}",
    }


def _pick_line(line: PickLine) -> dict[str, object]:
    scan = line.barcode or line.sku
    return {
        "bin": line.bin,
        "sku": line.sku,
        "title": line.title,
        "variant": line.variant,
        "lot": line.lot,
        "quantity": f"{line.quantity:,}",
        "bars": scannable(scan, longest=20),
        "scan": scan,
        "order_number": line.order_number,
        "tote": line.tote,
        "note": line.note,
    }
