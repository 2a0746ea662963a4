"""The console's catalog, stock and settings: who sees and changes what, and that a no stands beside its field."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from doorstep.doors.worker import finding
from doorstep.kit import clock
from doorstep.kit.home import home
from doorstep.kit.secrets import keyring
from doorstep.setup.connections import connection_of
from doorstep.setup.merchants import NewSite, add_site
from doorstep.spine.tenant import tenant_tx
from tests.doors.test_console import Visitor, visiting
from tests.doors.test_day_pages import words
from tests.doors.web import settled
from tests.shop import Shop
from tests.stories.test_customs import lamp, lists  # noqa: F401

CARD = {
    "currency": "USD", "prefix": "GP", "zones": [{"name": "home", "countries": ["home"]}],
    "services": [{
        "code": "std", "tariffs": [{"zone": "home", "breaks": [{"up_to_g": 500, "amount_minor": 480}], "days": 3}],
        "surcharges": [{"code": "fuel", "percent": "5"}],
    }],
}  # fmt: skip


@pytest.fixture
async def visitor(shop: Shop, web: str) -> AsyncIterator[Visitor]:
    """The shop's merchant, signed in."""
    async with visiting(shop, web) as found:
        yield found


def errors(page: str) -> dict[str, str]:
    """What is said beside each field, by its name."""
    found = re.findall(r'class="field-error" id="\w+?-([\w.]+)-error">.*?</svg>\s*([^<]+)</p>', page, re.S)
    return {name: html.unescape(text).strip() for name, text in found}


def text_of(page: str) -> str:
    main = page[page.index("<main") : page.index("</main>")]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", main)))


async def sku_id(shop: Shop, code: str = "MUG") -> str:
    (row,) = await shop.rows("select sku_id from sku where merchant_id = $1 and code = $2", shop.merchant, code)
    return f"sku_{row['sku_id']}"


async def stage(shop: Shop, name: str, code: str = "MUG") -> int:
    rows = await shop.rows(
        f"select coalesce(sum(a.{name}), 0)::int as units from availability a"
        " join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id where a.merchant_id = $1 and s.code = $2",
        shop.merchant, code,
    )  # fmt: skip
    return int(rows[0]["units"])


# Catalog


async def test_a_sku_is_made_found_and_changed(shop: Shop, visitor: Visitor) -> None:
    asked = await visitor.get("/catalog/new")
    assert asked.headers["location"] == f"/catalog/new/{shop.key}"
    answer = await visitor.post(f"/catalog/new/{shop.key}", code="", hs_code="69.12", weight_g="half a pound")
    assert answer.status_code == 422
    assert errors(answer.text) == {
        "code": "must be given", "hs_code": "6 to 12 digits, without points.", "weight_g": "cannot be half a pound",
    }  # fmt: skip
    assert 'value="half a pound"' in answer.text
    answer = await visitor.post(
        f"/catalog/new/{shop.key}", code="JUG", name="A <b>jug</b>", barcode="4006381333931", stocked="yes",
        value_minor="12,50", flags="fragile, liquid",
    )  # fmt: skip
    address = answer.headers["location"].partition("?")[0]
    page = text_of(await visitor.html(address))
    for word in ("A <b>jug</b>", "JUG", "4006381333931", "$12.50", "lacks HS code, country of origin", "fragile"):
        assert word in page, word
    for narrowed in (
        {"q": "4006381333931"},
        {"q": "jug"},
        {"lacks": "customs", "q": "JU"},
        {"stock": "none", "q": "j"},
    ):
        assert 'mono" href="/catalog/sku_' in await visitor.html("/catalog", **narrowed), narrowed
    assert "Nothing here" in await visitor.html("/catalog", q="nobody has this")
    again = await visitor.post(f"/catalog/new/{shop.key}", code="JUG")
    assert errors(again.text) == {"code": "There is a SKU of this code already."}
    form = await visitor.html(f"{address}/edit")
    assert 'value="12.50"' in form and 'value="fragile, liquid"' in form
    changed = await visitor.post(f"{address}/edit", code="JUG", name="A jug", hs_code="691200", origin="PT")
    assert changed.status_code == 303
    (row,) = await shop.rows(
        "select name, origin, stocked from sku where merchant_id = $1 and code = 'JUG'", shop.merchant
    )
    assert tuple(row.values()) == ("A jug", "PT", False)


