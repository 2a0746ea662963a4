"""border: a shop in New Jersey with a carrier, an operator's bags, and a buyer in Lviv who reads page and letters."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from doorstep.doors.worker.loop import Worker
from doorstep.doors.worker.outside import Connections
from doorstep.kit.secrets import keyring
from doorstep.plug.notifier import FolderMailer
from doorstep.plug.simulator.process import Outside
from doorstep.setup.merchants import NewMerchant, create_merchant
from doorstep.setup.tracking_links import tracking_links
from doorstep.spine.tenant import Db
from doorstep.spine.world import World
from tests.shop import Shop
from tests.stories.test_customs import LVIV, lists
from tests.stories.test_journey import Town

__all__ = ["AWB", "A_LAMP", "LAMP", "LVIV", "OLENA", "Buyer", "hub", "lists", "town"]
LAMP = {
    "code": "LAMP", "name": "A lamp", "weight_g": 900, "origin": "PL",
    "customs_text": "table lamp with a ceramic foot", "barcode": "5901234123464",
}  # fmt: skip
A_LAMP = {"sku": "LAMP", "quantity": 1, "unit_price": "480.00"}  # too dear for a CN22
AWB = "020-12345675"
OLENA = {"name": "Олена Шевчук", "email": "olena@example.com"}


@pytest.fixture
async def town(shop: Shop, tmp_path: Path) -> AsyncIterator[Town]:
    """A shop with a worker and a carrier whose clock stands still: what it tells is told by its webhooks."""
    with Outside("--speed", "0", "--seed", "7") as outside:
        await shop.connect("carrier", "simcarrier", "sim", base_url=outside.url)
        connections = Connections(shop.db, keyring(tmp_path))
        post = FolderMailer(tmp_path / "mail")
        await shop.rows("update merchant set email = 'shop@mugs.example' where merchant_id = $1", shop.merchant)
        yield Town(shop, Worker(World(shop.db, connections.carrier, connections.payments, post)), outside, tmp_path)


@pytest.fixture
async def hub(db: Db, shop: Shop) -> Shop:
    """The operator, at whose site the bags are filled."""
    key = f"hub-{shop.merchant}"
    merchant = await create_merchant(
        db, NewMerchant(key=key, name="The Hub", currency="USD", country="US", is_operator=True)
    )
    return Shop(db, merchant, key)


class Buyer:
    """What the buyer reads on the order's page, and in the letters."""

    def __init__(self, town: Town, web: str, order: str) -> None:
        self._town, self._web = town, web
        self.path = f"/t/{tracking_links().token(town.shop.merchant, int(order[4:]))}?lang=en"

    async def page(self) -> str:
        async with httpx.AsyncClient(base_url=self._web, timeout=120, trust_env=False, verify=False) as anybody:
            answer = await anybody.get(self.path)
        assert answer.status_code == 200
        return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text.split("<main")[1])))

    async def step(self) -> str:
        async with httpx.AsyncClient(base_url=self._web, timeout=120, trust_env=False, verify=False) as anybody:
            html = (await anybody.get(self.path)).text
        found = re.search(r'aria-current="step".*?class="step-name">([^<]+)<', html, re.DOTALL)
        return found[1] if found else ""

    def letters(self) -> list[str]:
        return self._town.subjects()
