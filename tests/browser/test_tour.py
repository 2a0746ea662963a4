"""A day at the console with a keyboard, a mouse and two languages."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Browser, Page, Route

from doorstep.doors.console.navigation import PLACES
from doorstep.kit import clock
from doorstep.setup.sessions import issue_link
from tests.browser.windows import LAPTOP, PHONE, Window, email, link_for, window
from tests.shop import HOME, Shop


async def many(shop: Shop, count: int) -> list[str]:
    """Orders of as many buyers, the newest last."""
    at = clock.now() - timedelta(hours=2)
    bodies = [
        {"order": shop.order(("MUG", 1), number=f"N{nth:03}", external_id=f"n{nth}",
                             placed_at=at + timedelta(seconds=nth),
                             buyer={"name": f"Buyer {nth}", "email": f"b{nth}@example.com"},
                             ship_to={**HOME, "line1": f"{nth} Quay Street"})}
        for nth in range(count)
    ]  # fmt: skip
    answers = await shop.ask_all("place", bodies)
    return [answer["order"] for answer in answers if isinstance(answer, dict)]


async def shown(page: Page) -> list[str]:
    """The numbers of the list, from the top."""
    return await page.locator("a.row-link").all_inner_texts()


async def goes_to(page: Page, key: str) -> None:
    """Both keys are on their way at once: a machine that stands still between them would make them two."""
    async with page.expect_navigation():
        await asyncio.gather(*(page.keyboard.press(each) for each in ("g", key)))


async def test_the_list_goes_on_as_one_scrolls(shop: Shop, desk: Window) -> None:
    await many(shop, 120)
    await desk.go(f"/orders?merchant={shop.key}")
    page = desk.page
    assert len(await shown(page)) == 50
    for expected in (100, 120):
        await page.locator("tr.further, tbody tr:last-child").last.scroll_into_view_if_needed()
        await page.locator("a.row-link").nth(expected - 1).wait_for()
    assert await shown(page) == [f"N{nth:03}" for nth in reversed(range(120))]
    assert await page.locator("tr.further").count() == 0


async def test_the_keyboard_goes_everywhere(shop: Shop, desk: Window) -> None:
    orders = await many(shop, 3)
    await desk.go("/floor")
    page, keys = desk.page, desk.page.keyboard
    await goes_to(page, "o")
    assert page.url.endswith("/orders")
    await keys.press("?")
    assert await page.locator("#keys:popover-open").is_visible()
    await keys.press("Escape")
    assert await page.locator("#keys:popover-open").count() == 0
    await desk.go(f"/orders?merchant={shop.key}")
    await keys.press("/")
    assert await page.evaluate("document.activeElement.name") == "q"
    await keys.press("Escape")
    for key in ("j", "j", "j", "k", "x"):
        await keys.press(key)
    assert await page.inner_text("[data-chosen]") == "1"
    assert await page.is_checked(f"[name='o.{orders[1]}']")
    await keys.press("Control+k")
    await keys.type("N000")
    await page.wait_for_selector("#palette li:has-text('N000 · Buyer 0')")
    async with page.expect_navigation():
        await keys.press("Enter")
    assert page.url.endswith(orders[0])
    # What may be done with the order that is open is in the palette too.
    await keys.press("Control+k")
    await keys.type("put it on ho")
    await keys.press("Enter")
    assert await page.locator(".sheet:popover-open h3").inner_text() == "Put it on hold"


async def test_every_place_is_two_keys_away(desk: Window) -> None:
    await desk.go("/orders")
    for place in (place for place in PLACES if place.key):
        await goes_to(desk.page, place.key)
        assert desk.page.url == desk.web + place.address


async def test_many_are_held_at_once_after_a_look_and_let_go_again(shop: Shop, desk: Window) -> None:
    orders = await many(shop, 4)
    await shop.do("cancel", order=orders[0])
    page = desk.page
    await desk.go(f"/orders?merchant={shop.key}")
    await page.check("[data-choose-all]")
    async with page.expect_navigation():
        await page.click(".chosen-bar button:has-text('Hold')")
    assert await page.inner_text("h1") == "Put them on hold: 4 orders"
    assert "On hold: Operator" in await page.inner_text("table")
    assert not await shop.rows("select 1 from hold where merchant_id = $1", shop.merchant)
    await page.fill("[name=reason]", "The van broke down")
    async with page.expect_navigation():
        await page.click(".bulk-form button.primary")
    held = await shop.rows("select order_id from hold where merchant_id = $1 and lifted_at is null", shop.merchant)
    told = await page.inner_text("h1")
    assert told == f"Done for {len(held)} orders" and len(held) >= 3
    async with page.expect_navigation():
        await page.click("button:has-text('Undo')")
    assert not await shop.rows("select 1 from hold where merchant_id = $1 and lifted_at is null", shop.merchant)


async def test_who_refuses_says_why_before_anything_happens(shop: Shop, desk: Window) -> None:
    await shop.stock("MUG", 5)
    sent, waiting = await many(shop, 2)
    await shop.do("record_payment", order=sent, amount_minor=1250, method="cash")
    parcel = await shop.to_packed(sent)
    await shop.do("keep_label", parcel=parcel, carrier="Post", tracking_number="XX9")
    await shop.do("hand_over", parcel=parcel)
    page = desk.page
    await desk.go(f"/orders?merchant={shop.key}")
    await page.check("[data-choose-all]")
    async with page.expect_navigation():
        await page.click(".chosen-bar button:has-text('Cancel')")
    rows = await page.locator("table tbody tr").all_inner_texts()
    assert "N000" in rows[0] and "Refused." in rows[0]
    assert "N001" in rows[1] and "→ canceled" in rows[1]
    async with page.expect_navigation():
        await page.click(".bulk-form button.danger")
    assert (await shop.now(waiting))["canceled"] == 1
    assert (await shop.now(sent))["canceled"] == 0


async def test_what_was_done_can_be_undone(shop: Shop, desk: Window) -> None:
    (order,) = await many(shop, 1)
    page = desk.page
    await desk.go(f"/orders/{order}")
    await page.click("[popovertarget^='m-hold-']:visible")
    await page.fill(".sheet:popover-open [name=reason]", "Wait")
    async with page.expect_navigation():
        await page.click(".sheet:popover-open button:text-is('Put it on hold')")
    assert "Put on hold" in await page.inner_text(".toast")
    async with page.expect_navigation():
        await page.click(".toast button:text-is('Undo')")
    assert (await shop.now(order))["holds_open"] == 0
    assert "Hold lifted" in await page.inner_text(".toast")
    async with page.expect_navigation():
        await page.click(".toast button:text-is('Undo')")
    (held,) = await shop.rows("select reason from hold where merchant_id = $1 and lifted_at is null", shop.merchant)
    assert held["reason"] == "Wait"


async def test_who_writes_is_not_disturbed_by_the_page_that_looks_again(shop: Shop, desk: Window) -> None:
    """After a move the page fetches itself anew; the answer comes when somebody has begun to write."""
    (order,) = await many(shop, 1)
    page, is_asked, goes_on = desk.page, asyncio.Event(), asyncio.Event()

    async def slowly(route: Route) -> None:
        if route.request.resource_type == "fetch":
            is_asked.set()
            await goes_on.wait()
        await route.continue_()

    await page.route(f"**/orders/{order}", slowly)
    await desk.go(f"/orders/{order}")
    await page.click("[popovertarget^='m-hold-']:visible")
    await page.fill(".sheet:popover-open [name=reason]", "Wait")
    async with page.expect_navigation():
        await page.click(".sheet:popover-open button:text-is('Put it on hold')")
    await is_asked.wait()
    await page.fill("#quick-note", "They call back at four")
    async with page.expect_event("requestfinished", lambda asked: asked.resource_type == "fetch"):
        goes_on.set()
    await page.evaluate("new Promise((done) => setTimeout(done, 100))")
    assert await page.input_value("#quick-note") == "They call back at four"


async def test_a_view_is_kept_shared_and_dropped(shop: Shop, desk: Window, browser: Browser, web: str) -> None:
    await many(shop, 2)
    page = desk.page
    await desk.go(f"/orders?merchant={shop.key}&payment=unpaid")
    await page.click("text=Keep this view")
    await page.fill("#view-name", f"Unpaid of {shop.key}")
    await page.check("[name=shared]")
    async with page.expect_navigation():
        await page.click("#keep-view button:text-is('Keep it')")
    assert await page.inner_text(".views [aria-current]") == f"Unpaid of {shop.key}"
    async with window(browser, web, await link_for(shop, "operator"), **LAPTOP) as colleague:
        await colleague.go("/orders")
        async with colleague.page.expect_navigation():
            await colleague.page.click(f".views a:text-is('Unpaid of {shop.key}')")
        assert await shown(colleague.page) == ["N001", "N000"]
        assert await colleague.page.locator(".view form").count() == 0
    async with window(browser, web, await link_for(shop, "merchant"), **LAPTOP) as merchant:
        await merchant.go("/orders")
        assert f"Unpaid of {shop.key}" not in await merchant.text()
    async with page.expect_navigation():
        await page.click(".view form button")
    assert f"Unpaid of {shop.key}" not in await page.inner_text(".views")


async def test_columns_stay_as_they_were_chosen(shop: Shop, desk: Window) -> None:
    await many(shop, 1)
    page = desk.page
    await desk.go(f"/orders?merchant={shop.key}")
    await page.click("button:has-text('Columns')")
    await page.uncheck("[name='column.items']")
    await page.check("[name='column.email']")
    async with page.expect_navigation():
        await page.click("#columns button:text-is('Show these')")
    heads = await page.locator("table.orders th").all_inner_texts()
    assert "E-mail" in heads and "Items" not in heads
    await desk.go(f"/orders?merchant={shop.key}")
    assert "b0@example.com" in await page.inner_text("table.orders")


async def test_what_the_filters_show_is_downloaded(shop: Shop, desk: Window, tmp_path: Path) -> None:
    await many(shop, 3)
    page = desk.page
    await desk.go(f"/orders?merchant={shop.key}&q=b1@example.com")
    await page.click("button:has-text('Download')")
    async with page.expect_download() as coming:
        await page.click("#download a:text-is('CSV')")
    file = tmp_path / "orders.csv"
    await (await coming.value).save_as(file)
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
    assert [row["number"] for row in rows] == ["N001"]
    async with page.expect_download() as coming:
        await page.click("#download a:text-is('Excel workbook')")
    await (await coming.value).save_as(tmp_path / "orders.xlsx")
    assert (tmp_path / "orders.xlsx").read_bytes().startswith(b"PK")


async def test_light_and_dark_are_chosen_without_a_flash(shop: Shop, desk: Window) -> None:
    page = desk.page
    await desk.go("/orders")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(paper)
    await page.click(".person")
    await page.click("[data-look=theme][value=dark]")
    dark = await page.evaluate(paper)
    assert light != dark
    # The page that comes is dark from its first byte.
    answer = await page.reload()
    assert answer and 'data-theme="dark"' in await answer.text()
    assert await page.evaluate(paper) == dark


async def test_the_console_speaks_another_language(shop: Shop, desk: Window) -> None:
    (order,) = await many(shop, 1)
    await shop.work()
    page = desk.page
    await desk.go("/orders")
    await page.click(".person")
    async with page.expect_navigation():
        await page.click("[data-look=language][value=uk]")
    await desk.go(f"/orders?merchant={shop.key}")
    assert await page.inner_text("h1") == "Замовлення"
    row = await page.inner_text("table.orders tbody tr")
    assert "Обробляється" in row and "гроші ще не надійшли" in row and "12,50\xa0USD" in row and "Ірландія" in row
    await desk.go(f"/orders/{order}")
    assert "Чому воно тут і що рухає його далі?" in await desk.text()
    assert await page.get_attribute("html", "lang") == "uk"


async def test_what_somebody_chose_they_find_in_another_browser(
    shop: Shop, desk: Window, browser: Browser, web: str
) -> None:
    page = desk.page
    await desk.go("/orders")
    await page.click(".person")
    async with page.expect_navigation():
        await page.click("[data-look=language][value=uk]")
    async with window(browser, web, await issue_link(shop.db, email(shop, "owner")), **LAPTOP) as other:
        await other.go("/orders")
        assert await other.page.inner_text("h1") == "Замовлення"
        # Somebody else who signs in there finds their own.
        await other.go(f"/in/{await link_for(shop, 'operator')}")
        await other.go("/orders")
        assert await other.page.inner_text("h1") == "Orders"


async def test_a_phone_has_its_bar_and_everything_in_reach(shop: Shop, web: str, browser: Browser) -> None:
    (order,) = await many(shop, 1)
    async with window(browser, web, await link_for(shop, "owner"), **PHONE) as hand:
        await hand.go(f"/orders?merchant={shop.key}")
        assert await hand.fits()
        await hand.page.check("[data-choice]")
        assert await hand.page.is_visible(".chosen-bar")
        assert await hand.fits()
        await hand.page.uncheck("[data-choice]")
        async with hand.page.expect_navigation():
            await hand.page.click("a.row-link")
        assert hand.page.url.endswith(order)
        assert await hand.fits()
        async with hand.page.expect_navigation():
            await hand.page.click(".phone-bar a[href='/floor']")
        assert hand.page.url.endswith("/floor")
        assert hand.troubles == []
