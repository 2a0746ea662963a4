"""Every button of the journey is clicked where it really stands, and what it does is seen on the page and in the books.

A scene says which buttons it clicks, and is held to it; all scenes together click what the console can offer, so that
a new button without a click is a broken test.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Locator, Page

from doorstep.doors.console import attention, bulk, floor, goods_moves, leaving_page, loads_page, looks, move_forms
from doorstep.kit import clock
from doorstep.setup.merchants import NewMerchant, change_merchant, create_merchant
from doorstep.setup.people import ROLES
from doorstep.spine.journey import JOURNEY
from doorstep.spine.tenant import tenant_tx
from tests.browser.windows import LAPTOP, PHONE, Window, link_for, window
from tests.doors.test_console import _scan, _work
from tests.shop import HOME, Shop, a_pick
from tests.stories.test_customs import LVIV, abroad, lists  # noqa: F401
from tests.stories.test_exceptions import stopped_job
from tests.stories.test_shipping import CARD, world_of

PERSONS = frozenset().union(*ROLES.values())
# What a person does with a file, on the page of imports (test_whole_life, test_importing_pages).
BY_FILE = {"import_history", "import_correction", "import_opening"}
# The channel's own words; at the desk one cancels, mends the address, credits.
BY_NO_BUTTON = {"amend"}
# Which button a post came from: of an order, of many, of the floor, of goods.
POSTS = (
    (r"/orders/all/([a-z_-]+)", "all"), (r"/orders/ord_\d+/([a-z_]+)", "order"), (r"/floor/([a-z]+)", "floor"),
    (r"/catalog/sku_\d+/([a-z-]+)", "goods"), (r"/attention/([a-z]+)", "attention"),
    (r"/floor/leaving/([a-z-]+)", "leaving"), (r"/loads/(new)", "loads"), (r"/loads/lod_\d+/([a-z_]+)", "load"),
    (r"/stock/(arrivals)/new/[^/]+", "announce"), (r"/stock/(arrivals)/asn_\d+", "receive"),
    (r"/orders/(new)/[^/]+", "orders"), (r"/orders/ord_\d+/parcels/par_\d+/(rates)", "parcel"),
)  # fmt: skip
CLICKED: set[str] = set()
Scene = Callable[..., Awaitable[None]]


def clicks(*names: str) -> Callable[[Scene], Scene]:
    """The buttons that a scene clicks, no more and no less."""
    CLICKED.update(names)

    def of(scene: Scene) -> Scene:
        @wraps(scene)
        async def played(**asked: Any) -> None:
            await scene(**asked)
            (clerk,) = (each for each in asked.values() if isinstance(each, Clerk))
            assert clerk.clicked == set(names)

        return played

    return of


class Clerk:
    """Somebody at a window who clicks; noted is what was posted."""

    def __init__(self, at: Window) -> None:
        self.at, self.page = at, at.page
        self.clicked: set[str] = set()
        self.page.on("request", lambda asked: self._posted(urlsplit(asked.url).path) if asked.method == "POST" else 0)

    def _posted(self, path: str) -> None:
        for pattern, of in POSTS:
            if found := re.fullmatch(pattern, path):
                self.clicked.add(f"{of}/{found[1].replace('-', '_')}")

    async def opens(self, path: str) -> None:
        assert await self.at.go(path) == 200, path

    async def does(self, verb: str, /, **fields: str) -> str:
        """Opens the form of an order's move, fills it in, looks at what it would do, does it; what is said then."""
        opener = self.page.locator(f"main [popovertarget^='m-{verb}-'].move:visible")
        if await opener.count():
            await opener.first.click()
            sheet = self.page.locator(".sheet:popover-open")
            await fill(sheet, fields)
            await self.sends(sheet.locator(".sheet-foot button:not([type=button])"))
        else:
            await self.sends(self.page.locator(f"main form[action$='/{verb}'] button.move:visible").first)
        return await self.looked_at()

    async def sends(self, button: Locator) -> None:
        async with self.page.expect_navigation():
            await button.click()

    async def looked_at(self) -> str:
        """Where the effect is shown first, it is what was meant."""
        if await self.page.locator("section.effect form").count():
            await self.sends(self.page.locator("section.effect .sheet-foot button"))
        assert await self.page.locator("main [role=alert]").all_inner_texts() == []
        return await self.at.text()


