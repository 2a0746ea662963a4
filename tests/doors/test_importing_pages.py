"""Files handed over in the console: what they are, what their columns say, and what came of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser

from doorstep.doors.importing import Asked, Tell, take
from doorstep.doors.worker import importing
from doorstep.journey.intake.files.asked_columns import SaidTwice, changed, columns_of, kind_of, proposed
from doorstep.kit import clock
from doorstep.kit.home import home
from doorstep.setup.imports import (
    HELD_FOR,
    ImportUnderWay,
    NamelessMapping,
    claim_import,
    import_of,
    keep_hold,
    keep_mapping,
    start_import,
)
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.world import World
from tests.browser.windows import link_for, window
from tests.doors.test_console import Visitor, visiting
from tests.doors.test_goods_pages import stage, text_of
from tests.shop import Shop

AXE = Path(__file__).parents[1] / "browser" / "vendor" / "axe.min.js"
ORDERS = """Bestellnummer;Bestelldatum;Kunde Name;E-Mail;Artikelnummer;Bezeichnung;Menge;Einzelpreis;Straße;PLZ;Ort;\
Land;Etwas
B-1;02.03.2026;Ada Byrne;ada@example.com;MUG;A mug;2;12,50;Lange Gasse 1;10115;Berlin;DE;klingeln
B-1;02.03.2026;Ada Byrne;ada@example.com;CUP;A cup;1;3,00;Lange Gasse 1;10115;Berlin;DE;
B-2;03.03.2026;Bo Ek;bo@example.com;MUG;A mug;zwei;12,50;Storgatan 5;41110;Göteborg;SE;
"""
PRODUCTS = (
    "Artikelnummer,Bezeichnung,EAN,Weight g,Price\nJUG,A jug,4006381333931,800,19.90\nPOT,A pot,123,x,5\n,Nameless,,,\n"
)


@pytest.fixture
async def visitor(shop: Shop, web: str) -> AsyncIterator[Visitor]:
    """The shop's merchant, signed in."""
    async with visiting(shop, web) as found:
        yield found


async def nobody(*_: Any) -> Any:
    raise AssertionError("an import asks nobody outside")


def world(shop: Shop) -> World:
    return World(shop.db, nobody, nobody, None)


async def work(shop: Shop) -> bool:
    """What a worker does, without a process of its own."""

    async def here(asked: Asked, tell: Tell) -> dict[str, Any]:
        return await take(shop.db, asked, folder=home(), at=clock.now(), tell=tell)

    return await importing.once(world(shop), home(), here)


async def hand_over(visitor: Visitor, shop: Shop, name: str, content: str | bytes, **more: str) -> httpx.Response:
    form = {"proof": await visitor.proof(), "merchant": shop.key, **more}
    raw = content.encode() if isinstance(content, str) else content
    return await visitor.http.post("/import", data=form, files={"file": (name, raw, "text/csv")})


async def handed(visitor: Visitor, shop: Shop, name: str, content: str) -> str:
    answer = await hand_over(visitor, shop, name, content)
    assert answer.status_code == 303, text_of(answer.text)
    return answer.headers["location"]