async def test_the_catalog_is_read_page_after_page(shop: Shop, visitor: Visitor) -> None:
    await visitor.get("/catalog")
    for code in range(60):
        assert (await visitor.post(f"/catalog/new/{shop.key}", code=f"X-{code:03}")).status_code == 303
    first = await visitor.html("/catalog", q="X-")
    following = re.search(r'<a rel="next" href="([^"]+)"', first)
    assert following
    second = await visitor.html(following[1].replace("&amp;", "&"))
    codes = re.findall(r'row-link mono" href="/catalog/sku_\d+">([^<]+)<', first + second)
    assert codes == [f"X-{code:03}" for code in range(60)]


async def test_what_channels_call_a_sku_is_said_and_forgotten(shop: Shop, visitor: Visitor) -> None:
    address = f"/catalog/{await sku_id(shop)}"
    refused = await visitor.post(f"{address}/aliases", channel="api", alias=" ")
    assert errors(refused.text) == {"alias": "must be given"}
    assert (await visitor.post(f"{address}/aliases", channel="api", alias="Blue mug")).status_code == 303
    assert "Blue mug" in await visitor.html(address)
    assert (await visitor.post(f"{address}/aliases/drop", channel="api", alias="Blue mug")).status_code == 303
    assert "Blue mug" not in await visitor.html(address)
    assert (await visitor.post(f"{address}/aliases/drop", channel="api", alias="Blue mug")).status_code == 404


async def test_a_sku_shows_who_waits_for_it_and_what_moved(shop: Shop, visitor: Visitor) -> None:
    await shop.stock("MUG", 1)
    paid = [{"kind": "paid", "amount_minor": 1250}]
    await shop.place(("MUG", 1), number="#1", tenders=paid)
    await shop.work()
    await shop.place(("MUG", 3), number="#2", tenders=[{"kind": "paid", "amount_minor": 3750}])
    await shop.work()
    await settled(shop)
    await finding.FOLLOWER.once(shop.db, [shop.merchant])
    page = text_of(await visitor.html(f"/catalog/{await sku_id(shop)}"))
    assert re.search(r"Orders that wait for it 1 order #2 .* 3 units", page)
    assert "Stock that came in was promised" in page
    listed = text_of(await visitor.html("/catalog", stock="waiting"))
    assert "MUG" in listed and "in 1 order" in listed
    moves = text_of(await visitor.html(f"/catalog/{await sku_id(shop)}/movements"))
    assert "+1" in moves and "outside → free (A-1)" in moves and "free → promised · #1" in moves


async def test_a_sku_shows_the_parcels_that_it_lies_in_until_they_leave(shop: Shop, visitor: Visitor) -> None:
    await shop.stock("MUG", 5)
    parcel = await shop.to_packed(await shop.place(("MUG", 2), payment_term="on_account"))
    address = f"/catalog/{await sku_id(shop)}"
    assert f"A-1 3 parcel:{parcel[4:]} 2" in text_of(await visitor.html(address))
    await shop.do("keep_label", parcel=parcel, carrier="post", tracking_number="T1")
    await shop.do("hand_over", parcel=parcel)
    page = text_of(await visitor.html(address))
    assert "A-1 3" in page and "parcel:" not in page


async def test_another_merchants_goods_are_not_there(shop: Shop, other_shop: Shop, visitor: Visitor) -> None:
    theirs = f"/catalog/{await sku_id(other_shop)}"
    announced = await other_shop.do("announce", site=other_shop.site("NJ"), lines=[{"sku": "MUG", "quantity": 1}])
    for path in (
        theirs, f"{theirs}/edit", f"{theirs}/movements", f"{theirs}/adjust", f"/catalog/new/{other_shop.key}",
        f"/stock/arrivals/{announced['asn']}", f"/stock/arrivals/new/{other_shop.key}",
        f"/settings/merchants/{other_shop.key}", f"/settings/methods/{other_shop.key}", "/import/imp_1",
    ):  # fmt: skip
        assert (await visitor.get(path)).status_code in (403, 404), path
    for path in (f"{theirs}/edit", f"/catalog/new/{other_shop.key}", f"{theirs}/aliases",
        f"/settings/merchants/{other_shop.key}",
                 f"/settings/methods/{other_shop.key}"):  # fmt: skip
        assert (await visitor.post(path, code="X", name="X", channel="api", alias="x")).status_code == 404, path
    assert other_shop.key not in await visitor.html("/catalog")
    assert await visitor.html("/stock", merchant=other_shop.key)


