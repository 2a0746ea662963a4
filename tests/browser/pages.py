"""pages: every page of the console, for the pictures and for the tests that look at all of them: a page that comes adds
a line here, and is shot, fits a phone, is clean to axe and quiet on the console, as each role that reaches it sees it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Page as Tab

from doorstep.doors.buyer.settings import PAGES as BRAND
from doorstep.doors.console.columns import COLUMNS
from doorstep.doors.console.reach import reaches
from doorstep.doors.console.routes import PAGES as ROUTES
from doorstep.kit.ids import public
from doorstep.setup.lane_rules import mark
from doorstep.setup.shipping_rules import rules_of
from doorstep.setup.tracking_links import tracking_links
from doorstep.spine.tenant import Db, tenant_tx

# The newest order that stands so.
AN_ORDER = """
select n.merchant_id, n.order_id from order_now n
  where n.merchant_id = any($1) and n.stage = $2 and n.holds_open {held} 0
  order by n.order_id desc limit 1
"""
A_SITE = """
select t.code from fulfillment_order f join site t on t.site_id = f.site_id
  where f.merchant_id = any($1) order by f.fulfillment_order_id desc limit 1
"""
A_DOCK = """
select t.code from pickup p join site t on t.site_id = p.site_id
  where p.merchant_id = any($1) order by p.pickup_id desc limit 1
"""
A_SKU = """
select a.sku_id from availability a where a.merchant_id = any($1)
  order by a.free + a.reserved desc, a.sku_id desc limit 1
"""
A_PARCEL_HERE = """
select p.order_id, p.parcel_id from parcel p
  where p.merchant_id = any($1) and p.handed_over_at is null and p.packed_at is not null
    and exists (select from parcel_line l where l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id
      and l.quantity > 0)
  order by p.parcel_id desc limit 1
"""
AN_ARRIVAL = "select a.asn_id from asn a where a.merchant_id = any($1) order by a.asn_id desc limit 1"
A_LOAD = """
select l.load_id from load l where l.merchant_id = any($1) and (l.kind = 'flight' or not $2)
  order by l.load_id desc limit 1
"""
A_RATE_CARD = """
select m.key, c.code from connection c join merchant m on m.merchant_id = c.merchant_id
  where c.merchant_id = any($1) and c.plugin = 'ratecard' order by m.is_operator, m.key, c.code limit 1
"""

A_PARCEL_ABROAD = """
select p.order_id, p.parcel_id from parcel p
  join site t on t.site_id = p.site_id
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  where p.merchant_id = any($1) and p.packed_at is not null and t.country = 'US' and o.country <> 'US'
  order by p.parcel_id desc limit 1
"""
A_CHANNEL = """
select m.key as merchant, c.key from channel c join merchant m on m.merchant_id = c.merchant_id
  where c.merchant_id = any($1) order by c.name desc, m.key, c.key limit 1
"""
AN_ACCOUNT = """
select m.key as merchant, c.plugin, c.code from connection c join merchant m on m.merchant_id = c.merchant_id
  where c.merchant_id = any($1) and c.plugin <> 'ratecard' order by m.key, c.kind, c.code limit 1
"""
A_RULE = """
select m.key, m.shipping from merchant m
  where m.merchant_id = any($1) and m.shipping -> 'lanes' -> 0 is not null order by m.key limit 1
"""

AN_IMPORT = """
select r.import_id from import_run r where r.merchant_id = any($1) and r.state = $2 and r.rehearsal = $3
  order by r.import_id desc limit 1
