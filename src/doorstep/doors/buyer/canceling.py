"""canceling: the buyer cancels an order that nobody has begun to get ready, where the shop lets them."""

from __future__ import annotations

from typing import Any

from litestar import Response

from doorstep.doors.buyer import page
from doorstep.doors.buyer.asking import Asked
from doorstep.doors.buyer.telling import ask_for
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal
from doorstep.setup.branding import brand_of
from doorstep.spine.tenant import tenant_tx


class NotByBuyers(Refusal):
    """This shop cancels orders itself: write to us below."""

    status = 403


async def cancel(asked: Asked) -> Response[Any]:
    """The page then says that it is canceled, and what becomes of the money."""
    merchant, order = asked.order()
    try:
        async with tenant_tx(asked.db, [merchant], readonly=True) as tx:
            if not (await brand_of(tx, merchant)).buyers_cancel:
                raise NotByBuyers
        values = {"order": public("ord", order), "untouched": True, "reason": asked.form.get("reason", "").strip()}
        await ask_for(asked, "cancel", values)
    except Refusal as refusal:
        return await page.page(asked, refusal.status, refusal=refusal)
    return asked.see(f"/t/{asked.path['token']}")