# Stock


async def test_a_count_shows_what_it_would_do_and_then_does_it_once(shop: Shop, web: str) -> None:
    async with visiting(shop, web, "floor") as picker:
        address = f"/catalog/{await sku_id(shop)}/adjust"
        said = {"site": shop.site("NJ"), "how": "counted", "number": "12", "reason": "count", "bin": "A-1"}
        refused = await picker.post(address, **{**said, "number": "a dozen", "reason": "magic"})
        assert set(errors(refused.text)) == {"number", "reason"}
        shown = await picker.post(address, **said, once="a")
        assert "12 units more, free" in text_of(shown.text) and await stage(shop, "free") == 0
        for _twice in range(2):
            assert (await picker.post(address, **said, once="a", step="do")).status_code == 303
        assert await stage(shop, "free") == 12
        fewer = await picker.post(address, **{**said, "how": "quantity", "number": "-13"}, step="do")
        assert fewer.status_code == 409 and "Not so many are free" in fewer.text
        moved = {"site": shop.site("NJ"), "quantity": "5", "from_bin": "A-1", "to_bin": "B-2"}
        assert (await picker.post(f"/catalog/{await sku_id(shop)}/put-away", **moved, step="do")).status_code == 303
        assert await shop.places("MUG") == {"A-1": 7, "B-2": 5}
        assert "5 units in another bin" in (await picker.post(f"/catalog/{await sku_id(shop)}/put-away", **moved)).text
        assert (await picker.get(f"/catalog/{await sku_id(shop)}/pick")).status_code == 404


async def test_goods_are_received_set_apart_sold_again_and_thrown_away(shop: Shop, web: str) -> None:
    async with visiting(shop, web, "operator") as operator:
        address = f"/catalog/{await sku_id(shop)}"
        came = {"site": shop.site("NJ"), "quantity": "10", "damaged": "3"}
        assert (await operator.post(f"{address}/receive", **came, step="do")).status_code == 303
        assert (await stage(shop, "free"), await stage(shop, "quarantine")) == (7, 3)
        apart = {"site": shop.site("NJ"), "from_place": "QUARANTINE"}
        assert (await operator.post(f"{address}/restock", **apart, quantity="1", step="do")).status_code == 303
        assert (
            await operator.post(f"{address}/scrap", **apart, quantity="2", reason="broken", step="do")
        ).status_code == 303
        assert (await stage(shop, "free"), await stage(shop, "quarantine")) == (8, 0)
        listed = text_of(await operator.html("/stock", merchant=shop.key))
        assert "MUG" in listed
        assert "fits these filters" in await operator.html("/stock", merchant=shop.key, state="apart")


async def test_what_was_announced_is_received_line_by_line(shop: Shop, web: str) -> None:
    async with visiting(shop, web, "owner") as owner:
        address = f"/stock/arrivals/new/{shop.key}"
        for goods, why in (("MUG", "line 1 is no code"), ("NOPE 4", "There is no SKU NOPE.")):
            refused = await owner.post(address, site=shop.site("NJ"), goods=goods)
            assert why in errors(refused.text)["goods"]
        made = await owner.post(
            address, site=shop.site("NJ"), goods="MUG 24\nCUP; 5\n", reference="PO-7", expected_on="2026-12-01"
        )
        arrival = made.headers["location"].partition("?")[0]
        assert "Announced" in text_of(await owner.html("/stock/arrivals", merchant=shop.key, state="open"))
        mug_id, cup_id = (await sku_id(shop, "MUG"))[4:], (await sku_id(shop, "CUP"))[4:]
        line = {f"came.{mug_id}": "20", f"damaged.{mug_id}": "2", f"bin.{mug_id}": "A-1", f"came.{cup_id}": ""}
        wrong = await owner.post(arrival, **{**line, f"damaged.{mug_id}": "many"})
        assert wrong.status_code == 422 and "cannot be many" in wrong.text
        shown = await owner.post(arrival, **line, close="yes")
        assert "18 units more, free" in text_of(shown.text) and await stage(shop, "free") == 0
        assert (await owner.post(arrival, **line, close="yes", step="do")).status_code == 303
        assert await shop.places("MUG") == {"A-1": 18, "QUARANTINE": 2}
        page = text_of(await owner.html(arrival))
        assert "Closed" in page and "4 short" in page and "5 short" in page
        assert (await owner.post(arrival, **line, step="do")).status_code == 409