"""
# A price list as it may come: one price is none, and one column is no zone of the card.
PRICES = "kg\tus\tworld\tMars\n0.5\t4.80\t9.10\t1\n1\tcheap\t11.00\t\n2\t6.20\t14.50\t"


@dataclass(frozen=True, slots=True)
class Shot:
    """`address`: where it is, or how to find out in the books; `then`: what is done there before it is looked at; the
    role is '' where nobody is signed in."""

    name: str
    address: str | Callable[[Db], Awaitable[str]]
    role: str = "owner"
    then: Callable[[Tab], Awaitable[None]] | None = None


async def a_hand_over(db: Db) -> str:
    """Where a driver is asked for, if anywhere."""
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        dock = await tx.value(A_DOCK, list(tx.merchants))
    return f"/floor/leaving?site={dock or await _site(db)}"


def an_order(stage: str, *, held: bool = False) -> Callable[[Db], Awaitable[str]]:
    async def found(db: Db) -> str:
        _merchant, order = await _newest(db, stage, held=held)
        return f"/orders/{public('ord', order)}"

    return found


async def a_site(db: Db) -> str:
    """Where something is to be picked, if anywhere."""
    return f"/floor?site={await _site(db)}"


async def a_site_s_settings(db: Db) -> str:
    return f"/settings/sites/{await _site(db)}"


async def _site(db: Db) -> str:
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        return str(await tx.value(A_SITE, list(tx.merchants)))


async def an_arrival(db: Db) -> str:
    """Where there is one; else their list."""
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        asn = await tx.value(AN_ARRIVAL, list(tx.merchants))
    return f"/stock/arrivals/{public('asn', asn)}" if asn else "/stock/arrivals"


def sent_again(stage: str) -> Callable[[Db], Awaitable[str]]:
    """The form that sends such an order once more."""

    async def found(db: Db) -> str:
        merchant, order = await _newest(db, stage)
        async with tenant_tx(db, [merchant], readonly=True) as tx:
            key = await tx.value("select key from merchant where merchant_id = $1", merchant)
        return f"/orders/new/{key}?again={public('ord', order)}"

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


async def address_of(shot: Shot, db: Db) -> str:
    return shot.address if isinstance(shot.address, str) else await shot.address(db)


def a_sku(page: str = "") -> Callable[[Db], Awaitable[str]]:
    """A page of the SKU that moved last."""

    async def found(db: Db) -> str:
        async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
            sku = await tx.value(A_SKU, list(tx.merchants))
        return f"/catalog/{public('sku', sku)}{page}"

    return found


def for_a_merchant(page: str, below: str = "") -> Callable[[Db], Awaitable[str]]:
    async def found(db: Db) -> str:
        return f"{page}/{await _a_merchant(db)}{below}"

    return found


async def _a_merchant(db: Db) -> str:
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        return str(await tx.value("select max(key) from merchant where merchant_id = any($1)", list(tx.merchants)))


async def a_try_of_the_rules(db: Db) -> str:
    return f"/settings/shipping-rules?merchant={(await _whose_rules(db))['key']}&country=US&weight_g=700"


async def _whose_rules(db: Db) -> Any:
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        return await tx.row(A_RULE, list(tx.merchants))


def a_load(page: str = "", *, flown: bool = False) -> Callable[[Db], Awaitable[str]]:
    """Where there is one; else their list."""

    async def found(db: Db) -> str:
        async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
            load = await tx.value(A_LOAD, list(tx.merchants), flown)
        return f"/loads/{public('lod', load)}{page}" if load else "/loads"

    return found


def a_rate_card(page: str = "") -> Callable[[Db], Awaitable[str]]:
    """Where there is one; else their list."""

    async def found(db: Db) -> str:
        async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
            row = await tx.row(A_RATE_CARD, list(tx.merchants))
        return f"/settings/rate-cards/{row['key']}/{row['code']}{page}" if row else "/settings/rate-cards"

    return found


def an_import(state: str, *, rehearsal: bool = False) -> Callable[[Db], Awaitable[str]]:
    """Where there is one; else their list."""

    async def found(db: Db) -> str:
        async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
            run = await tx.value(AN_IMPORT, list(tx.merchants), state, rehearsal)
        return f"/import/{public('imp', run)}" if run else "/import"

    return found


async def customs_of_a_parcel(db: Db) -> str:
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        return f"{_parcel(await tx.row(A_PARCEL_ABROAD, list(tx.merchants)))}/customs"


def _parcel(row: Any) -> str:
    return f"/orders/{public('ord', row['order_id'])}/parcels/{public('par', row['parcel_id'])}"


async def a_channel(db: Db) -> str:
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        row = await tx.row(A_CHANNEL, list(tx.merchants))
    return f"/settings/channels/{row['merchant']}/{row['key']}"


async def an_account(db: Db) -> str:
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        row = await tx.row(AN_ACCOUNT, list(tx.merchants))
    return f"/settings/accounts/{row['merchant']}/{row['plugin']}/{row['code']}"


async def a_rule(db: Db) -> str:
    """The first of a merchant's."""
    row = await _whose_rules(db)
    return f"/settings/shipping-rules/{row['key']}/lanes/{mark(0, rules_of(row['shipping']).lanes[0])}"


