"""papers: what is printed for a parcel, as the carrier gave it."""

from __future__ import annotations

from litestar import Response

from doorstep.doors.console.visit import SAFE, Visit
from doorstep.kit.ids import number
from doorstep.kit.refusals import NotFound

LABEL = """
select p.label_pdf from parcel p where p.merchant_id = any($1) and p.order_id = $2 and p.parcel_id = $3
"""


async def label(visit: Visit) -> Response[bytes]:
    order, parcel = visit.path["order"], visit.path["parcel"]
    async with visit.reading() as tx:
        pdf = await tx.value(LABEL, list(tx.merchants), number("ord", order), number("par", parcel))
    if pdf is None:
        raise NotFound(label=parcel)
    named = f'inline; filename="label-{parcel}.pdf"'
    # A browser's own reader is a plug-in to it: that much the paper may be.
    headers = {**SAFE, "content-security-policy": "default-src 'self'", "content-disposition": named}
    return Response(pdf, media_type="application/pdf", headers=headers)