async def test_what_stood_on_a_day_is_added_up(shop: Shop, other_shop: Shop, visitor: Visitor) -> None:
    await shop.stock("MUG", 4)
    await other_shop.stock("CUP", 9)
    today = clock.now().date()
    then = text_of(await visitor.html("/stock/past", day=f"{today - timedelta(days=2)}"))
    assert "Nothing stood anywhere then" in then
    now = text_of(await visitor.html("/stock/past", day=f"{today + timedelta(days=1)}", merchant=other_shop.key))
    assert "MUG" in now and " 4 " in now and "CUP" not in now
    assert "Nothing stood" in text_of(await visitor.html("/stock/past", day="nonsense", sku="CUP"))


# Settings


async def test_every_role_changes_only_what_is_its_own(shop: Shop, web: str) -> None:
    sku = f"/catalog/{await sku_id(shop)}"
    async with visiting(shop, web, "read_only") as reader, visiting(shop, web, "floor") as picker:
        for visitor in (reader, picker):
            assert "New SKU" not in await visitor.html("/catalog", merchant=shop.key)
            for path in (f"/catalog/new/{shop.key}", f"{sku}/edit", f"{sku}/aliases", "/settings/sites/new",
                         f"/settings/merchants/{shop.key}", f"/settings/methods/{shop.key}",
                         f"/settings/rate-cards/new/{shop.key}",
                             f"/settings/accounts/{shop.key}/simcarrier"):  # fmt: skip
                assert (await visitor.post(path, code="X", name="X")).status_code == 403, path
        assert (
            await reader.post(f"{sku}/adjust", site=shop.site("NJ"), how="counted", number="1", reason="count")
        ).status_code == 403
        assert (await picker.get("/import")).status_code == 403
    async with visiting(shop, web, "merchant") as merchant:
        for path in ("/settings/sites/new", "/settings/merchants/new", "/settings/accounts", "/settings/rate-cards"):
            assert (await merchant.get(path)).status_code == 403, path
        assert (
            await merchant.post(f"{sku}/adjust", site=shop.site("NJ"), how="counted", number="1", reason="count")
        ).status_code == 403
        assert "Carriers and payments" not in await merchant.html("/settings")


async def test_a_site_is_added_and_changed(shop: Shop, web: str) -> None:
    async with visiting(shop, web, "owner") as owner:
        code = shop.site("NJ") + "-X"
        said = {"code": code, "name": "Second", "country": "DE", "timezone": "Europe/Berlin", "cut_off": "15:30",
                "weekdays.1": "1", "weekdays.6": "1", "latitude": "52,5", "address.city": "Berlin"}  # fmt: skip
        wrong = {**said, "code": "a b", "timezone": "Berlin", "cut_off": "noon", "latitude": "north"}
        told = errors((await owner.post("/settings/sites/new", **wrong)).text)
        assert told["cut_off"] == "a time of day, as 14:00" and told["latitude"] == "cannot be north"
        assert told["code"] == "2 or more capital letters, digits and hyphens"
        told = errors((await owner.post("/settings/sites/new", **{**said, "timezone": "Berlin"})).text)
        assert "IANA" in told["timezone"]
        assert (await owner.post("/settings/sites/new", **said)).status_code == 303
        assert (await owner.post("/settings/sites/new", **said)).status_code == 409
        page = await owner.html(f"/settings/sites/{code}")
        assert 'value="52.5"' in page and 'value="15:30"' in page
        assert (
            await owner.post(f"/settings/sites/{code}", **{**said, "name": "Third", "weekdays.1": ""})
        ).status_code == 303
        (row,) = await shop.rows("select name, weekdays, address ->> 'city' as city from site where code = $1", code)
        assert (row["name"], list(row["weekdays"]), row["city"]) == ("Third", [6], "Berlin")
        assert (await owner.get("/settings/sites/NOWHERE")).status_code == 404


