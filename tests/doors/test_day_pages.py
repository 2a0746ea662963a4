"""Today, what needs attention, reports: every number is what the books say, and leads to what is behind it."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect

from doorstep.doors.console import today
from doorstep.doors.console.live import Boards
from doorstep.doors.console.speaking import ANYBODY
from doorstep.doors.reads.due import due
from doorstep.journey.intake.files.tables import Row, open_table
from doorstep.kit.embedded import Urls
from doorstep.setup.merchants import change_merchant
from doorstep.spine.tenant import tenant_tx
from tests.browser.windows import link_for, window
from tests.doors.test_console import Visitor, visiting, visitor  # noqa: F401
from tests.doors.web import serving
from tests.rolling import roll
from tests.shop import Shop
from tests.stories.test_customs import LVIV
from tests.stories.test_exceptions import listed, stopped_job
from tests.stories.test_rollups import week  # noqa: F401

TEXT = re.compile(r"<[^>]+>|\s+")


def words(html: str) -> str:
    """What a page says, as one line."""
    return re.sub(r"\s+", " ", unescape(TEXT.sub(" ", html)))


# Today


async def board(shop: Shop, at: datetime | None = None) -> today.Board:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return await today.board(tx, [shop.merchant], at or shop.at)


@pytest.fixture
async def busy(shop: Shop) -> Shop:
    """Orders at every stop: two wait for money, one is set aside, one is picked, one travels, one has arrived."""
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, hold_duplicates=False)
    await shop.stock("MUG", 20)
    for _ in range(2):
        await shop.place(("MUG", 1))
    set_aside, picked, travels, arrived = [await shop.place(("MUG", 1), payment_term="on_account") for _ in range(4)]
    await shop.work()
    await shop.pick_all(picked)
    for order in (travels, arrived):
        await shop.pick_all(order)
        (parcel,) = await shop.pack_all(order)
        await shop.do("keep_label", parcel=parcel, carrier="card", tracking_number=f"T{parcel}")
        await shop.do("hand_over", parcel=parcel)
    await shop.do("deliver", parcel=parcel)
    await shop.do("record_payment", order=set_aside, amount_minor=500)
    await roll(shop)
    return shop


async def test_the_strip_and_the_money_are_what_the_books_say(busy: Shop) -> None:
    found = await board(busy)
    by_stop = {stop.key: stop.orders for stop in found.stops}
    assert by_stop == {
        "received": 0, "processing": 2, "awaiting_fulfillment": 1, "in_fulfillment": 1, "on_its_way": 1,
        "delivered": 1, "completed": 0,
    }  # fmt: skip
    (books,) = await busy.rows(
        "select sum(greatest(owed - earned, 0))::int as due, sum(held)::int as held, sum(earned)::int as earned"
        " from order_now where merchant_id = $1",
        busy.merchant,
    )
    (money,) = found.money
    assert (money.due_minor, money.held_minor, money.taken_minor) == (books["due"], books["held"], books["earned"])
    assert (money.due_minor, money.taken_minor) == (6 * 1250 - 500, 500)


async def test_clocks_run_without_anything_happening(busy: Shop) -> None:
    (ship_by,) = {row["ship_by"] for row in await busy.rows(
        "select ship_by from fulfillment_order where merchant_id = $1", busy.merchant)}  # fmt: skip
    assert (await board(busy, ship_by - timedelta(minutes=1))).overdue == 0
    assert (await board(busy, ship_by - timedelta(minutes=1))).due_today == 2
    later = await board(busy, ship_by + timedelta(minutes=1))
    assert (later.overdue, later.due_today) == (2, 0)
    async with tenant_tx(busy.db, [busy.merchant], readonly=True) as tx:
        rows, more = await due(tx, [busy.merchant], "overdue", ship_by + timedelta(minutes=1), limit=1)
        rest, end = await due(tx, [busy.merchant], "overdue", ship_by + timedelta(minutes=1), at=more, limit=1)
    assert [row["order"] for row in rows] != [row["order"] for row in rest]
    assert end == ""
    long_after = await board(busy, busy.at + timedelta(days=60))
    assert long_after.late == 3  # the two that have not left, and the one that travels
    assert len(long_after.most_urgent) == 3


async def test_today_shows_the_numbers_and_leads_to_the_lists(busy: Shop, visitor: Visitor) -> None:  # noqa: F811
    html = await visitor.html("/today")
    for text in ("Processing 2", "Awaiting fulfillment 1", "On its way 1", "Delivered 1", "$70.00", "Captured today"):
        assert text in words(html), text
    for address in set(re.findall(r'href="(/(?:today|orders|attention|reports)[^"]*)"', html)):
        assert (await visitor.get(unescape(address))).status_code == 200, address
    waiting = await visitor.html("/today/orders", of="waiting", stop="processing")
    assert len(re.findall(r'class="row-link"', waiting)) == 2


async def test_what_waits_longest_stands_on_top_to_the_minute(shop: Shop) -> None:
    """However late an order came in that was placed early; page by page."""
    hours = (5, 9, 1, 7, 3)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, hold_duplicates=False)
    for hour in hours:
        await shop.place(("MUG", 1), placed_at=(shop.at - timedelta(hours=hour)).isoformat())
    await roll(shop)
    placed, at = [], ""
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        for _ in hours:
            rows, at = await due(tx, [shop.merchant], "waiting", shop.at, stop="received", at=at, limit=1)
            placed += [row["placed_at"] for row in rows]
    assert (len(placed), at) == (5, "")
    assert placed == sorted(placed)


async def test_nobody_sees_another_merchants_day(busy: Shop, other_shop: Shop, web: str) -> None:
    async with visiting(other_shop, web) as other:
        html = words(await other.html("/today"))
        assert "Processing 0" in html
        assert "No money is owed" in html
        for path in ("/today/orders?of=overdue", "/attention", "/reports/sales", "/reports/backlog"):
            assert "ord_" not in await other.html(path), path


async def test_who_is_not_signed_in_is_told_nothing(web: str) -> None:
    async with httpx.AsyncClient(base_url=web, timeout=120, trust_env=False, verify=False) as nobody:
        for path in ("/today", "/today/live", "/today/orders", "/attention", "/reports", "/reports/sales?as=csv"):
            answer = await nobody.get(path)
            assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in"), path


async def test_the_board_is_told_at_once_and_again_when_it_changes(busy: Shop) -> None:
    boards, closing = Boards(busy.db), asyncio.Event()
    stream = boards.stream((busy.merchant,), ANYBODY, closing)
    assert await anext(stream) == b"retry: 2000\n\n"
    first = await told(stream)
    assert "Processing 2" in words(first)
    await busy.place(("MUG", 1))
    await busy.work()
    await roll(busy)
    while "Processing 3" not in words(await told(stream)):
        continue  # it was read before all of it was there
    closing.set()
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(stream), 60)
    assert boards._watched == {}


async def told(stream: Any) -> str:
    async with asyncio.timeout(60):
        while not (line := await anext(stream)).startswith(b"data: "):
            pass
    return str(json.loads(line[6:]))


async def test_the_page_changes_by_itself_and_says_nothing_to_the_console(
    busy: Shop, web: str, browser: Browser
) -> None:
    async with window(browser, web, await link_for(busy, "merchant")) as opened:
        await opened.go("/today")
        count = opened.page.locator(".stop", has_text="Processing").locator(".stop-count")
        assert await count.inner_text() == "2"
        await opened.page.locator(".live.is-on").wait_for()
        await busy.place(("MUG", 1))
        await busy.work()
        await roll(busy)
        await expect(count).to_have_text("3", timeout=60_000)
        await expect(opened.page.locator(".chart-draw canvas")).to_have_count(2, timeout=60_000)
        assert opened.troubles == []


async def test_the_server_ends_though_somebody_watches(busy: Shop, urls: Urls) -> None:
    server = serving(urls)
    async with visiting(busy, server.__enter__()) as watcher, watcher.http.stream("GET", "/today/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        lines = answer.aiter_lines()
        while not (await anext(lines)).startswith("data: "):
            pass
        server.__exit__(None, None, None)
        async for _ in lines:
            pass  # it ended by itself: what is cut off is an error here


# Needs attention


@pytest.fixture
async def stuck(shop: Shop) -> Shop:
    """Two orders wait for money, one is held by hand, and a job has failed."""
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, hold_duplicates=False)
    await shop.stock("MUG", 5)
    for number in ("M-1", "M-2"):
        await shop.place(("MUG", 1), number=number)
    held = await shop.place(("MUG", 1), number="H-1", payment_term="on_account")
    await shop.work()
    await shop.do("hold", order=held, type="operator", reason="call the buyer first")
    await stopped_job(shop, "buy_label", {"parcel": "par_1"}, "NoSuchService: The carrier knows no such service.")
    return shop


async def ids(shop: Shop, **query: Any) -> list[str]:
    return [row.id for row in await listed(shop, **query)]


async def test_the_inbox_says_why_and_what_to_do_next(stuck: Shop, web: str) -> None:
    async with visiting(stuck, web, "owner") as owner:
        html = await owner.html("/attention", merchant=stuck.key)
    said = words(html)
    for text in ("Payment", "M-1", "M-2", "Call the buyer first", "The carrier knows no such service.", "Try again"):
        assert text in said, text
    assert "NoSuchService" not in said
    assert len(re.findall(r'href="/orders/ord_\d+\?open=record_payment"', html)) == 2


async def test_the_button_opens_the_form_that_mends_it(stuck: Shop, visitor: Visitor) -> None:  # noqa: F811
    (found, *_) = re.findall(r'href="(/orders/ord_\d+\?open=record_payment)"', await visitor.html("/attention"))
    opened = re.search(r'<div class="sheet" id="m-record_payment[^>]*>', await visitor.html(found))
    assert opened and "data-open" in opened[0]


async def test_the_button_of_a_line_without_customs_data_leads_to_its_sku(shop: Shop, web: str) -> None:
    await shop.stock("LAMP", 2, "NJ")
    order = await shop.place(("LAMP", 1), ship_to=LVIV, payment_term="on_account", number="#UA1")
    await shop.work()
    (row,) = await shop.rows("select sku_id from sku where merchant_id = $1 and code = 'LAMP'", shop.merchant)
    edit = f'href="/catalog/sku_{row["sku_id"]}/edit"'
    async with visiting(shop, web, "owner") as owner:
        inbox = await owner.html("/attention", merchant=shop.key)
        assert edit in inbox and "Complete the SKU" in inbox
        assert "hs_code" not in words(inbox) and "without HS code" in words(inbox)
        assert edit in await owner.html(f"/orders/{order}")
    async with visiting(shop, web, "read_only") as reader:
        assert edit not in await reader.html("/attention", merchant=shop.key)


async def test_what_can_be_done_about_a_parcel_is_listed_and_leads_to_its_forms(shop: Shop, web: str) -> None:
    await shop.stock("MUG", 5)
    order = await shop.place(("MUG", 1), payment_term="on_account")
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="card", tracking_number="T1")
    await shop.do("hand_over", parcel=parcel)
    await shop.do("lose", parcel=parcel)
    for role, leads in (("owner", True), ("read_only", False)):
        async with visiting(shop, web, role) as somebody:
            html = await somebody.html("/attention", merchant=shop.key)
        assert "Claim it from the carrier, before its deadline" in words(html)
        assert (f'href="/orders/new/{shop.key}?again={order}"' in html) is leads
        assert (f'href="/orders/{order}?open=issue_credit"' in html) is leads


async def test_all_of_a_kind_are_resolved_after_a_look_at_what_that_does(stuck: Shop, web: str) -> None:
    async with visiting(stuck, web, "owner") as owner:
        kind = {"kind": "hold:payment", "merchant": stuck.key}
        look = await owner.post("/attention/look", **kind)
        assert "Resolve all 2 of the kind Payment" in words(look.text)
        assert "The holds are lifted" in look.text
        assert len(await ids(stuck, kind="hold:payment")) == 2  # nothing is done yet
        done = await owner.post("/attention/end", back="/attention", **kind)
        assert done.headers["location"] == "/attention?did=resolved&n=2"
        assert await ids(stuck, kind="hold:payment") == []
        assert len(await ids(stuck)) == 2


async def test_some_are_chosen_and_resolved(stuck: Shop, visitor: Visitor) -> None:  # noqa: F811
    first, second = await ids(stuck, kind="hold:payment")
    done = await visitor.post("/attention/end", **{f"pick.{first}": "1"})
    assert done.status_code == 303
    assert await ids(stuck, kind="hold:payment") == [second]


async def test_they_are_assigned_put_aside_and_talked_about(stuck: Shop, visitor: Visitor) -> None:  # noqa: F811
    first, second = await ids(stuck, kind="hold:payment")
    me = f"merchant@{stuck.key}.example"
    assert (await visitor.post("/attention/assign", to=me, **{f"pick.{first}": "1"})).status_code == 303
    assert (
        await visitor.post("/attention/assign", to="nobody@example.com", **{f"pick.{first}": "1"})
    ).status_code == 422
    assert [(row.id, row.assigned_to) for row in await listed(stuck, assigned_to=me)] == [(first, me)]
    mine = words(await visitor.html("/attention", whose="mine"))
    assert ("M-1" in mine) != ("M-2" in mine)
    await visitor.post("/attention/comment", text="<b>they pay on Friday</b>", **{f"pick.{second}": "1"})
    assert "&lt;b&gt;they pay on Friday&lt;/b&gt;" in await visitor.html("/attention")
    await visitor.post("/attention/snooze", days="3", **{f"pick.{second}": "1"})
    assert second not in await ids(stuck, snoozed=False)
    assert second in await ids(stuck)
    assert "they pay on Friday" not in await visitor.html("/attention")
    assert "they pay on Friday" in await visitor.html("/attention", snoozed="1")
    await visitor.post("/attention/snooze", days="", **{f"pick.{second}": "1"})
    assert second in await ids(stuck, snoozed=False)


async def test_nobody_touches_another_merchants_exceptions(stuck: Shop, other_shop: Shop, web: str) -> None:
    first, *_ = await ids(stuck)
    async with visiting(other_shop, web) as other:
        for path in ("end", "look", "assign", "snooze", "comment"):
            form = {f"pick.{first}": "1", "text": "x", "days": "1"}
            assert (await other.post(f"/attention/{path}", **form)).status_code == 404, path
    assert len(await ids(stuck)) == 4


async def test_who_only_reads_resolves_nothing(stuck: Shop, web: str) -> None:
    first, *_ = await ids(stuck)
    async with visiting(stuck, web, "read_only") as reader:
        html = await reader.html("/attention", merchant=stuck.key)
        assert "M-1" in html
        assert "/attention/end" not in html and "/attention/look" not in html
        for path in ("end", "look", "assign"):
            assert (await reader.post(f"/attention/{path}", **{f"pick.{first}": "1"})).status_code == 403, path


# Reports


async def report(visitor: Visitor, name: str, **query: str) -> str:  # noqa: F811
    days = {"from": "2026-03-02", "to": "2026-03-31"}
    return words(await visitor.html(f"/reports/{name}", **days, **query))


async def test_each_report_tells_what_happened_in_the_week(week: Shop, visitor: Visitor) -> None:  # noqa: F811
    assert "Perfect 50.0%" in await report(visitor, "perfect-orders")
    on_time = await report(visitor, "on-time", by="country")
    assert "Ireland 100.0% 1 1 0" in on_time
    assert "Poland 0.0% 1 0 1" in on_time
    sold = await report(visitor, "sales", by="channel")
    assert "api $50.00 2 4 1" in sold
    assert "till $25.00 1 2 0" in sold
    assert "MUG $37.50 3 3" in await report(visitor, "sales", by="sku")
    carriers = await report(visitor, "carriers")
    assert "card 50.0% 4 100.0% 0.0% 3.0 d" in carriers
    stages = await report(visitor, "time-in-stage")
    assert re.search(r"Handed over → delivered [0-9.]+ (h|d) 3.0 d", stages)  # two days, and four


async def test_a_report_leads_to_the_orders_that_were_not_perfect(week: Shop, visitor: Visitor) -> None:  # noqa: F811
    days = {"from": "2026-03-02", "to": "2026-03-31"}
    html = await visitor.html("/reports/perfect-orders", **days)
    (address,) = set(re.findall(r'href="(/today/orders\?of=imperfect[^"]*)"', html))
    behind = await visitor.html(unescape(address))
    assert len(re.findall(r'class="row-link"', behind)) == 1
    assert "Came late" in words(behind)
    (row,) = await week.rows("select min(order_id) as id from orders where merchant_id = $1", week.merchant)
    assert f"ord_{row['id']}" not in behind  # that one was perfect


async def test_a_period_is_compared_with_as_many_days_before(week: Shop, visitor: Visitor) -> None:  # noqa: F811
    html = words(await visitor.html("/reports/sales", **{"from": "2026-03-04", "to": "2026-03-05"}))
    assert "before: $75.00" in html
    alone = words(await visitor.html("/reports/sales", compare="0", **{"from": "2026-03-04", "to": "2026-03-05"}))
    assert "before:" not in alone


async def test_a_report_is_a_file_for_spreadsheets(week: Shop, visitor: Visitor, tmp_path: Path) -> None:  # noqa: F811
    query = {"from": "2026-03-02", "to": "2026-03-31", "by": "sku"}
    csv = await visitor.get("/reports/sales", **query, **{"as": "csv"})
    assert csv.headers["content-disposition"] == 'attachment; filename="doorstep-sales-2026-03-02-2026-03-31.csv"'
    assert csv.content.startswith(b"\xef\xbb\xbfSKU,Goods sold,Orders,Units")
    assert b"MUG,37.50,3,3" in csv.content
    book = await visitor.get("/reports/sales", **query, **{"as": "xlsx"})
    file = tmp_path / "sales.xlsx"
    file.write_bytes(book.content)
    heading, *rows = rows_of(file)
    assert heading == ["SKU", "Goods sold", "Orders", "Units"]
    assert rows == [["CUP", "37.50", "3", "3"], ["MUG", "37.50", "3", "3"]]


def rows_of(file: Path) -> list[list[str]]:
    """As our own reader of workbooks reads it."""
    table = open_table(file)
    return [list(table.header), *(row.texts for row in table if isinstance(row, Row))]


async def test_reports_of_nothing_say_so(shop: Shop, visitor: Visitor) -> None:  # noqa: F811
    await roll(shop)
    for name in ("perfect-orders", "on-time", "time-in-stage", "backlog", "sales", "carriers"):
        assert "Nothing in these days" in words(await visitor.html(f"/reports/{name}")), name
    assert (await visitor.get("/reports/nothing")).status_code == 404


async def test_the_backlog_is_told_by_its_age(busy: Shop, visitor: Visitor) -> None:  # noqa: F811
    html = words(await visitor.html("/reports/backlog"))
    assert "Processing 2 0 2 0 0" in html
    assert "Open orders 6" in html
