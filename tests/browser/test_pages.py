"""Every page of the console: it fits, says nothing to the console, asks nobody outside, and keeps nobody out."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Browser

from doorstep.doors.console.looks import assets
from doorstep.doors.console.reach import reaches
from doorstep.kit.embedded import Urls
from doorstep.setup.lane_rules import added, change_rules
from doorstep.setup.sessions import issue_link
from doorstep.setup.shipping_rules import LaneRule
from doorstep.spine.tenant import Db, tenant_tx
from tests.browser.dock import Dock
from tests.browser.files import hand_files_over
from tests.browser.pages import PAGES, Shot, address_of, is_for, route_of
from tests.browser.windows import LAPTOP, PHONE, Window, email, link_for, window
from tests.doors.test_buyer import lets_buyers_cancel
from tests.doors.web import serving
from tests.rolling import roll
from tests.shop import HOME, Shop, open_shop
from tests.stories.test_shipping import CARD

# Pages that say no, and how.
NOES = (
    ("missing", "404"), ("link-spent", "410"), ("not-allowed", "403"), ("nowhere", "404"), ("resend", "401"),
    ("rate-card-import-read", "422"),
)  # fmt: skip
PAID = [{"kind": "paid", "amount_minor": 2500}]


async def live_in(shop: Shop) -> None:
    """An order at every stage of its journey, so that every page has something to show."""
    await shop.stock("MUG", 40)
    await lets_buyers_cancel(shop)
    await shop.connect("carrier", "ratecard", "Post", **CARD)
    await shop.place(("MUG", 1), note="Ring twice", tags=["gift"], reserve="now")
    numbers = iter(range(10, 30))

    async def paid() -> str:
        nth = next(numbers)
        buyer = {"name": f"Buyer {nth}", "email": f"buyer{nth}@example.com"}
        to = {**HOME, "name": buyer["name"], "line1": f"{nth} Grafton Street"}
        order = await shop.place(("MUG", 2), tenders=PAID, buyer=buyer, ship_to=to)
        await shop.work()
        return order

    await paid()
    await shop.pick_all(await paid())
    await _sent(shop, await paid())
    await shop.do("deliver", parcel=await _sent(shop, await paid()))
    await shop.do("cancel", order=await paid(), reason="Changed their mind")
    for _ in range(2):
        await _labeled(shop, await paid())
    await Dock(shop.db, [shop.merchant], shop.merchant).work()
    await shop.work()
    await hand_files_over(shop)
    rule = LaneRule(say="prefer", which=["Post"], origin=["US"], to=["EU", "GB"])
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_rules(tx, shop.merchant, lambda rules: added(rules, rule))
    await shop.connect("payments", "simpay", "cards", base_url="http://127.0.0.1:9")
    await roll(shop)


async def _labeled(shop: Shop, order: str) -> str:
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="Post", tracking_number=f"XX{parcel[4:]}")
    return parcel


async def _sent(shop: Shop, order: str) -> str:
    parcel = await _labeled(shop, order)
    await shop.do("hand_over", parcel=parcel)
    await shop.work()
    return parcel


LOOKS = {
    f"{at}-{light}": {**how, "color_scheme": light}
    for at, how in (("laptop", LAPTOP), ("phone", PHONE))
    for light in ("light", "dark")
}
# Each light and each width at every run, axe at every page once; `make axe` looks at every page in each light at each
# width, as every role.
EACH = os.environ.get("DOORSTEP_AXE") == "all"
USUAL = tuple(LOOKS) if EACH else ("phone-dark",)
OTHER = LOOKS["laptop-light"]
# Pages that look different to each role.
LIKE_NO_OTHER = ("today", "orders", "order-picking", "attention", "floor-site", "sku", "settings")
OTHERS = ("merchant", "floor", "read_only")


@pytest.fixture(scope="module")
async def lived(urls_of_this_file: Urls) -> AsyncIterator[Lived]:
    """In a database of its own: what other tests leave behind is on none of its pages."""
    db = await Db.open(urls_of_this_file.app, urls_of_this_file.router, size=4)
    with serving(urls_of_this_file) as web:
        await open_shop(db)  # there is another merchant
        shop = await open_shop(db)
        await live_in(shop)
        for role in ("owner", *OTHERS):
            await link_for(shop, role)
        yield Lived(shop, web)
    await shop.audit()
    await db.close()


@dataclass(frozen=True)
class Lived:
    """Where somebody has worked: an order at every stage."""

    shop: Shop
    web: str

    @asynccontextmanager
    async def entered(self, browser: Browser, role: str, **how: Any) -> AsyncIterator[Window]:
        link = await issue_link(self.shop.db, email(self.shop, role)) if role else ""
        async with window(browser, self.web, link, **how) as opened:
            yield opened


@pytest.mark.parametrize("look", USUAL)
async def test_every_page_fits_and_keeps_nobody_out(lived: Lived, browser: Browser, look: str) -> None:
    """Where nothing is clicked first, the window then grows and it becomes day."""
    wrong: list[str] = []
    for role in sorted({page.role for page in PAGES}):
        async with lived.entered(browser, role, **LOOKS[look]) as opened:
            for page in (page for page in PAGES if page.role == role):
                await opened.go(await address_of(page, lived.shop.db))
                wrong += await found_wrong(opened, page)
                if not EACH and not page.then:
                    await opened.becomes(**OTHER)
                    wrong += await found_wrong(opened, page, by_axe=page.name in LIKE_NO_OTHER)
                    await opened.becomes(**LOOKS[look])
    assert wrong == [], "\n".join(wrong)


async def test_what_is_clicked_first_is_clicked_in_a_wide_window_too(lived: Lived, browser: Browser) -> None:
    wrong: list[str] = []
    async with lived.entered(browser, "owner", **OTHER) as opened:
        for page in (page for page in PAGES if page.then):
            await opened.go(await address_of(page, lived.shop.db))
            wrong += await found_wrong(opened, page, by_axe=False)
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("look", USUAL if EACH else ("phone-light",))
async def test_each_role_finds_its_pages_as_well_made(lived: Lived, browser: Browser, look: str) -> None:
    """What is the owner's alone is in the other tests; here is what others see of the same pages."""
    wrong: list[str] = []
    for role in OTHERS:
        async with lived.entered(browser, role, **LOOKS[look]) as opened:
            for page in (page for page in PAGES if page.role == "owner" and page.then is None):
                address = await address_of(page, lived.shop.db)
                # Some forms ask a verb that the journey keeps from them; some things are another merchant's.
                if is_for(role, address) and await opened.go(address) not in (403, 404):
                    found = await found_wrong(opened, page, by_axe=EACH or page.name in LIKE_NO_OTHER)
                    wrong += [f"{role}, {told}" for told in found]
                opened.troubles.clear()
    assert wrong == [], "\n".join(wrong)


