"""pages: every page of the console, for the pictures and for the tests that look at all of them: a page that comes adds
a line here, and is shot, fits a phone, is clean to axe and quiet on the console.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page as Tab

from doorstep.kit.ids import public
from doorstep.spine.tenant import Db, tenant_tx

# The newest order that stands so.
AN_ORDER = """
select n.order_id from order_now n where n.merchant_id = any($1) and n.stage = $2 and n.holds_open {held} 0
  order by n.order_id desc limit 1
"""
A_SITE = """
select t.code from fulfillment_order f join site t on t.site_id = f.site_id
  where f.merchant_id = any($1) order by f.fulfillment_order_id desc limit 1
"""

A_SKU = """
select a.sku_id from availability a where a.merchant_id = any($1)
  order by a.free + a.reserved desc, a.sku_id desc limit 1
"""
A_RATE_CARD = """
select m.key, c.code from connection c join merchant m on m.merchant_id = c.merchant_id
  where c.merchant_id = any($1) and c.plugin = 'ratecard' order by m.is_operator, m.key, c.code limit 1
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
        async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
            order = await tx.value(AN_ORDER.format(held=">" if held else "="), list(tx.merchants), stage)
        return f"/orders/{public('ord', order)}"

    return found


async def a_site(db: Db) -> str:
    """Where something is to be picked, if anywhere."""
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        return f"/floor?site={await tx.value(A_SITE, list(tx.merchants))}"


async def address_of(shot: Shot, db: Db) -> str:
    return shot.address if isinstance(shot.address, str) else await shot.address(db)


def a_sku(page: str = "") -> Callable[[Db], Awaitable[str]]:
    """A page of the SKU that moved last."""

    async def found(db: Db) -> str:
        async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
            sku = await tx.value(A_SKU, list(tx.merchants))
        return f"/catalog/{public('sku', sku)}{page}"

    return found


def a_rate_card(page: str = "") -> Callable[[Db], Awaitable[str]]:
    """Where there is one; else their list."""

    async def found(db: Db) -> str:
        async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
            row = await tx.row(A_RATE_CARD, list(tx.merchants))
        return f"/settings/rate-cards/{row['key']}/{row['code']}{page}" if row else "/settings/rate-cards"

    return found


async def keys(tab: Tab) -> None:
    await tab.keyboard.press("?")


async def palette(tab: Tab) -> None:
    await tab.keyboard.press("Control+k")


async def account(tab: Tab) -> None:
    await tab.locator("[popovertarget=me]:visible").click()


async def hold_many(tab: Tab) -> None:
    """The first orders of the list are chosen, and what a hold would do to them is shown."""
    for box in (await tab.locator("[data-choice]").all())[:3]:
        await box.check()
    async with tab.expect_navigation():
        await tab.locator(".chosen-bar button").first.click()


async def choose(tab: Tab) -> None:
    await tab.locator("[data-choice]").first.check()


async def open_sheet(tab: Tab) -> None:
    """The form of the order's first move."""
    await tab.locator("main .moves > [popovertarget]").first.click()


async def columns(tab: Tab) -> None:
    await tab.locator("[popovertarget=columns]").first.click()


async def days(tab: Tab) -> None:
    await tab.locator("[popovertarget=placed]").first.click()


PAGES: tuple[Shot, ...] = (
    Shot("orders", "/orders"),
    Shot("orders-held", "/orders?hold=any"),
    Shot("orders-none", "/orders?q=nobody"),
    Shot("orders-chosen", "/orders", then=choose),
    Shot("orders-bulk", "/orders", then=hold_many),
    Shot("orders-columns", "/orders", then=columns),
    Shot("orders-days", "/orders", then=days),
    Shot("keys", "/orders", then=keys),
    Shot("palette", "/orders", then=palette),
    Shot("account", "/orders", then=account),
    Shot("order-held", an_order("processing", held=True)),
    Shot("order-form", an_order("processing", held=True), then=open_sheet),
    Shot("order-ready", an_order("awaiting_fulfillment")),
    Shot("order-picking", an_order("in_fulfillment")),
    Shot("order-on-its-way", an_order("fulfilled")),
    Shot("order-completed", an_order("completed")),
    Shot("order-canceled", an_order("canceled")),
    Shot("floor", "/floor"),
    Shot("floor-site", a_site),
    Shot("catalog", "/catalog"),
    Shot("catalog-none", "/catalog?q=nothing+is+called+that"),
    Shot("sku", a_sku()),
    Shot("sku-edit", a_sku("/edit")),
    Shot("sku-count", a_sku("/adjust")),
    Shot("sku-movements", a_sku("/movements")),
    Shot("stock", "/stock"),
    Shot("stock-past", "/stock/past"),
    Shot("arrivals", "/stock/arrivals"),
    Shot("arrival-new", "/stock/arrivals/new"),
    Shot("import", "/import"),
    Shot("settings", "/settings"),
    Shot("sites", "/settings/sites"),
    Shot("site-new", "/settings/sites/new"),
    Shot("merchants", "/settings/merchants"),
    Shot("merchant-new", "/settings/merchants/new"),
    Shot("accounts", "/settings/accounts"),
    Shot("rate-cards", "/settings/rate-cards"),
    Shot("rate-card", a_rate_card("?start=US&to=DE&weight_g=700")),
    Shot("rate-card-edit", a_rate_card("/edit")),
    Shot("methods", "/settings/methods"),
    Shot("missing", "/orders/ord_1"),
)