async def fill(where: Locator, fields: dict[str, str]) -> None:
    for name, value in fields.items():
        field = where.locator(f"[name='{name}']")
        if await field.evaluate("field => field.tagName") == "SELECT":
            await field.select_option(value)
        else:
            await field.fill(value)


@asynccontextmanager
async def clerk_of(shop: Shop, web: str, browser: Browser, role: str, **how: Any) -> AsyncIterator[Clerk]:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, hold_duplicates=False)
    async with window(browser, web, await link_for(shop, role), **how) as opened:
        yield Clerk(opened)
        assert opened.troubles == []


@pytest.fixture
async def owner(shop: Shop, web: str, browser: Browser) -> AsyncIterator[Clerk]:
    async with clerk_of(shop, web, browser, "owner", **LAPTOP) as clerk:
        yield clerk


@pytest.fixture
async def merchant(shop: Shop, web: str, browser: Browser) -> AsyncIterator[Clerk]:
    async with clerk_of(shop, web, browser, "merchant", **LAPTOP) as clerk:
        yield clerk


@pytest.fixture
async def hand(shop: Shop, web: str, browser: Browser) -> AsyncIterator[Clerk]:
    """Somebody of the floor, with a phone."""
    async with clerk_of(shop, web, browser, "floor", **PHONE) as clerk:
        yield clerk


async def payment(shop: Shop, kind: str, state: str = "wanted") -> str:
    (row,) = await shop.rows(
        "select 'pay_' || payment_id as id from payment where merchant_id = $1 and kind = $2 and state = $3",
        shop.merchant, kind, state,
    )  # fmt: skip
    return str(row["id"])


async def sent(shop: Shop, order: str) -> str:
    """Handed over; what follows is not done yet."""
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="Post", tracking_number=f"T{parcel}")
    await shop.do("hand_over", parcel=parcel)
    return parcel


# What there is to click


def offered() -> set[str]:
    """Every button of the journey that the console has the code for."""
    every = {f"order/{verb}" for verb in order_moves()}
    every |= {f"all/{each.verb}" for each in bulk.bulks(PERSONS)}
    every |= {f"floor/{verb}" for verb in floor.VERBS_HERE}
    every |= {f"goods/{each.verb}" for each in goods_moves.goods_moves()}
    templates = Path(inspect.getfile(looks)).parent / "templates"
    inbox = "".join(page.read_text("utf-8") for page in templates.glob("attention*.html"))
    every |= {f"attention/{what}" for what in re.findall(r"/attention/([a-z]+)", inbox)}
    every |= {f"leaving/{verb}" for verb in leaving_page.VERBS_HERE}
    every |= {f"load/{verb}" for verb in loads_page.VERBS_HERE}
    return every | {"announce/arrivals", "receive/arrivals", "loads/new", "orders/new", "parcel/rates"}


def order_moves() -> set[str]:
    """The verbs whose forms are in move_forms.py."""
    calls = (node for node in ast.walk(ast.parse(inspect.getsource(move_forms))) if isinstance(node, ast.Call))
    return {
        str(call.args[1].value)
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "_move" and isinstance(call.args[1], ast.Constant)
    }


def test_every_button_there_is_is_clicked_by_a_scene() -> None:
    assert offered() == CLICKED


def test_every_verb_that_a_person_may_do_has_a_button() -> None:
    by_forms = {"announce", "receive", "open_load", "place"}
    by_button = {name.partition("/")[2] for name in offered() if not name.startswith("attention/")} | by_forms
    may = {row.verb for row in JOURNEY if PERSONS & set(row.who)}
    assert may - by_button == BY_FILE | BY_NO_BUTTON


def test_what_mends_an_exception_is_a_form_of_its_order() -> None:
    assert set(attention.MENDS.values()) <= order_moves()
    assert set(attention.MENDS.values()) <= attention.BUTTONS.keys()


# At the desk


@clicks("order/confirm", "order/check", "order/record_payment", "order/hold", "order/lift", "order/note",
        "order/open_case", "order/answer_case", "order/close_case", "order/fix_address", "order/insure",
        "order/cancel")  # fmt: skip
