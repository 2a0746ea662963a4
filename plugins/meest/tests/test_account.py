"""An account with Meest is connected like any other: in the console and at the command line."""

from __future__ import annotations

from doorstep.doors.worker.outside import Connections
from doorstep.kit.home import home
from doorstep.kit.secrets import keyring
from doorstep.setup.connections import connect, connection_of, connections
from doorstep.spine.tenant import tenant_tx
from doorstep_meest.carrier import Meest
from plugins.meest.tests.fake_meest import CONTRACT, LOGIN, PASSWORD, FakeMeest
from plugins.meest.tests.shipments import at_home
from tests.doors.test_console import visiting
from tests.doors.test_goods_pages import errors, text_of
from tests.plug.carrier_contract import a_key
from tests.shop import Shop


async def test_an_account_is_added_tried_and_used(shop: Shop, web: str, fake: FakeMeest) -> None:
    said = {"code": "meest-ua", "contract_id": CONTRACT, "username": LOGIN, "password": PASSWORD, "currency": "UAH",
            "payer": "receiver", "pay_by": "noncash", "sender_branch": "1", "base_url": fake.url, "deadline_s": "20",
            "tries": "3"}  # fmt: skip
    async with visiting(shop, web, "operator") as operator:
        assert "Meest: prices, labels" in await operator.html(f"/settings/accounts/new/{shop.key}")
        address = f"/settings/accounts/{shop.key}/meest"
        page = await operator.html(address)
        assert 'type="password"' in page and "Товари" in page and 'value="receiver"' in page
        assert errors((await operator.post(address, **{**said, "contract_id": ""})).text) == {
            "contract_id": "must be given"
        }
        assert (await operator.post(address, **{**said, "payer": "nobody"})).status_code == 422
        assert (await operator.post(address, **{**said, "password": ""})).status_code == 422
        assert (await operator.post(address, **said)).status_code == 303
        assert PASSWORD not in await operator.html("/settings/accounts") + await operator.html(f"{address}/meest-ua")
        tried = text_of(
            (await operator.post(f"/settings/accounts/{shop.key}/test", kind="carrier", code="meest-ua")).text
        )
        assert "meest-ua answers" in tried and "door: UAH" in tried.replace("₴", "UAH ")
        assert fake.count("labels") == 0
        assert (
            await operator.post(f"{address}/meest-ua", **{**said, "contract_id": "other", "password": ""})
        ).status_code == 303
        async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
            known = await connection_of(tx, keyring(home()), shop.merchant, "carrier", "meest-ua")
        assert known and known[1]["password"] == PASSWORD and known[1]["contract_id"] == "other"
    carrier = await Connections(shop.db, keyring(home())).carrier(shop.merchant, "meest-ua")
    assert isinstance(carrier, Meest)
    assert await carrier.rates(at_home())
    await carrier.close()


async def test_a_wrong_password_is_said_when_the_account_is_tried(shop: Shop, web: str, fake: FakeMeest) -> None:
    config = {"contract_id": CONTRACT, "username": LOGIN, "password": "guess", "base_url": fake.url}
    await connect(shop.db, keyring(home()), shop.merchant, "carrier", plugin="meest", code="m", config=config)
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        [kept] = await connections(tx, shop.merchant)
    assert kept.has_secret and "guess" not in str(kept.settings)
    async with visiting(shop, web, "operator") as operator:
        tried = text_of((await operator.post(f"/settings/accounts/{shop.key}/test", kind="carrier", code="m")).text)
    assert "m does not work like this" in tried and "unauthorized" in tried


async def test_a_worker_opens_it_once_and_it_keeps_its_token(shop: Shop, fake: FakeMeest) -> None:
    config = {"contract_id": CONTRACT, "username": LOGIN, "password": PASSWORD, "base_url": fake.url}
    await connect(shop.db, keyring(home()), shop.merchant, "carrier", plugin="meest", code="m", config=config)
    opened = Connections(shop.db, keyring(home()))
    for _ in range(3):
        await (await opened.carrier(shop.merchant, "m")).buy(at_home(), a_key())
    assert len(fake.asked("/auth")) == 1 and fake.count("labels") == 3
    await (await opened.carrier(shop.merchant, "m")).close()
