"""An account with EasyPost is connected like any other, in the console; its key is kept and never shown again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from doorstep.doors.worker.outside import Connections
from doorstep.kit.home import home
from doorstep.kit.secrets import keyring
from doorstep.setup.connections import connections
from doorstep.spine.tenant import tenant_tx
from doorstep_easypost.carrier import EasyPost
from plugins.easypost.tests.fake_easypost import API_KEY, EasyPostWorld
from tests.doors.test_console import visiting
from tests.doors.test_goods_pages import errors, text_of
from tests.plug.fake_http import FakeServer
from tests.shop import Shop


@pytest.fixture
def url() -> Iterator[str]:
    world = EasyPostWorld()
    with FakeServer(world.answer, world.act_of) as server:
        world.url = server.url
        yield f"{server.url}/v2"


async def test_an_account_is_added_and_tried_and_its_key_is_shown_to_nobody(shop: Shop, web: str, url: str) -> None:
    said = {"code": "ep", "api_key": API_KEY, "contents": "merchandise", "base_url": url, "deadline_s": "20",
            "tries": "3"}  # fmt: skip
    address = f"/settings/accounts/{shop.key}/easypost"
    async with visiting(shop, web, "operator") as operator:
        assert "EasyPost: all the carriers" in await operator.html(f"/settings/accounts/new/{shop.key}")
        assert 'type="password"' in await operator.html(address)
        assert errors((await operator.post(address, **{**said, "api_key": ""})).text) == {"api_key": "must be given"}
        assert (await operator.post(address, **{**said, "contents": "bribes"})).status_code == 422
        assert (await operator.post(address, **said)).status_code == 303
        assert API_KEY not in await operator.html("/settings/accounts") + await operator.html(f"{address}/ep")
        tried = text_of((await operator.post(f"/settings/accounts/{shop.key}/test", kind="carrier", code="ep")).text)
    assert "ep answers" in tried and "USPS GroundAdvantage" in tried
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        [kept] = await connections(tx, shop.merchant)
    assert kept.has_secret and API_KEY not in str(kept.settings)
    carrier = await Connections(shop.db, keyring(home())).carrier(shop.merchant, "ep")
    assert isinstance(carrier, EasyPost)
    await carrier.close()