async def test_a_merchant_sees_an_order_through_its_troubles(shop: Shop, merchant: Clerk) -> None:
    order = await shop.place(("MUG", 2), draft=True)
    await merchant.opens(f"/orders/{order}")
    assert "The draft became an order" in await merchant.does("confirm")
    assert await shop.stage(order) == "received"
    assert "On hold: Payment" in await merchant.does("check")
    assert (await shop.timeline(order))[-1] == "check"
    assert "Payment recorded" in await merchant.does("record_payment", amount_minor="25.00", reference="RF18")
    assert (await shop.now(order))["earned"] == 2500
    await _work(shop)
    assert "On hold: Merchant" in await merchant.does("hold", reason="They call back")
    await merchant.sends(merchant.page.locator(".toast button:text-is('Undo')"))
    assert "Hold lifted" in await merchant.at.text()
    await merchant.does("hold", reason="They call back again")
    await merchant.does("lift")
    assert not await shop.rows(
        "select 1 from hold where merchant_id = $1 and lifted_at is null and type = 'merchant'", shop.merchant
    )
    assert "Leave it with the neighbor" in await merchant.does("note", text="Leave it with the neighbor")
    assert "Where is it?" in await merchant.does("open_case", kind="not_arrived", text="Where is it?")
    assert "It is being packed" in await merchant.does("answer_case", text="It is being packed")
    await merchant.does("close_case", note="They know now")
    assert "Closed" in await merchant.page.inner_text(".case header")
    assert (await shop.timeline(order))[-3:] == ["open_case", "answer_case", "close_case"]
    assert "13 Grafton Street" in await merchant.does("fix_address", **{"ship_to.line1": "13 Grafton Street"})
    told = await merchant.does("fix_address", **{"ship_to.pickup_point": "DUB-4"})
    assert "Pickup point DUB-4" in told
    assert "Insured on its way for $40.00" in await merchant.does("insure", insured_minor="40")
    (kept,) = await shop.rows("select insured_minor, ship_to ->> 'pickup_point' as point from orders"
                              " where merchant_id = $1", shop.merchant)  # fmt: skip
    assert (kept["insured_minor"], kept["point"]) == (4000, "DUB-4")
    assert "Canceled" in await merchant.does("cancel", reason="They changed their mind")
    assert await shop.stage(order) == "canceled"


@clicks("orders/new")
async def test_an_order_is_typed_in_line_by_line_and_sent_once_more(shop: Shop, merchant: Clerk) -> None:
    await shop.stock("MUG", 9)
    await shop.stock("CUP", 9)
    page = merchant.page
    await merchant.opens("/orders")
    await merchant.sends(page.locator(".tools a:has-text('New order')"))
    assert await page.locator("[data-row]:visible").count() == 1
    await page.click("[data-row-more]")
    await page.keyboard.type("CUP")
    typed = {"lines.1.sku": "MUG", "lines.1.unit_price": "12.50", "lines.2.unit_price": "9", "buyer.name": "Ada Byrne",
             "buyer.email": "ada@example.com"}  # fmt: skip
    address = {f"ship_to.{name}": HOME[name] for name in ("line1", "city", "postcode", "country")}
    said = {"payment_term": "on_account", "ship_by": "2031-04-30"}
    await fill(page.locator("form.asked"), typed | address | said)
    await merchant.sends(page.locator(".asked-foot button"))
    assert "Ada Byrne" in await merchant.looked_at() and "$21.50" in await merchant.at.text()
    (order,) = await shop.rows(
        "select 'ord_' || order_id as id, ship_by from orders where merchant_id = $1", shop.merchant
    )
    assert order["ship_by"].isoformat() == "2031-05-01T00:00:00+00:00"
    await _work(shop)
    await sent(shop, order["id"])
    await page.reload()
    await merchant.sends(page.locator("a:has-text('Send it again')"))
    assert await page.locator("[data-row]:visible").count() == 2
    await merchant.sends(page.locator(".asked-foot button"))
    assert len(await shop.rows("select 1 from orders where merchant_id = $1", shop.merchant)) == 2


