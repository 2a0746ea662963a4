"""An account over Karrio is connected like any other, in the console; what is wrong with it is said beside the form."""

from __future__ import annotations

import pytest

from plugins.karrio.tests.fake_ups import FakeUps
from tests.doors.test_console import visiting
from tests.doors.test_goods_pages import text_of
from tests.plug.fake_http import FakeServer
from tests.shop import Shop

pytest.importorskip("karrio.mappers.ups", reason="Karrio is not installed: pip install 'doorstep-karrio[ups,fedex]'")


async def test_an_account_with_ups_is_added_and_tried(shop: Shop, web: str) -> None:
    world = FakeUps()
    address = f"/settings/accounts/{shop.key}/karrio"
    with FakeServer(world.answer, world.act_of) as server:
        said = {"code": "ups", "connector": "ups", "credentials": world.credentials, "country": "US",
                "base_url": server.url, "deadline_s": "30"}  # fmt: skip
        async with visiting(shop, web, "operator") as operator:
            wrong = await operator.post(address, **{**said, "connector": "pigeon"})
            assert wrong.status_code == 422 and "pip install karrio-pigeon" in text_of(wrong.text)
            assert (await operator.post(address, **said)).status_code == 303
            assert "client_secret" not in await operator.html(f"{address}/ups")
            tried = text_of(
                (await operator.post(f"/settings/accounts/{shop.key}/test", kind="carrier", code="ups")).text
            )
    assert "ups answers" in tried and "ups_worldwide_expedited" in tried
