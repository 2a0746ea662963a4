"""papers: what is printed for an order: labels, slips, customs papers, invoices, pick lists; shown by the browser."""

from __future__ import annotations

from litestar import Response

from doorstep.doors.console.visit import SAFE, Visit
from doorstep.doors.http.problems import NoSuchPage
from doorstep.doors.reads.papers import (
    KINDS,
    Draw,
    drawn,
    invoice_pdf,
    label_zpl,
    manifest_pdf,
    parcel_pdf,
    pick_list_pdf,
    return_label_pdf,
)
from doorstep.journey.shipping.paper_data import BESIDE, customs_of, needed_papers
from doorstep.journey.shipping.shipment import packed
from doorstep.kit import clock
from doorstep.kit.ids import number
from doorstep.kit.refusals import NotFound
from doorstep.spine.tenant import Tx

PARCEL_OF = "select 1 from parcel p where p.merchant_id = any($1) and p.order_id = $2 and p.parcel_id = $3"
RETURN_OF = "select 1 from return_label l where l.merchant_id = any($1) and l.order_id = $2 and l.return_label_id = $3"
INVOICE_OF = "select 1 from invoice i where i.merchant_id = any($1) and i.order_id = $2 and i.invoice_id = $3"


async def of_parcel(visit: Visit) -> Response[bytes]:
    if visit.path["paper"] == "label.zpl":
        return await _label_zpl(visit)
    kind = KINDS.get(visit.path["paper"])
    if kind is None:
        raise NoSuchPage
    async with visit.reading() as tx:
        await _must_be_of(tx, PARCEL_OF, visit, "par", "parcel")
        draw = await parcel_pdf(tx, visit.path["parcel"], kind, clock.now())
    return await shown(draw, f"{visit.path['paper']}-{visit.path['parcel']}.pdf")


async def _label_zpl(visit: Visit) -> Response[bytes]:
    """A file to send to a label printer."""
    async with visit.reading() as tx:
        await _must_be_of(tx, PARCEL_OF, visit, "par", "parcel")
        draw = await label_zpl(tx, visit.path["parcel"], clock.now())
    headers = {**SAFE, "content-disposition": f'attachment; filename="label-{visit.path["parcel"]}.zpl"'}
    return Response(await drawn(draw), media_type="application/zpl", headers=headers)


async def of_return(visit: Visit) -> Response[bytes]:
    async with visit.reading() as tx:
        await _must_be_of(tx, RETURN_OF, visit, "ret", "return_label")
        draw = await return_label_pdf(tx, visit.path["return_label"])
    return await shown(draw, f"return-label-{visit.path['return_label']}.pdf")


async def manifest(visit: Visit) -> Response[bytes]:
    async with visit.reading() as tx:
        draw = await manifest_pdf(tx, visit.path["manifest"])
    return await shown(draw, f"manifest-{visit.path['manifest']}.pdf")


async def customs(visit: Visit) -> Response[str]:
    """Which customs papers go with a parcel, and why these."""
    async with visit.reading() as tx:
        await _must_be_of(tx, PARCEL_OF, visit, "par", "parcel")
        found = await packed(tx, visit.path["parcel"])
        if found is None:
            raise NotFound(parcel=visit.path["parcel"])
        needed = needed_papers(await customs_of(tx, found, clock.now().date()))
    beside = [kind for kind in BESIDE if kind not in needed.papers] if needed.papers else []
    return visit.show(
        "customs.html", path=visit.path, row=found.row, needed=needed.papers, beside=beside, why=needed.why
    )


async def of_invoice(visit: Visit) -> Response[bytes]:
    async with visit.reading() as tx:
        await _must_be_of(tx, INVOICE_OF, visit, "inv", "invoice")
        draw = await invoice_pdf(tx, visit.path["invoice"])
    return await shown(draw, f"{visit.path['invoice']}.pdf")


async def pick_list(visit: Visit) -> Response[bytes]:
    site = visit.query.get("site", "")
    async with visit.reading() as tx:
        draw = await pick_list_pdf(tx, site, clock.now())
    return await shown(draw, f"pick-list-{site}.pdf")


async def _must_be_of(tx: Tx, query: str, visit: Visit, prefix: str, name: str) -> None:
    """Refuses NotFound, also for what belongs to another order than the address says."""
    word = visit.path[name]
    if await tx.value(query, list(tx.merchants), number("ord", visit.path["order"]), number(prefix, word)) is None:
        raise NotFound(**{name: word})


async def shown(draw: Draw, name: str) -> Response[bytes]:
    # A browser's own reader is a plug-in to it: that much the paper may be.
    headers = {
        **SAFE,
        "content-security-policy": "default-src 'self'",
        "content-disposition": f'inline; filename="{name}"',
    }
    return Response(await drawn(draw), media_type="application/pdf", headers=headers)
