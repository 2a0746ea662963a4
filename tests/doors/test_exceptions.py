"""Exceptions and reports over HTTP: one list, ended once, by who may."""

from __future__ import annotations

from typing import Any

from tests.doors.test_problems import problem
from tests.doors.web import Client, client_of
from tests.shop import Shop


async def in_trouble(shop: Shop) -> str:
    """An order that somebody stopped, and one whose past cannot be true; answers the first."""
    order = await shop.place(("MUG", 1), payment_term="on_account", number="#1")
    await shop.do("hold", order=order, type="fraud", reason="looks odd")
    happened = {"fulfilled_at": shop.at, "canceled_at": shop.at}
    await shop.do("import_history", order=shop.order(("MUG", 1), external_id="7", number="#2"), happened=happened)
    return order


async def test_exceptions_are_counted_listed_and_resolved(shop: Shop, api: Client) -> None:
    order = await in_trouble(shop)
    assert (await api.get("/v1/exceptions/summary")).json() == {"canceled_but_fulfilled": 1, "hold:fraud": 1}
    listed = (await api.get("/v1/exceptions")).json()["exceptions"]
    assert [(one["kind"], one["number"]) for one in listed] == [("canceled_but_fulfilled", "#2"), ("hold:fraud", "#1")]
    narrowed = (await api.get("/v1/exceptions", order=order)).json()["exceptions"]
    assert [one["id"] for one in narrowed] == [listed[1]["id"]]
    ids = [one["id"] for one in listed]
    first = await api.post("/v1/exceptions/resolve", {"exceptions": ids, "note": "seen"})
    assert first.json() == {"resolved": 2, "before": [], "refused": []}
    again = (await api.post("/v1/exceptions/resolve", {"exceptions": ids})).json()
    assert (again["resolved"], sorted(one["id"] for one in again["before"])) == (0, sorted(ids))
    assert (await api.get("/v1/exceptions/summary")).json() == {}
    ended = (await api.get("/v1/exceptions", resolved="true", kind="canceled_but_fulfilled")).json()["exceptions"]
    assert [(one["note"], one["resolved_by"].startswith("key:ds_live_")) for one in ended] == [("seen", True)]


async def test_a_kind_ends_at_once_or_some_by_their_ids_but_not_both(shop: Shop, api: Client) -> None:
    await in_trouble(shop)
    done = await api.post("/v1/exceptions/resolve", {"kind": "hold:fraud"})
    assert done.json()["resolved"] == 1
    for body in ({}, {"kind": "canceled_but_fulfilled", "exceptions": ["att_1"]}):
        problem(await api.post("/v1/exceptions/resolve", body), 422, "Invalid")
    problem(await api.post("/v1/exceptions/resolve", {"exceptions": ["att_999999999"]}), 404, "NotFound")


async def test_a_key_that_may_lift_no_hold_resolves_the_rest(shop: Shop, web: str) -> None:
    await in_trouble(shop)
    lesser = await client_of(shop, web, ["changes:write", "read"])
    (hold,) = (await lesser.get("/v1/exceptions", kind="hold:fraud")).json()["exceptions"]
    for body in ({"exceptions": [hold["id"]]}, {"kind": "hold:fraud"}):
        problem(await lesser.post("/v1/exceptions/resolve", body), 403, "NotAllowed")
    assert (await lesser.post("/v1/exceptions/resolve", {"kind": "canceled_but_fulfilled"})).json()["resolved"] == 1
    assert (await lesser.get("/v1/exceptions/summary")).json() == {"hold:fraud": 1}


async def test_reports_are_the_same_over_http(shop: Shop, api: Client) -> None:
    await shop.stock("MUG", 4)
    await shop.place(("MUG", 2), placed_at="2026-03-01T04:30:00Z")

    async def report(name: str, **asked: Any) -> Any:
        answer = await api.get(f"/v1/reports/{name}", **asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    told = await report("sales", by="month", timezone="America/New_York", **{"from": "2026-02-01"})
    assert (told["orders"], told["rows"][0]["key"], told["rows"][0]["net_minor"]) == (1, "2026-02", 2500)
    assert await report("delivery") == {"orders": 1, "delivered": 0, "late": 0, "parcels": 0}
    assert (await report("credits"))["lines"] == 0
    assert [row["orders"] for row in (await report("stages"))["steps"]] == [0] * 9
    (row,) = (await report("stock", at="2100-01-01T00:00:00Z", sku="MUG"))["stock"]
    assert (row["site"], row["free"], row["total"]) == (shop.site("NJ"), 4, 4)
    assert (await report("stock", at="2020-01-01T00:00:00Z"))["stock"] == []
    problem(await api.get("/v1/reports/sales", timezone="Mars"), 422, "Invalid")
    problem(await api.get("/v1/reports/sales", by="hour"), 422, "Invalid")