async def found_wrong(opened: Window, page: Shot, *, by_axe: bool = True) -> list[str]:
    if page.then:
        await page.then(opened.page)
    wrong = [f"{page.name}: {told}" for told in (await opened.barriers() if by_axe else [])]
    beyond = await opened.sticks_out()
    wrong += [f"{page.name}: {beyond}"] if beyond else []
    wrong += [f"{page.name}: {told}" for told in opened.troubles if not expected(page, told)]
    opened.troubles.clear()
    return wrong


def expected(page: Shot, told: str) -> bool:
    """Chromium notes the status of a page that says no."""
    return any(page.name == name and status in told for name, status in NOES)


# Every button and link of a page: where it leads, or what it opens; `dead` are those that do nothing.
LEADING = """(scripts) => {
  const dead = [], leads = [];
  const told = (each) => each.outerHTML.slice(0, 160);
  for (const each of document.querySelectorAll("a")) {
    const href = each.getAttribute("href");
    if (!href) dead.push(told(each));
    else if (href.startsWith("#")) { if (!document.getElementById(href.slice(1))) dead.push(told(each)); }
    else if (each.origin === location.origin) leads.push(["GET", each.pathname + each.search]);
  }
  for (const each of document.querySelectorAll("button, input[type=submit]")) {
    const opens = each.getAttribute("popovertarget"), form = each.form;
    const hooks = [...each.attributes].map((one) => one.name).filter((name) => name.startsWith("data-"));
    if (opens) { if (!document.getElementById(opens)) dead.push(told(each)); }
    else if (each.type === "button") { if (!hooks.some((hook) => scripts.includes(`[${hook}`))) dead.push(told(each)); }
    else if (!form) dead.push(told(each));
    else {
      // A field may be called as what a form has: only the attributes say it.
      const asked = each.getAttribute("formaction") ?? form.getAttribute("action") ?? location.pathname;
      leads.push([(form.getAttribute("method") ?? "get").toUpperCase(), new URL(asked, location.href).pathname]);
    }
  }
  return { dead, leads };
}"""
# Answered by no page of the tables: signing out, the one form with files, what is asked where nobody is signed in.
BESIDE = ("/out", "/import", "/t", "/in", "/sign-in", "/static")


