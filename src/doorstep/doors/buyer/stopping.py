"""stopping: a buyer wants no more letters or text messages about the steps of an order, or of all of the shop's.

What a mail program sends by itself (RFC 8058) is answered at once, and asks for nothing: no cookie, no page before.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response

from doorstep.doors.buyer.asking import Asked, NoSuchOrder
from doorstep.doors.console.speaking import _
from doorstep.kit import clock
from doorstep.kit.speech import language_of
from doorstep.setup.branding import brand_of
from doorstep.setup.notices.kinds import Medium
from doorstep.setup.notices.stops import ALL_ORDERS, buyer_addresses, go_on, stop, stopped
from doorstep.spine.tenant import Tx, tenant_tx

OF_ORDER = """
select o.order_id, o.number, o.buyer, o.ship_to, o.country from orders o where o.merchant_id = $1 and o.order_id = $2
"""


async def show(asked: Asked) -> Response[bytes]:
    merchant, order = asked.order()
    async with tenant_tx(asked.db, [merchant], readonly=True) as tx:
        row = await _row(tx, merchant, order)
        reached = _addresses(row)
        off = await stopped(tx, merchant, order, reached)
        brand = await brand_of(tx, merchant)
    asked.speak(language_of(_json(row["buyer"]), row["country"]))
    media = [(medium, address, medium in off) for medium, address in reached.items() if address]
    names = {"email": _("Letters"), "sms": _("Text messages")}
    return asked.show(
        "stopping.html", brand=brand, number=row["number"], media=media, names=names,
        base=f"/t/{asked.path['token']}", told=asked.query.get("told", ""),
    )  # fmt: skip


async def change(asked: Asked) -> Response[Any]:
    """`medium`, `scope` (order, all) and `do` (stop, go_on); of a mail program's one click, nothing but itself."""
    merchant, order = asked.order()
    by_program = asked.form.get("List-Unsubscribe") == "One-Click"
    medium: Medium = "sms" if asked.form.get("medium") == "sms" else "email"
    async with tenant_tx(asked.db, [merchant]) as tx:
        address = _addresses(await _row(tx, merchant, order))[medium]
        if not address:
            raise NoSuchOrder
        if asked.form.get("do") == "go_on" and not by_program:
            await go_on(tx, merchant, order, medium, address)
        else:
            of = order if asked.form.get("scope") == "order" and not by_program else ALL_ORDERS
            await stop(tx, merchant, of, medium, address, clock.now())
    if by_program:
        return Response(b"", status_code=200, media_type="text/plain")
    return asked.see(f"/t/{asked.path['token']}/stop?told=1")


async def _row(tx: Tx, merchant: int, order: int) -> Any:
    row = await tx.row(OF_ORDER, merchant, order)
    if row is None:
        raise NoSuchOrder
    return row


def _addresses(row: Any) -> dict[Medium, str]:
    """Where its notices go, as `notify` has it."""
    buyer, ship_to = _json(row["buyer"]), _json(row["ship_to"])
    return buyer_addresses(buyer, ship_to, row["country"])


def _json(text: str | None) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(text) if text else {}
    return found
