"""Orders come in, once: what is refused or held, what a change of the channel does, what happened elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from doorstep.kit.refusals import Refusal
from tests.shop import BUYER, HOME, Shop

PLACED = datetime(2025, 11, 3, 9, 30, tzinfo=UTC)


async def test_the_same_external_id_with_the_same_content_answers_with_the_first_order(shop: Shop) -> None:
    first = await shop.do("place", order=shop.order(("MUG", 2), external_id="1042"))
    again = await shop.do("place", order=shop.order(("MUG", 2), external_id="1042"))
    assert (first["existing"], again["existing"]) == (False, True)
    assert again["order"] == first["order"]
    assert await shop.timeline(first["order"]) == ["place"]


async def test_one_batch_with_the_same_order_twice_places_it_once(shop: Shop) -> None:
    body = {"order": shop.order(("MUG", 2), external_id="1042")}
    answers = await shop.ask_all("place", [body, body, body])
    assert len({answer["order"] for answer in answers if not isinstance(answer, Refusal)}) == 1
    assert [answer["existing"] for answer in answers if not isinstance(answer, Refusal)] == [False, True, True]


async def test_other_content_under_an_external_id_is_refused_to_the_api(shop: Shop) -> None:
    await shop.place(("MUG", 2), external_id="1042")
    refusal = await shop.ask("place", order=shop.order(("MUG", 3), external_id="1042"))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "ExternalIdTaken"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lines": [{"sku": "TEAPOT", "quantity": 1, "unit_price": "3"}]}, "UnknownSku"),
        ({"channel": "nowhere"}, "UnknownChannel"),
        ({"currency": "XQX"}, "UnknownCurrency"),
        ({"total_minor": 1}, "TotalDoesNotAddUp"),
        ({"discount_minor": 10_000}, "DiscountTooLarge"),
        ({"tenders": [{"kind": "paid", "amount_minor": 99_999}]}, "TendersExceedTotal"),
        ({"lines": [{"sku": "MUG", "quantity": 1, "unit_price": "0.0000001"}]}, "Invalid"),
        ({"lines": [{"sku": "MUG", "quantity": 1, "unit_price": "-1"}]}, "Invalid"),
        ({"lines": [{"sku": "MUG", "quantity": 1, "unit_price": "1", "discount_minor": 101}]}, "DiscountTooLarge"),
    ],
)
async def test_what_the_api_cannot_take_is_refused_by_name_and_nothing_is_written(
    shop: Shop, change: dict[str, Any], code: str
) -> None:
    refusal = await shop.ask("place", order={**shop.order(("MUG", 1)), **change})
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    assert await shop.rows("select order_id from orders where merchant_id = $1", shop.merchant) == []


async def test_from_a_channel_an_unknown_item_holds_its_line_and_the_rest_goes_on(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    order = await _from_channel(shop, shop.order(("MUG", 1), ("TEAPOT", 1), tenders=_paid(2500)))
    await shop.work()
    assert await _holds(shop, order) == [("unknown_item", 2)]
    now = await shop.now(order)
    assert (now["promised"], now["wanted"]) == (1, 1)


async def test_from_a_channel_a_total_that_does_not_add_up_holds_the_order(shop: Shop) -> None:
    order = await _from_channel(shop, shop.order(("MUG", 1), total_minor=1300))
    assert await _holds(shop, order) == [("amounts", None)]


async def test_an_item_without_a_code_is_known_by_what_the_buyer_saw_once_it_was_named(shop: Shop) -> None:
    lines = [{"title": "Blue mug, large", "quantity": 1, "unit_price": "12.50"}]
    order = await _from_channel(shop, shop.order(*lines, external_id="1"))
    await shop.do("name_item", order=order, line=1, sku="MUG")
    later = await _from_channel(shop, shop.order(*lines, external_id="2"))
    assert await _holds(shop, later) == []


# drafts


async def test_a_draft_is_no_order_until_it_is_confirmed(shop: Shop) -> None:
    order = await shop.place(("MUG", 1), draft=True)
    assert await shop.stage(order) == "draft"
    assert await shop.jobs() == []
    await shop.do("confirm", order=order)
    assert await shop.stage(order) == "received"
    assert [verb for verb, _ in await shop.jobs()] == ["check", "notify"]
    assert await shop.timeline(order) == ["place", "confirm"]


async def test_what_is_no_draft_cannot_be_confirmed(shop: Shop) -> None:
    order = await shop.place(("MUG", 1), draft=True)
    await shop.do("confirm", order=order)
    refusal = await shop.ask("confirm", order=order)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "NotADraft"


async def test_another_merchants_draft_is_not_there(shop: Shop, other_shop: Shop) -> None:
    order = await shop.place(("MUG", 1), draft=True)
    refusal = await other_shop.ask("confirm", order=order)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "NotFound"


# the channel changed it


async def test_who_the_buyer_is_a_note_and_tags_are_taken_over(shop: Shop) -> None:
    order = await _from_channel(shop, shop.order(("MUG", 1), external_id="7"))
    changed = shop.order(
        ("MUG", 1), external_id="7", buyer={**BUYER, "email": "ADA@new.example.com"}, note="a gift", tags=["vip"]
    )
    answer = await shop.do("place", order=changed, generous=True)
    assert answer["applied"] == ["buyer", "note", "tags"]
    (row,) = await shop.rows("select email, note, tags from orders where merchant_id = $1", shop.merchant)
    assert (row["email"], row["note"], row["tags"]) == ("ada@new.example.com", "a gift", ["vip"])
    assert await shop.timeline(order) == ["place", "amend"]


async def test_the_same_change_a_second_time_changes_nothing(shop: Shop) -> None:
    order = await _from_channel(shop, shop.order(("MUG", 1), external_id="7"))
    changed = shop.order(("MUG", 2), external_id="7", note="a gift")
    first = await shop.do("place", order=changed, generous=True)
    second = await shop.do("place", order=changed, generous=True)
    assert (first["changed"], second.get("changed", False)) == (True, False)
    assert await shop.timeline(order) == ["place", "amend"]
    assert len(await _attention(shop)) == 1


async def test_other_lines_and_amounts_stop_the_order_and_wait_for_a_person(shop: Shop) -> None:
    order = await _from_channel(shop, shop.order(("MUG", 2), ("CUP", 1), external_id="7"))
    changed = shop.order(("MUG", 3), external_id="7", shipping_minor=500)
    answer = await shop.do("place", order=changed, generous=True)
    assert set(answer["different"]) == {"lines/1", "lines/2", "total_minor", "shipping_minor"}
    assert await _holds(shop, order) == [("changed", None)]
    (item,) = await _attention(shop)
    assert item["kind"] == "order_changed"
    assert item["why"]["differences"][0] == {
        "field": "lines/1",
        "here": {"item": "MUG", "quantity": 2, "unit_price": "12.5", "total_minor": 2500},
        "there": {"item": "MUG", "quantity": 3, "unit_price": "12.5", "total_minor": 3750},
    }
    now = await shop.now(order)
    assert (now["ordered"], now["owed"]) == (3, 3750)


async def test_a_channel_that_changes_its_mind_often_places_one_hold(shop: Shop) -> None:
    order = await _from_channel(shop, shop.order(("MUG", 2), external_id="7"))
    for quantity in (3, 4, 5):
        await shop.do("place", order=shop.order(("MUG", quantity), external_id="7"), generous=True)
    assert await _holds(shop, order) == [("changed", None)]
    assert len(await _attention(shop)) == 3


async def test_money_that_came_in_meanwhile_opens_the_gate(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    order = await _from_channel(shop, shop.order(("MUG", 2), external_id="7"))
    await shop.work()
    assert await _holds(shop, order) == [("payment", None)]
    paid = shop.order(("MUG", 2), external_id="7", tenders=_paid(2500))
    assert (await shop.do("place", order=paid, generous=True))["applied"] == ["payment"]
    await shop.work()
    assert await _holds(shop, order) == []
    now = await shop.now(order)
    assert (now["payment"], now["promised"]) == ("paid", 2)


async def test_money_that_was_recorded_by_hand_before_is_not_counted_twice(shop: Shop) -> None:
    order = await _from_channel(shop, shop.order(("MUG", 2), external_id="7"))
    await shop.do("record_payment", order=order, amount_minor=2500)
    await shop.do("place", order=shop.order(("MUG", 2), external_id="7", tenders=_paid(2500)), generous=True)
    assert (await shop.now(order))["earned"] == 2500


async def test_money_the_channel_held_and_then_took_is_captured(shop: Shop) -> None:
    held = [{"kind": "authorized", "amount_minor": 2500}]
    order = await _from_channel(shop, shop.order(("MUG", 2), external_id="7", tenders=held))
    assert (await shop.now(order))["payment"] == "authorized"
    await shop.do("place", order=shop.order(("MUG", 2), external_id="7", tenders=_paid(2500)), generous=True)
    now = await shop.now(order)
    assert (now["held"], now["earned"], now["payment"]) == (0, 2500, "paid")


async def test_a_payment_that_the_channel_takes_back_is_a_persons_matter(shop: Shop) -> None:
    order = await _from_channel(shop, shop.order(("MUG", 2), external_id="7", tenders=_paid(2500)))
    answer = await shop.do("place", order=shop.order(("MUG", 2), external_id="7"), generous=True)
    assert answer["different"] == ["paid_minor"]
    assert (await shop.now(order))["earned"] == 2500


async def test_a_new_address_is_taken_over_and_checked_while_nothing_is_packed(shop: Shop) -> None:
    order = await _from_channel(shop, shop.order(("MUG", 1), external_id="7"))
    await shop.work()
    moved = {**HOME, "line1": "1 Patrick Street", "city": "Cork", "postcode": "T12 X8N6"}
    answer = await shop.do("place", order=shop.order(("MUG", 1), external_id="7", ship_to=moved), generous=True)
    assert answer["applied"] == ["ship_to"]
    assert "check" in [verb for verb, _ in await shop.jobs()]
    (row,) = await shop.rows("select ship_to ->> 'city' as city from orders where merchant_id = $1", shop.merchant)
    assert row["city"] == "Cork"
    assert await _holds(shop, order) == [("payment", None)]


async def test_a_new_address_for_what_is_packed_waits_for_a_person(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    order = await _from_channel(shop, shop.order(("MUG", 1), external_id="7", tenders=_paid(1250)))
    await shop.to_packed(order)
    moved = shop.order(("MUG", 1), external_id="7", tenders=_paid(1250), ship_to={**HOME, "city": "Cork"})
    assert (await shop.do("place", order=moved, generous=True))["different"] == ["ship_to"]
    assert ("changed", None) in await _holds(shop, order)


async def test_an_address_mended_here_stays_when_the_channel_changes_something_else(shop: Shop) -> None:
    await _from_channel(shop, shop.order(("MUG", 1), external_id="7"))
    (row,) = await shop.rows("select order_id from orders where merchant_id = $1", shop.merchant)
    await shop.do("fix_address", order=f"ord_{row['order_id']}", ship_to={**HOME, "city": "Mended"})
    await shop.do("place", order=shop.order(("MUG", 1), external_id="7", note="a gift"), generous=True)
    (row,) = await shop.rows("select ship_to ->> 'city' as city from orders where merchant_id = $1", shop.merchant)
    assert row["city"] == "Mended"


async def test_an_order_canceled_in_the_channel_is_stopped_here_but_canceled_by_people(shop: Shop) -> None:
    order = await _from_channel(shop, shop.order(("MUG", 1), external_id="7"))
    answer = await shop.do(
        "place", order=shop.order(("MUG", 1), external_id="7"), generous=True,
        happened={"canceled_at": "2026-03-02T12:00:00Z"},
    )  # fmt: skip
    assert answer["different"] == ["canceled_at"]
    assert await _holds(shop, order) == [("changed", None)]


async def test_an_order_that_the_channel_says_is_fulfilled_is_not_sent_a_second_time(shop: Shop) -> None:
    order = await _from_channel(shop, shop.order(("MUG", 1), external_id="7"))
    again = shop.order(("MUG", 1), external_id="7")
    answer = await shop.do(
        "place", order=again, generous=True, happened={"fulfilled_at": "2026-03-02T12:00:00Z", "fulfilled": [1]}
    )
    assert answer["different"] == ["fulfilled"]
    assert await _holds(shop, order) == [("changed", None)]


async def test_amend_takes_the_whole_content_of_an_order_by_its_id(shop: Shop) -> None:
    order = await shop.place(("MUG", 1), external_id="7")
    answer = await shop.do("amend", order=order, content=shop.order(("MUG", 1), external_id="7", note="ring twice"))
    assert (answer["applied"], answer["different"]) == (["note"], [])
    again = await shop.do("amend", order=order, content=shop.order(("MUG", 1), external_id="7", note="ring twice"))
    assert again["changed"] is False
    placed = await shop.do("place", order=shop.order(("MUG", 1), external_id="7", note="ring twice"))
    assert placed["existing"] is True


async def test_amend_of_what_is_not_there_is_not_found(shop: Shop, other_shop: Shop) -> None:
    order = await shop.place(("MUG", 1))
    refusal = await other_shop.ask("amend", order=order, content=shop.order(("MUG", 1)))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "NotFound"


async def test_a_change_after_everything_has_left_is_taken_over_and_stops_nothing(shop: Shop) -> None:
    placed = shop.order(("MUG", 1), external_id="7", placed_at=PLACED)
    order = str((await _history(shop, placed, fulfilled_at=PLACED))["order"])
    changed = shop.order(("MUG", 2), external_id="7", placed_at=PLACED)
    await shop.do("place", order=changed, generous=True, happened={"fulfilled_at": PLACED})
    assert await _holds(shop, order) == []
    assert await _attention(shop) == []
    now = await shop.now(order)
    assert (now["ordered"], now["shipped"], now["owed"]) == (2, 2, 2500)


# the channel's second id


async def test_two_orders_of_one_name_are_told_apart_by_their_second_id(shop: Shop) -> None:
    first = await shop.do("place", order=shop.order(("MUG", 1), external_id="#1001"), also_id="501", generous=True)
    other = await shop.do("place", order=shop.order(("CUP", 1), external_id="#1001"), also_id="502", generous=True)
    assert other["existing"] is False
    assert other["order"] != first["order"]
    rows = await shop.rows("select external_id from orders where merchant_id = $1 order by order_id", shop.merchant)
    assert [row["external_id"] for row in rows] == ["#1001", "#1001 (502)"]
    again = await shop.do("place", order=shop.order(("CUP", 1), external_id="#1001"), also_id="502", generous=True)
    assert (again["existing"], again["order"]) == (True, other["order"])


async def test_an_order_from_an_old_file_learns_its_second_id_from_a_new_one(shop: Shop) -> None:
    first = await shop.do("place", order=shop.order(("MUG", 1), external_id="#1001"), generous=True)
    again = await shop.do("place", order=shop.order(("MUG", 1), external_id="#1001"), also_id="501", generous=True)
    assert (again["existing"], again["order"]) == (True, first["order"])
    renamed = await shop.do("place", order=shop.order(("MUG", 1), external_id="#1001-A"), also_id="501", generous=True)
    assert (renamed["existing"], renamed["order"]) == (True, first["order"])


# what happened elsewhere


async def test_history_is_written_down_with_its_own_times_and_begins_no_work(shop: Shop) -> None:
    sent, paid = PLACED + timedelta(days=2), PLACED + timedelta(minutes=1)
    order = shop.order(("MUG", 2), external_id="7", placed_at=PLACED, tenders=_paid(2500, paid_at=paid))
    answer = await _history(shop, order, fulfilled_at=sent, delivered_at=sent + timedelta(days=4))
    rows = await shop.rows(
        "select data ->> 'what' as what, happened_at from event where merchant_id = $1 and kind = 'order' order by seq",
        shop.merchant,
    )
    assert [(row["what"], row["happened_at"]) for row in rows] == [
        ("placed", PLACED), ("paid", paid), ("fulfilled", sent), ("delivered", sent + timedelta(days=4)),
    ]  # fmt: skip
    assert await shop.jobs() == []
    now = await shop.now(answer["order"])
    assert (now["stage"], now["payment"], now["delivered"]) == ("completed", "paid", 2)
    assert answer["contradictions"] == []


async def test_an_open_historic_order_is_never_worked_on(shop: Shop) -> None:
    answer = await _history(shop, shop.order(("MUG", 1), external_id="7", placed_at=PLACED, tenders=_paid(1250)))
    await shop.stock("MUG", 5)
    await shop.work()
    assert (await shop.now(answer["order"]))["promised"] == 0
    assert await shop.free("MUG") == 5


async def test_goods_that_left_a_site_stood_there_just_enough(shop: Shop) -> None:
    order = shop.order(("MUG", 3), external_id="7", placed_at=PLACED)
    body = {"order": order, "happened": {"fulfilled_at": PLACED + timedelta(days=1)}, "site": shop.site("NJ")}
    await shop.do("import_history", **body)
    assert await shop.free("MUG") == 0
    rows = await shop.rows(
        "select source, target, quantity from move where merchant_id = $1 and what = 'stock' order by kind, seq, nth",
        shop.merchant,
    )
    assert [(row["source"], row["target"], row["quantity"]) for row in rows] == [
        ("world", "free", 3),
        ("free", "world", 3),
    ]


async def test_a_site_nobody_knows_is_not_found(shop: Shop) -> None:
    refusal = await shop.ask("import_history", order=shop.order(("MUG", 1)), site="NOWHERE")
    assert isinstance(refusal, Refusal)
    assert refusal.code == "NotFound"


async def test_a_canceled_historic_order_owes_nothing(shop: Shop) -> None:
    order = shop.order(("MUG", 2), external_id="7", placed_at=PLACED, shipping_minor=500)
    answer = await _history(shop, order, canceled_at=PLACED + timedelta(days=1))
    now = await shop.now(answer["order"])
    assert (now["stage"], now["payment"], now["owed"], now["canceled"]) == ("canceled", "voided", 0, 2)


async def test_a_historic_refund_is_money_given_back_and_a_credit_note(shop: Shop) -> None:
    order = shop.order(("MUG", 2), external_id="7", placed_at=PLACED, tenders=_paid(2500))
    answer = await _history(shop, order, fulfilled_at=PLACED + timedelta(days=1), refunded_minor=700)
    now = await shop.now(answer["order"])
    assert (now["owed"], now["earned"], now["refunded"], now["payment"]) == (1800, 1800, 700, "partially_refunded")
    papers = await shop.rows(
        "select series, number, kind, total_minor from invoice where merchant_id = $1 order by invoice_id",
        shop.merchant,
    )
    assert [tuple(paper.values()) for paper in papers] == [
        ("HIST-INV", 1, "invoice", 2500), ("HIST-CN", 1, "credit_note", 700),
    ]  # fmt: skip


async def test_a_batch_of_refunded_orders_numbers_its_papers_without_a_gap(shop: Shop) -> None:
    bodies = [
        {
            "order": shop.order(("MUG", 1), external_id=str(number), placed_at=PLACED, tenders=_paid(1250)),
            "happened": {"canceled_at": PLACED, "refunded_minor": 1250},
        }
        for number in range(5)
    ]
    await shop.ask_all("import_history", bodies)
    rows = await shop.rows(
        "select number from invoice where merchant_id = $1 and series = 'HIST-CN' order by 1", shop.merchant
    )
    assert [row["number"] for row in rows] == [1, 2, 3, 4, 5]


async def test_a_historic_order_told_again_with_more_moves_on(shop: Shop) -> None:
    order = shop.order(("MUG", 2), ("CUP", 1), external_id="7", placed_at=PLACED)
    first = await _history(shop, order)
    sent = await _history(shop, {**order, "tenders": _paid(3750)}, fulfilled=[2, 0], fulfilled_at=PLACED)
    last = await _history(shop, {**order, "tenders": _paid(3750)}, fulfilled=[2, 1], fulfilled_at=PLACED)
    same = await _history(shop, {**order, "tenders": _paid(3750)}, fulfilled=[2, 1], fulfilled_at=PLACED)
    assert [answer.get("changed") for answer in (sent, last, same)] == [True, True, None]
    now = await shop.now(first["order"])
    assert (now["wanted"], now["shipped"], now["earned"]) == (0, 3, 3750)


async def test_goods_that_came_back_before_they_were_sent_are_canceled_after_it_returned(shop: Shop) -> None:
    order = shop.order(("MUG", 2), external_id="7", placed_at=PLACED, tenders=_paid(2500))
    answer = await _history(shop, order, fulfilled=[1], fulfilled_at=PLACED, came_back=True, refunded_minor=2500)
    now = await shop.now(answer["order"])
    assert (now["taken_back"], now["canceled"], now["payment"]) == (1, 1, "refunded")


@pytest.mark.parametrize(
    ("happened", "kinds"),
    [
        ({"fulfilled_at": PLACED, "canceled_at": PLACED}, ["canceled_but_fulfilled"]),
        ({"fulfilled_at": PLACED - timedelta(days=3)}, ["happened_before_placed"]),
        ({"canceled_at": PLACED - timedelta(days=3)}, ["canceled_not_refunded", "happened_before_placed"]),
        ({"refunded_minor": 9000}, ["refunded_more_than_paid"]),
        ({"canceled_at": PLACED}, ["canceled_not_refunded"]),
        (
            {"fulfilled_at": PLACED + timedelta(days=3), "delivered_at": PLACED + timedelta(days=1)},
            ["delivered_before_carrier"],
        ),
    ],
)
async def test_what_cannot_be_true_together_becomes_exceptions_of_their_kinds(
    shop: Shop, happened: dict[str, Any], kinds: list[str]
) -> None:
    order = shop.order(("MUG", 2), external_id="7", placed_at=PLACED, tenders=_paid(2500))
    answer = await _history(shop, order, **happened)
    assert answer["contradictions"] == kinds
    assert [item["kind"] for item in await _attention(shop)] == kinds


async def test_a_problem_that_would_hold_an_order_of_today_is_told_of_a_historic_one(shop: Shop) -> None:
    problem = {
        "reason": "the quantity is no number",
        "field": "Lineitem quantity",
        "value": "x",
        "hold": "unknown_item",
    }
    answer = await shop.do("import_history", order=shop.order(("MUG", 1), external_id="7"), problems=[problem])
    assert await _holds(shop, answer["order"]) == []
    assert [item["kind"] for item in await _attention(shop)] == ["import_problem"]


async def test_history_of_an_order_that_is_work_here_is_a_change_of_it(shop: Shop) -> None:
    order = await _from_channel(shop, shop.order(("MUG", 1), external_id="7"))
    answer = await _history(shop, shop.order(("MUG", 1), external_id="7"), canceled_at=PLACED)
    assert (answer["order"], answer["different"]) == (order, ["canceled_at"])
    assert await _holds(shop, order) == [("changed", None)]


async def test_a_partly_fulfilled_order_is_work_for_the_rest_of_it(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    order = shop.order(("MUG", 3), external_id="7", tenders=_paid(3750))
    answer = await shop.do("place", order=order, generous=True, happened={"fulfilled": [2]})
    await shop.work()
    now = await shop.now(answer["order"])
    assert (now["delivered"], now["promised"]) == (2, 1)


async def test_a_partly_refunded_order_waits_until_somebody_said_what_is_still_wanted(shop: Shop) -> None:
    order = shop.order(("MUG", 3), external_id="7", tenders=_paid(3750))
    answer = await shop.do("place", order=order, generous=True, happened={"refunded_minor": 1250})
    assert await _holds(shop, answer["order"]) == [("changed", None)]


def _paid(amount_minor: int, **more: Any) -> list[dict[str, Any]]:
    return [{"kind": "paid", "amount_minor": amount_minor, "method": "card", **more}]


async def _from_channel(shop: Shop, order: dict[str, Any]) -> str:
    return str((await shop.do("place", order=order, generous=True))["order"])


async def _history(shop: Shop, order: dict[str, Any], **happened: Any) -> dict[str, Any]:
    return await shop.do("import_history", order=order, happened=happened)


async def _holds(shop: Shop, order: str) -> list[tuple[str, int | None]]:
    open_holds = """
        select type, line_no from hold
          where merchant_id = $1 and order_id = $2 and lifted_at is null order by hold_id
    """
    rows = await shop.rows(open_holds, shop.merchant, int(order[4:]))
    return [(row["type"], row["line_no"]) for row in rows]


async def _attention(shop: Shop) -> list[dict[str, Any]]:
    rows = await shop.rows(
        "select kind, reason, why from attention where merchant_id = $1 order by attention_id", shop.merchant
    )
    return [{**row, "why": msgspec.json.decode(row["why"])} for row in rows]