@clicks("parcel/rates")
async def test_a_carrier_is_chosen_by_its_price(shop: Shop, owner: Clerk) -> None:
    await shop.stock("MUG", 2)
    await shop.connect("carrier", "ratecard", f"post-{shop.merchant}", **CARD)
    order = await shop.place(("MUG", 1), payment_term="on_account", reserve="now")
    parcel = await shop.to_packed(order)
    await owner.opens(f"/orders/{order}")
    await owner.sends(owner.page.locator("a:text-is('Compare rates')"))
    await owner.sends(owner.page.locator("main form[action$='/rates'] button").first)
    assert "Waiting for its label" in await owner.at.text()
    (wanted,) = await shop.rows(
        "select label_state from parcel where merchant_id = $1 and 'par_' || parcel_id = $2", shop.merchant, parcel
    )
    assert wanted["label_state"] == "wanted"


@clicks("order/name_item", "order/review_party", "order/keep_filing")
async def test_what_the_checks_ask_is_answered_beside_its_hold(shop: Shop, merchant: Clerk, lists: None) -> None:  # noqa: F811
    unknown = shop.order(("TEAPOT", 1), external_id="7", payment_term="on_account")
    order = str((await shop.do("place", order=unknown, generous=True))["order"])
    await _work(shop)
    await merchant.opens(f"/orders/{order}")
    assert "The unknown item got its SKU" in await merchant.does("name_item", sku="MUG")
    assert "MUG" in await merchant.page.inner_text(".lines")
    filed = await abroad(shop, ("MUG", 201))
    listed = await abroad(shop, ("MUG", 1), ship_to=LVIV | {"name": "Viktor Kholodenko-Zarubin"})
    await _work(shop)
    await merchant.opens(f"/orders/{filed}")
    await merchant.does("keep_filing", itn="AES X20261120123456")
    await merchant.opens(f"/orders/{listed}")
    await merchant.does("review_party", verdict="no_match", note="Another birthday")
    await _work(shop)
    for each in (filed, listed):
        assert (await shop.now(each))["holds_open"] == 0


@clicks("all/hold", "all/lift", "all/check", "all/release", "all/note", "all/cancel")
async def test_many_orders_are_moved_at_once(shop: Shop, owner: Clerk) -> None:
    await shop.stock("MUG", 10)
    paid = [{"kind": "paid", "amount_minor": 1250}]
    orders = [await shop.place(("MUG", 1), reserve="now", tenders=paid) for _ in range(2)]

    async def all_of_them(verb: str, **fields: str) -> str:
        await owner.opens(f"/orders?merchant={shop.key}")
        await owner.page.check("[data-choose-all]")
        await owner.sends(owner.page.locator(f".chosen-bar button[formaction$='/{verb}']"))
        await fill(owner.page.locator(".bulk-form"), fields)
        await owner.sends(owner.page.locator(".bulk-form .sheet-foot button"))
        return await owner.page.inner_text("h1")

    assert await all_of_them("check") == "Done for 2 orders"
    assert await all_of_them("release") == "Done for 2 orders"
    assert len(await shop.on_floor(orders[0])) == 1
    assert await all_of_them("hold", reason="The van broke down") == "Done for 2 orders"
    assert [(await shop.now(order))["holds_open"] for order in orders] == [1, 1]
    assert await all_of_them("lift") == "Done for 2 orders"
    assert await all_of_them("note", text="The van is back") == "Done for 2 orders"
    assert await all_of_them("cancel", reason="Sold out") == "Done for 2 orders"
    assert [await shop.stage(order) for order in orders] == ["canceled", "canceled"]
    assert (await shop.timeline(orders[0])).count("note") == 1


@clicks("attention/assign", "attention/snooze", "attention/comment", "attention/look", "attention/end",
        "order/check")  # fmt: skip