async def test_a_site_without_an_address_is_shown_with_the_others(shop: Shop, web: str) -> None:
    code = shop.site("NJ") + "-Y"
    await add_site(shop.db, shop.merchant, NewSite(code, code, "US", {}))
    async with visiting(shop, web, "owner") as owner:
        assert f'href="/settings/sites/{code}"' in await owner.html("/settings/sites")
        assert f'value="{code}"' in await owner.html(f"/settings/sites/{code}")


async def test_a_skus_page_says_whether_it_may_go_to_a_country_and_what_one_costs_there(
    shop: Shop,
    visitor: Visitor,
    lists: None,  # noqa: F811
) -> None:
    await lamp(shop, flags=("battery",), value_minor=4000)
    (row,) = await shop.rows("select sku_id from sku where merchant_id = $1 and code = 'LAMP'", shop.merchant)
    path = f"/catalog/sku_{row['sku_id']}"
    assert "By courier" not in await visitor.html(path)
    page = words(await visitor.html(path, to="DE"))
    assert "By post lacks HS code, responsible person in the EU batteries on their own do not go" in page
    assert "By courier lacks HS code" in page and "One at the door" in page and "By sample lists" in page
    await lamp(shop, flags=("battery",), value_minor=4000, hs_code="940529", responsible_person="Mugs EU, Berlin")
    ready = words(await visitor.html(path, to="DE"))
    assert "By courier lacks" not in ready and "By post batteries on their own" in ready
    assert "By courier" not in await visitor.html(path, to="XX")


async def test_a_merchant_sees_to_its_own_settings(shop: Shop, other_shop: Shop, visitor: Visitor) -> None:
    mine = f"/settings/merchants/{shop.key}"
    assert (await visitor.get("/settings/merchants")).headers["location"] == mine
    said = {"name": "Mugs & Cups", "currency": "USD", "country": "US", "when_short": "refuse", "ship": "complete",
            "reserve_minutes": "90", "brand.accent": "#112233", "tax_numbers.vat": "US1", "timezone": "America/Chicago",
            "kept_in_100": "92.5", "customs.responsible_person": "Mugs EU, Berlin", "customs.ddp_to": "EU, GB",
            "customs.filing": "carrier"}  # fmt: skip
    told = errors(
        (await visitor.post(mine, **{**said, "currency": "dollars", "reserve_minutes": "0", "name": ""})).text
    )
    assert (
        told["currency"] == "three letters, as USD"
        and told["name"] == "must be given"
        and "1" in told["reserve_minutes"]
    )
    assert errors((await visitor.post(mine, **{**said, "currency": "XYZ"})).text).keys() == {"currency"}
    assert errors((await visitor.post(mine, **{**said, "customs.ddp_to": "Europe"})).text) == {
        "customs.ddp_to": "two letters each, as EU, GB"
    }
    assert (await visitor.post(mine, **said)).status_code == 303
    assert 'value="EU, GB"' in await visitor.html(mine) and "Mugs EU, Berlin" in await visitor.html(mine)
    assert (await visitor.post(mine, **{**said, "tax_numbers.vat": "", "customs.ddp_to": ""})).status_code == 303
    (row,) = await shop.rows(
        "select name, when_short, reserve_minutes, hold_duplicates, timezone, reliability::float8 as reliability,"
        " brand ->> 'accent' as accent,"
        " tax_numbers ->> 'vat' as vat, customs ->> 'responsible_person' as person, customs ->> 'ddp_to' as ddp_to"
        " from merchant where merchant_id = $1", shop.merchant,
    )  # fmt: skip
    assert tuple(row.values()) == (
        "Mugs & Cups", "refuse", 90, False, "America/Chicago", 0.925, "#112233", "", "Mugs EU, Berlin", None,
    )  # fmt: skip
    assert (await visitor.post(f"/settings/merchants/{other_shop.key}", **said)).status_code == 404


async def test_the_owner_adds_a_merchant(shop: Shop, web: str) -> None:
    async with visiting(shop, web, "owner") as owner:
        said = {"key": f"{shop.key}-two", "name": "Two", "currency": "eur", "country": "DE", "reserve_minutes": "60",
                "timezone": "Europe/Berlin", "kept_in_100": "90"}  # fmt: skip
        assert errors((await owner.post("/settings/merchants/new", **{**said, "key": "No Key"})).text).keys() == {"key"}
        assert (await owner.post("/settings/merchants/new", **said)).status_code == 303
        assert errors((await owner.post("/settings/merchants/new", **said)).text)["key"].startswith(
            "There is a merchant"
        )
        assert "Two" in await owner.html("/settings/merchants")