async def test_no_page_has_a_button_or_a_link_that_leads_nowhere(lived: Lived, browser: Browser) -> None:
    """As each role that sees the page: what it may click is a page that answers, or a form that it may send."""
    scripts = "".join(asset.content.decode() for name, asset in assets().items() if name.endswith(".js"))
    wrong: list[str] = []
    for role in ("owner", *OTHERS):
        followed: set[str] = set()
        async with lived.entered(browser, role, **OTHER) as opened:
            for page in (page for page in PAGES if page.role == "owner" and page.then is None):
                address = await address_of(page, lived.shop.db)
                if not is_for(role, address) or await opened.go(address) in (403, 404):
                    continue
                found = await opened.page.evaluate(LEADING, scripts)
                wrong += [f"{role}, {page.name}: {told}" for told in found["dead"]]
                for method, path in found["leads"]:
                    route = route_of(method, path)
                    if path != "/" and path.startswith(BESIDE):
                        continue
                    if not route or not reaches(role, method, route):
                        wrong.append(f"{role}, {page.name}: {method} {path}")
                    elif method == "GET" and route not in followed:
                        followed.add(route)
                        answer = await opened.context.request.get(f"{lived.web}{path}")
                        if answer.status >= 400:
                            wrong.append(f"{role}, {page.name}: {path} answers {answer.status}")
    assert wrong == [], "\n".join(dict.fromkeys(wrong))


async def test_the_list_and_an_order_fit_every_window(lived: Lived, browser: Browser) -> None:
    wrong = []
    async with lived.entered(browser, "owner", **LAPTOP) as desk:
        for page in (page for page in PAGES if page.name in ("orders", "order-on-its-way")):
            await desk.go(await address_of(page, lived.shop.db))
            for width in (360, 390, 600, 768, 880, 881, 1024, 1100, 1241, 1280, 1366, 1440, 1920):
                await desk.page.set_viewport_size({"width": width, "height": 900})
                beyond = await desk.sticks_out()
                wrong += [f"{page.name} at {width}: {beyond}"] if beyond else []
        assert desk.troubles == []
    assert wrong == []


async def test_pages_weigh_little(lived: Lived, browser: Browser) -> None:
    """All that comes over the wire with the first page, packed: script, style, fonts, drawings."""
    weights: dict[str, int] = {}
    async with lived.entered(browser, "", **LAPTOP) as opened:
        session = await opened.context.new_cdp_session(opened.page)
        await session.send("Network.enable")
        session.on("Network.loadingFinished",
                   lambda event: weights.__setitem__(event["requestId"], int(event["encodedDataLength"])))  # fmt: skip
        await opened.go(f"/in/{await issue_link(lived.shop.db, email(lived.shop, 'owner'))}")
        await opened.page.wait_for_load_state("networkidle")
    assert len(weights) > 4
    assert sum(weights.values()) < 300_000
