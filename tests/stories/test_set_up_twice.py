"""What is set up once is there once; what makes no sense is refused by name and changes nothing."""

from __future__ import annotations

import pytest

from doorstep.kit import clock
from doorstep.setup.channels import ChannelExists, create_channel
from doorstep.setup.checks import NotAMeasure, NotDays, days, measure
from doorstep.setup.keys import UnknownScope, create_key
from doorstep.setup.merchants import MerchantExists, NewMerchant, NewSite, SiteExists, add_site, create_merchant
from doorstep.setup.people import NoSuchPerson, PersonExists, UnknownRole, add_person, end_person
from doorstep.setup.sessions import LinkSpent, consume, issue_link
from tests.shop import Shop


async def test_a_merchant_is_there_once(shop: Shop) -> None:
    before = await shop.db.everyone()
    with pytest.raises(MerchantExists):
        await create_merchant(shop.db, NewMerchant(key=shop.key, name="Another", currency="EUR", country="DE"))
    assert await shop.db.everyone() == before


async def test_a_site_is_there_once(shop: Shop) -> None:
    before = await shop.rows("select name from site where code = $1", shop.site("NJ"))
    with pytest.raises(SiteExists):
        await add_site(shop.db, shop.merchant, NewSite(shop.site("NJ"), "Another", "DE", {"city": "Berlin"}))
    assert await shop.rows("select name from site where code = $1", shop.site("NJ")) == before


async def test_a_channel_is_there_once(shop: Shop) -> None:
    before = await shop.rows("select key, kind from channel where merchant_id = $1 order by key", shop.merchant)
    with pytest.raises(ChannelExists):
        await create_channel(shop.db, shop.merchant, "api", "api")
    assert await shop.rows("select key, kind from channel where merchant_id = $1 order by key", shop.merchant) == before


async def test_a_key_reaches_only_what_there_is(shop: Shop) -> None:
    with pytest.raises(UnknownScope):
        await create_key(shop.db, shop.merchant, clock.now(), scopes=["everything"])
    assert await shop.rows("select key_id from api_key where merchant_id = $1", shop.merchant) == []


@pytest.mark.parametrize("value", [-1, 10**9])
def test_a_weight_is_a_weight(value: int) -> None:
    with pytest.raises(NotAMeasure):
        measure("weight_g", value)


@pytest.mark.parametrize("given", [(5, 2), (-1, 2), (1, 400)])
def test_days_in_transit_go_forward(given: tuple[int, int]) -> None:
    with pytest.raises(NotDays):
        days(*given)


async def test_a_person_is_there_once_and_has_a_role(shop: Shop) -> None:
    email = f"ada{shop.merchant}@example.com"
    await add_person(shop.db, email, "floor")
    with pytest.raises(PersonExists):
        await add_person(shop.db, email, "floor")
    with pytest.raises(UnknownRole):
        await add_person(shop.db, f"b{email}", "emperor")
    await end_person(shop.db, email)
    with pytest.raises(NoSuchPerson):
        await issue_link(shop.db, email)


async def test_a_link_lets_somebody_in_once(shop: Shop) -> None:
    email = f"once{shop.merchant}@example.com"
    await add_person(shop.db, email, "operator")
    link = await issue_link(shop.db, email)
    assert await consume(shop.db, link)
    with pytest.raises(LinkSpent):
        await consume(shop.db, link)
