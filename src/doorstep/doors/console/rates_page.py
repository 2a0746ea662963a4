"""rates_page: `/orders/…/parcels/…/rates`: what all carriers offer for a packed parcel; another is taken by hand."""

from __future__ import annotations

from datetime import date
from secrets import token_hex
from typing import Any

from litestar import Response

from doorstep.doors.console.allowing import may, must
from doorstep.doors.console.asking import asked
from doorstep.doors.console.rate_words import part
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.reads.rates import rates
from doorstep.journey.shipping.label import WantLabel
from doorstep.kit.ids import number
from doorstep.kit.refusals import NotFound
from doorstep.spine.runner import run_one

PARCEL_OF = """
select p.merchant_id, p.label_state, p.carrier, p.service, o.number from parcel p
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  where p.merchant_id = any($1) and p.order_id = $2 and p.parcel_id = $3
"""
# A parcel that has a label, or is getting one, gets no other.
FREE = ("none", "refused", "void")


async def show(visit: Visit) -> Response[str]:
    row = await _parcel(visit)
    found = await rates(visit.db, row["merchant_id"], visit.path["parcel"])
    can_buy = row["label_state"] in FREE and may("want_label", visit.visitor.actor.roles)
    promised = date.fromisoformat(found.promised) if found.promised else None
    return visit.show(
        "rates.html", path=visit.path, row=row, found=found, promised=promised, part=part, can_buy=can_buy,
        once=token_hex(16),
    )  # fmt: skip


async def choose(visit: Visit) -> Response[str]:
    """The label is asked for of that carrier; what comes of it, the order's page shows."""
    must(visit, "want_label")
    row = await _parcel(visit)
    carrier, service = (visit.form.get(name, "")[:120] for name in ("carrier", "service"))
    body = WantLabel(parcel=visit.path["parcel"], carrier=carrier, service=service)
    await run_one(visit.db, "want_label", asked(visit, "want_label", row["merchant_id"], body))
    return see_other(f"/orders/{visit.path['order']}?did=want_label")


async def _parcel(visit: Visit) -> Any:
    """Refuses NotFound, for one that is not of this order too."""
    async with visit.reading() as tx:
        at = (number("ord", visit.path["order"]), number("par", visit.path["parcel"]))
        row = await tx.row(PARCEL_OF, list(tx.merchants), *at)
    if row is None:
        raise NotFound(parcel=visit.path["parcel"])
    return row