async def test_what_needs_attention_is_cared_for_and_ends(shop: Shop, owner: Clerk) -> None:
    await shop.stock("MUG", 5)
    order = await shop.place(("MUG", 2), payment_term="on_account", number="#1")
    ful = await shop.to_released(order)
    await shop.do("short", fulfillment_order=ful, line=1, quantity=1, bin="A-1")
    await shop.do("hold", order=order, type="customs_data", reason="Its origin is missing")
    await shop.do("hold", order=order, type="operator", reason="Look at it")
    await stopped_job(shop, "check", {"order": order}, "OSError: the disk is full")
    page, inbox = owner.page, f"/attention?merchant={shop.key}"

    async def open_ones() -> int:
        rows = await shop.rows(
            "select (select count(*) from attention where merchant_id = $1 and resolved_at is null)"
            " + (select count(*) from hold where merchant_id = $1 and lifted_at is null)"
            " + (select count(*) from job where merchant_id = $1 and state = 'dead') as n", shop.merchant,
        )  # fmt: skip
        return int(rows[0]["n"])

    assert await open_ones() == 4
    await owner.opens(f"{inbox}&kind=short_pick")
    await page.click(".item-more summary")
    for what, fields in (
        ("assign", {"to": f"owner@{shop.key}.example"}), ("comment", {"text": "Counted twice"}),
    ):  # fmt: skip
        form = page.locator(f".item-forms form[action='/attention/{what}']")
        await fill(form, fields)
        await owner.sends(form.locator("button"))
        await page.click(".item-more summary")
    shown = await page.inner_text(".item")
    assert f"owner@{shop.key}.example" in shown and "Counted twice" in shown
    await owner.sends(page.locator(".item-do button:text-is('Done')"))
    assert await open_ones() == 3
    await owner.opens(f"{inbox}&kind=job:check")
    await owner.sends(page.locator(".item-do button:text-is('Try again')"))
    assert await open_ones() == 2
    await owner.opens(f"{inbox}&kind=hold:customs_data")
    await owner.sends(page.locator(".item-do button:text-is('Check again')"))
    assert page.url.partition("?")[0].endswith(f"/orders/{order}")
    await owner.opens(f"{inbox}&kind=hold:operator")
    await page.click(".item-more summary")
    form = page.locator(".item-forms form[action='/attention/snooze']")
    await fill(form, {"days": "7"})
    await owner.sends(form.locator("button"))
    assert await page.locator(".item").count() == 0
    await owner.opens(f"{inbox}&kind=hold:operator&snoozed=1")
    await page.check("[data-choice]")
    await owner.sends(page.locator(".inbox-bar > button:text-is('Resolve …')"))
    assert "Resolve 1" in await page.inner_text("h1")
    before = await open_ones()
    await owner.sends(page.locator(".look-form .sheet-foot button"))
    assert await open_ones() == before - 1


# On the floor, and what leaves it


@clicks("floor/pick", "floor/short", "floor/pack")
async def test_the_floor_picks_misses_and_packs(shop: Shop, hand: Clerk) -> None:
    await shop.stock("MUG", 2, bin="B-7")
    order = await shop.place(("MUG", 2), payment_term="on_account")
    await shop.work()
    await hand.opens(f"/floor?site={shop.site('NJ')}")
    await shop.do("pick", **a_pick((await shop.on_floor(order))[0]["ful"], bin="B-7"))
    await hand.page.reload()
    await hand.page.click(".floor-order summary:text-is('Not there?')")
    await hand.sends(hand.page.locator(".floor-order form[action='/floor/short'] button"))
    assert (await shop.now(order))["picked"] == 1 and await shop.free("MUG") == 0
    await shop.stock("MUG", 1, bin="B-8")
    await _work(shop)
    await hand.page.reload()
    await _scan(hand.page, "5901234123457")
    assert (await shop.now(order))["picked"] == 2
    await hand.sends(hand.page.locator(".floor-order form[action='/floor/pack'] button"))
    assert (await shop.now(order))["packed"] == 2 and "Packed" in await hand.at.text()


async def test_who_has_no_scanner_says_that_all_of_an_order_is_picked(shop: Shop, hand: Clerk) -> None:
    await shop.stock("MUG", 1, bin="B-7")
    await shop.stock("MUG", 2, bin="B-8")
    order = await shop.place(("MUG", 3), payment_term="on_account")
    await shop.work()
    await hand.opens(f"/floor?site={shop.site('NJ')}")
    await hand.page.click(".floor-order summary:text-is('No scanner?')")
    await hand.sends(hand.page.locator(".floor-order form[action='/floor/pick'] button:text-is('All of it is picked')"))
    assert (await shop.now(order))["picked"] == 3 and "Picked" in await hand.at.text()


@clicks("order/release", "order/unpromise", "order/unpick", "order/pack", "order/unpack", "order/want_label",
        "order/keep_label", "order/want_void", "order/keep_void", "order/hand_over", "order/track", "order/instruct",
        "order/number_parcel", "order/want_return_label", "order/want_return_void", "order/keep_return_void",
        "order/deliver", "order/lose", "order/take_back")  # fmt: skip
