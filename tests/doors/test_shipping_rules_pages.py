"""Rules for choosing a carrier are listed, added, moved, switched off, removed and tried: in pages and the API."""

from __future__ import annotations

import re
from typing import Any

import pytest

from doorstep.setup.lane_rules import shipping_rules
from doorstep.setup.merchants import NewSku, add_skus
from doorstep.setup.shipping_rules import ShippingRules
from doorstep.spine.tenant import tenant_tx
from tests.doors.test_console import Visitor, visiting
from tests.doors.test_goods_pages import text_of
from tests.doors.test_rates_pages import DEAR
from tests.doors.web import client_of
from tests.shop import Shop
from tests.stories.test_shipping import CARD

PAGE = "/settings/shipping-rules"
FORBID = {"say": "forbid", "which": "other", "to": "EU, GB IV"}
PREFER = {"say": "prefer", "which": "card/express, card", "origin": "US 07"}


@pytest.fixture
async def two_cards(shop: Shop) -> Shop:
    await shop.stock("MUG", 5)
    await shop.connect("carrier", "ratecard", "card", **CARD)
    await shop.connect("carrier", "ratecard", "other", **DEAR)
    return shop


async def kept(shop: Shop) -> ShippingRules:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return await shipping_rules(tx, shop.merchant)


async def marks(visitor: Visitor, shop: Shop) -> list[str]:
    page = await visitor.html(PAGE, merchant=shop.key)
    return list(dict.fromkeys(re.findall(rf"{PAGE}/{shop.key}/lanes/(\d+-\w+)", page)))


async def acts(visitor: Visitor, shop: Shop, mark: str, act: str) -> Any:
    return await visitor.post(f"{PAGE}/{shop.key}/lanes/{mark}/{act}")


async def test_rules_are_added_moved_switched_off_changed_and_removed(two_cards: Shop, web: str) -> None:
    shop = two_cards
    async with visiting(shop, web, "merchant") as person:
        assert "No rules yet" in await person.html(PAGE)
        for rule in (FORBID, PREFER):
            answer = await person.post(f"{PAGE}/{shop.key}/new", **rule)
            assert answer.headers["location"] == f"{PAGE}?merchant={shop.key}&did=added"
        page = text_of(await person.html(PAGE))
        for words in ("Never these", "other", "EU, GB IV", "Rather these", "card/express, card", "US 07", "everywhere"):
            assert words in page, words
        first, second = await marks(person, shop)
        assert (await acts(person, shop, second, "up")).status_code == 303
        assert [lane.say for lane in (await kept(shop)).lanes] == ["prefer", "forbid"]
        late = await acts(person, shop, second, "remove")
        assert late.status_code == 409 and "changed or moved meanwhile" in text_of(late.text)
        first, second = await marks(person, shop)
        assert (await acts(person, shop, second, "off")).headers["location"].endswith("did=off")
        assert (await kept(shop)).lanes[1].off and "off" in text_of(await person.html(PAGE))
        second = (await marks(person, shop))[1]
        form = await person.html(f"{PAGE}/{shop.key}/lanes/{second}")
        assert 'value="EU, GB IV"' in form
        changed = {**FORBID, "which": "other, balloon"}
        assert (await person.post(f"{PAGE}/{shop.key}/lanes/{second}", **changed)).status_code == 303
        assert (await kept(shop)).lanes[1].off  # still
        assert "no such account: balloon" in text_of(await person.html(PAGE))
        second = (await marks(person, shop))[1]
        assert (await acts(person, shop, second, "on")).status_code == 303
        for mark in reversed(await marks(person, shop)):
            assert (await acts(person, shop, mark, "remove")).status_code == 303
        assert (await kept(shop)).lanes == []
        assert (await acts(person, shop, first, "burn")).status_code == 404


async def test_what_is_no_rule_is_said_beside_its_field(two_cards: Shop, web: str) -> None:
    address = f"{PAGE}/{two_cards.key}/new"
    async with visiting(two_cards, web, "operator") as person:
        for wrong, said in (
            ({**FORBID, "which": ""}, "must be given"), ({**FORBID, "to": "Ireland"}, "countries, EU, or a country"),
            ({**FORBID, "which": "a/b/c"}, "accounts, or account/service"), ({**FORBID, "say": "like"}, "must be"),
        ):  # fmt: skip
            answer = await person.post(address, **wrong)
            assert answer.status_code == 422 and said in text_of(answer.text), wrong
    assert (await kept(two_cards)).lanes == []


