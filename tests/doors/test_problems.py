"""Bad input over the API: a named refusal that lists every field, and nothing changed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import structlog

from doorstep.doors.http.reading import Reader, depth
from doorstep.doors.http.shapes import faults
from doorstep.journey.intake.new_order import NewOrder
from doorstep.kit.refusals import Invalid, Refusal
from doorstep.spine.verbs import VERBS
from tests.doors.web import Client
from tests.shop import Shop

JSON_HEADERS = {"content-type": "application/json"}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["code"], told["status"]) == (status, code, status), told
    assert told["type"] == f"/v1/problems/{code}"
    assert told["title"].endswith((".", "first", "here")) and set(told) == {
        "type", "title", "status", "code", "why", "errors",
    }  # fmt: skip
    return told


async def everything(shop: Shop) -> dict[str, Any]:
    """How many rows of each kind the merchant has, and the feed's length."""
    tables = ("orders", "order_line", "order_now", "event", "job", "request", "hold", "payment", "availability")
    counted = {}
    for table in tables:
        (row,) = await shop.rows(f"select count(*) as n from {table} where merchant_id = $1", shop.merchant)
        counted[table] = row["n"]
    return counted


@pytest.fixture
async def unchanged(shop: Shop) -> AsyncIterator[None]:
    """Whatever the test sends, the database is as it was."""
    before = await everything(shop)
    yield
    assert await everything(shop) == before