async def test_a_parcel_is_packed_sent_followed_and_comes_back(shop: Shop, owner: Clerk) -> None:
    await shop.stock("MUG", 6)
    to = {"payment_term": "on_account", "reserve": "now"}
    order, given_up, lost = [await shop.place(("MUG", 2), **to) for _ in range(3)]
    await shop.do("check", order=order)
    await owner.opens(f"/orders/{order}")
    assert "Sent to the floor" in await owner.does("release")
    await shop.pick_all(order)
    await owner.page.reload()
    assert "Put back on the shelf" in await owner.does("unpick", quantity="1", bin="C-1")
    assert (await shop.now(order))["picked"] == 1 and ("C-1", 1) in await shop.bins("MUG")
    await shop.pick_all(order)
    await owner.page.reload()
    await owner.does("pack", weight_g="800")
    assert "Taken out of the parcel" in await owner.does("unpack")
    assert (await shop.now(order))["picked"] == 2
    await owner.does("pack", weight_g="800")
    assert "Waiting for its label" in await owner.does("want_label")
    (parcel,) = await shop.rows(
        "select 'par_' || parcel_id as parcel, label_key from parcel where merchant_id = $1 and label_state = 'wanted'",
        shop.merchant,
    )  # fmt: skip
    await shop.do("keep_label", **parcel, carrier="sim", tracking_number="XX1", label_ref="l1")
    await owner.page.reload()
    assert "Label to be voided" in await owner.does("want_void")
    assert "Label voided" in await owner.does("keep_void")
    assert "Packed and labeled" in await owner.does("keep_label", carrier="Post", tracking_number="XX2")
    assert "On its way with Post" in await owner.does("hand_over")
    assert await shop.stage(order) == "fulfilled"
    told = await owner.does("track", state="attempted", happened_at="2026-03-02T10:30", message="Nobody at home")
    assert "Delivery attempted" in told and "Nobody at home" in told
    assert "To look at" in await owner.does("instruct", what="reattempt", on="2026-03-04", note="After six")
    (raised,) = await shop.rows(
        "select why ->> 'on' as day from attention where merchant_id = $1 and kind = 'carrier_to_tell'", shop.merchant
    )
    assert raised["day"] == "2026-03-04"
    await owner.does("number_parcel", number="LM-1", carrier="np")
    assert "LM-1" in await owner.at.text()
    await owner.does("want_return_label")
    (back,) = await shop.rows(
        "select state, 'ret_' || return_label_id as id from return_label where merchant_id = $1", shop.merchant
    )
    assert back["state"] == "wanted"
    await shop.do("keep_return_label", return_label=back["id"], carrier="sim", tracking_number="BK1", label_ref="b1")
    await owner.page.reload()
    assert "Label for the way back: to be voided" in await owner.does("want_return_void")
    told = await owner.does("keep_return_void")
    assert "Label for the way back: void" in told and "Label for the way back voided" in told
    await owner.does("deliver", received_by="A neighbor")
    assert (await shop.now(order))["delivered"] == 2
    await owner.does("take_back", **{"lines.1": "1", "reason": "Chipped"})
    assert (await shop.now(order))["taken_back"] == 1
    await owner.opens(f"/orders/{given_up}")
    assert "Promised stock given back" in await owner.does("unpromise")
    assert (await shop.now(given_up))["promised"] == 0 and await shop.free("MUG") == 2
    await sent(shop, lost)
    await owner.opens(f"/orders/{lost}")
    assert "Written off as lost" in await owner.does("lose", reason="It fell off the van")
    assert (await shop.now(lost))["lost"] == 2


# Money


@clicks("order/want_authorization", "order/want_capture", "order/capture", "order/want_release_of_funds",
        "order/remit", "order/issue_invoice", "order/issue_credit", "order/want_refund", "order/refund")  # fmt: skip