async def test_a_try_says_what_would_be_chosen_and_why_and_buys_nothing(two_cards: Shop, web: str) -> None:
    shop = two_cards
    await add_skus(shop.db, shop.merchant, [NewSku("GLOW", flags=("battery",))])
    asked = {"merchant": shop.key, "country": "IE", "weight_g": "350"}
    async with visiting(shop, web, "owner") as owner:
        page = text_of(await owner.html(PAGE, **asked))
        assert "card economy" in page and "It would be chosen" in page and "No rule is about this way." in page
        await owner.post(f"{PAGE}/{shop.key}/new", say="prefer", which="other", to="EU")
        await owner.post(f"{PAGE}/{shop.key}/new", say="forbid", which="other", to="US")
        page = text_of(await owner.html(PAGE, **asked))
        assert "Rules on this way: 1" in page and "Another is preferred on this lane." in page
        page = text_of(await owner.html(PAGE, **{**asked, "sku": "GLOW"}))
        assert "Does not say that it takes battery." in page
        for wrong, said in (({"weight_g": ""}, "must be given"), ({"sku": "NONE"}, "There is nothing like this")):
            page = text_of(await owner.html(PAGE, **{**asked, **wrong}))
            assert said in page or "field-error" in await owner.html(PAGE, **{**asked, **wrong})
            assert "It would be chosen" not in page
    assert await shop.rows("select 1 from parcel where merchant_id = $1", shop.merchant) == []


async def test_what_holds_for_all_ways_is_kept_and_contracts_are_the_operators(two_cards: Shop, web: str) -> None:
    shop = two_cards
    address = f"{PAGE}/{shop.key}/beside"
    said = {
        "most_minor": "60,00", "sure_in_100": "75", "answer_within_s": "2.5", "levels.express.services": "card/express",
        "levels.express.max_days": "2", "takes.0.battery": "1", "contracts.1.of": "operator",
        "contracts.1.markup_percent": "7,5", "modes.0": "post", "modes.1": "courier",
    }  # fmt: skip
    async with visiting(shop, web, "operator") as operator:
        assert (await operator.post(address, **said)).headers["location"].endswith("did=beside")
        rules = await kept(shop)
        assert rules.most and (rules.most.amount_minor, rules.most.currency) == (6000, "USD")
        assert (rules.sure, rules.answer_within_s, rules.takes) == (0.75, 2.5, {"card": ["battery"]})
        assert rules.modes == {"card": "post"}
        assert rules.levels["express"].services == ["card/express"] and rules.levels["express"].max_days == 2
        assert rules.contracts["other"].of == "operator" and str(rules.contracts["other"].markup_percent) == "7.5"
        page = text_of(await operator.html(PAGE, merchant=shop.key))
        for words in ("$60.00", "75 of a hundred parcels", "2.5 seconds", "card/express · 2 days at most", "+7.5 %",
                      "takes Batteries", "By post"):  # fmt: skip
            assert words in page, words
        form = await operator.html(address)
        assert 'value="60.00"' in form and 'value="7.5"' in form
        assert (await operator.post(address, **{**said, "sure_in_100": "0"})).status_code == 422
    async with visiting(shop, web, "merchant") as person:
        assert "contracts." not in await person.html(address)
        plain = {name: value for name, value in said.items() if not name.startswith(("contracts", "most"))}
        assert (await person.post(address, **{**plain, "contracts.1.of": "merchant"})).status_code == 303
    rules = await kept(shop)
    assert rules.most is None and rules.contracts["other"].of == "operator"


async def test_the_api_keeps_the_rules_and_previews_a_choice(two_cards: Shop, web: str) -> None:
    shop = two_cards
    api = await client_of(shop, web)
    assert (await api.get("/v1/shipping-rules")).json() == {}
    rules = {"lanes": [{"say": "prefer", "which": ["other"], "to": ["EU"]}], "sure": 0.6}
    assert (await api.put("/v1/shipping-rules", rules)).status_code == 200
    assert (await api.get("/v1/shipping-rules")).json() == rules
    told = (await api.post("/v1/shipping-rules/preview", {"country": "IE", "weight_g": 350})).json()
    assert told["lanes"] == [1] and told["rule"] == "cheapest within 7 days"
    best, *others = told["offers"]
    assert (best["carrier"], best["chosen"], best["reason"]) == ("other", True, "")
    assert "another is preferred on this lane" in {one["reason"] for one in others}
    unknown = await api.post("/v1/shipping-rules/preview", {"country": "IE", "weight_g": 350, "sku": "NONE"})
    assert unknown.status_code == 404
    wrong = {"lanes": [{"say": "like", "which": []}]}
    answer = await api.put("/v1/shipping-rules", wrong)
    assert answer.status_code == 422 and "/lanes/0/say" in answer.text and "/lanes/0/which" in answer.text
    contracts = {**rules, "contracts": {"card": {"of": "operator", "markup_percent": "3"}}}
    refused = await api.put("/v1/shipping-rules", contracts)
    assert refused.status_code == 403 and "contracts are the operator" in refused.text
    assert (await kept(shop)).contracts == {}