async def test_a_secret_goes_in_and_never_comes_out(shop: Shop, web: str) -> None:
    async with visiting(shop, web, "operator") as operator:
        said = {
            "code": "post",
            "base_url": "http://127.0.0.1:9",
            "api_key": "hush-hush",
            "deadline_s": "0.2",
            "tries": "1",
        }
        address = f"/settings/accounts/{shop.key}/simcarrier"
        assert errors((await operator.post(address, **{**said, "base_url": ""})).text) == {"base_url": "must be given"}
        assert (await operator.post(address, **said)).status_code == 303
        listed, page = await operator.html("/settings/accounts"), await operator.html(f"{address}/post")
        assert "kept encrypted" in listed and "hush" not in listed + page
        # Left blank, it stays.
        assert (await operator.post(f"{address}/post", **{**said, "api_key": "", "tries": "2"})).status_code == 303
        async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
            known = await connection_of(tx, keyring(home()), shop.merchant, "carrier", "post")
        assert known and known[1]["api_key"] == "hush-hush" and known[1]["tries"] == 2
        tried = await operator.post(f"/settings/accounts/{shop.key}/test", kind="carrier", code="post")
        assert "does not work like this" in tried.text and "did not answer" in tried.text
        assert f'href="{address}/post"' in tried.text and "Test it again" in tried.text
        assert "carrier: post" in tried.text and "detail: could not be reached" in tried.text
        assert (
            await operator.post(f"/settings/accounts/{shop.key}/drop", kind="carrier", code="post")
        ).status_code == 303
        assert (
            await operator.post(f"/settings/accounts/{shop.key}/drop", kind="carrier", code="post")
        ).status_code == 404


async def test_a_rate_card_is_written_as_on_paper_and_tried(shop: Shop, web: str) -> None:
    await shop.connect("carrier", "ratecard", "card", **CARD)
    async with visiting(shop, web, "owner") as owner:
        assert "$4.80" in await owner.html(f"/settings/rate-cards/{shop.key}/card")
        grid = "up to g\thome\tworld\n500\t5.10\t15\n2000\t9,00\t\nextra kg\t1\t\ndays\t2\t9"
        said = {
            "currency": "USD",
            "prefix": "GP",
            "zones": "home: home\nworld: *",
            "services.0.code": "std",
            "services.0.grid": grid,
        }
        address = f"/settings/rate-cards/{shop.key}/card/edit"
        for wrong, field, why in (
            ({"zones": "home"}, "zones", "no name with countries"), ({"zones": "x: QQ"}, "zones", "no country QQ"),
            ({"services.0.grid": "up to g\thome\n500\tcheap"}, "services.0.grid", "cheap is no price"),
            ({"services.0.grid": "up to g\thome\nheavy\t5"}, "services.0.grid", "heavy is no whole number"),
            ({"services.0.grid": ""}, "services.0.grid", "no prices"),
        ):  # fmt: skip
            assert why in errors((await owner.post(address, **{**said, **wrong})).text).get(field, ""), wrong
        assert (await owner.post(address, **{**said, "zones": "home: home"})).status_code == 422
        assert (await owner.post(address, **said)).status_code == 303
        page = text_of(await owner.html(f"/settings/rate-cards/{shop.key}/card", start="US", to="US", weight_g="2500"))
        assert "$9.00" in page and "+ fuel" in page
        # 9.00 for two kilograms, 1.00 for the begun third, and the surcharge that no form has, kept: 5 %.
        assert "$10.50" in page
        far = text_of(await owner.html(f"/settings/rate-cards/{shop.key}/card", start="US", to="DE", weight_g="900"))
        assert "No service of this card takes it there." in far
        made = await owner.post(f"/settings/rate-cards/new/{shop.key}", **said, code="second")
        assert made.headers["location"].startswith(f"/settings/rate-cards/{shop.key}/second")


async def test_a_way_to_ship_is_explained(shop: Shop, visitor: Visitor) -> None:
    address = f"/settings/methods/{shop.key}"
    said = {"name": "Blitz", "level": "express", "days_min": "3", "days_max": "1"}
    assert "at least" in errors((await visitor.post(address, **said)).text)["days_max"]
    assert (await visitor.post(address, **{**said, "days_max": "4"})).status_code == 303
    listed = text_of(await visitor.html("/settings/methods"))
    assert "Blitz" in listed and "Express" in listed and "3–4" in listed
    form = await visitor.html(address, name="Blitz")
    assert 'value="Blitz"' in form and '<option value="express" selected>' in form


