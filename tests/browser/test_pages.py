"""Every page of the console: it fits, says nothing to the console, asks nobody outside, and keeps nobody out."""

from __future__ import annotations

import os

import pytest
from playwright.async_api import Browser

from tests.browser.dock import Dock
from tests.browser.pages import PAGES, Shot, address_of, is_for
from tests.browser.windows import LAPTOP, PHONE, Window, link_for, window
from tests.rolling import roll
from tests.shop import HOME, Shop
from tests.stories.test_shipping import CARD

# Pages that say no, and how.
NOES = (("missing", "404"), ("link-spent", "410"), ("not-allowed", "403"))
PAID = [{"kind": "paid", "amount_minor": 2500}]


async def live_in(shop: Shop) -> None:
    """An order at every stage of its journey, so that every page has something to show."""
    await shop.stock("MUG", 40)
    await shop.connect("carrier", "ratecard", "Post", **CARD)
    await shop.place(("MUG", 1), note="Ring twice", tags=["gift"])
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
USUAL = tuple(LOOKS) if EACH else ("laptop-light", "phone-dark")


@pytest.mark.parametrize("look", USUAL)
async def test_every_page_fits_and_keeps_nobody_out(shop: Shop, web: str, browser: Browser, look: str) -> None:
    await live_in(shop)
    wrong: list[str] = []
    for role in sorted({page.role for page in PAGES}):
        async with window(browser, web, await link_for(shop, role) if role else "", **LOOKS[look]) as opened:
            for page in (page for page in PAGES if page.role == role):
                await opened.go(await address_of(page, shop.db))
                by_axe = EACH or look == "phone-dark" or page.name in LIKE_NO_OTHER
                wrong += await found_wrong(opened, page, by_axe=by_axe)
    assert wrong == [], "\n".join(wrong)


# Pages that look different to each role.
LIKE_NO_OTHER = ("today", "orders", "order-picking", "attention", "floor-site", "sku", "settings")


@pytest.mark.parametrize("look", USUAL if EACH else ("phone-light",))
async def test_each_role_finds_its_pages_as_well_made(shop: Shop, web: str, browser: Browser, look: str) -> None:
    """What is the owner's alone is in the other tests; here is what others see of the same pages."""
    await live_in(shop)
    wrong: list[str] = []
    for role in ("merchant", "floor", "read_only"):
        async with window(browser, web, await link_for(shop, role), **LOOKS[look]) as opened:
            for page in (page for page in PAGES if page.role == "owner" and page.then is None):
                address = await address_of(page, shop.db)
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


async def test_the_list_and_an_order_fit_every_window(shop: Shop, desk: Window) -> None:
    await live_in(shop)
    wrong = []
    for page in (page for page in PAGES if page.name in ("orders", "order-on-its-way")):
        await desk.go(await address_of(page, shop.db))
        for width in (360, 390, 600, 768, 880, 881, 1024, 1100, 1241, 1280, 1366, 1440, 1920):
            await desk.page.set_viewport_size({"width": width, "height": 900})
            beyond = await desk.sticks_out()
            wrong += [f"{page.name} at {width}: {beyond}"] if beyond else []
    assert wrong == []


async def test_pages_weigh_little(shop: Shop, web: str, browser: Browser) -> None:
    """All that comes over the wire with the first page, packed: script, style, fonts, drawings."""
    await live_in(shop)
    weights: dict[str, int] = {}
    async with window(browser, web, **LAPTOP) as opened:
        session = await opened.context.new_cdp_session(opened.page)
        await session.send("Network.enable")
        session.on("Network.loadingFinished",
                   lambda event: weights.__setitem__(event["requestId"], int(event["encodedDataLength"])))  # fmt: skip
        await opened.go(f"/in/{await link_for(shop, 'owner')}")
        await opened.page.wait_for_load_state("networkidle")
    assert len(weights) > 4
    assert sum(weights.values()) < 300_000