async def test_money_is_held_taken_billed_and_given_back(shop: Shop, owner: Clerk) -> None:
    await shop.connect("payments", "simpay", "sim")
    await shop.stock("MUG", 10)
    order = await shop.place(("MUG", 2), payment_token="tok_ok")
    first = (await shop.do("want_authorization", order=order))["payment"]
    await shop.do("decline", payment=first, reason="insufficient_funds")
    await owner.opens(f"/orders/{order}")
    assert "Asked to hold the money" in await owner.does("want_authorization")
    await shop.do("authorize", payment=await payment(shop, "authorization"), provider_ref="auth_1")
    await sent(shop, order)
    await owner.page.reload()
    assert "Asked to take the held money" in await owner.does("want_capture")
    await shop.do("capture", payment=await payment(shop, "capture"), provider_ref="cap_1")
    await owner.page.reload()
    assert "INV-" in await owner.does("issue_invoice")
    assert (await shop.now(order))["invoiced"] == 2500
    await owner.does("issue_credit", amount_minor="5.00", reason="A scratch", refund="false")
    assert (await shop.now(order))["credited"] == 500
    await owner.does("want_refund", amount_minor="5.00", reason="A scratch")
    assert await payment(shop, "refund")

    by_transfer = await shop.place(("MUG", 1))
    await shop.do("record_payment", order=by_transfer, amount_minor=2000)
    (by_hand,) = (await shop.do("want_refund", order=by_transfer))["by_hand"]
    await owner.opens(f"/orders/{by_transfer}")
    assert "Refunded" in await owner.does("refund", provider_ref="bank 18")
    assert (await shop.now(by_transfer))["refunded"] == 750
    assert by_hand

    at_the_door = await shop.place(("MUG", 1), payment_term="cod")
    await shop.do("deliver", parcel=await sent(shop, at_the_door))
    await owner.opens(f"/orders/{at_the_door}")
    await owner.does("remit", amount_minor="12.50", reference="Payout 7")
    assert (await shop.now(at_the_door))["earned"] == 1250

    held = [{"kind": "authorized", "amount_minor": 1250}]
    of_channel = await shop.place(("MUG", 1), tenders=held)
    await sent(shop, of_channel)
    await owner.opens(f"/orders/{of_channel}")
    assert await owner.page.locator("[popovertarget^='m-want_capture-']").count() == 0
    await owner.does("capture", provider_ref="In the channel")
    assert (await shop.now(of_channel))["earned"] == 1250

    spare = await shop.place(("MUG", 1), payment_token="tok_ok")
    asked = (await shop.do("want_authorization", order=spare))["payment"]
    await shop.do("authorize", payment=asked, provider_ref="auth_2")
    await shop.do("record_payment", order=spare, amount_minor=1250)
    await owner.opens(f"/orders/{spare}")
    assert "Asked to let held money go" in await owner.does("want_release_of_funds")
    assert await payment(shop, "release")


# Goods


async def does_with_goods(clerk: Clerk, sku: str, verb: str, **fields: str) -> str:
    page: Page = clerk.page
    await clerk.opens(f"/catalog/{sku}")
    async with page.expect_navigation():
        await page.click(f"main a[href='/catalog/{sku}/{verb.replace('_', '-')}']")
    await fill(page.locator("form.asked"), fields)
    await clerk.sends(page.locator(".asked-foot button"))
    return await clerk.looked_at()


@clicks("goods/adjust", "goods/receive", "goods/put_away", "goods/restock", "goods/scrap")
async def test_the_floor_counts_receives_and_sorts_goods(shop: Shop, hand: Clerk) -> None:
    (row,) = await shop.rows("select sku_id from sku where merchant_id = $1 and code = 'MUG'", shop.merchant)
    sku, at = f"sku_{row['sku_id']}", {"site": shop.site("NJ")}
    await does_with_goods(hand, sku, "adjust", **at, bin="A-1", number="4", reason="count")
    assert await shop.places("MUG") == {"A-1": 4}
    await does_with_goods(hand, sku, "receive", **at, quantity="5", damaged="2", bin="A-2")
    assert await shop.places("MUG") == {"A-1": 4, "A-2": 3, "QUARANTINE": 2}
    await does_with_goods(hand, sku, "put_away", **at, quantity="3", from_bin="A-2", to_bin="A-3")
    await does_with_goods(hand, sku, "restock", **at, quantity="1", bin="A-1")
    assert "A-3" in await does_with_goods(hand, sku, "scrap", **at, quantity="1", reason="Broken")
    assert await shop.places("MUG") == {"A-1": 5, "A-3": 3}
    assert await shop.availability("MUG") == {"free": 8, "reserved": 0, "picked": 0, "packed": 0, "quarantine": 0}