def route_of(method: str, address: str) -> str:
    """The console's page at an address, as its table has it; '' where there is none."""
    path = urlsplit(address).path
    routes = [route for verb, route, _ in (*ROUTES, *BRAND) if verb == method]
    fitting = [route for route in routes if re.fullmatch(re.sub(r"{\w+:str}", "[^/]+", route), path)]
    return min(fitting, key=lambda one: one.count("{"), default="")


def is_for(role: str, address: str) -> bool:
    """Whether somebody of this role reaches a page of the console; the buyers' pages are none."""
    route = route_of("GET", address)
    return bool(route) and reaches(role, "GET", route)


async def rates_of_a_parcel(db: Db) -> str:
    """Of one that is still here; else the orders."""
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        row = await tx.row(A_PARCEL_HERE, list(tx.merchants))
    if row is None:
        return "/orders"
    return f"{_parcel(row)}/rates"


async def keys(tab: Tab) -> None:
    await tab.keyboard.press("?")


async def palette(tab: Tab) -> None:
    await tab.keyboard.press("Control+k")


async def account(tab: Tab) -> None:
    await tab.locator("[popovertarget=me]:visible").click()


async def second_factor(tab: Tab) -> None:
    async with tab.expect_navigation():
        await tab.locator("[action='/me/two-factor/start'] button").click()


async def invitation(tab: Tab) -> None:
    await tab.locator(".page-head [popovertarget=invite]").click()


async def a_new_key(tab: Tab) -> None:
    await tab.locator(".page-head [popovertarget=new-key]").click()


async def another_line(tab: Tab) -> None:
    await tab.locator("[data-row-more]").click()


async def what_can_be_done(tab: Tab) -> None:
    """Both folds of the first exception that has steps, or of the first."""
    items = tab.locator(".item")
    item = items.filter(has=tab.locator(".item-steps")).or_(items).first
    for fold in await item.locator(".item-more summary").all():
        await fold.click()


async def cancel_it(tab: Tab) -> None:
    """As a buyer, where the shop lets them."""
    await tab.locator("#cancel summary").click()


async def note_without_a_session(tab: Tab) -> None:
    """What was typed waits until its writer has signed in again."""
    await tab.locator("#quick-note").fill("They call back at four")
    await tab.context.clear_cookies()
    async with tab.expect_navigation():
        await tab.locator(".quick-note button").click()


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


async def paste_prices(tab: Tab) -> None:
    await tab.locator("#text").fill(PRICES)
    await tab.locator("#service").fill("ground")
    async with tab.expect_navigation():
        await tab.locator("[name=step][value=look]").click()


async def mapping_as_a_text(tab: Tab) -> None:
    await tab.locator(".kept-mappings summary").click()


async def rows_that_are_wrong(tab: Tab) -> None:
    await tab.locator(".came summary").click()


async def test_it(tab: Tab) -> None:
    async with tab.expect_navigation():
        await tab.locator("[action$='/test'] button").first.click()


