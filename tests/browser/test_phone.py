"""The console on a phone: nothing is read or done by scrolling sideways, a thumb hits what it aims at, and a table that
is laid out as cards says what its columns are called, and stays a table to those who listen."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser

from doorstep.setup.many_skus import put_skus
from doorstep.setup.merchants import NewSku
from tests.browser.pages import PAGES, address_of
from tests.browser.test_pages import Lived, lived
from tests.browser.windows import Window, email
from tests.shop import HOME, Shop

__all__ = ["lived"]

SMALL: dict[str, Any] = {"viewport": {"width": 375, "height": 667}, "has_touch": True, "timezone_id": "Europe/Kyiv"}
SMALLEST, LARGE = 360, 430
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"

# What has more to the side than it shows. A text that is typed with tabs keeps its lines, and so does a command.
SIDEWAYS = """() => {
  const told = [];
  for (const each of document.querySelectorAll("body *")) {
    if (each.matches("textarea, input, pre, iframe")) continue;
    const flows = ["auto", "scroll"].includes(getComputedStyle(each).overflowX);
    if ((flows || each.matches("table")) && each.clientWidth && each.scrollWidth > each.clientWidth + 1)
      told.push(`${each.outerHTML.slice(0, 120)}: ${each.scrollWidth} > ${each.clientWidth}`);
  }
  return told;
}"""
# What is pressed and is smaller than a thumb; a box that its label goes with is as large as that.
TOO_SMALL = """() => {
  const links = ".button, .chip, .segments a, .phone-bar a, .views a", told = [];
  const pressed = `button, select, summary, input, textarea, .tick, ${links}`;
  for (const each of document.querySelectorAll(pressed)) {
    if (each.matches("[type=hidden], label input") || !each.checkVisibility({ visibilityProperty: true })) continue;
    const box = each.getBoundingClientRect(), beyond = getComputedStyle(each, "::after");
    const reach = beyond.position === "absolute" ? [beyond.width, beyond.height].map(parseFloat) : [0, 0];
    if (Math.max(box.width, reach[0]) < 43.5 || Math.max(box.height, reach[1]) < 43.5)
      told.push(`${each.outerHTML.replace(/\\s+/g, " ").slice(0, 120)}: ${box.width} x ${box.height}`);
  }
  return told;
}"""
# Cells of cards whose name is not that of their column, and those that have neither a name nor a place of their own.
UNNAMED = """() => {
  const told = [], spoken = (text) => text.replace(/\\s+/g, " ").trim();
  for (const table of document.querySelectorAll("table.table")) {
    const heads = [...table.querySelectorAll("thead tr > *")].map((each) => spoken(each.textContent));
    for (const cell of table.querySelectorAll("tbody tr:not(.further) > td")) {
      const name = cell.dataset.label, placed = /c-(main|side|name|tools)/.test(cell.className) || cell.colSpan > 1;
      if (name === undefined ? !placed && !table.matches(".is-compared") && cell.textContent.trim()
          : spoken(name) !== heads[cell.cellIndex])
        told.push(`${cell.outerHTML.slice(0, 160)}: ${heads[cell.cellIndex]}`);
    }
  }
  return told;
}"""


@pytest.mark.parametrize("language", ["en", "uk"])
async def test_nothing_on_a_phone_is_read_or_done_by_scrolling_sideways(
    lived: Lived, browser: Browser, language: str
) -> None:
    await _long_names(lived.shop)
    wrong: list[str] = []
    for role in sorted({page.role for page in PAGES}):
        async with lived.entered(browser, role, **SMALL, locale=language) as opened:
            for page in (page for page in PAGES if page.role == role):
                await opened.go(await address_of(page, lived.shop.db))
                if page.then:
                    await page.then(opened.page)
                for look in (SIDEWAYS, TOO_SMALL, UNNAMED):
                    wrong += [f"{page.name}: {told}" for told in await opened.page.evaluate(look)]
                wrong += [f"{page.name}: {told}" for told in [await opened.sticks_out()] if told]
                for width in () if page.then else (SMALLEST, LARGE):
                    await opened.page.set_viewport_size({"width": width, "height": 667})
                    beyond = [await opened.sticks_out(), *await opened.page.evaluate(SIDEWAYS)]
                    wrong += [f"{page.name} at {width}: {told}" for told in beyond if told]
                await opened.page.set_viewport_size(SMALL["viewport"])
    assert wrong == [], "\n".join(dict.fromkeys(wrong))


@pytest.mark.parametrize("page", ["/orders", "/stock", "/settings/log", "/reports/on-time?by=country"])
async def test_cards_stay_a_table_to_those_who_listen(lived: Lived, browser: Browser, page: str) -> None:
    async with lived.entered(browser, "owner", **SMALL) as opened:
        await opened.go(page)
        table = opened.page.locator("table:visible")
        spoken = await _spoken(opened)
        roles = [role for role, _ in spoken]
        assert roles.count("table") == 1 and roles.count("row") == await table.locator("tr").count()
        assert roles.count("columnheader") == await table.locator("th[scope=col], .c-choose[data-label]").count()
        assert roles.count("cell") == await table.locator("td:visible").count()
        # The table tells them: the names that cards show are for the eye.
        assert spoken.count(("StaticText", "In quarantine")) == (page == "/stock")
        assert await opened.barriers() == []


async def test_a_card_is_opened_chosen_and_walked_to_like_a_row(lived: Lived, browser: Browser) -> None:
    async with lived.entered(browser, "owner", **SMALL) as opened:
        await opened.go("/orders")
        rows = opened.page.locator("tbody tr")
        await opened.page.tap("[data-choose-all]")
        assert await opened.page.locator("[data-choice]:checked").count() == await rows.count()
        await opened.page.tap("[data-choose-none]")
        for key in "jjx":
            await opened.page.keyboard.press(key)
        assert await rows.nth(1).locator("[data-choice]").is_checked()
        number = await rows.nth(1).locator(".row-link").inner_text()
        await opened.page.keyboard.press("x")
        async with opened.page.expect_navigation():
            await rows.nth(1).tap(position={"x": 200, "y": 60})
        assert number in await opened.page.inner_text("h1")


async def test_several_exceptions_are_assigned_at_once_on_a_phone(lived: Lived, browser: Browser) -> None:
    async with lived.entered(browser, "owner", **SMALL) as opened:
        await opened.go("/attention")
        every = await opened.page.locator("[data-choice]").count()
        assert every > 1
        await opened.page.tap("[data-choice] >> nth=0")
        await opened.page.tap("[data-choose-all]")
        await opened.page.select_option("[form=chosen][name=to]", email(lived.shop, "owner"))
        async with opened.page.expect_navigation():
            await opened.page.tap("[formaction='/attention/assign']")
        await opened.go("/attention?whose=mine")
        assert await opened.page.locator(".item").count() == every


async def test_a_phone_shows_the_filters_that_are_on_and_all_when_asked(lived: Lived, browser: Browser) -> None:
    async with lived.entered(browser, "owner", **SMALL) as opened:
        await opened.go("/orders?payment=paid")
        chips = opened.page.locator(".filters > .chip:not(.chip-more):visible")
        assert await chips.count() == 1
        await opened.page.tap(".chip-more")
        assert await chips.count() > 5
        async with opened.page.expect_navigation():
            await opened.page.select_option("[name=stage]", "processing")
        assert await chips.count() == 2


async def _spoken(opened: Window) -> list[tuple[str, str]]:
    """What a screen reader meets: its role and its name."""
    session = await opened.context.new_cdp_session(opened.page)
    tree = await session.send("Accessibility.getFullAXTree")
    met = [node for node in tree["nodes"] if not node["ignored"]]
    return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in met]


async def _long_names(shop: Shop) -> None:
    code = LONG.upper()[:60]
    await put_skus(shop.db, shop.merchant, [NewSku(code, name=f"{LONG} {LONG}")])
    await shop.stock(code, 987654)
    to = {**HOME, "name": LONG, "line1": LONG, "city": LONG[:60]}
    buyer = {"name": LONG, "email": f"{LONG[:50].lower().replace('ä', 'a')}@example.com"}
    price = {"quantity": 987, "unit_price": "12345.67"}
    await shop.place({"sku": code, **price}, buyer=buyer, ship_to=to, note=LONG, tags=[LONG[:40]])
    await shop.work()