@clicks("announce/arrivals", "receive/arrivals")
async def test_what_is_announced_arrives(shop: Shop, owner: Clerk) -> None:
    page = owner.page
    await owner.opens(f"/stock/arrivals/new/{shop.key}")
    fields = {"site": shop.site("NJ"), "goods": "MUG 24\nCUP 6", "reference": "DN-7"}
    await fill(page.locator("form.asked"), fields)
    await owner.sends(page.locator(".asked-foot button"))
    assert "The arrival is announced" in await owner.at.text()
    await owner.sends(page.locator("main form .asked-foot button"))
    assert await shop.free("MUG") == 0, "nothing has come yet: it is shown what would"
    assert "The goods are in" in await owner.looked_at()
    assert await shop.free("MUG") == 24 and await shop.free("CUP") == 6


# At the dock


@clicks("leaving/want_manifest", "leaving/collect", "leaving/want_pickup", "leaving/call_off")
async def test_a_driver_is_called_and_takes_what_is_listed(shop: Shop, hand: Clerk) -> None:
    await shop.stock("MUG", 2)
    order = await shop.place(("MUG", 2), payment_term="on_account", reserve="now")
    parcel = await shop.to_packed(order)
    post = f"post-{shop.merchant}"
    await shop.connect("carrier", "ratecard", post, **CARD)
    await shop.do("keep_label", parcel=parcel, carrier=post, tracking_number=f"T{parcel}")
    await hand.opens(f"/floor/leaving?site={shop.site('NJ')}")
    row = hand.page.locator("article", has_text=post)
    await row.locator(".move[popovertarget^='ask-']").click()
    await hand.sends(row.locator("form[action$='/want-pickup'] button:not([type=button])"))
    (pickup,) = await shop.rows("select 'pic_' || pickup_id as id from pickup where merchant_id = $1", shop.merchant)
    await shop.do("keep_pickup", pickup=pickup["id"], pickup_ref=f"P{shop.merchant}")
    await hand.page.reload()
    booked = hand.page.locator("article", has_text=f"P{shop.merchant}")
    await hand.sends(booked.locator("form[action$='/call-off'] button"))
    await hand.sends(row.locator("form[action$='/want-manifest'] button"))
    shop.at = clock.now()
    await shop.work("ask_manifest", world=world_of(shop, **{post: ("ratecard", CARD)}))
    await hand.page.reload()
    await hand.sends(hand.page.locator("article", has_text=post).locator("[action$='/collect'] button"))
    await _work(shop)
    assert (await shop.now(order))["shipped"] == 2


@clicks("loads/new", "load/put_in", "load/take_out", "load/close_load", "load/reopen_load", "load/track_load")
async def test_a_bag_is_filled_closed_opened_again_and_followed(shop: Shop, owner: Clerk) -> None:
    await shop.stock("MUG", 2)
    parcel = await shop.to_packed(await shop.place(("MUG", 2), payment_term="on_account", reserve="now"))
    await shop.do("keep_label", parcel=parcel, carrier="Post", tracking_number=f"B{parcel}")
    key = f"hub-{shop.merchant}"
    await create_merchant(shop.db, NewMerchant(key=key, name="The Hub", currency="USD", country="US", is_operator=True))
    await owner.opens("/loads/new")
    await owner.sends(owner.page.locator("form:has([name=kind]) button").last)
    assert "Open" in await owner.looked_at()
    for verb, fields in (
        ("put_in", {"items": f"B{parcel}"}), ("take_out", {"items": f"B{parcel}"}), ("put_in", {"items": f"B{parcel}"}),
        ("close_load", {"seal": "S-1", "gross_kg": "1.2"}), ("reopen_load", {"reason": "one more"}),
        ("track_load", {"what": "departed", "place": "EWR"}),
    ):  # fmt: skip
        await owner.page.click(f"[popovertarget=m-{verb}]")
        form = owner.page.locator(f"form[action$='/{verb}']")
        await fill(form, fields)
        await owner.sends(form.locator("button:not([type=button])"))
        await owner.looked_at()
    assert "Departed · EWR" in await owner.at.text()
