"""An order's whole life by clicks alone: from a file to the buyer's door, and paid."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser, Page

from tests.browser.windows import LAPTOP, PHONE, email, link_for, window
from tests.doors.test_console import _do, _scan, _work
from tests.doors.test_importing_pages import work as take_in
from tests.shop import Shop

PASSWORD = "a shelf full of blue mugs"
ORDERS = """Order,Date,Name,E-mail,SKU,Title,Quantity,Price,Street,Postcode,City,Country
W-1,2026-03-01,Ada Byrne,ada@example.com,MUG,A mug,2,12.50,12 Grafton Street,D02 XY45,Dublin,IE
"""


async def test_an_order_goes_from_a_file_to_the_door_and_is_paid_by_clicks_alone(
    shop: Shop, web: str, browser: Browser, tmp_path: Path
) -> None:
    await shop.stock("MUG", 10, bin="B-7")
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS, "utf-8")
    async with window(browser, web, await link_for(shop, "merchant"), **LAPTOP) as desk:
        page = desk.page
        await _choose_a_password(page)
        await _sign_in_again(page, email(shop, "merchant"))
        await desk.go("/import")
        await page.set_input_files("#file", file)
        await page.click("text=Look at it")
        await page.wait_for_selector("text=What the columns say")
        assert "2 × MUG" in await page.inner_text(".first-rows")
        await page.click('button[value="go"]')
        await page.wait_for_selector("#progress")
        assert await take_in(shop)
        await page.wait_for_selector("text=What came of it")
        async with page.expect_navigation():
            await page.click("text=To the orders")
        async with page.expect_navigation():
            await page.click("table.orders >> text=W-1")
        await page.wait_for_selector("h1:has-text('W-1')")
        order = page.url.split("?")[0].rsplit("/", 1)[1]
        await _work(shop)
        await page.reload()
        await _do(page, "record_payment", "Record it", method="transfer")
        await _work(shop)
        assert await shop.stage(order) == "awaiting_fulfillment"

        async with window(browser, web, await link_for(shop, "floor"), **PHONE) as hand:
            await hand.go(f"/floor?site={shop.site('NJ')}")
            await _scan(hand.page, "5901234123457")
            assert (await shop.now(order))["picked"] == 2
            async with hand.page.expect_navigation():
                await hand.page.click("text=Pack into a parcel")
            assert hand.troubles == []

        async with window(browser, web, await link_for(shop, "owner"), **LAPTOP) as office:
            await office.go(f"/orders/{order}")
            await _do(office.page, "keep_label", "Keep it", carrier="Post", tracking_number="XX1234567")
            await _do(office.page, "hand_over", "It is gone")
            await _work(shop)
            await office.page.reload()
            await _do(office.page, "deliver", "It arrived", received_by="Ada")
            assert office.troubles == []

        await page.reload()
        text = await desk.text()
        assert "Everything is done" in text and "INV-" in text
        assert desk.troubles == []
    now = await shop.now(order)
    assert (now["stage"], now["payment"], now["delivery"], now["invoicing"]) == (
        "completed", "paid", "delivered", "invoiced",
    )  # fmt: skip


async def _choose_a_password(page: Page) -> None:
    await page.wait_for_url("**/welcome")
    await page.fill("input[name=new]", PASSWORD)
    await page.fill("input[name=again]", PASSWORD)
    await page.click("main button:text-is('Keep it')")
    await page.wait_for_url("**/today")


async def _sign_in_again(page: Page, who: str) -> None:
    await page.locator("[popovertarget=me]:visible").click()
    await page.click("form[action='/out'] button")
    await page.wait_for_url("**/sign-in*")
    await page.fill("input[name=email]", who)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main button:text-is('Sign in')")
    await page.wait_for_url("**/today")