async def test_a_channel_is_added_and_named_and_its_orders_say_so(shop: Shop, visitor: Visitor) -> None:
    new = f"/settings/channels/new/{shop.key}"
    assert errors((await visitor.post(new, key="No Key", kind="api")).text).keys() == {"key"}
    assert (await visitor.post(new, key="lviv", kind="shopify", name="Shop in Lviv")).status_code == 303
    assert errors((await visitor.post(new, key="lviv", kind="api")).text) == {
        "key": "There is a channel of this key already."
    }
    assert "Shop in Lviv lviv" in text_of(await visitor.html("/settings/channels"))
    order = await shop.place(("MUG", 1), channel="lviv")
    assert "through Shop in Lviv" in text_of(await visitor.html(f"/orders/{order}"))
    assert "Shop in Lviv" in text_of(await visitor.html("/orders"))
    one = f"/settings/channels/{shop.key}/lviv"
    assert 'value="Shop in Lviv"' in await visitor.html(one)
    assert (await visitor.post(one, name="")).status_code == 303
    assert "through lviv" in text_of(await visitor.html(f"/orders/{order}"))
    assert (await visitor.post(f"/settings/channels/{shop.key}/nowhere", name="X")).status_code == 404


async def test_a_site_says_how_many_orders_it_sends_a_day(shop: Shop, web: str) -> None:
    async with visiting(shop, web, role="owner") as owner:
        site = f"/settings/sites/{shop.site('NJ')}"
        said = {"name": "New Jersey", "country": "US", "timezone": "America/New_York", "cut_off": "14:00",
                "weekdays.1": "1"}  # fmt: skip
        assert errors((await owner.post(site, **said, capacity="none at all")).text).keys() == {"capacity"}
        assert (await owner.post(site, **said, capacity="120")).status_code == 303
        assert 'value="120"' in await owner.html(site)
        assert (await owner.post(site, **said, capacity="")).status_code == 303
        assert 'value="120"' not in await owner.html(site)


async def test_what_is_set_up_stands_in_the_log_with_who_did_it(shop: Shop, visitor: Visitor, web: str) -> None:
    sku = await sku_id(shop)
    await visitor.post(f"/settings/channels/new/{shop.key}", key="kyiv", kind="api", name="Kyiv")
    await visitor.post(f"/settings/channels/{shop.key}/kyiv", name="Shop in Kyiv")
    await visitor.post(f"/settings/methods/{shop.key}", name="Blitz", level="express", days_min="1", days_max="2")
    await visitor.post(f"/catalog/new/{shop.key}", code="URN", name="Urn", stocked="yes")
    await visitor.post(f"/catalog/{sku}/aliases", channel="kyiv", alias="blue-mug")
    await visitor.post(f"/catalog/{sku}/aliases/drop", channel="kyiv", alias="blue-mug")
    rows = await shop.rows(
        "select who, about, details ->> 'setting' as setting from log_entry where what = 'setting_changed'"
        " and (details ->> 'merchant')::bigint = $1 and who <> 'doorstep' order by entry_id",
        shop.merchant,
    )
    assert [(row["setting"], row["about"]) for row in rows] == [
        ("new channel", "kyiv"), ("channel", "kyiv"), ("shipping method", "Blitz"), ("new SKU", "URN"),
        ("alias", "kyiv: blue-mug = MUG"), ("no alias", "kyiv: blue-mug"),
    ]  # fmt: skip
    (who,) = {row["who"] for row in rows}
    assert "@" in who
    async with visiting(shop, web, role="owner") as owner:
        log = text_of(await owner.html("/settings/log", area="settings"))
    assert "shipping method · " in log and "name of a SKU removed" in log


async def test_an_empty_house_is_told_what_to_do_first(shop: Shop, visitor: Visitor) -> None:
    page = text_of(await visitor.html("/stock"))
    assert "Nothing stands anywhere yet" in page and "Import opening stock" not in page
    assert "Nothing is announced" in await visitor.html("/stock/arrivals")
    assert "No shipping methods yet" in await visitor.html("/settings/methods")
