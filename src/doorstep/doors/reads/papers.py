"""papers: everything that is printed, by its name; the same for the API and the console.

What stands on a paper is read inside the caller's transaction; drawing it takes no transaction, so `drawn` comes after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Literal, get_args

from doorstep.doors.reads.loads import LoadWhole
from doorstep.journey.cash.paper_data import invoice_data
from doorstep.journey.cash.papers import invoice
from doorstep.journey.fulfillment.paper_data import packing_slip_data, pick_list_data
from doorstep.journey.fulfillment.papers import packing_slip, pick_list
from doorstep.journey.shipping.load_papers import ListedParcel, LoadList, LoadTag, load_list, load_tag
from doorstep.journey.shipping.paper_data import manifest_paper, paper_of, return_label_paper
from doorstep.kit.ids import number
from doorstep.kit.paper import Paper, zpl_of_pdf
from doorstep.spine.tenant import Tx

CARRIERS_OWN = """
select label_pdf from parcel where merchant_id = any($1) and parcel_id = $2 and label_state = 'bought'
"""
CARRIERS_LIST = "select pdf from manifest where merchant_id = any($1) and manifest_id = $2"
CARRIERS_RETURN = """
select pdf from return_label where merchant_id = any($1) and return_label_id = $2 and state = 'bought'
"""

ParcelPaper = Literal[
    "label", "packing_slip", "cn22", "cn23", "commercial_invoice", "packing_list", "return_invoice"
]  # fmt: skip
Draw = Callable[[], bytes]
# As addresses and commands spell them.
KINDS: dict[str, ParcelPaper] = {kind.replace("_", "-"): kind for kind in get_args(ParcelPaper)}


async def parcel_pdf(tx: Tx, parcel: str, kind: ParcelPaper, at: datetime) -> Draw:
    """A paper of the parcel; the label is the carrier's own where it sent one. Refuses NoSuchPaper, NotFound."""
    if kind == "label":
        own = await tx.value(CARRIERS_OWN, list(tx.merchants), number("par", parcel))
        if own:
            return lambda: bytes(own)
    return (await _parcel_paper(tx, parcel, kind, at)).pdf


async def label_zpl(tx: Tx, parcel: str, at: datetime) -> Draw:
    """The label for a label printer: the carrier's own where it sent one. Refuses NoSuchPaper, NotFound."""
    own = await tx.value(CARRIERS_OWN, list(tx.merchants), number("par", parcel))
    if own:
        return lambda: zpl_of_pdf(bytes(own))
    return (await _parcel_paper(tx, parcel, "label", at)).zpl


async def manifest_pdf(tx: Tx, manifest: str) -> Draw:
    """The list that the driver signs: the carrier's own where it sent one. Refuses NoSuchPaper, NotFound."""
    own = await tx.value(CARRIERS_LIST, list(tx.merchants), number("man", manifest))
    return (lambda: bytes(own)) if own else (await manifest_paper(tx, manifest)).pdf


async def return_label_pdf(tx: Tx, return_label: str) -> Draw:
    """The label for the way back: the carrier's own where it sent one. Refuses NoSuchPaper, also of one that is void or
    is to be, and NotFound."""
    own = await tx.value(CARRIERS_RETURN, list(tx.merchants), number("ret", return_label))
    return (lambda: bytes(own)) if own else (await return_label_paper(tx, return_label)).pdf


async def invoice_pdf(tx: Tx, invoice_id: str) -> Draw:
    """An invoice or credit note as it was issued. Refuses NotFound."""
    return invoice(await invoice_data(tx, invoice_id)).pdf


async def pick_list_pdf(tx: Tx, site: str, at: datetime) -> Draw:
    """What is to be picked at the site, in walking order. Refuses NotFound."""
    return pick_list(await pick_list_data(tx, site, at)).pdf


LoadPaper = Literal["tag", "list"]


def load_pdf(of: LoadWhole, kind: LoadPaper) -> Draw:
    """The tag that is stuck on a load, or the list of what is in it."""
    row = of.load
    tag = LoadTag(
        kind=row.kind, number=row.number, operator=of.owner, country=row.country, from_airport=row.from_airport,
        to_airport=row.to_airport, carrier=row.carrier, flight=row.flight, parcels=of.all_parcels, loads=row.loads,
        weight_g=of.all_weight_g, gross_g=row.gross_g, seal=row.seal,
        inside=of.above[0].number if of.above else "", closed_on=row.closed_at.date() if row.closed_at else None,
    )  # fmt: skip
    if kind == "tag":
        return load_tag(tag).pdf
    numbers = {row.id: row.number, **{each.load.id: each.load.number for each in of.below}}
    parcels = tuple(
        ListedParcel(load=numbers[one.load], number=one.tracking_number, merchant=one.merchant, order=one.number,
                     country=one.country, weight_g=one.weight_g)
        for one in of.parcels
    )  # fmt: skip
    within = tuple((one.load.kind, one.load.number, one.all_parcels, one.all_weight_g) for one in of.below)
    left_out = max(0, of.all_parcels - len(parcels))
    return load_list(LoadList(tag=tag, parcels=parcels, loads=within, left_out=left_out)).pdf


async def drawn(draw: Draw) -> bytes:
    """Beside the event loop: a page takes tens of milliseconds."""
    return await asyncio.to_thread(draw)


async def _parcel_paper(tx: Tx, parcel: str, kind: ParcelPaper, at: datetime) -> Paper:
    if kind == "packing_slip":
        return packing_slip(await packing_slip_data(tx, parcel))
    return await paper_of(tx, parcel, kind, at.date())
