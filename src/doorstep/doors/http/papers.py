"""papers: what is printed: labels, customs papers, packing slips, pick lists, invoices."""

from __future__ import annotations

from typing import Any

import msgspec

from doorstep.doors.http.operations import Asked, Reply, operation
from doorstep.doors.reads import papers as reads
from doorstep.doors.reads.papers import Draw, ParcelPaper
from doorstep.setup.keys import READ

PDF = "application/pdf"
ZPL = "application/zpl"


class SiteQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    site: str


async def printed(draw: Draw, name: str, media_type: str = PDF) -> Reply:
    headers = {"content-disposition": f'inline; filename="{name}"'}
    return Reply(await reads.drawn(draw), media_type=media_type, headers=headers)


async def _of_parcel(asked: Asked, kind: ParcelPaper) -> Reply:
    parcel = asked.path["parcel"]
    async with asked.reading() as tx:
        draw = await reads.parcel_pdf(tx, parcel, kind, asked.at)
    return await printed(draw, f"{kind}-{parcel}.pdf")


@operation("GET", "/parcels/{parcel}/label.pdf", scope=READ, tag="shipping", answer=None, media_type=PDF)
async def get_label_pdf(asked: Asked) -> Any:
    """The parcel's label, 4 by 6 inches: the carrier's own, or printed here where the carrier leaves it to us."""
    return await _of_parcel(asked, "label")


@operation("GET", "/parcels/{parcel}/label.zpl", scope=READ, tag="shipping", answer=None, media_type=ZPL)
async def get_label_zpl(asked: Asked) -> Any:
    """The parcel's label for a label printer, 203 dpi."""
    parcel = asked.path["parcel"]
    async with asked.reading() as tx:
        draw = await reads.label_zpl(tx, parcel, asked.at)
    return await printed(draw, f"label-{parcel}.zpl", ZPL)


@operation("GET", "/parcels/{parcel}/packing-slip.pdf", scope=READ, tag="fulfillment", answer=None, media_type=PDF)
async def get_packing_slip(asked: Asked) -> Any:
    """The slip that goes into the parcel."""
    return await _of_parcel(asked, "packing_slip")


@operation("GET", "/parcels/{parcel}/cn22.pdf", scope=READ, tag="shipping", answer=None, media_type=PDF)
async def get_cn22(asked: Asked) -> Any:
    """The parcel's small customs declaration, where it needs one."""
    return await _of_parcel(asked, "cn22")


@operation("GET", "/parcels/{parcel}/cn23.pdf", scope=READ, tag="shipping", answer=None, media_type=PDF)
async def get_cn23(asked: Asked) -> Any:
    """The parcel's full customs declaration, where it needs one."""
    return await _of_parcel(asked, "cn23")


@operation("GET", "/parcels/{parcel}/commercial-invoice.pdf", scope=READ, tag="shipping", answer=None, media_type=PDF)
async def get_commercial_invoice(asked: Asked) -> Any:
    """The parcel's commercial invoice for customs, where it crosses a border."""
    return await _of_parcel(asked, "commercial_invoice")


@operation("GET", "/parcels/{parcel}/packing-list.pdf", scope=READ, tag="shipping", answer=None, media_type=PDF)
async def get_packing_list(asked: Asked) -> Any:
    """What is in the parcel, without prices, where it crosses a border."""
    return await _of_parcel(asked, "packing_list")


@operation("GET", "/parcels/{parcel}/return-invoice.pdf", scope=READ, tag="shipping", answer=None, media_type=PDF)
async def get_return_invoice(asked: Asked) -> Any:
    """For goods of the parcel that come back over the border: the relief, and the proof that they had left."""
    return await _of_parcel(asked, "return_invoice")


@operation("GET", "/manifests/{manifest}/manifest.pdf", scope=READ, tag="shipping", answer=None, media_type=PDF)
async def get_manifest_pdf(asked: Asked) -> Any:
    """The list that the driver signs: the carrier's own, or printed here where the carrier leaves it to us."""
    async with asked.reading() as tx:
        draw = await reads.manifest_pdf(tx, asked.path["manifest"])
    return await printed(draw, f"manifest-{asked.path['manifest']}.pdf")


@operation("GET", "/return-labels/{return_label}/label.pdf", scope=READ, tag="shipping", answer=None, media_type=PDF)
async def get_return_label_pdf(asked: Asked) -> Any:
    """The label for the way back, to be handed to the buyer."""
    async with asked.reading() as tx:
        draw = await reads.return_label_pdf(tx, asked.path["return_label"])
    return await printed(draw, f"return-label-{asked.path['return_label']}.pdf")


@operation("GET", "/invoices/{invoice}/invoice.pdf", scope=READ, tag="cash", answer=None, media_type=PDF)
async def get_invoice_pdf(asked: Asked) -> Any:
    """An invoice or credit note as it was issued."""
    async with asked.reading() as tx:
        draw = await reads.invoice_pdf(tx, asked.path["invoice"])
    return await printed(draw, f"{asked.path['invoice']}.pdf")


@operation("GET", "/pick-list.pdf", scope=READ, tag="fulfillment", query=SiteQuery, answer=None, media_type=PDF)
async def get_pick_list(asked: Asked) -> Any:
    """What is to be picked at a site, the most urgent first, in walking order."""
    async with asked.reading() as tx:
        draw = await reads.pick_list_pdf(tx, asked.query.site, asked.at)
    return await printed(draw, f"pick-list-{asked.query.site}.pdf")
