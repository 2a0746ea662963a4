"""Processing: an order is sorted before fulfillment; what is wrong holds it, or only its line, and says why."""

from __future__ import annotations

import asyncio
import itertools
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from doorstep.journey.processing.expire import due_expiries
from doorstep.journey.processing.lift import NotOpen
from doorstep.journey.processing.why import why
from doorstep.kit.refusals import Invalid, NotFound, OnHold, Short
from doorstep.setup.merchants import NewSku, add_skus
from doorstep.spine.outcome import Ask
from doorstep.spine.preview import preview
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.verbs import VERBS
from tests.shop import HOME, Shop, open_shop

NEXT_DOOR = HOME | {"line1": "14 Grafton Street"}
EACH = 1250
_buyers = itertools.count(1)


async def paid(shop: Shop, *lines: tuple[str, int], **more: Any) -> str:
    """An order that came with its money."""
    total = sum(quantity * EACH for _, quantity in lines)
    return await shop.place(*lines, **{"tenders": [{"kind": "paid", "amount_minor": total}], **more})


async def sorted_order(shop: Shop, *lines: tuple[str, int], **more: Any) -> str:
    """A paid order of somebody new, checked and promised as the worker does it."""
    n = next(_buyers)
    buyer, ship_to = {"name": "Somebody", "email": f"b{n}@example.com"}, HOME | {"line1": f"{n} Grafton Street"}
    order = await paid(shop, *lines, **{"buyer": buyer, "ship_to": ship_to, **more})
    await shop.work()
    return order


async def holds(shop: Shop, order: str) -> list[dict[str, Any]]:
    rows = await shop.rows(
        "select hold_id, type, line_no, reason, why, placed_by from hold"
        " where merchant_id = $1 and order_id = $2 and lifted_at is null order by hold_id",
        shop.merchant, int(order[4:]),
    )  # fmt: skip
    return [row | {"why": msgspec.json.decode(row["why"]), "hold": f"hld_{row['hold_id']}"} for row in rows]


async def lines(shop: Shop, order: str) -> list[dict[str, Any]]:
    return await shop.rows(
        "select line_no, sku_id, wanted, promised, canceled from order_line"
        " where merchant_id = $1 and order_id = $2 order by line_no", shop.merchant, int(order[4:]),
    )  # fmt: skip


# check


