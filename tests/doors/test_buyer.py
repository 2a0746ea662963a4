"""The buyers' door: what a link opens and what nothing else does, what the page says, and what the buyer can say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from doorstep.setup.tracking_links import tracking_links
from tests.shop import Shop

PHONE = {"width": 390, "height": 844}


def link(shop: Shop, order: str) -> str:
    return f"/t/{tracking_links().token(shop.merchant, int(order[4:]))}"


@pytest.fixture
async def buyer(web: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with a browser, whom nobody knows."""
    async with httpx.AsyncClient(base_url=web, timeout=30, trust_env=False, headers={"accept-language": "en"}) as http:
        yield http
        assert not http.cookies, "a buyer got a cookie"


async def read(buyer: httpx.AsyncClient, path: str, **headers: str) -> str:
    answer = await buyer.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


async def on_the_road(shop: Shop, *lines: tuple[str, int], **more: Any) -> tuple[str, str]:
    await shop.stock("MUG", 50)
    order = await shop.place(*(lines or (("MUG", 2),)), **{"payment_term": "on_account"} | more)
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="Meridian", tracking_number=f"MP{shop.merchant}US")
    await shop.do("hand_over", parcel=parcel)
    return order, parcel


async def test_a_link_opens_its_order(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order, parcel = await on_the_road(shop, number="#1001")
    events = [
        {"happened_at": shop.at - timedelta(hours=1), "code": "EMC", "raw_code": "DEP", "place": "Newark, US"},
        {"happened_at": shop.at, "code": "EDB", "raw_code": "CUS", "place": "Dublin, IE", "message": "<b>papers</b>"},
    ]
    await shop.do("track", parcel=parcel, events=events)
    html = await read(buyer, link(shop, order))
    print(html)
