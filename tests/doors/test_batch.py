"""Many orders in one request: an answer each, in their order; what is wrong with one is no harm to the others."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
import structlog

from doorstep.doors.http.placing import MOST_ORDERS
from doorstep.spine.tenant import Db
from doorstep.spine.verbs import VERBS
from tests.doors.test_idempotency import orders_of
from tests.doors.test_problems import everything, problem
from tests.doors.web import Client, client_of
from tests.shop import Shop, open_shop


async def placed(api: Client, orders: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    """The answers to a batch; orders without a wrapper of their own get one."""
    answer = await api.post("/v1/orders/batch", {"orders": wrapped(orders)}, **more)
    assert answer.status_code == 200, answer.text
    answers: list[dict[str, Any]] = answer.json()["answers"]
    return answers


def wrapped(orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [order if "order" in order else {"order": order} for order in orders]


async def test_each_order_has_its_answer_in_the_order_they_were_sent(api: Client, shop: Shop) -> None:
    answers = await placed(api, [shop.order(("MUG", 1), number=f"#{n}") for n in range(100)])
    assert [answer["number"] for answer in answers] == [f"#{n}" for n in range(100)]
    assert {answer["status"] for answer in answers} == {201}
    assert len({answer["order"] for answer in answers}) == await orders_of(shop) == 100
    found = (await api.get(f"/v1/orders/{answers[42]['order']}")).json()
    assert (found["number"], found["statuses"]["stage"]) == ("#42", "received")


async def test_a_refused_order_fails_alone_with_the_problem_of_a_single_one(api: Client, shop: Shop) -> None:
    good, bad = shop.order(("MUG", 1)), shop.order(("VASE", 1))
    first, refused, last = await placed(api, [good, bad, good])
    assert (first["status"], last["status"]) == (201, 201)
    alone = problem(await api.post("/v1/orders", bad), 422, "UnknownSku")
    assert refused == {"status": 422, "problem": alone}
    assert await orders_of(shop) == 2


async def test_the_last_units_go_to_the_first_orders(db: Db, web: str) -> None:
    shop = await open_shop(db, when_short="refuse")
    api = await client_of(shop, web)
    await shop.stock("MUG", 3)
    answers = await placed(api, [shop.order(("MUG", 1), reserve="now", number=str(n)) for n in range(5)])
    assert [answer["status"] for answer in answers] == [201, 201, 201, 409, 409]
    assert answers[3]["problem"]["code"] == "Short"
    await shop.audit()


async def test_an_order_that_the_channel_sent_before_is_answered_with_200(api: Client, shop: Shop) -> None:
    body = shop.order(("MUG", 1), external_id="1042")
    new, again, other = await placed(api, [body, body, body | {"note": "another"}])
    assert (new["status"], new["existing"]) == (201, False)
    assert (again["status"], again["existing"], again["order"]) == (200, True, new["order"])
    assert other["problem"]["code"] == "ExternalIdTaken"


async def test_the_same_key_with_the_same_body_answers_with_the_first_results(api: Client, shop: Shop) -> None:
    orders = [shop.order((sku, 1)) for sku in ("MUG", "VASE", "CUP", "MUG")]
    first = await placed(api, orders, key="night")
    again = await placed(api, orders, key="night")
    assert first == again
    assert [answer["status"] for answer in first] == [201, 422, 201, 201]
    assert await orders_of(shop) == 3


async def test_the_same_key_with_another_order_in_that_place_is_refused_there(api: Client, shop: Shop) -> None:
    one, other = shop.order(("MUG", 1)), shop.order(("MUG", 2))
    first = await placed(api, [one, one], key="night")
    again = await placed(api, [one, other], key="night")
    assert again[0] == first[0]
    assert again[1]["problem"]["code"] == "KeyReused"
    assert await orders_of(shop) == 2


async def test_what_was_refused_is_mended_and_sent_again_with_the_same_key(api: Client, shop: Shop) -> None:
    good, bad = shop.order(("MUG", 1)), shop.order(("VASE", 1))
    first = await placed(api, [good, bad], key="night")
    again = await placed(api, [good, shop.order(("CUP", 1))], key="night")
    assert again[0] == first[0] and again[1]["status"] == 201
    assert await orders_of(shop) == 2


async def test_an_order_with_a_key_of_its_own_is_the_same_order_alone_and_in_a_batch(api: Client, shop: Shop) -> None:
    body = shop.order(("MUG", 1))
    alone = (await api.post("/v1/orders", body, key="cart-7")).json()
    (inside,) = await placed(api, [{"order": body, "key": "cart-7"}], key="night")
    twice = await placed(api, [{"key": "cart-8", "order": body}, {"key": "cart-8", "order": body}])
    assert inside["order"] == alone["order"]
    assert twice[0]["order"] == twice[1]["order"] != alone["order"]
    assert await orders_of(shop) == 2


async def test_the_same_batch_many_times_at_once_is_placed_once(api: Client, shop: Shop) -> None:
    orders = [shop.order(("MUG", 1), number=str(n)) for n in range(20)]
    answers = await asyncio.gather(*(placed(api, orders, key="rush") for _ in range(8)))
    assert all(each == answers[0] for each in answers)
    assert await orders_of(shop) == 20


async def test_a_thousand_orders_are_placed_and_one_more_is_refused(api: Client, shop: Shop) -> None:
    order = {"currency": "USD", "lines": [{"title": "Wrap", "quantity": 1, "unit_price": "1", "ships": False}]}
    answer = await api.post("/v1/orders/batch", {"orders": [{"order": order}] * (MOST_ORDERS + 1)})
    told = problem(answer, 422, "Invalid")
    assert told["errors"] == [{"pointer": "/orders", "detail": "must hold at most 1000"}]
    assert await orders_of(shop) == 0
    answers = await placed(api, [order] * MOST_ORDERS)
    assert {one["status"] for one in answers} == {201}
    assert await orders_of(shop) == MOST_ORDERS


BROKEN: dict[str, tuple[bytes, int, str, list[str]]] = {
    "nothing": (b"", 400, "NotJson", []),
    "no JSON": (b'{"orders":[', 400, "NotJson", []),
    "a list": (b"[]", 422, "Invalid", [""]),
    "no orders": (b'{"orders":[]}', 422, "Invalid", ["/orders"]),
    "an order without its wrapper": (
        b'{"orders":[{"currency":"USD","lines":[]}]}',
        422, "Invalid", ["/orders/0/order", "/orders/0/currency", "/orders/0/lines"],
    ),
    "a key with a space": (
        b'{"orders":[{"key":"a 0","order":{"currency":"USD","lines":[{"quantity":1,"unit_price":"1"}]}}]}',
        422, "Invalid", ["/orders/0/key"],
    ),
    "NUL": (
        b'{"orders":[{"order":{"currency":"USD","note":"\\u0000","lines":[{"quantity":1,"unit_price":"1"}]}}]}',
        422, "Invalid", ["/orders/0/order/note"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
async def test_a_body_of_another_form_is_refused_as_a_whole(api: Client, shop: Shop, name: str) -> None:
    body, status, code, pointers = BROKEN[name]
    before = await everything(shop)
    told = problem(await api.raw("/v1/orders/batch", body), status, code)
    assert [error["pointer"] for error in told["errors"]] == pointers
    assert await everything(shop) == before


async def test_every_fault_of_every_order_is_named_and_none_is_placed(api: Client, shop: Shop) -> None:
    good = shop.order(("MUG", 1))
    orders = [good, shop.order(("MUG", 0), currency="usd"), good, shop.order({"sku": 5, "quantity": 1})]
    told = problem(await api.post("/v1/orders/batch", {"orders": wrapped(orders)}), 422, "Invalid")
    assert [error["pointer"] for error in told["errors"]] == [
        "/orders/1/order/lines/0/quantity",
        "/orders/1/order/currency",
        "/orders/3/order/lines/0/sku",
        "/orders/3/order/lines/0/unit_price",
    ]
    assert await orders_of(shop) == 0


async def test_a_bug_in_one_order_is_told_there_by_its_number(
    api: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = VERBS["place"]

    async def broken(tx: Any, asks: list[Any]) -> Any:
        if any(ask.body.order.number == "#1" for ask in asks):
            raise RuntimeError("cannot place for ada@example.com")
        return await place.run(tx, asks)

    monkeypatch.setitem(VERBS, "place", replace(place, run=broken))
    with structlog.testing.capture_logs() as logged:
        answers = await placed(api, [shop.order(("MUG", 1), number=f"#{n}") for n in range(3)])
    assert [answer["status"] for answer in answers] == [201, 500, 201]
    assert answers[1]["problem"]["why"]["id"] == logged[0]["id"]
    assert "ada@example.com" not in str(logged) + str(answers)


async def test_a_batch_has_no_preview(api: Client, shop: Shop) -> None:
    body = {"orders": wrapped([shop.order(("MUG", 1))])}
    told = problem(await api.post("/v1/orders/batch", body, preview="true"), 422, "Invalid")
    assert told["errors"][0]["pointer"] == "preview"
    assert await orders_of(shop) == 0


# The lean way and the framework's: `?preview=false` says nothing new, and takes the other one.


async def both_ways(client: Client, path: str, content: bytes, **headers: str) -> tuple[httpx.Response, httpx.Response]:
    lean = await client.raw(path, content, **headers)
    slow = await client.raw(f"{path}?preview=false", content, **headers)
    return lean, slow


def seen(answer: httpx.Response) -> tuple[int, dict[str, str], str]:
    headers = {name: word for name, word in answer.headers.items() if name not in ("date", "content-length")}
    return answer.status_code, headers, answer.text


async def test_a_client_cannot_tell_the_lean_way_from_the_other(api: Client, shop: Shop, web: str) -> None:
    body = json.dumps(shop.order(("MUG", 1), external_id="1042")).encode()
    bad = json.dumps(shop.order(("MUG", 0), colour="blue")).encode()
    reader = await client_of(shop, web, ["read"])
    assert (await api.raw("/v1/orders", body)).status_code == 201
    for client, content, headers in (
        (api, body, {}),
        (api, body, {"idempotency_key": "cart-1"}),
        (api, body, {"idempotency_key": "two words"}),
        (api, body, {"content_type": "Application/JSON; charset=utf-8"}),
        (api, body, {"content_type": "text/plain"}),
        (api, body, {"expect": "100-continue"}),
        (api, body, {"authorization": "Basic YTpi"}),
        (Client(web, None), body, {}),
        (reader, body, {}),
        (api, bad, {}),
        (api, json.dumps(shop.order(("VASE", 1))).encode(), {}),
        (api, b"", {}),
        (api, b"{", {}),
    ):
        lean, slow = await both_ways(client, "/v1/orders", content, **headers)
        assert seen(lean) == seen(slow), (content, headers)
        assert lean.headers["content-length"] == str(len(lean.content))
    assert await orders_of(shop) == 1


async def test_a_key_used_the_one_way_is_known_the_other(api: Client, shop: Shop) -> None:
    body = json.dumps(shop.order(("MUG", 1))).encode()
    lean, slow = await both_ways(api, "/v1/orders", body, idempotency_key="cart-1")
    assert lean.status_code == slow.status_code == 201
    assert lean.json() == slow.json()
    assert await orders_of(shop) == 1


async def test_a_body_that_comes_in_pieces_is_read_whole(api: Client, shop: Shop) -> None:
    body = json.dumps(shop.order(("MUG", 1), number="#pieces")).encode()

    async def pieces() -> Any:
        for at in range(0, len(body), 50):
            yield body[at : at + 50]

    answer = await api.raw("/v1/orders", pieces())
    assert (answer.status_code, answer.json()["number"]) == (201, "#pieces")


async def test_who_hangs_up_half_way_changes_nothing_and_harms_nobody(api: Client, shop: Shop, web: str) -> None:
    host, port = web.removeprefix("http://").split(":")
    before = await everything(shop)
    with structlog.testing.capture_logs() as logged:
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"POST /v1/orders HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {api.key}\r\n"
            "content-type: application/json\r\ncontent-length: 1000\r\n\r\n{".encode()
        )
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.close()
        await asyncio.sleep(0.2)
    assert not logged
    assert await everything(shop) == before
    assert (await api.post("/v1/orders", shop.order(("MUG", 1)))).status_code == 201