async def test_a_paid_order_with_a_good_address_goes_on_to_be_promised(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    order = await paid(shop, ("MUG", 2))
    assert await shop.stage(order) == "received"
    assert (await shop.do("check", order=order))["next"] == ["promise"]
    assert await shop.stage(order) == "processing"
    await shop.do("promise", order=order)
    assert await shop.stage(order) == "awaiting_fulfillment"


async def test_a_prepaid_order_waits_for_its_money_and_goes_on_when_it_is_there(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    order = await shop.place(("MUG", 2))
    answer = await shop.do("check", order=order)
    assert answer["held"] == [{"type": "payment", "line": None, "reason": "the money is not here yet"}]
    assert answer["next"] == []
    assert (await holds(shop, order))[0]["why"]["missing_minor"] == 2500
    await shop.do("record_payment", order=order, amount_minor=2500, method="transfer")
    assert (await shop.do("check", order=order))["lifted"] == [{"type": "payment", "line": None}]
    assert await holds(shop, order) == []


@pytest.mark.parametrize("term", ["on_shipment", "cod", "on_account"])
async def test_other_payment_terms_do_not_wait_for_money(shop: Shop, term: str) -> None:
    order = await shop.place(("MUG", 1), payment_term=term)
    assert (await shop.do("check", order=order))["held"] == []


async def test_a_card_on_file_is_asked_for_the_money_once(shop: Shop) -> None:
    order = await shop.place(("MUG", 1), payment_token="tok_ok")
    assert (await shop.do("check", order=order))["next"] == ["want_authorization"]
    assert (await shop.do("check", order=order))["next"] == []


async def test_checking_again_holds_nothing_twice_and_piles_up_no_events(shop: Shop) -> None:
    order = await shop.place(("MUG", 1), ship_to=HOME | {"line1": ""})
    first = await shop.do("check", order=order)
    before = await shop.timeline(order)
    assert [held["type"] for held in first["held"]] == ["address", "payment"]
    for _ in range(3):
        assert (await shop.do("check", order=order))["held"] == first["held"]
    assert len(await holds(shop, order)) == 2
    assert await shop.timeline(order) == before


async def test_a_bad_address_says_which_field_and_how_to_mend_it(shop: Shop) -> None:
    order = await paid(shop, ("MUG", 1), ship_to=HOME | {"country": "US", "postcode": "1234", "region": "NJ"})
    await shop.do("check", order=order)
    (hold,) = await holds(shop, order)
    assert hold["type"] == "address"
    assert hold["why"]["fields"] == [
        {"field": "postcode", "detail": "1234 is no postcode of US", "mend": "give one like 07000"}
    ]


async def test_goods_without_an_address_are_held_and_services_need_none(shop: Shop) -> None:
    order = await paid(shop, ("MUG", 1), ship_to=None)
    assert (await shop.do("check", order=order))["held"][0]["reason"] == "goods are to be sent and there is no address"
    lesson = await shop.place(
        {"sku": "LESSON", "title": "A lesson", "quantity": 1, "unit_price": "12.50", "ships": False},
        ship_to=None, payment_term="on_account",
    )  # fmt: skip
    assert (await shop.do("check", order=lesson))["held"] == []


async def test_the_same_order_twice_within_a_day_holds_the_second(shop: Shop) -> None:
    first, second = await paid(shop, ("MUG", 2), ("CUP", 1)), await paid(shop, ("CUP", 1), ("MUG", 2))
    answers = await shop.ask_all("check", [{"order": first}, {"order": second}])
    assert [[held["type"] for held in answer["held"]] for answer in answers] == [[], ["duplicate"]]  # type: ignore[index]
    assert (await holds(shop, second))[0]["why"]["order"] == first


async def test_the_same_doorstep_is_the_same_buyer_under_another_email(shop: Shop) -> None:
    await paid(shop, ("MUG", 2))
    second = await paid(shop, ("MUG", 2), buyer={"name": "A. Byrne", "email": "other@example.com"})
    elsewhere = await paid(shop, ("MUG", 2), buyer={"name": "A", "email": "third@example.com"}, ship_to=NEXT_DOOR)
    assert [held["type"] for held in (await shop.do("check", order=second))["held"]] == ["duplicate"]
    assert (await shop.do("check", order=elsewhere))["held"] == []


async def test_other_goods_another_day_or_a_canceled_order_make_no_duplicate(shop: Shop) -> None:
    first = await paid(shop, ("MUG", 2))
    assert (await shop.do("check", order=await paid(shop, ("MUG", 3))))["held"] == []
    second = await paid(shop, ("MUG", 2))
    await shop.do("cancel", order=first, reason="ordered twice")
    assert (await shop.do("check", order=second))["held"] == []
    shop.at += timedelta(hours=25)
    later = await paid(shop, ("MUG", 2))
    assert (await shop.do("check", order=later))["held"] == []


async def test_a_duplicate_that_somebody_lifted_stays_lifted(shop: Shop) -> None:
    await shop.stock("MUG", 9)
    await paid(shop, ("MUG", 2))
    second = await paid(shop, ("MUG", 2))
    await shop.do("check", order=second)
    (hold,) = await holds(shop, second)
    await shop.do("lift", hold=hold["hold"])
    await shop.work()
    assert await holds(shop, second) == []
    assert await shop.stage(second) == "awaiting_fulfillment"


async def test_a_merchant_may_do_without_looking_for_duplicates(db: Any) -> None:
    shop = await open_shop(db, hold_duplicates=False)
    await paid(shop, ("MUG", 2))
    assert (await shop.do("check", order=await paid(shop, ("MUG", 2))))["held"] == []


async def test_an_order_that_its_channel_takes_to_be_fraud_waits_until_somebody_looked(shop: Shop) -> None:
    await shop.stock("MUG", 9)
    order = await sorted_order(shop, ("MUG", 1), risk="high")
    (hold,) = await holds(shop, order)
    assert (hold["type"], hold["line_no"], hold["why"]["risk"]) == ("fraud", None, "high")
    assert await shop.stage(order) == "processing"
    await shop.do("lift", hold=hold["hold"])
    await shop.work()
    assert await holds(shop, order) == [] and await shop.stage(order) == "awaiting_fulfillment"


@pytest.mark.parametrize("risk", ["", "low", "medium"])
async def test_a_risk_that_is_not_high_stops_nothing(shop: Shop, risk: str) -> None:
    await shop.stock("MUG", 9)
    assert await shop.stage(await sorted_order(shop, ("MUG", 1), risk=risk)) == "awaiting_fulfillment"


async def test_a_channel_thinks_better_or_worse_of_an_order_later(shop: Shop) -> None:
    await shop.stock("MUG", 9)

    async def told(**more: Any) -> dict[str, Any]:
        content = shop.order(("MUG", 1), external_id="7", payment_term="on_account", **more)
        answer = await shop.do("place", order=content, generous=True)
        await shop.work()
        return answer

    order = (await told())["order"]
    assert await shop.stage(order) == "awaiting_fulfillment"
    assert (await told(risk="high"))["applied"] == ["risk"]
    (hold,) = await holds(shop, order)
    assert hold["type"] == "fraud"
    assert not (await told(risk="high")).get("changed")
    assert (await told(risk="low"))["applied"] == ["risk"]
    assert await holds(shop, order) == [] and await shop.stage(order) == "awaiting_fulfillment"
    await shop.audit()


async def test_missing_customs_data_hold_only_the_line_that_crosses_a_border(shop: Shop) -> None:
    await shop.stock("MUG", 5, "NJ")
    await shop.stock("LAMP", 5, "NJ")
    order = await paid(shop, ("MUG", 1), ("LAMP", 1))
    assert [held["line"] for held in (await shop.do("check", order=order))["held"]] == [2]
    (hold,) = await holds(shop, order)
    assert [field["field"] for field in hold["why"]["fields"]] == ["hs_code", "origin", "customs_text"]
    await shop.do("promise", order=order)
    assert [(line["wanted"], line["promised"]) for line in await lines(shop, order)] == [(0, 1), (1, 0)]


async def test_goods_that_come_in_behind_a_border_hold_the_line_that_waits_for_them(shop: Shop) -> None:
    order = await sorted_order(shop, ("LAMP", 2))
    assert await holds(shop, order) == []  # they may yet come in on the buyer's side
    await shop.receive("LAMP", 5)
    await shop.work()
    assert [(hold["type"], hold["line_no"]) for hold in await holds(shop, order)] == [("customs_data", 1)]
    await shop.receive("LAMP", 2, "PL")
    await shop.do("check", order=order)
    await shop.work()
    assert ((await shop.now(order))["promised"], await shop.free("LAMP", "NJ")) == (2, 5)


async def test_who_lifts_a_customs_hold_says_that_the_goods_go_all_the_same(shop: Shop) -> None:
    await shop.stock("LAMP", 5, "NJ")
    order = await sorted_order(shop, ("LAMP", 2))
    (hold,) = await holds(shop, order)
    assert hold["type"] == "customs_data"
    await shop.do("lift", hold=hold["hold"])
    await shop.work()
    assert (await shop.availability("LAMP", "NJ"))["reserved"] == 2
    assert await shop.stage(order) == "awaiting_fulfillment"


async def test_goods_on_the_buyers_side_of_the_border_need_no_customs_data_and_go_from_there(shop: Shop) -> None:
    await shop.stock("LAMP", 5, "NJ")
    await shop.stock("LAMP", 1, "PL")
    order = await sorted_order(shop, ("LAMP", 2))
    assert await holds(shop, order) == []
    assert (await shop.availability("LAMP", "PL"))["reserved"] == 1
    assert (await shop.availability("LAMP", "NJ"))["reserved"] == 0
    decision, *_ = await shop.rows(
        "select why from decision where merchant_id = $1 order by decision_id", shop.merchant
    )
    assert "behind a border" in msgspec.json.decode(decision["why"])["refused"][shop.site("NJ")]


async def test_an_unknown_item_is_known_once_its_sku_is_there(shop: Shop) -> None:
    order = (await shop.do("place", generous=True, order=shop.order(("VASE", 1), payment_term="on_account")))["order"]
    await shop.do("check", order=order)
    assert [hold["type"] for hold in await holds(shop, order)] == ["unknown_item"]
    await add_skus(shop.db, shop.merchant, [NewSku("VASE", weight_g=500)])
    assert (await shop.do("check", order=order))["lifted"] == [{"type": "unknown_item", "line": 1}]
    assert (await lines(shop, order))[0]["sku_id"] is not None


async def test_a_draft_is_not_checked(shop: Shop) -> None:
    order = await shop.place(("MUG", 1), draft=True)
    await shop.do("check", order=order)
    assert await shop.stage(order) == "draft"
    assert await shop.timeline(order) == ["place"]


# promise


async def test_asking_again_for_what_is_not_there_makes_no_second_decision(shop: Shop) -> None:
    order = await sorted_order(shop, ("MUG", 2))
    for _ in range(3):
        await shop.do("promise", order=order)
    decided = await shop.rows("select chosen from decision where merchant_id = $1", shop.merchant)
    assert [row["chosen"] for row in decided] == ["nothing yet"]
    await shop.stock("MUG", 2)
    await shop.do("promise", order=order)
    assert len(await shop.rows("select 1 from decision where merchant_id = $1", shop.merchant)) == 2


async def test_an_order_that_ships_complete_waits_for_its_last_unit(db: Any) -> None:
    shop = await open_shop(db, ship="complete")
    await shop.stock("MUG", 5)
    order = await sorted_order(shop, ("MUG", 2), ("CUP", 1))
    assert await shop.free("MUG") == 5
    await shop.stock("CUP", 1)
    await shop.do("promise", order=order)
    assert [(line["wanted"], line["promised"]) for line in await lines(shop, order)] == [(0, 2), (0, 1)]
    await shop.audit()


async def test_what_was_promised_before_goes_to_the_floor_with_the_rest_of_a_complete_order(db: Any) -> None:
    shop = await open_shop(db, ship="complete")
    await shop.stock("MUG", 1, "NJ")
    await shop.stock("CUP", 1, "NJ")
    order = await paid(shop, ("MUG", 1), ("CUP", 1), reserve="now")
    await shop.do("unpromise", order=order, line=2)
    await shop.do("adjust", sku="CUP", site=shop.site("NJ"), quantity=-1, reason="missing", bin="A-1")
    await shop.work()
    assert await shop.on_floor(order) == []
    await shop.stock("CUP", 1, "PL")
    await shop.do("promise", order=order)
    await shop.work()
    assert [row["code"] for row in await shop.on_floor(order) if row["promised"]] == ["MUG", "CUP"]
    await shop.audit()


async def test_an_order_that_ships_complete_waits_for_its_held_line_too(db: Any) -> None:
    shop = await open_shop(db, ship="complete")
    await shop.stock("MUG", 5)
    await shop.stock("CUP", 5)
    order = await paid(shop, ("MUG", 1), ("CUP", 1))
    hold = (await shop.do("hold", order=order, line=2, type="merchant", reason="the glaze is being looked at"))["hold"]
    await shop.do("check", order=order)
    assert (await shop.do("promise", order=order))["promised"] == 0
    await shop.do("lift", hold=hold)
    await shop.work()
    assert await shop.stage(order) == "awaiting_fulfillment"


async def test_a_draft_a_hold_and_a_shortage_are_refused_by_name(shop: Shop, db: Any) -> None:
    draft = await shop.place(("MUG", 1), draft=True)
    assert (await shop.ask("promise", order=draft)).code == "NotConfirmed"  # type: ignore[union-attr]
    held = await paid(shop, ("MUG", 1))
    await shop.do("hold", order=held, type="fraud", reason="three cards were tried")
    assert isinstance(await shop.ask("promise", order=held), OnHold)
    strict = await open_shop(db, when_short="refuse")
    short = await paid(strict, ("MUG", 1))
    assert isinstance(await strict.ask("promise", order=short), Short)


# fill


async def test_stock_that_came_in_goes_to_the_oldest_order_first(shop: Shop) -> None:
    first = await sorted_order(shop, ("MUG", 2))
    shop.at += timedelta(days=2)
    second = await sorted_order(shop, ("MUG", 2), placed_at=(shop.at - timedelta(days=9)).isoformat())
    third = await sorted_order(shop, ("MUG", 1))
    await shop.stock("MUG", 3)
    answers = [answer for verb, answer in await shop.work() if verb == "fill"]
    assert answers == [{"sku": answers[0]["sku"], "orders": [second, first], "promised": 3}]  # type: ignore[index]
    assert [(await lines(shop, order))[0]["promised"] for order in (first, second, third)] == [1, 2, 0]


async def test_two_fills_in_one_batch_never_give_the_same_mug_twice(shop: Shop) -> None:
    orders = [await sorted_order(shop, ("MUG", 1), ("CUP", 1)) for _ in range(3)]
    await shop.stock("MUG", 2)
    await shop.stock("CUP", 1)
    skus = {
        row["code"]: f"sku_{row['sku_id']}"
        for row in await shop.rows("select code, sku_id from sku where merchant_id = $1", shop.merchant)
    }
    await shop.ask_all("fill", [{"sku": skus["MUG"]}, {"sku": skus["CUP"]}, {"sku": skus["MUG"]}])
    assert [[line["promised"] for line in await lines(shop, order)] for order in orders] == [[1, 1], [1, 0], [0, 0]]
    assert (await shop.free("MUG"), await shop.free("CUP")) == (0, 0)


async def test_orders_and_lines_on_hold_are_passed_by(shop: Shop) -> None:
    held, half, open_ = [await sorted_order(shop, ("MUG", 1), ("CUP", 1)) for _ in range(3)]
    await shop.do("hold", order=held, type="operator", reason="wait")
    await shop.do("hold", order=half, line=1, type="operator", reason="wait")
    await shop.stock("MUG", 1)
    await shop.work()
    assert [(await lines(shop, order))[0]["promised"] for order in (held, half, open_)] == [0, 0, 1]


async def test_an_order_that_nobody_checked_is_not_filled(shop: Shop) -> None:
    order = await paid(shop, ("MUG", 1))
    await shop.stock("MUG", 1)
    sku = (await shop.rows("select sku_id from sku where merchant_id = $1 and code = 'MUG'", shop.merchant))[0][
        "sku_id"
    ]
    assert (await shop.do("fill", sku=f"sku_{sku}"))["orders"] == []
    assert (await lines(shop, order))[0]["wanted"] == 1


async def test_more_orders_than_a_page_are_filled_in_several_goes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from doorstep.journey.processing import fill

    monkeypatch.setattr(fill, "WAITING", fill.WAITING.replace("limit 100", "limit 2"))
    monkeypatch.setattr(fill, "PAGE", 2)
    orders = [await sorted_order(shop, ("MUG", 1)) for _ in range(5)]
    await shop.stock("MUG", 4)
    await shop.work()
    assert [(await lines(shop, order))[0]["promised"] for order in orders] == [1, 1, 1, 1, 0]


# unpromise


async def test_promised_stock_is_given_back_and_goes_to_whoever_waits(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    first, second = await sorted_order(shop, ("MUG", 3)), await sorted_order(shop, ("MUG", 2))
    hold = (await shop.do("hold", order=first, type="operator", reason="the other one is urgent"))["hold"]
    assert (await shop.do("unpromise", order=first, line=1, quantity=2))["units"] == 2
    await shop.work()
    assert [(await lines(shop, order))[0]["promised"] for order in (first, second)] == [1, 2]
    await shop.do("lift", hold=hold)
    assert (await shop.ask("unpromise", order=first, line=1, quantity=2)).code == "NotPromised"  # type: ignore[union-attr]
    assert isinstance(await shop.ask("unpromise", order=first, line=7), NotFound)


# expire


async def reserved(shop: Shop) -> str:
    return await shop.place(("MUG", 2), reserve="now")


async def runs_out(shop: Shop, order: str) -> datetime | None:
    (row,) = await shop.rows(
        "select expires_at from orders where merchant_id = $1 and order_id = $2", shop.merchant, int(order[4:])
    )
    expires_at: datetime | None = row["expires_at"]
    return expires_at


async def run_deadlines(shop: Shop) -> list[str]:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        due = await due_expiries(tx, shop.at)
    for deadline in due:
        assert deadline.merchant == shop.merchant
        await shop.do(deadline.verb, **deadline.body)
    return [deadline.verb for deadline in due]


async def test_an_unpaid_reservation_runs_out_and_its_stock_goes_to_whoever_waits(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order, waiting = await reserved(shop), await sorted_order(shop, ("MUG", 1))
    await shop.do("check", order=order)
    assert await run_deadlines(shop) == []
    shop.at += timedelta(minutes=61)
    assert await run_deadlines(shop) == ["expire"]
    now = await shop.now(order)
    assert (now["stage"], now["payment"], now["owed"], now["holds_open"]) == ("expired", "voided", 0, 0)
    await shop.work()
    assert (await lines(shop, waiting))[0]["promised"] == 1
    assert await run_deadlines(shop) == []


async def test_a_reservation_that_was_paid_in_time_lasts(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await reserved(shop)
    await shop.do("record_payment", order=order, amount_minor=2500, method="transfer")
    shop.at += timedelta(minutes=61)
    assert (await shop.do("expire", order=order))["expired"] is False
    await shop.work()
    assert await run_deadlines(shop) == []
    assert await shop.stage(order) == "awaiting_fulfillment"
    assert await runs_out(shop, order) is None


LESSON = {"title": "A lesson", "quantity": 2, "unit_price": "12.50", "ships": False}


async def test_an_unpaid_order_of_services_alone_runs_out_like_one_of_goods(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    goods, lesson = await reserved(shop), await shop.place(LESSON, reserve="now")
    await shop.work()
    assert await runs_out(shop, lesson) == await runs_out(shop, goods) == shop.at + timedelta(minutes=60)
    assert await run_deadlines(shop) == []
    shop.at += timedelta(minutes=60)
    assert await run_deadlines(shop) == ["expire", "expire"]
    await shop.work()
    for order in (goods, lesson):
        now = await shop.now(order)
        assert (now["stage"], now["payment"], now["owed"], now["canceled"]) == ("expired", "voided", 0, 2)
        (told,) = await shop.rows(
            "select verb, data ->> 'units' as units from event where merchant_id = $1 and id = $2 and verb = 'expire'",
            shop.merchant, int(order[4:]),
        )  # fmt: skip
        assert told["units"] == "2"
        assert await runs_out(shop, order) is None
    assert await run_deadlines(shop) == []


async def test_services_that_were_paid_in_time_last(shop: Shop) -> None:
    order = await shop.place(LESSON, reserve="now")
    await shop.do("record_payment", order=order, amount_minor=2500, method="transfer")
    shop.at += timedelta(minutes=61)
    assert (await shop.do("expire", order=order))["expired"] is False
    await shop.work()
    assert await runs_out(shop, order) is None
    assert (await shop.now(order))["stage"] == "completed"
    assert await run_deadlines(shop) == []


async def test_while_a_provider_has_not_answered_nothing_runs_out(shop: Shop) -> None:
    await shop.connect("payments", "simpay", "sim")
    order = await shop.place(LESSON, reserve="now", payment_token="tok_ok")
    payment = (await shop.do("want_authorization", order=order))["payment"]
    shop.at += timedelta(minutes=61)
    assert await run_deadlines(shop) == []
    assert (await shop.do("expire", order=order))["expired"] is False
    await shop.do("decline", payment=payment, reason="insufficient_funds")
    assert await run_deadlines(shop) == ["expire"]
    assert await shop.stage(order) == "expired"


async def test_services_on_account_or_not_reserved_wait_as_long_as_it_takes(shop: Shop) -> None:
    orders = [await shop.place(LESSON, reserve="now", payment_term="on_account"), await shop.place(LESSON)]
    orders.append(await shop.place(LESSON, reserve="now", draft=True))
    await shop.work()
    assert [await runs_out(shop, order) for order in orders] == [None, None, None]
    shop.at += timedelta(days=90)
    assert await run_deadlines(shop) == []


async def test_services_that_are_left_of_an_unpaid_order_run_out_with_it(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await shop.place(("MUG", 1), LESSON, reserve="now")
    await shop.work()
    await shop.do("cancel", order=order, lines=[{"line": 1, "quantity": 1}])
    await shop.work()
    assert await runs_out(shop, order) == shop.at + timedelta(minutes=60)
    shop.at += timedelta(minutes=60)
    assert await run_deadlines(shop) == ["expire"]
    assert await shop.stage(order) == "expired"


async def test_an_unpaid_order_that_waits_for_goods_runs_out_too(shop: Shop) -> None:
    order = await reserved(shop)
    await shop.work()
    assert (await lines(shop, order))[0]["wanted"] == 2
    shop.at += timedelta(minutes=61)
    assert await run_deadlines(shop) == ["expire"]
    assert await shop.stage(order) == "expired"


async def test_a_canceled_order_runs_out_no_more(shop: Shop) -> None:
    order = await shop.place(LESSON, reserve="now")
    await shop.do("cancel", order=order)
    assert await runs_out(shop, order) is None
    shop.at += timedelta(minutes=61)
    assert (await shop.do("expire", order=order))["expired"] is False
    assert await shop.stage(order) == "canceled"


async def test_a_part_payment_goes_back_when_the_order_expires(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await reserved(shop)
    await shop.do("record_payment", order=order, amount_minor=1000, method="transfer")
    shop.at += timedelta(minutes=61)
    await shop.do("expire", order=order)
    assert ("want_refund", {"order": order, "amount_minor": 1000, "reason": "expired"}) in await shop.jobs()


# hold and lift


async def test_a_hold_with_a_time_ends_by_itself(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await paid(shop, ("MUG", 1))
    until = shop.at + timedelta(days=1)
    await shop.do("hold", order=order, type="scheduled", reason="a birthday present", until=until.isoformat())
    await shop.work()
    assert await shop.stage(order) == "processing"
    shop.at += timedelta(days=1)
    assert await run_deadlines(shop) == ["lift"]
    await shop.work()
    assert await shop.stage(order) == "awaiting_fulfillment"


async def test_several_holds_must_all_end_even_when_lifted_in_one_batch(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await paid(shop, ("MUG", 1))
    placed = [
        (await shop.do("hold", order=order, type=kind, reason="stop"))["hold"] for kind in ("merchant", "operator")
    ]
    answers = await shop.ask_all("lift", [{"hold": hold} for hold in placed])
    assert [answer["holds_open"] for answer in answers] == [1, 0]  # type: ignore[index]
    assert [verb for verb, _ in await shop.jobs()].count("check") == 2  # of placing, and of the last lift
    assert isinstance(await shop.ask("lift", hold=placed[0]), NotOpen)
    assert isinstance(await shop.ask("lift", hold="hld_1"), NotFound)


async def test_what_a_hold_says_must_make_sense(shop: Shop) -> None:
    order = await paid(shop, ("MUG", 1))
    assert isinstance(await shop.ask("hold", order=order, type="scheduled", reason="later"), Invalid)
    past = (shop.at - timedelta(minutes=1)).isoformat()
    assert isinstance(await shop.ask("hold", order=order, type="operator", reason="x", until=past), Invalid)
    assert isinstance(await shop.ask("hold", order=order, type="operator", reason="x", line=9), NotFound)


# why


async def told(shop: Shop, order: str) -> dict[str, Any]:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return await why(tx, int(order[4:]))


async def test_why_tells_what_an_order_waits_for_and_what_would_move_it_on(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await sorted_order(shop, ("MUG", 3))
    answer = await told(shop, order)
    assert (answer["stage"], answer["moves_on"]) == ("processing", ["receive MUG"])
    assert answer["waiting"][0]["because"] == "2 more of MUG must come in"
    assert answer["decisions"][0]["refused"][shop.site("PL")] == "has none of it"
    assert [step["verb"] for step in answer["next"] if step["stopped_by"] is None][:1] == ["promise"]
    assert answer["promise"]["ship_by"] is not None


async def test_why_tells_which_hold_stops_it_and_what_lifts_it(shop: Shop) -> None:
    await shop.stock("LAMP", 1)
    order = await sorted_order(shop, ("MUG", 1), ("LAMP", 1), tenders=[])
    answer = await told(shop, order)
    assert [(hold["type"], hold["line"]) for hold in answer["holds"]] == [("payment", None), ("customs_data", 2)]
    assert answer["moves_on"][:2] == [
        "record a payment or hold the money",
        "complete LAMP: hs_code, origin, customs_text",
    ]
    stopped = {step["verb"]: step["stopped_by"] for step in answer["next"]}
    assert (stopped["promise"], stopped["cancel"]) == (answer["holds"][0]["hold"], None)
    with pytest.raises(NotFound):
        await told(shop, "ord_1")


async def test_a_younger_order_does_not_slip_in_before_older_ones_that_wait(shop: Shop) -> None:
    older = await sorted_order(shop, ("MUG", 2))
    shop.at += timedelta(minutes=1)
    younger = await paid(shop, ("MUG", 1), ship_to=NEXT_DOOR, buyer={"name": "B", "email": "b@example.com"})
    await shop.do("check", order=younger)
    await shop.stock("MUG", 2)
    assert (await shop.do("promise", order=younger))["promised"] == 0
    await shop.work()
    assert [(await lines(shop, order))[0]["promised"] for order in (older, younger)] == [2, 0]


async def test_with_enough_for_all_nobody_waits_for_anybody(shop: Shop) -> None:
    older = await sorted_order(shop, ("MUG", 2))
    younger = await sorted_order(shop, ("MUG", 1))
    await shop.stock("MUG", 3)
    assert (await shop.do("promise", order=younger))["promised"] == 1
    assert (await shop.do("promise", order=older))["promised"] == 2


async def test_what_is_promised_anew_after_days_gets_a_new_date(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await sorted_order(shop, ("MUG", 1))
    first = (await told(shop, order))["promise"]["ship_by"]
    hold = (await shop.do("hold", order=order, type="operator", reason="wait"))["hold"]
    await shop.do("unpromise", order=order)
    shop.at += timedelta(days=10)
    await shop.do("lift", hold=hold)
    await shop.work()
    assert await shop.stage(order) == "awaiting_fulfillment"
    again = (await told(shop, order))["promise"]["ship_by"]
    assert again > first
    assert datetime.fromisoformat(again) > shop.at


async def test_a_preview_plays_the_whole_chain_and_leaves_no_trace(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    body = shop.order(("MUG", 2), payment_term="on_account")
    place = Ask(shop.merchant, msgspec.convert({"order": body}, VERBS["place"].body, strict=False), shop.at)
    effect = await preview(shop.db, "place", place)
    assert effect["verbs"][:3] == ["place", "check", "promise"]
    assert {"line": 1, "from": "wanted", "to": "promised", "quantity": 2} in effect["demand"]
    order = await sorted_order(shop, ("MUG", 2))
    cancel = Ask(shop.merchant, msgspec.convert({"order": order}, VERBS["cancel"].body, strict=False), shop.at)
    effect = await preview(shop.db, "cancel", cancel)
    assert {"from": "owed", "to": "world", "amount_minor": 2 * EACH} in effect["cash"]
    assert await shop.stage(order) == "awaiting_fulfillment"


async def test_who_waits_behind_another_and_for_customs_waits_in_peace(db: Db) -> None:
    shop = await open_shop(db, ship="complete")
    us = {**HOME, "line1": "1 Dock Street", "city": "Newark", "region": "NJ", "postcode": "07102", "country": "US"}
    older = await shop.place(("CUP", 1), ("MUG", 1), payment_term="on_account", ship_to=us)
    await shop.work()
    await shop.stock("CUP", 1)
    await shop.stock("LAMP", 1)
    await shop.stock("LAMP", 5, site="PL")
    younger = await shop.place(("CUP", 1), ("LAMP", 2), payment_term="on_account", ship_to=us)
    async with asyncio.timeout(90):
        await shop.work()
    assert [await shop.stage(order) for order in (older, younger)] == ["processing", "processing"]
    await shop.audit()
