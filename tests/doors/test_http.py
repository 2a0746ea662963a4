"""The API through a real server: verbs, pages of orders, one order whole, the feed, goods, keys, previews."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from doorstep.doors.http import admission
from doorstep.doors.http.admission import Admission
from doorstep.doors.http.problems import WhoAreYou
from doorstep.doors.http.routes import every_operation
from doorstep.kit import clock
from doorstep.setup.keys import Holder, create_key, holder_of, list_keys, revoke_key
from doorstep.spine.journey import ROWS
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.verbs import VERBS
from tests.doors.test_problems import everything, problem
from tests.doors.web import Client, client_of, settled
from tests.shop import Shop


async def placed(api: Client, shop: Shop, **more: object) -> str:
    answer = await api.post("/v1/orders", shop.order(("MUG", 2), **more))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order"])


async def test_an_order_placed_over_the_api_is_found_again_whole(api: Client, shop: Shop) -> None:
    order = await placed(api, shop, external_id="1042", number="#1042", shipping_minor=500, total_minor=3000)
    found = (await api.get(f"/v1/orders/{order}")).json()
    assert found["number"] == "#1042"
    assert found["statuses"]["stage"] == "received"
    assert found["amounts"]["total_minor"] == 3000
    assert found["lines"][0]["sku"] == "MUG"
    assert found["lines"][0]["units"]["wanted"] == 2
    assert found["cash"]["owed"] == 3000
    events = (await api.get(f"/v1/orders/{order}/events")).json()["events"]
    assert [event["verb"] for event in events] == ["place"]
    assert events[0]["actor"].startswith("key:ds_live_")


async def test_an_order_that_waits_for_its_money_tells_when_it_runs_out(api: Client, shop: Shop) -> None:
    orders = [await placed(api, shop, reserve="now"), await placed(api, shop)]
    reserved, patient = [(await api.get(f"/v1/orders/{order}")).json() for order in orders]
    waits = datetime.fromisoformat(reserved["expires_at"]) - clock.now()
    assert timedelta(minutes=55) < waits < timedelta(minutes=60)
    assert patient["expires_at"] is None
    told = (await api.get("/v1/openapi.json")).json()["components"]["schemas"]["Order"]["properties"]
    assert "expires_at" in told


async def test_orders_are_listed_newest_first_page_after_page(api: Client, shop: Shop) -> None:
    times = [clock.now() - timedelta(days=days) for days in (3, 1, 2, 5, 4)]
    orders = {at: await placed(api, shop, placed_at=at.isoformat()) for at in times}
    listed: list[str] = []
    cursor = None
    while True:
        page = (await api.get("/v1/orders", limit=2, **({"cursor": cursor} if cursor else {}))).json()
        listed += [row["id"] for row in page["orders"]]
        cursor = page["next"]
        if cursor is None:
            break
        assert len(page["orders"]) == 2
    assert listed == [orders[at] for at in sorted(times, reverse=True)]


async def test_every_filter_narrows_the_list(api: Client, shop: Shop) -> None:
    at = "2026-03-02T12:00:00Z"
    wanted = await placed(api, shop, external_id="1042", number="#1042", placed_at=at)
    await api.post(f"/v1/orders/{wanted}/hold", {"type": "merchant", "reason": "wait"})
    polish = {"name": "Jan", "city": "Rzeszów", "country": "PL"}
    other = {"ship_to": polish, "buyer": {"name": "Jan", "email": "jan@example.com"}, "channel": "console"}
    await api.post("/v1/orders", shop.order(("CUP", 1), placed_at="2026-03-05T12:00:00Z", **other))
    filters = {
        "hold": "merchant", "channel": "api", "country": "IE", "placed_to": "2026-03-04T00:00:00Z", "sku": "MUG",
        "external_id": "1042", "number": "#1042", "email": "ADA@example.com",
    }  # fmt: skip
    for name, word in filters.items():
        found = (await api.get("/v1/orders", **{name: word})).json()["orders"]
        assert [row["id"] for row in found] == [wanted], name
    assert len((await api.get("/v1/orders", stage="received")).json()["orders"]) == 2
    assert len((await api.get("/v1/orders", placed_from=at)).json()["orders"]) == 2
    assert (await api.get("/v1/orders", **filters)).json()["orders"][0]["id"] == wanted
    assert (await api.get("/v1/orders", stage="completed")).json() == {"orders": [], "next": None}


async def test_a_preview_tells_what_would_happen_and_does_nothing(api: Client, shop: Shop) -> None:
    await shop.stock("MUG", 5)
    before = await everything(shop)
    told = (await api.post("/v1/orders", shop.order(("MUG", 2)), preview="true")).json()
    assert told["verbs"][0] == "place"
    assert {"line": 1, "from": "world", "to": "wanted", "quantity": 2} in told["demand"]
    problem(await api.post("/v1/orders", shop.order(("VASE", 2)), preview="true"), 422, "UnknownSku")
    assert await everything(shop) == before


async def test_every_verb_somebody_may_ask_has_a_route(api: Client) -> None:
    names = {operation.name for operation in every_operation()}
    for verb in VERBS.values():
        assert (verb.name in names) == (set(ROWS[verb.name].who) != {"system"}), verb.name
    paths = (await api.get("/v1/openapi.json")).json()["paths"]
    assert "post" in paths["/v1/orders/{order}/hold"]
    assert "/v1/orders/{order}/promise" not in paths


async def test_the_feed_tells_everything_once_however_it_is_read(api: Client, shop: Shop) -> None:
    orders = await asyncio.gather(*(placed(api, shop) for _ in range(7)))
    await settled(shop)
    cursor, seen = None, []
    for _ in range(20):
        feed = (await api.get("/v1/events", limit=3, **({"cursor": cursor} if cursor else {}))).json()
        cursor = feed["next"]
        seen += [event["id"] for event in feed["events"] if event["type"] == "order.place"]
    assert len(seen) == len(set(seen)) == 7
    assert {f"evt_order_{order[4:]}_1" for order in orders} == set(seen)


async def test_a_sku_is_made_changed_and_called_by_its_alias(api: Client, shop: Shop) -> None:
    made = await api.post("/v1/skus", {"code": "VASE", "weight_g": 800, "flags": ["fragile"]})
    assert made.status_code == 201
    problem(await api.post("/v1/skus", {"code": "VASE"}), 409, "SkuExists")
    sku = made.json()["id"]
    changed = (await api.put(f"/v1/skus/{sku}", {"code": "VASE", "weight_g": 850})).json()
    assert (changed["weight_g"], changed["flags"]) == (850, [])
    assert (await api.get("/v1/skus", code="VASE")).json()["skus"] == [changed]
    alias = {"channel": "api", "alias": "vase-blue", "sku": "VASE"}
    assert (await api.put("/v1/sku-aliases", alias)).status_code == 200
    assert (await api.get("/v1/sku-aliases")).json()["aliases"] == [alias]
    order = (await api.post("/v1/orders", shop.order(("vase-blue", 1)))).json()["order"]
    assert (await api.get(f"/v1/orders/{order}")).json()["lines"][0]["sku"] == "VASE"
    assert (await api.delete("/v1/sku-aliases", channel="api", alias="vase-blue")).status_code == 200
    problem(await api.delete("/v1/sku-aliases", channel="api", alias="vase-blue"), 404, "NotFound")


async def test_stock_is_shown_by_sku_and_site(api: Client, shop: Shop) -> None:
    for sku in ("MUG", "CUP"):
        adjusted = {"sku": sku, "site": shop.site("NJ"), "quantity": 9, "reason": "opening", "bin": "A-1"}
        assert (await api.post("/v1/inventory/adjust", adjusted)).status_code == 200
    first = (await api.get("/v1/stock", limit=1)).json()
    assert [(row["sku"], row["free"]) for row in first["stock"]] == [("CUP", 9)]
    second = (await api.get("/v1/stock", limit=1, cursor=first["next"])).json()
    assert [row["sku"] for row in second["stock"]] == ["MUG"]
    assert second["next"] is None


async def test_sites_are_the_operators(api: Client, shop: Shop) -> None:
    assert shop.site("NJ") in [site["code"] for site in (await api.get("/v1/sites")).json()["sites"]]
    problem(await api.post("/v1/sites", {"code": "XX1", "name": "Mine", "country": "US"}), 403, "NotAllowed")


async def test_me_tells_whose_key_it_is(shop: Shop, web: str) -> None:
    reader = await client_of(shop, web, ["read"])
    me = (await reader.get("/v1/me")).json()
    assert (me["merchant"]["key"], me["scopes"]) == (shop.key, ["read"])


async def test_a_revoked_key_opens_nothing(shop: Shop, web: str) -> None:
    secret, key = await create_key(shop.db, shop.merchant, clock.now(), name="till")
    await revoke_key(shop.db, [shop.merchant], key.id, clock.now())
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        assert (await list_keys(tx))[-1].revoked_at is not None
    problem(await Client(web, secret).get("/v1/me"), 401, "WhoAreYou")


async def test_a_key_is_kept_as_a_hash_alone(shop: Shop) -> None:
    secret, _ = await create_key(shop.db, shop.merchant, clock.now())
    (row,) = await shop.rows("select k::text as kept from api_key k where merchant_id = $1", shop.merchant)
    assert len(secret) >= 8 + 43
    assert secret not in row["kept"] and secret[14:] not in row["kept"]


async def test_the_process_and_its_database_say_how_they_are(api: Client) -> None:
    for path in ("/health", "/healthz", "/readyz"):
        assert (await Client(str(api.http.base_url), None).get(path)).json() == {"ok": True}


async def test_answers_are_kept_by_no_cache(api: Client) -> None:
    headers = (await api.get("/v1/me")).headers
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert "server" not in headers or "uvicorn" not in headers["server"]


async def test_a_key_that_many_ask_with_at_once_is_looked_up_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, _ = await create_key(shop.db, shop.merchant, clock.now())
    looked_up: list[str] = []

    async def counted(db: Db, word: str) -> Holder | None:
        looked_up.append(word)
        return await holder_of(db, word)

    monkeypatch.setattr(admission, "holder_of", counted)
    door = Admission(shop.db)
    holders = await asyncio.gather(*(door.holder(f"Bearer {secret}".encode()) for _ in range(20)))
    assert {holder.merchant for holder in holders} == {shop.merchant}
    assert looked_up == [secret]
    strangers = [door.holder(b"Bearer ds_live_nobody") for _ in range(5)]
    assert {type(one) for one in await asyncio.gather(*strangers, return_exceptions=True)} == {WhoAreYou}
