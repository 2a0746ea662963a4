"""Setting up: accounts whose secrets are sealed, a merchant that changes, SKUs by the file, a whole operation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from doorstep.doors.worker.outside import Connections
from doorstep.kit.refusals import Refusal
from doorstep.kit.secrets import NotOpened, keyring
from doorstep.plug.registry import BadSettings
from doorstep.plug.simpay import SimPay
from doorstep.setup.channels import open_channels
from doorstep.setup.connections import NotAKind, connect, connections, disconnect
from doorstep.setup.many_skus import put_skus
from doorstep.setup.merchants import NewSku, UnknownMerchant, change_merchant, merchant_of
from doorstep.setup.operator import NotAnOperatorFile, load_operator
from doorstep.spine.tenant import tenant_tx
from tests.shop import Shop

CARD = {
    "currency": "USD", "prefix": "GP", "zones": [{"name": "world", "countries": ["*"]}],
    "services": [{"code": "standard", "name": "Post", "tariffs": [
        {"zone": "world", "days": 5, "per_extra_kg_minor": 100, "breaks": [{"up_to_g": 5000, "amount_minor": 900}]},
    ]}],
}  # fmt: skip


async def test_an_account_is_opened_with_the_secret_that_was_sealed(shop: Shop, tmp_path: Path) -> None:
    keys = keyring(tmp_path, {})
    config = {"base_url": "http://127.0.0.1:9", "api_key": "hush-hush"}
    assert await connect(shop.db, keys, shop.merchant, "payments", plugin="simpay", code="till", config=config)
    (row,) = await shop.rows("select settings, secret from connection where merchant_id = $1", shop.merchant)
    assert "hush-hush" not in row["settings"] + row["secret"]
    opened = await Connections(shop.db, keys).payments(shop.merchant, "till")
    assert isinstance(opened, SimPay)


async def test_a_secret_does_not_open_for_another_merchant(shop: Shop, other_shop: Shop, tmp_path: Path) -> None:
    keys = keyring(tmp_path, {})
    config = {"base_url": "http://127.0.0.1:9", "api_key": "hush-hush"}
    await connect(shop.db, keys, shop.merchant, "payments", plugin="simpay", code="till", config=config)
    await connect(shop.db, keys, other_shop.merchant, "payments", plugin="simpay", code="till", config=config)
    (stolen,) = await shop.rows("select secret from connection where merchant_id = $1", shop.merchant)
    async with tenant_tx(shop.db, [other_shop.merchant]) as tx:
        swap = "update connection set secret = $2 where merchant_id = $1"
        await tx.run(swap, other_shop.merchant, stolen["secret"])
    with pytest.raises(NotOpened):
        await Connections(shop.db, keys).payments(other_shop.merchant, "till")


async def test_an_account_is_set_anew_listed_and_forgotten(shop: Shop, tmp_path: Path) -> None:
    keys = keyring(tmp_path, {})
    assert await connect(shop.db, keys, shop.merchant, "carrier", plugin="ratecard", code="post", config=CARD)
    assert not await connect(shop.db, keys, shop.merchant, "carrier", plugin="ratecard", code="post", config=CARD)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        assert [(one.code, one.has_secret) for one in await connections(tx, shop.merchant)] == [("post", False)]
        assert await disconnect(tx, shop.merchant, "carrier", "post")
        assert not await disconnect(tx, shop.merchant, "carrier", "post")


@pytest.mark.parametrize(
    ("kind", "config", "refusal"),
    [("pigeons", CARD, NotAKind), ("carrier", {}, BadSettings), ("carrier", {**CARD, "color": "red"}, BadSettings)],
)
async def test_an_account_that_cannot_work_is_refused_before_it_is_kept(
    shop: Shop, tmp_path: Path, kind: str, config: dict[str, Any], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        await connect(shop.db, keyring(tmp_path, {}), shop.merchant, kind, plugin="ratecard", code="x", config=config)
    assert await shop.rows("select code from connection where merchant_id = $1", shop.merchant) == []


async def test_of_a_merchant_only_what_is_given_changes(shop: Shop) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, ship="complete", address={"city": "Newark"})
    (row,) = await shop.rows(
        "select name, ship, when_short, address ->> 'city' as city from merchant where merchant_id = $1", shop.merchant
    )
    assert tuple(row.values()) == ("Mugs & Co", "complete", "backorder", "Newark")


async def test_a_merchant_is_found_by_its_key_alone(shop: Shop) -> None:
    assert await merchant_of(shop.db, shop.key) == shop.merchant
    with pytest.raises(UnknownMerchant):
        await merchant_of(shop.db, "nobody")


async def test_a_channel_is_opened_once(shop: Shop) -> None:
    assert await open_channels(shop.db, shop.merchant, ["north", "file"]) == ["north"]
    assert await open_channels(shop.db, shop.merchant, ["north", "file"]) == []


async def test_what_a_file_leaves_out_of_a_sku_stays(shop: Shop) -> None:
    put = await put_skus(
        shop.db,
        shop.merchant,
        [NewSku("MUG", name="A big mug"), NewSku("JUG", name="A jug"), NewSku("JUG", name="Jug")],
    )
    assert (put.added, put.changed, put.unchanged) == (1, 1, 0)
    kept = "select name, barcode, weight_g, origin from sku where merchant_id = $1 and code = 'MUG'"
    assert tuple((await shop.rows(kept, shop.merchant))[0].values()) == ("A big mug", "5901234123457", 350, "US")
    again = await put_skus(shop.db, shop.merchant, [NewSku("MUG", name="A big mug"), NewSku("JUG", name="Jug")])
    assert (again.added, again.changed, again.unchanged) == (0, 0, 2)


async def test_an_operation_is_loaded_twice_and_is_there_once(shop: Shop, tmp_path: Path) -> None:
    key = f"op-{shop.merchant}"
    said = {
        "operator": {"key": key, "name": "Two Docks", "currency": "USD", "country": "US"},
        "sites": [{"code": f"S-{shop.merchant}", "name": "Dock", "country": "US", "cut_off": "15:00:00"}],
        "carriers": [{"code": "post", "kind": "ratecard", "card": CARD}, {"code": "sim", "kind": "simulator"}],
        "merchants": [
            {
                "key": f"{key}-mugs", "name": "Mugs", "currency": "EUR", "country": "PL", "timezone": "Europe/Warsaw",
                "channels": [{"key": "shopify", "kind": "shopify"}],
                "shipping_methods": [{"name": "Express", "level": "express", "days_min": 1, "days_max": 3}],
            }
        ],
    }  # fmt: skip
    file = tmp_path / "operator.json"
    file.write_text(json.dumps(said))
    keys = keyring(tmp_path, {})
    first = await load_operator(shop.db, file, keys)
    second = await load_operator(shop.db, file, keys, simulator="http://127.0.0.1:9")
    assert first.merchants == second.merchants
    merchant = first.merchants[f"{key}-mugs"]
    assert second.said[f"{key}-mugs"].timezone == "Europe/Warsaw"
    async with tenant_tx(shop.db, [merchant]) as tx:
        found = [(one.kind, one.code) for one in await connections(tx, merchant)]
    assert found == [("carrier", "post"), ("carrier", "sim"), ("payments", "sim"), ("sms", "sim")]


@pytest.mark.parametrize("text", ["", "[]", '{"operator": {"key": "x"}}', '{"sites": []}'])
async def test_a_file_that_is_no_operation_is_refused(shop: Shop, tmp_path: Path, text: str) -> None:
    (tmp_path / "operator.json").write_text(text)
    with pytest.raises(NotAnOperatorFile):
        await load_operator(shop.db, tmp_path / "operator.json", keyring(tmp_path, {}))