def said_by_columns(page: str) -> dict[str, str]:
    """The fields of the mapping form as they stand, by their names."""
    found = {}
    for name, options in re.findall(r'<select name="(column\.\d+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return found


def column(page: str, called: str) -> str:
    found = re.search(rf'<select name="(column\.\d+)" aria-label="What {called} says"', page)
    assert found, called
    return found[1]


async def test_a_strangers_orders_come_in_by_clicks_alone(
    shop: Shop,
    web: str,
    browser: Browser,
    tmp_path: Path,
) -> None:
    file = tmp_path / "bestellungen.csv"
    file.write_text(ORDERS, "utf-8")
    async with window(browser, web, await link_for(shop, "merchant"), viewport={"width": 1440, "height": 900}) as desk:
        page = desk.page
        await desk.go("/import")
        await page.set_input_files("#file", file)
        await page.click("text=Look at it")
        await page.wait_for_selector("text=What the columns say")
        assert await page.locator("text=No column says this yet: Quantity.").count() == 1
        assert await page.input_value('[aria-label="What Bestelldatum says"]') == "order.placed_at"
        await page.select_option('[aria-label="What Menge says"]', "line.quantity")
        await page.select_option('[aria-label="What Etwas says"]', "order.note")
        async with page.expect_navigation():
            await page.click("text=Show how it reads now")
        rows = await page.inner_text(".first-rows")
        assert "2 × MUG, 1 × CUP" in rows and "$28.00" in rows
        assert "Menge the quantity is blank or no number; taken as 1 zwei" in " ".join(rows.split())
        await page.fill("#map-name", "Der Laden")
        await page.click("text=Keep it")
        await page.wait_for_selector("text=The mapping is kept")
        for wide in (1440, 390):
            await page.set_viewport_size({"width": wide, "height": 900})
            assert await desk.fits()
            found = await _axe(page)
            assert found == [], (wide, found)
        await page.click("text=Check all rows first")
        await page.wait_for_selector("#progress")
        assert await work(shop)
        await page.wait_for_selector("text=What would come of it")
        assert await shop.rows("select order_id from orders where merchant_id = $1", shop.merchant) == []
        await page.click('button[value="go"]')
        await page.wait_for_selector("#progress")
        await page.reload()
        assert await work(shop)
        await page.wait_for_selector("text=What came of it")
        came = await page.inner_text(".came")
        assert "The quantity is blank or no number; taken as 1." in came
        assert await _axe(page) == []
        async with page.expect_download() as report:
            await page.click("text=Download the report")
        assert "zwei" in (await (await report.value).path()).read_text("utf-8-sig")
        async with page.expect_navigation():
            await page.click("text=To the orders")
        listed = await page.inner_text("table.orders")
        assert "B-1" in listed and "B-2" in listed and "Ada Byrne" in listed
        assert desk.troubles == []
    (row,) = await shop.rows("select note from orders where merchant_id = $1 and external_id = 'B-1'", shop.merchant)
    assert row["note"] == "klingeln"


async def _axe(page: Any) -> list[str]:
    """Serious findings of axe about the page's own part."""
    session = await page.context.new_cdp_session(page)
    await session.send("Runtime.evaluate", {"expression": AXE.read_text("utf-8")})
    found: list[str] = await page.evaluate(
        "axe.run('main').then(r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact))"
        ".map(v => v.id + ' ' + v.nodes.map(n => n.target.join(' ')).join(' | ')))"
    )
    await session.detach()
    return found


async def test_products_of_any_table_are_read_by_their_columns(shop: Shop, visitor: Visitor) -> None:
    products = await handed(visitor, shop, "artikel.csv", PRODUCTS)
    page = await visitor.html(products)
    assert said_by_columns(page) == {
        "column.0": "sku", "column.1": "title", "column.2": "barcode", "column.3": "grams", "column.4": "price",
    }  # fmt: skip
    assert "this is no weight" in page and "the row names no product" in page
    assert (await visitor.post(products, **said_by_columns(page), kind="products", step="go")).status_code == 303
    assert await work(shop)
    assert "2 new" in text_of(await visitor.html(products))
    (jug,) = await shop.rows(
        "select name, weight_g, value_minor from sku where merchant_id = $1 and code = 'JUG'", shop.merchant
    )
    assert tuple(jug.values()) == ("A jug", 800, 1990)


async def test_counts_are_taken_in_by_those_who_count(shop: Shop, visitor: Visitor, web: str) -> None:
    nj = shop.site("NJ")
    file = f"Code;Where;Menge\nMUG;{nj};7\nNOPE;{nj};1\n"
    theirs = await handed(visitor, shop, "bestand.csv", file)
    page = await visitor.html(theirs)
    assert "the people of the sites" in page and 'value="go"' not in page
    assert (await visitor.post(theirs, **said_by_columns(page), kind="stock", step="go")).status_code == 403
    assert not await work(shop)
    async with visiting(shop, web, "operator") as operator:
        counts = await handed(operator, shop, "bestand.csv", file)
        page = await operator.html(counts)
        assert "import the products first" in page and "which site is meant?" in page
        said = {**said_by_columns(page), column(page, "Where"): "site"}
        assert (await operator.post(counts, **said, kind="stock", step="go")).status_code == 303
        assert await work(shop)
        page = text_of(await operator.html(counts))
        assert "1 new" in page and "1 refused" in page
        assert await stage(shop, "free") == 7
        # Again: the same file is no new count.
        assert (await operator.post(f"{counts}/reopen")).status_code == 303
        assert (await operator.post(counts, **said, kind="stock", step="go")).status_code == 303
        assert await work(shop)
        assert "0 new" in text_of(await operator.html(counts)) and await stage(shop, "free") == 7


async def test_what_is_no_table_is_refused_and_kept_nowhere(shop: Shop, visitor: Visitor) -> None:
    before = _folders()
    for name, content in (("x.pdf", b"%PDF-1.7 \x00\x01 nothing"), ("x.csv", b"\x00\x01\x02\x03" * 50)):
        answer = await hand_over(visitor, shop, name, content)
        assert answer.status_code == 422, name
        assert str(home()) not in answer.text and "imports/" not in answer.text
        assert f"file: {name}" in text_of(answer.text)
    empty = await visitor.http.post(
        "/import", data={"proof": await visitor.proof()}, files={"file": ("", b"", "text/csv")}
    )
    assert empty.status_code == 422 and "choose one first" in empty.text
    assert (await visitor.http.post("/import", data={"proof": await visitor.proof()})).status_code == 400
    forged = await visitor.http.post("/import", data={"proof": "x"}, files={"file": ("a.csv", b"a,b\n1,2\n")})
    assert forged.status_code == 403
    late = await visitor.http.post(
        "/import", files=[("file", ("a.csv", b"a,b\n1,2\n")), ("proof", (None, await visitor.proof()))]
    )
    assert late.status_code == 403
    assert _folders() == before


async def test_what_is_refused_while_it_is_taken_in_is_told_by_the_name_it_came_with(
    shop: Shop, visitor: Visitor
) -> None:
    place = await handed(visitor, shop, "orders of march.csv", ORDERS)
    word = place.rpartition("/")[2]
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        run = await import_of(tx, word)
    await start_import(shop.db, run, rehearsal=False, at=clock.now())
    (home() / run.files[0]).write_bytes(b"PK\x03\x04 cut off")
    assert await work(shop)
    page = await visitor.html(place)
    assert "file: orders of march.csv" in text_of(page)
    assert str(home()) not in page and "imports/" not in page


def _folders() -> set[str]:
    place = home() / "imports"
    return {each.name for each in place.iterdir()} if place.exists() else set()


async def test_a_files_name_leads_nowhere(shop: Shop, visitor: Visitor) -> None:
    address = await handed(visitor, shop, "../../../<b>etc</b>/pass wd.csv", ORDERS)
    folder = home() / "imports" / address.rpartition("/")[2]
    assert [file.name for file in folder.iterdir()] == ["pass wd.csv"]
    assert (await visitor.post(f"{address}/drop")).status_code == 303
    assert not folder.exists() and (await visitor.get(address)).status_code == 404


async def test_another_merchants_import_is_not_there(shop: Shop, other_shop: Shop, web: str, visitor: Visitor) -> None:
    address = await handed(visitor, shop, "o.csv", ORDERS)
    async with visiting(other_shop, web) as stranger:
        for path in (address, f"{address}/report.csv", f"{address}/mapping.toml"):
            assert (await stranger.get(path)).status_code == 404
        for step in ("", "/write", "/reopen", "/drop", "/keep", "/use"):
            assert (await stranger.post(f"{address}{step}", name="x", mapping="")).status_code == 404
        assert "o.csv" not in await stranger.html("/import")
        assert (await hand_over(stranger, shop, "o.csv", ORDERS)).status_code == 404
    assert "order.key" in said_by_columns(await visitor.html(address)).values()
    assert (await visitor.get(f"{address}/mapping.toml")).text.count("[order]") == 1
    assert (await visitor.get(f"{address}/passwd")).status_code == 404


async def test_a_mapping_is_kept_used_and_forgotten(shop: Shop, visitor: Visitor) -> None:
    first, second = [await handed(visitor, shop, f"{n}.csv", ORDERS) for n in "ab"]
    page = await visitor.html(first)
    said = said_by_columns(page)
    twice = {**said, column(page, "Etwas"): "order.email"}
    refused = await visitor.post(first, **twice, kind="orders")
    assert "Two columns cannot say the same thing" in refused.text
    assert (
        await visitor.post(first, **{**said, column(page, "Etwas"): "order.note"}, kind="orders")
    ).status_code == 303
    assert (await visitor.post(f"{first}/keep", name="Laden")).status_code == 303
    assert (await visitor.post(f"{second}/use", name="Laden")).status_code == 303
    assert "order.note" in said_by_columns(await visitor.html(second)).values()
    assert (await visitor.post(f"{second}/use", name="Laden", step="drop")).status_code == 303
    assert (await visitor.post(f"{second}/use", name="Laden")).status_code == 404
    wrong = await visitor.post(f"{second}/write", mapping="[order]\nkey = 1")
    assert wrong.status_code == 422 and "no mapping" in wrong.text
    text = (await visitor.get(f"{second}/mapping.toml")).text + 'discount = "Einzelpreis"\n'
    assert (await visitor.post(f"{second}/write", mapping=text)).status_code == 303
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        run = await import_of(tx, second.rpartition("/")[2])
    with pytest.raises(NamelessMapping):
        await keep_mapping(shop.db, run, "  ", clock.now())


def test_a_column_says_one_thing(tmp_path: Path) -> None:
    file = tmp_path / "o.csv"
    file.write_text(ORDERS, "utf-8")
    assert kind_of([file]) == "orders"
    said = proposed([file], "orders")
    columns = columns_of([file], said)
    with pytest.raises(SaidTwice):
        changed(said, {"Etwas": "order.email", "E-Mail": "order.email"}, columns)
    moved = changed(said, {"Etwas": "order.email", "E-Mail": ""}, columns)
    assert {one.name: one.field for one in columns_of([file], moved)}["Etwas"] == "order.email"


def test_the_column_name_of_a_table_of_products_is_their_name(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("Code,Name,Grams,EAN\nCANDLE,A candle,400,4006381333931\n")
    assert proposed([file], "products").columns == {
        "sku": "Code", "title": "Name", "barcode": "EAN", "grams": "Grams",
    }  # fmt: skip


async def test_an_import_goes_on_where_its_worker_was_lost(shop: Shop, visitor: Visitor) -> None:
    address = await handed(visitor, shop, "o.csv", ORDERS)
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        run = await import_of(tx, address.rpartition("/")[2])
    now = clock.now()
    await start_import(shop.db, run, rehearsal=False, at=now)
    with pytest.raises(ImportUnderWay):
        await start_import(shop.db, run, rehearsal=False, at=now)
    assert (await visitor.post(f"{address}/drop")).status_code == 409
    assert await claim_import(shop.db, [shop.merchant], "first", now)
    assert await claim_import(shop.db, [shop.merchant], "second", now) is None
    so_far = partial(keep_hold, read=1, total=3, doing="rows read")
    assert await so_far(shop.db, run, "first", now)
    for page in (address, "/import"):
        assert "1 of 3 rows" in text_of(await visitor.html(page))
    # The first is never heard of again.
    later = now + HELD_FOR + timedelta(seconds=1)
    assert await claim_import(shop.db, [shop.merchant], "second", later)
    assert not await so_far(shop.db, run, "first", later)
    await importing.let_go(shop.db, run, "second")
    assert await work(shop) and not await work(shop)
    assert "What came of it" in await visitor.html(address)


async def test_a_worker_that_is_stopped_lets_go_of_an_import(shop: Shop, visitor: Visitor) -> None:
    address = await handed(visitor, shop, "o.csv", ORDERS)
    said = said_by_columns(await visitor.html(address))
    assert (await visitor.post(address, **said, kind="orders", create="yes", step="go")).status_code == 303
    stopping, begun = asyncio.Event(), asyncio.Event()

    async def slow(asked: Asked, tell: Tell) -> dict[str, Any]:
        begun.set()
        await asyncio.sleep(60)
        raise AssertionError("it was to be stopped")

    turn = asyncio.create_task(importing.once(world(shop), home(), slow, stopping))
    await begun.wait()
    stopping.set()
    assert await asyncio.wait_for(turn, 50)
    assert "Waits for the worker" in await visitor.html(address)
    (file,) = (home() / "imports" / address.rpartition("/")[2]).iterdir()
    file.unlink()
    assert await work(shop)
    lost = await visitor.html(address)
    assert "not where it was put" in lost and "What the columns say" not in lost
    assert re.search(r'<a class="button" href="/import">.*Hand it over again', lost)
    assert "not where it was put" in await visitor.html("/import")
    ukrainian = await visitor.http.get("/import", headers={"accept-language": "uk"})
    assert "Файлу немає там, де його поклали" in ukrainian.text