BAD_ORDERS: dict[str, tuple[dict[str, Any], int, str, str | None]] = {
    "unknown SKU": ({"lines": [{"sku": "VASE", "quantity": 1, "unit_price": "1"}]}, 422, "UnknownSku", "/lines/0/sku"),
    "no units": ({"lines": [{"sku": "MUG", "quantity": 0, "unit_price": "1"}]}, 422, "Invalid", "/lines/0/quantity"),
    "fewer than no units": (
        {"lines": [{"sku": "MUG", "quantity": -3, "unit_price": "1"}]}, 422, "Invalid", "/lines/0/quantity",
    ),
    "more than a million": (
        {"lines": [{"sku": "MUG", "quantity": 1_000_001, "unit_price": "1"}]}, 422, "Invalid", "/lines/0/quantity",
    ),
    "half a unit": (
        {"lines": [{"sku": "MUG", "quantity": 1.5, "unit_price": "1"}]}, 422, "Invalid", "/lines/0/quantity",
    ),
    "endless units": (
        {"lines": [{"sku": "MUG", "quantity": 10**40, "unit_price": "1"}]}, 422, "Invalid", "/lines/0/quantity",
    ),
    "a price that is none": (
        {"lines": [{"sku": "MUG", "quantity": 1, "unit_price": "NaN"}]}, 422, "Invalid", "/lines/0/unit_price",
    ),
    "a price with seven places": (
        {"lines": [{"sku": "MUG", "quantity": 1, "unit_price": "1.0000001"}]}, 422, "Invalid", "/lines/0/unit_price",
    ),
    "a currency that is none": ({"currency": "XXQ"}, 422, "UnknownCurrency", None),
    "a currency in words": ({"currency": "dollars"}, 422, "Invalid", "/currency"),
    "two currencies": (
        {"lines": [{"sku": "MUG", "quantity": 1, "unit_price": "1", "currency": "EUR"}]},
        422, "Invalid", "/lines/0/currency",
    ),
    "a total that does not add up": ({"total_minor": 1}, 422, "TotalDoesNotAddUp", None),
    "an unknown field": ({"colour": "blue"}, 422, "Invalid", "/colour"),
    "an unknown channel": ({"channel": "nowhere"}, 422, "UnknownChannel", None),
    "no lines": ({"lines": []}, 422, "Invalid", "/lines"),
    "NUL": ({"note": "a\x00b"}, 422, "Invalid", "/note"),
    "a time without its offset": ({"placed_at": "2026-03-02T12:00:00"}, 422, "Invalid", "/placed_at"),
    "a time before all times": ({"placed_at": "0001-01-01T00:00:00Z"}, 422, "Invalid", "/placed_at"),
    "an amount beyond all amounts": ({"shipping_minor": 2**70}, 422, "Invalid", "/shipping_minor"),
    "an endless text": ({"note": "x" * 2001}, 422, "Invalid", "/note"),
    "a country with a line break": (
        {"ship_to": {"country": "US\n"}}, 422, "Invalid", "/ship_to/country",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ORDERS)
@pytest.mark.usefixtures("unchanged")
async def test_an_order_that_is_wrong_is_refused_by_name(api: Client, shop: Shop, name: str) -> None:
    change, status, code, pointer = BAD_ORDERS[name]
    body = shop.order(("MUG", 1)) | change
    told = problem(await api.post("/v1/orders", body), status, code)
    if pointer:
        assert pointer in [error["pointer"] for error in told["errors"]], told


@pytest.mark.usefixtures("unchanged")
async def test_every_invalid_field_is_listed_with_its_pointer(api: Client) -> None:
    body = {
        "currency": "usd",
        "colour": "blue",
        "lines": [{"sku": "MUG", "quantity": 0, "unit_price": "x"}, {"quantity": "two", "sku": 5}],
        "ship_to": {"country": "Ireland", "street/no": "1"},
        "placed_at": "yesterday",
    }
    told = problem(await api.post("/v1/orders", body), 422, "Invalid")
    assert [error["pointer"] for error in told["errors"]] == [
        "/lines/0/quantity",
        "/lines/0/unit_price",
        "/lines/1/sku",
        "/lines/1/quantity",
        "/lines/1/unit_price",
        "/currency",
        "/placed_at",
        "/ship_to/country",
        "/ship_to/street~1no",
        "/colour",
    ]
    assert told["errors"][0]["detail"] == "must be at least 1"


RAW: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "NotJson"),
    "no JSON": (b"{", 400, "NotJson"),
    "two values": (b"{} {}", 400, "NotJson"),
    "NaN": (b'{"lines":[],"currency":"USD","shipping_minor":NaN}', 400, "NotJson"),
    "Infinity": (b'{"shipping_minor":-Infinity}', 400, "NotJson"),
    "a number beyond all numbers": (b'{"shipping_minor":1e400}', 422, "Invalid"),
    "a bare control character": (b'{"note":"a\x01b"}', 400, "NotJson"),
    "a byte order mark": (b'\xef\xbb\xbf{"lines":[]}', 400, "NotJson"),
    "Latin-1": ('{"note":"Zürich"}'.encode("latin-1"), 400, "NotUtf8"),
    "UTF-16": ('{"note":"a"}'.encode("utf-16"), 400, "NotUtf8"),
    "an encoded surrogate": (b'{"note":"\xed\xa0\x80"}', 400, "NotUtf8"),
    "a lone surrogate": (b'{"note":"\\ud800"}', 422, "Invalid"),
    "half a pair": (b'{"note":"\\udc00 and more"}', 422, "Invalid"),
    "a list": (b"[]", 422, "Invalid"),
    "a text": (b'"order"', 422, "Invalid"),
    "deep lists": (b'{"lines":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "TooDeep"),
    "deep objects": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 400, "TooDeep"),
    "deep and never closed": (b"[" * 1_000_000, 400, "TooDeep"),
    "too many digits": (b'{"shipping_minor":' + b"9" * 5000 + b"}", 400, "NotJson"),
}


@pytest.mark.parametrize("name", RAW)
@pytest.mark.usefixtures("unchanged")
async def test_a_body_that_cannot_be_read_is_refused_by_name(api: Client, name: str) -> None:
    body, status, code = RAW[name]
    problem(await api.raw("/v1/orders", body), status, code)


@pytest.mark.usefixtures("unchanged")
async def test_a_hundred_megabytes_are_refused_before_they_are_read(api: Client) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000_000

    problem(await api.raw("/v1/orders", b"x" * 100_000_000), 413, "TooLarge")
    problem(await api.raw("/v1/orders", chunks()), 413, "TooLarge")


@pytest.mark.usefixtures("unchanged")
async def test_another_content_type_is_refused(api: Client) -> None:
    problem(await api.raw("/v1/orders", b"<order/>", content_type="application/xml"), 415, "WrongContentType")
    problem(
        await api.raw("/v1/orders", b"a=b", content_type="application/x-www-form-urlencoded"), 415, "WrongContentType"
    )


