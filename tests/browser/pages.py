"""pages: every page of the console, for the pictures and for the tests that look at all of them: a page that comes adds
a line here, and is shot, fits a phone, is clean to axe and quiet on the console.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page as Tab

from doorstep.kit.ids import public
from doorstep.setup.tracking_links import tracking_links
from doorstep.spine.tenant import Db, tenant_tx

# The newest order that stands so.
AN_ORDER = """
select n.merchant_id, n.order_id from order_now n
  where n.merchant_id = any($1) and n.stage = $2 and n.holds_open {held} 0
  order by n.order_id desc limit 1
"""


@dataclass(frozen=True, slots=True)
class Shot:
    """`address`: where it is, or how to find out in the books; `then`: what is done there before it is looked at."""

    name: str
    address: str | Callable[[Db], Awaitable[str]]
    role: str = "owner"
    then: Callable[[Tab], Awaitable[None]] | None = None


def an_order(stage: str, *, held: bool = False) -> Callable[[Db], Awaitable[str]]:
    async def found(db: Db) -> str:
        _merchant, order = await _newest(db, stage, held=held)
        return f"/orders/{public('ord', order)}"

    return found


def as_its_buyer(stage: str, language: str = "") -> Callable[[Db], Awaitable[str]]:
    """The tracking page of such an order."""

    async def found(db: Db) -> str:
        return f"/t/{tracking_links().token(*await _newest(db, stage))}" + (f"?lang={language}" if language else "")

    return found


async def _newest(db: Db, stage: str, *, held: bool = False) -> tuple[int, int]:
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        row = await tx.row(AN_ORDER.format(held=">" if held else "="), list(tx.merchants), stage)
    return row["merchant_id"], row["order_id"]


async def keys(tab: Tab) -> None:
    await tab.keyboard.press("?")


async def palette(tab: Tab) -> None:
    await tab.keyboard.press("Control+k")


async def account(tab: Tab) -> None:
    await tab.locator("[popovertarget=me]:visible").click()


PAGES: tuple[Shot, ...] = (
    Shot("orders", "/orders"),
    Shot("orders-held", "/orders?hold=any"),
    Shot("orders-none", "/orders?q=nobody"),
    Shot("keys", "/orders", then=keys),
    Shot("palette", "/orders", then=palette),
    Shot("account", "/orders", then=account),
    Shot("order-held", an_order("processing", held=True)),
    Shot("order-ready", an_order("awaiting_fulfillment")),
    Shot("order-picking", an_order("in_fulfillment")),
    Shot("order-on-its-way", an_order("fulfilled")),
    Shot("order-completed", an_order("completed")),
    Shot("order-canceled", an_order("canceled")),
    Shot("floor", "/floor"),
    Shot("floor-site", "/floor?site=EWR"),
    Shot("brand", "/settings/brand"),
    Shot("buyer-ready", as_its_buyer("awaiting_fulfillment")),
    Shot("buyer-on-its-way", as_its_buyer("fulfilled")),
    Shot("buyer-completed", as_its_buyer("completed", "uk")),
    Shot("buyer-canceled", as_its_buyer("canceled")),
    Shot("buyer-look-up", "/t"),
    Shot("missing", "/orders/ord_1"),
)