async def forget_it(tab: Tab) -> None:
    await tab.locator("[popovertarget^=drop-]").first.click()


async def days(tab: Tab) -> None:
    """A phone shows this filter when all of them are asked for."""
    if await (every := tab.locator(".chip-more")).is_visible():
        await every.click()
    await tab.locator("[popovertarget=placed]").first.click()


PAGES: tuple[Shot, ...] = (
    Shot("today", "/today"),
    Shot("today-overdue", "/today/orders?of=overdue"),
    Shot("today-waiting", "/today/orders?of=waiting&stop=on_its_way"),
    Shot("today-imperfect", "/today/orders?of=imperfect"),
    Shot("attention", "/attention"),
    Shot("attention-kind", "/attention?kind=hold:payment"),
    Shot("attention-open", "/attention?kind=delivery_attempted", then=what_can_be_done),
    Shot("attention-chosen", "/attention", then=choose),
    Shot("reports", "/reports"),
    Shot("report-perfect-orders", "/reports/perfect-orders"),
    Shot("report-on-time", "/reports/on-time?by=country"),
    Shot("report-time-in-stage", "/reports/time-in-stage"),
    Shot("report-backlog", "/reports/backlog"),
    Shot("report-sales", "/reports/sales?by=sku"),
    Shot("report-carriers", "/reports/carriers"),
    Shot("orders", "/orders"),
    Shot("orders-held", "/orders?hold=any"),
    Shot("orders-unpaid", "/orders?payment=unpaid"),
    Shot("orders-none", "/orders?q=nobody"),
    Shot("orders-chosen", "/orders", then=choose),
    Shot("orders-bulk", "/orders", then=hold_many),
    Shot("orders-columns", "/orders", then=columns),
    Shot("orders-wide", f"/orders?columns={'.'.join(COLUMNS)}"),
    Shot("orders-days", "/orders", then=days),
    Shot("keys", "/orders", then=keys),
    Shot("palette", "/orders", then=palette),
    Shot("account", "/orders", then=account),
    Shot("order-new-whose", "/orders/new"),
    Shot("order-new", for_a_merchant("/orders/new")),
    Shot("order-new-line", for_a_merchant("/orders/new"), then=another_line),
    Shot("order-again", sent_again("completed")),
    Shot("order-held", an_order("processing", held=True)),
    Shot("order-form", an_order("processing", held=True), then=open_sheet),
    Shot("order-ready", an_order("awaiting_fulfillment")),
    Shot("order-picking", an_order("in_fulfillment")),
    Shot("order-on-its-way", an_order("fulfilled")),
    Shot("order-completed", an_order("completed")),
    Shot("order-canceled", an_order("canceled")),
    Shot("customs", customs_of_a_parcel),
    Shot("floor", "/floor"),
    Shot("floor-site", a_site),
    Shot("hand-over", a_hand_over),
    Shot("hand-over-driver", a_hand_over, then=open_sheet),
    Shot("loads", "/loads"),
    Shot("load-new", "/loads/new"),
    Shot("load-scan-which", "/loads/scan"),
    Shot("load", a_load()),
    Shot("load-flown", a_load(flown=True)),
    Shot("load-tell", a_load(), then=open_sheet),
    Shot("load-scan", a_load("/scan")),
    Shot("brand", "/settings/brand"),
    Shot("notices", "/settings/notices"),
    Shot("notice-words", "/settings/notices/shipped"),
    Shot("buyer-ready", as_its_buyer("awaiting_fulfillment")),
    Shot("buyer-cancel", as_its_buyer("awaiting_fulfillment"), then=cancel_it),
    Shot("buyer-on-its-way", as_its_buyer("fulfilled")),
    Shot("buyer-completed", as_its_buyer("completed", "uk")),
    Shot("buyer-canceled", as_its_buyer("canceled")),
    Shot("buyer-look-up", "/t"),
    Shot("catalog", "/catalog"),
    Shot("catalog-none", "/catalog?q=nothing+is+called+that"),
    Shot("sku-new", for_a_merchant("/catalog/new")),
    Shot("sku", a_sku()),
    Shot("sku-edit", a_sku("/edit")),
    Shot("sku-count", a_sku("/adjust")),
    Shot("sku-movements", a_sku("/movements")),
    Shot("stock", "/stock"),
    Shot("stock-past", "/stock/past"),
    Shot("arrivals", "/stock/arrivals"),
    Shot("arrival", an_arrival),
    Shot("arrival-whose", "/stock/arrivals/new"),
    Shot("arrival-new", for_a_merchant("/stock/arrivals/new")),
    Shot("import", "/import"),
    Shot("import-columns", an_import("draft")),
    Shot("import-as-a-text", an_import("draft"), then=mapping_as_a_text),
    Shot("import-tried", an_import("done", rehearsal=True)),
    Shot("import-came", an_import("done")),
    Shot("import-wrong-rows", an_import("done"), then=rows_that_are_wrong),
    Shot("import-waits", an_import("waiting")),
    Shot("import-under-way", an_import("running")),
    Shot("import-failed", an_import("failed")),
    Shot("settings", "/settings"),
    Shot("sites", "/settings/sites"),
    Shot("site-new", "/settings/sites/new"),
    Shot("site", a_site_s_settings),
    Shot("merchants", "/settings/merchants"),
    Shot("merchant-new", "/settings/merchants/new"),
    Shot("merchant", for_a_merchant("/settings/merchants")),
    Shot("channels", "/settings/channels"),
    Shot("channel-new", for_a_merchant("/settings/channels/new")),
    Shot("channel", a_channel),
    Shot("accounts", "/settings/accounts"),
    Shot("accounts-forget", "/settings/accounts", then=forget_it),
    Shot("account-new", for_a_merchant("/settings/accounts/new")),
    Shot("account-of-a-carrier", for_a_merchant("/settings/accounts", "/simcarrier")),
    Shot("account-edit", an_account),
    Shot("account-tested", "/settings/accounts", then=test_it),
    Shot("rate-cards", "/settings/rate-cards"),
    Shot("rate-card-new", for_a_merchant("/settings/rate-cards/new")),
    Shot("rate-card", a_rate_card("?start=US&to=DE&weight_g=700")),
    Shot("rate-card-edit", a_rate_card("/edit")),
    Shot("rate-card-import", a_rate_card("/import")),
    Shot("rate-card-import-read", a_rate_card("/import"), then=paste_prices),
    Shot("rates", rates_of_a_parcel),
    Shot("methods", "/settings/methods"),
    Shot("shipping-rules", a_try_of_the_rules),
    Shot("shipping-rule-new", for_a_merchant("/settings/shipping-rules", "/new")),
    Shot("shipping-rule", a_rule),
    Shot("shipping-rules-beside", for_a_merchant("/settings/shipping-rules", "/beside")),
    Shot("method-new", for_a_merchant("/settings/methods")),
    Shot("missing", "/orders/ord_1"),
    Shot("sign-in", "/sign-in", role=""),
    Shot("nowhere", "/nowhere", role=""),
    Shot("forgot", "/sign-in/forgot", role=""),
    Shot("link-spent", "/in/no-such-link", role=""),
    Shot("welcome", "/welcome"),
    Shot("me", "/me"),
    Shot("two-factor", "/me", then=second_factor),
    Shot("people", "/settings/people"),
    Shot("invitation", "/settings/people", then=invitation),
    Shot("api-keys", "/settings/keys"),
    Shot("new-key", "/settings/keys", then=a_new_key),
    Shot("api-keys-of-a-merchant", "/settings/keys", role="merchant"),
    Shot("log", "/settings/log"),
    Shot("not-allowed", "/settings/log", role="merchant"),
    # The last of its role: nobody is signed in after it.
    Shot("resend", an_order("processing", held=True), then=note_without_a_session),
)