async def test_addresses_methods_and_parameters_that_are_none_are_refused_by_name(api: Client) -> None:
    problem(await api.get("/v1/nothing"), 404, "NoSuchPage")
    problem(await api.get("/v1/orders/ord_999999999"), 404, "NotFound")
    problem(await api.get("/v1/orders/sku_1"), 404, "NotAnId")
    problem(await api.get("/v1/orders/%00"), 404, "NotAnId")
    problem(await api.delete("/v1/orders"), 405, "WrongMethod")
    problem(await api.get("/v1/orders", limit="many"), 422, "Invalid")
    problem(await api.get("/v1/orders", limit=201), 422, "Invalid")
    problem(await api.get("/v1/orders", colour="blue"), 422, "Invalid")
    problem(await api.get("/v1/orders", number="a\x00"), 422, "Invalid")
    problem(await api.get("/v1/orders", cursor="bm9uc2Vuc2U"), 422, "NotACursor")
    problem(await api.http.get("/v1/orders?limit=1&limit=2"), 422, "Invalid")
    problem(await api.http.get("/v1/orders?number=%ff"), 400, "BadRequest")
    allowed = (await api.delete("/v1/orders")).headers["allow"]
    assert {"GET", "POST"} <= set(allowed.split(", "))
    assert (await api.http.options("/v1/orders")).headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_a_duplicate_name_counts_the_last_time(api: Client, shop: Shop) -> None:
    text = json.dumps(shop.order(("MUG", 1)))[:-1] + ', "number": "first", "number": "last"}'
    answer = await api.raw("/v1/orders", text.encode())
    assert answer.json()["number"] == "last"


async def test_words_of_the_whole_world_come_back_as_they_were_sent(api: Client, shop: Shop) -> None:
    words = "Zoë 🛍️ “quotes” \\ 漢字 العربية \u202e \t line\nbreak"
    order = (await api.post("/v1/orders", shop.order(("MUG", 1), note=words))).json()["order"]
    assert (await api.get(f"/v1/orders/{order}")).json()["note"] == words


async def test_every_problem_can_be_looked_up(api: Client) -> None:
    told = (await api.get("/v1/problems/UnknownSku")).json()
    assert told["title"] == "This merchant has no such SKU, nor the channel such an alias."
    problem(await api.get("/v1/problems/Nothing"), 404, "NotFound")


async def test_a_bug_tells_its_number_and_nothing_of_its_insides(
    api: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = VERBS["place"]

    async def broken(tx: Any, asks: list[Any]) -> Any:
        raise RuntimeError(f"cannot place for {asks[0].body.order.buyer.email}")

    monkeypatch.setitem(VERBS, "place", replace(place, run=broken))
    with structlog.testing.capture_logs() as logged:
        answer = await api.post("/v1/orders", shop.order(("MUG", 1), note="Canary Wharf 77"))
    told = problem(answer, 500, "Bug")
    (line,) = logged
    assert line["id"] == told["why"]["id"]
    assert line["error"] == "RuntimeError" and "broken" in line["at"][-1]
    for secret in ("ada@example.com", "Canary Wharf 77", api.key or ""):
        assert secret not in str(logged) and secret not in answer.text
    assert "RuntimeError" not in answer.text


async def test_a_name_that_nobody_can_send_back_is_told_all_the_same(api: Client) -> None:
    told = problem(await api.raw("/v1/orders", b'{"\\udfaa": 1}'), 422, "Invalid")
    assert "/?" in [error["pointer"] for error in told["errors"]]


def test_what_is_read_fast_and_what_is_looked_at_slowly_agree() -> None:
    """A good order has no faults, and a fault is found whether msgspec minds it or not."""
    reader = Reader(NewOrder)
    good = b'{"currency":"USD","lines":[{"quantity":1,"unit_price":"1.50"}]}'
    assert reader.read(good).lines[0].quantity == 1
    assert faults(NewOrder, json.loads(good)) == []
    for bad in (good.replace(b"1.50", b"1_0"), good.replace(b"USD", b"USD\\n")):
        try:
            reader.read(bad)
        except Refusal as refusal:
            assert isinstance(refusal, Invalid)


def test_depth_is_counted_outside_of_texts() -> None:
    assert depth(b'{"a":"' + b"[" * 200 + b'"}') == 1
    assert depth(b"[" * 65 + b"]" * 65) == 65
