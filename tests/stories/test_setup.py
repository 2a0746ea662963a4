"""Setting up: merchants, sites, SKUs, channels, ways to ship, accounts, keys and people; what cannot be, is told."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from doorstep.kit.money import UnknownCurrency
from doorstep.kit.refusals import NotFound
from doorstep.kit.secrets import keyring
from doorstep.plug.registry import BadSettings, UnknownPlugin
from doorstep.setup.catalog import (
    ChannelExists,
    SkuExists,
    change_sku,
    create_channel,
    create_sku,
    put_alias,
    put_method,
)
from doorstep.setup.checks import NotACode, NotAMeasure, NotAnHsCode, NotDays, UnknownCountry, UnknownTimezone
from doorstep.setup.connections import NotAKind, connect, connections
from doorstep.setup.keys import UnknownScope, create_key, holder_of, list_keys, revoke_key
from doorstep.setup.merchants import (
    MerchantExists,
    NewMerchant,
    NewSite,
    NewSku,
    SiteExists,
    UnknownMerchant,
    add_site,
    add_skus,
    change_merchant,
    create_merchant,
    merchant_of,
)
from doorstep.setup.operator import NotAnOperatorFile, load_operator
from doorstep.setup.people import (
    LinkSpent,
    NoSuchPerson,
    PersonExists,
    UnknownRole,
    add_person,
    consume,
    end_person,
    issue_link,
    person_of,
)
from doorstep.spine.tenant import Db, tenant_tx
from tests.shop import Shop


async def skus(shop: Shop) -> list[dict[str, Any]]:
    return await shop.rows("select * from sku where merchant_id = $1 order by code", shop.merchant)


# merchants and sites


async def test_a_merchant_is_there_once_under_its_key(shop: Shop) -> None:
    again = NewMerchant(key=shop.key, name="Another", currency="EUR", country="PL")
    with pytest.raises(MerchantExists):
        await create_merchant(shop.db, again)
    (row,) = await shop.rows("select name, currency from merchant where merchant_id = $1", shop.merchant)
    assert (row["name"], row["currency"]) == ("Mugs & Co", "USD")
    assert await merchant_of(shop.db, shop.key) == shop.merchant
    with pytest.raises(UnknownMerchant):
        await merchant_of(shop.db, f"{shop.key}-no")


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"key": "Not A Key"}, NotACode),
        ({"currency": "ZZZ"}, UnknownCurrency),
        ({"country": "XX"}, UnknownCountry),
    ],
)
async def test_what_no_merchant_can_be_is_nobody_afterwards(shop: Shop, wrong: dict[str, str], kind: Any) -> None:
    new = {"key": f"{shop.key}-b", "name": "B", "currency": "USD", "country": "US"} | wrong
    with pytest.raises(kind):
        await create_merchant(shop.db, NewMerchant(**new))
    with pytest.raises(UnknownMerchant):
        await merchant_of(shop.db, new["key"])


async def test_a_merchant_does_not_move_to_a_country_that_is_not_there(shop: Shop) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        with pytest.raises(UnknownCountry):
            await change_merchant(tx, shop.merchant, country="Atlantis")
        await change_merchant(tx, shop.merchant, country="PL")
    (row,) = await shop.rows("select country from merchant where merchant_id = $1", shop.merchant)
    assert row["country"] == "PL"


async def test_a_site_has_its_code_to_itself_and_a_time_that_exists(shop: Shop) -> None:
    with pytest.raises(SiteExists):
        await add_site(shop.db, shop.merchant, NewSite(shop.site("NJ"), "Another", "US", {}))
    with pytest.raises(UnknownTimezone) as caught:
        await add_site(shop.db, shop.merchant, NewSite(shop.site("X1"), "X", "US", {}, timezone="Mars/Olympus"))
    assert caught.value.why["like"] == "Europe/Warsaw"
    with pytest.raises(NotACode):
        await add_site(shop.db, shop.merchant, NewSite("a site", "X", "US", {}))
    rows = await shop.rows("select name from site where code = any($1)", [shop.site("NJ"), shop.site("X1"), "a site"])
    assert rows == [{"name": "New Jersey"}]


# the catalog


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"code": " "}, NotACode),
        ({"hs_code": "6912"}, NotAnHsCode),
        ({"hs_code": "69.12.00"}, NotAnHsCode),
        ({"origin": "Bohemia"}, UnknownCountry),
        ({"weight_g": -1}, NotAMeasure),
        ({"length_mm": 10**9}, NotAMeasure),
    ],
)
async def test_what_no_sku_can_be_is_not_added_and_nothing_with_it(
    shop: Shop, wrong: dict[str, Any], kind: Any
) -> None:
    before = await skus(shop)
    with pytest.raises(kind):
        await add_skus(shop.db, shop.merchant, [NewSku("BOWL"), NewSku(**{"code": "PLATE", **wrong})])
    assert await skus(shop) == before


async def test_a_sku_is_there_once_under_its_code(shop: Shop) -> None:
    before = await skus(shop)
    with pytest.raises(SkuExists):
        await create_sku(shop.db, shop.merchant, NewSku("MUG", name="Another"))
    assert await skus(shop) == before
    bowl = await create_sku(shop.db, shop.merchant, NewSku("BOWL"))
    with pytest.raises(SkuExists):
        await change_sku(shop.db, shop.merchant, bowl, NewSku("MUG"))
    with pytest.raises(NotFound):
        await change_sku(shop.db, shop.merchant, "sku_1", NewSku("DISH"))
    assert [row["code"] for row in await skus(shop)] == ["BOWL", "CUP", "LAMP", "MUG"]


async def test_a_channel_is_there_once_under_its_key(shop: Shop) -> None:
    await create_channel(shop.db, shop.merchant, "web", "shopify")
    with pytest.raises(ChannelExists):
        await create_channel(shop.db, shop.merchant, "web", "woocommerce")
    rows = await shop.rows("select kind from channel where merchant_id = $1 and key = 'web'", shop.merchant)
    assert rows == [{"kind": "shopify"}]


async def test_a_channels_word_means_a_sku_that_is_there(shop: Shop) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await put_alias(tx, shop.merchant, "api", "BIG-MUG", "MUG")
        with pytest.raises(NotFound):
            await put_alias(tx, shop.merchant, "api", "BIG-VASE", "VASE")
    order = await shop.place(("BIG-MUG", 1))
    (line,) = await shop.rows(
        "select s.code from order_line l join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id"
        " where l.merchant_id = $1 and l.order_id = $2",
        shop.merchant, int(order[4:]),
    )  # fmt: skip
    assert line["code"] == "MUG"


async def test_days_in_transit_go_forwards(shop: Shop) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        with pytest.raises(NotDays):
            await put_method(tx, shop.merchant, "Express", level="express", carrier="", days_min=3, days_max=1)
        with pytest.raises(NotACode):
            await put_method(tx, shop.merchant, "Express", level="Très vite", carrier="", days_min=1, days_max=3)
    assert await shop.rows("select 1 from shipping_method where merchant_id = $1", shop.merchant) == []


# accounts and keys


@pytest.mark.parametrize(
    ("kind", "plugin", "config", "no"),
    [
        ("bank", "simpay", {}, NotAKind),
        ("carrier", "pigeons", {}, UnknownPlugin),
        ("carrier", "simcarrier", {"base_url": 7}, BadSettings),
    ],
)
async def test_an_account_is_with_somebody_known_and_has_settings_that_fit(
    shop: Shop, tmp_path: Path, kind: str, plugin: str, config: dict[str, Any], no: Any
) -> None:
    with pytest.raises(no):
        await connect(shop.db, keyring(tmp_path), shop.merchant, kind, plugin=plugin, code="a", config=config)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        assert await connections(tx, shop.merchant) == []


async def test_a_key_opens_only_what_it_is_for_until_it_is_revoked(shop: Shop) -> None:
    with pytest.raises(UnknownScope):
        await create_key(shop.db, shop.merchant, shop.at, scopes=["read", "everything"])
    secret, key = await create_key(shop.db, shop.merchant, shop.at, scopes=["intake:write"])
    holder = await holder_of(shop.db, secret)
    assert holder and (holder.may("intake:write"), holder.may("read")) == (True, False)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await revoke_key(tx, shop.merchant, key.id, shop.at)
        with pytest.raises(NotFound):
            await revoke_key(tx, shop.merchant, key.id, shop.at)
        assert [known.id for known in await list_keys(tx, shop.merchant)] == [key.id]
    assert await holder_of(shop.db, secret) is None


# people


async def test_a_link_lets_one_person_in_once_and_not_for_ever(shop: Shop) -> None:
    db, email = shop.db, f"{shop.key}@example.com"
    await add_person(db, email, "floor", at=shop.at)
    late = await issue_link(db, email, shop.at)
    with pytest.raises(LinkSpent):
        await consume(db, late, shop.at + timedelta(hours=2))
    link = await issue_link(db, email, shop.at)
    session = await consume(db, link, shop.at)
    for spent in (link, "never-was"):
        with pytest.raises(LinkSpent):
            await consume(db, spent, shop.at)
    person = await person_of(db, session, shop.at)
    assert person and (person.email, person.role) == (email, "floor")


async def test_who_left_is_nobody_here(shop: Shop) -> None:
    db, email = shop.db, f"{shop.key}@example.com"
    await add_person(db, email, "merchant", merchant=shop.merchant, at=shop.at)
    with pytest.raises(PersonExists):
        await add_person(db, email.upper(), "owner", at=shop.at)
    session = await consume(db, await issue_link(db, email, shop.at), shop.at)
    await end_person(db, email, shop.at)
    assert await person_of(db, session, shop.at) is None
    for gone in (email, f"no-{email}"):
        with pytest.raises(NoSuchPerson):
            await end_person(db, gone, shop.at)
        with pytest.raises(NoSuchPerson):
            await issue_link(db, gone, shop.at)


@pytest.mark.parametrize(("role", "of_merchant"), [("king", True), ("merchant", False)])
async def test_a_person_has_a_role_that_is_known(shop: Shop, role: str, of_merchant: bool) -> None:
    email = f"{shop.key}@example.com"
    with pytest.raises(UnknownRole):
        await add_person(shop.db, email, role, merchant=shop.merchant if of_merchant else None)
    with pytest.raises(NoSuchPerson):
        await issue_link(shop.db, email)


# all of it from one file


async def test_an_operation_is_set_up_from_one_file_as_often_as_anybody_likes(
    db: Db, shop: Shop, tmp_path: Path
) -> None:
    said = {
        "operator": {"key": f"op-{shop.key}", "name": "Harbor", "currency": "USD", "country": "US"},
        "sites": [{"code": shop.site("EU"), "name": "Hub", "country": "PL"}],
        "merchants": [
            {
                "key": f"m-{shop.key}", "name": "M", "currency": "EUR", "country": "DE",
                "channels": [{"key": "web", "kind": "shopify"}], "shipping_methods": [{"name": "Post", "days_max": 9}],
            }
        ],
    }  # fmt: skip
    file = tmp_path / "operator.json"
    file.write_text(json.dumps(said))
    first = await load_operator(db, file, keyring(tmp_path))
    assert await load_operator(db, file, keyring(tmp_path)) == first
    assert await merchant_of(db, f"m-{shop.key}") == first.merchants[f"m-{shop.key}"]


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"operator": {"key": "x"}}', '{"operators": []}'])
async def test_another_file_is_no_operator_file(db: Db, tmp_path: Path, text: str) -> None:
    file = tmp_path / "operator.json"
    file.write_text(text)
    with pytest.raises(NotAnOperatorFile) as caught:
        await load_operator(db, file, keyring(tmp_path))
    assert caught.value.why["problem"]
    with pytest.raises(NotAnOperatorFile):
        await load_operator(db, tmp_path / "nowhere.json", keyring(tmp_path))
