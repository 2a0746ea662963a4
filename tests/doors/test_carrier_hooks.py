"""What a carrier sends by itself: checked, kept as it is, read by a job; the same twice is once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from doorstep.kit import clock
from doorstep.spine.world import World
from tests.doors.web import Client
from tests.shop import Shop


@pytest.fixture
async def parcel(shop: Shop) -> str:
    await shop.stock("MUG", 10)
    await shop.connect("carrier", "simcarrier", "sim", base_url="http://127.0.0.1:9")
    order = await shop.place(("MUG", 2), payment_term="on_account")
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="sim", tracking_number="T100")
    await shop.do("hand_over", parcel=parcel)
    return parcel


def told(*codes: str, number: str = "T100") -> str:
    at = clock.now().replace(microsecond=0)
    rows = [f'{{"status":"{code}","time":"{(at + timedelta(minutes=n)).isoformat()}"}}' for n, code in enumerate(codes)]
    return f'{{"parcels":{{"{number}":[{",".join(rows)}]}}}}'


async def send(api: Client, hook: dict[str, Any], body: str, **changed: str) -> httpx.Response:
    now = clock.now()
    headers = {
        "webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(hook["secret"]).sign("msg_1", now, body),
    }  # fmt: skip
    async with httpx.AsyncClient(base_url=api.http.base_url, timeout=120, trust_env=False, verify=False) as carrier:
        return await carrier.post(hook["path"], content=body, headers=headers | changed)


async def nobody(merchant: int, code: str) -> Any:
    raise AssertionError("nobody is asked")


async def hear(shop: Shop) -> None:
    shop.at = clock.now()
    await shop.work("hear", world=World(shop.db, nobody, nobody, None))


async def state(shop: Shop, parcel: str) -> str:
    (row,) = await shop.rows(
        "select state from parcel where merchant_id = $1 and parcel_id = $2", shop.merchant, int(parcel[4:])
    )
    return str(row["state"])


async def messages(shop: Shop) -> list[str]:
    rows = await shop.rows("select body from carrier_message where merchant_id = $1 order by message_id", shop.merchant)
    return [row["body"] for row in rows]


async def test_a_webhook_is_kept_as_it_is_and_read_by_a_job_once(shop: Shop, api: Client, parcel: str) -> None:
    hook = (await api.put("/v1/carriers/sim/hook", {})).json()
    body = told("101", "202", "303")
    for _ in range(3):
        answer = await send(api, hook, body)
        assert answer.status_code == 202, answer.text
    assert await messages(shop) == [body]
    assert await state(shop, parcel) == "pre_transit"
    await hear(shop)
    assert await state(shop, parcel) == "departed"
    events = await shop.rows("select raw_code from parcel_event where merchant_id = $1", shop.merchant)
    assert sorted(row["raw_code"] for row in events) == ["101", "202", "303"]


async def test_who_signs_wrongly_is_not_heard(shop: Shop, api: Client, parcel: str) -> None:
    hook = (await api.put("/v1/carriers/sim/hook", {})).json()
    wrong = await send(api, hook, told("1622"), **{"webhook-signature": "v1,AAAA"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "NotTheCarrier")
    assert (await send(api, hook | {"path": "/hooks/nosuchaddress"}, told("1622"))).status_code == 404
    large = await send(api, hook, told("1622") + " " * 1_000_001)
    assert (large.status_code, large.json()["code"]) == (413, "MessageTooLarge")
    assert await messages(shop) == []


async def test_a_new_address_ends_the_one_before(shop: Shop, api: Client, parcel: str) -> None:
    first = (await api.put("/v1/carriers/sim/hook", {})).json()
    second = (await api.put("/v1/carriers/sim/hook", {"secret": first["secret"]})).json()
    assert second["secret"] == first["secret"] and second["path"] != first["path"]
    assert (await send(api, first, told("101"))).status_code == 404
    assert (await send(api, second, told("101"))).status_code == 202
    assert (await api.delete("/v1/carriers/sim/hook")).status_code == 200
    assert (await send(api, second, told("202"))).status_code == 404
    assert (await api.delete("/v1/carriers/sim/hook")).status_code == 404
    assert (await api.put("/v1/carriers/nobody/hook", {})).status_code == 404
    odd = await api.put("/v1/carriers/sim/hook", {"scheme": "rot"})
    assert (odd.status_code, odd.json()["code"]) == (422, "NoSuchScheme")


async def test_news_of_somebody_elses_parcels_is_kept_and_changes_nothing(shop: Shop, api: Client, parcel: str) -> None:
    hook = (await api.put("/v1/carriers/sim/hook", {})).json()
    assert (await send(api, hook, told("1622", number="T999"))).status_code == 202
    await hear(shop)
    assert await state(shop, parcel) == "pre_transit"
    assert len(await messages(shop)) == 1


async def test_a_number_is_recognized_over_the_api(api: Client) -> None:
    answer = (await api.get("/v1/tracking-numbers", number="1Z 999 AA1 01 2345 6784")).json()
    assert [one["carrier"] for one in answer["candidates"]] == ["ups"]
    assert answer["candidates"][0]["certainty"] == "certain"
    assert (await api.get("/v1/tracking-numbers", number="hello")).json() == {"candidates": []}
