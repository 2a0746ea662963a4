"""Authorizations that run out: the money is held no longer, and no goods leave as if it were."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from doorstep.doors.worker.outside import Connections
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.kit.secrets import keyring
from doorstep.plug.simulator.process import Outside
from doorstep.spine.world import World
from tests.shop import Shop
from tests.stories.test_processing import run_deadlines
from tests.stories.test_to_the_cent import answered, labeled, till

__all__ = ["till"]

HELD_FOR = timedelta(days=7)
RAN_OUT = "the authorization ran out, the money is held no longer"


async def authorized(till: Shop, *, units: int = 2, **more: Any) -> str:
    """An order whose money is held for a week, checked and on the floor."""
    order = await till.place(("MUG", units), **{"payment_token": "tok_ok"} | more)
    await till.work()
    await said_yes(till)
    return order


async def said_yes(till: Shop, lasting: timedelta = HELD_FOR) -> None:
    """The provider holds all that it was asked to hold."""
    until = (till.at + lasting).isoformat()
    for payment in await payments(till, "authorization", "wanted"):
        await till.do("authorize", payment=payment["payment"], provider_ref="auth", expires_at=until)
    await till.work()


async def payments(till: Shop, kind: str, state: str) -> list[dict[str, Any]]:
    return await till.rows(
        "select 'pay_' || payment_id as payment, amount_minor, parent_id, expires_at from payment"
        " where merchant_id = $1 and kind = $2 and state = $3 order by payment_id",
        till.merchant, kind, state,
    )  # fmt: skip


async def holds(till: Shop) -> list[tuple[str, str]]:
    rows = await till.rows("select type, reason from hold where merchant_id = $1 and lifted_at is null", till.merchant)
    return [(row["type"], row["reason"]) for row in rows]


async def a_week_goes_by(till: Shop) -> list[str]:
    till.at += HELD_FOR
    return await run_deadlines(till)


async def expire(till: Shop, order: str) -> int:
    return int((await till.do("expire_authorization", order=order))["amount_minor"])


async def test_money_held_no_longer_is_asked_for_anew_and_the_order_goes_on(till: Shop) -> None:
    order = await authorized(till)
    await till.to_released(order)
    assert await run_deadlines(till) == []
    assert await a_week_goes_by(till) == ["expire_authorization"]
    now = await till.now(order)
    assert (now["held"], now["payment"], now["auths_expired"]) == (0, "auth_expired", 1)
    await till.work()
    assert await holds(till) == [("payment", RAN_OUT)]
    assert (await till.now(order))["payment"] == "pending"
    assert (await till.timeline(order))[-3:] == ["expire_authorization", "check", "want_authorization"]
    await said_yes(till)
    now = await till.now(order)
    assert (now["held"], now["payment"], now["stage"]) == (2500, "authorized", "awaiting_fulfillment")
    assert await holds(till) == []
    assert [p["amount_minor"] for p in await payments(till, "release", "done")] == [2500]
    await till.pick_all(order)


async def test_whose_token_is_used_up_waits_until_somebody_records_the_payment(till: Shop) -> None:
    order = await till.place(("MUG", 2), payment_token="tok_ok")
    await till.work()
    (asked,) = await payments(till, "authorization", "wanted")
    await till.do("decline", payment=asked["payment"], reason="insufficient_funds")
    await till.work()
    await till.do("want_authorization", order=order)
    await said_yes(till)
    await a_week_goes_by(till)
    await till.work()
    assert await payments(till, "authorization", "wanted") == []
    assert (await till.now(order))["payment"] == "auth_expired"
    assert await holds(till) == [("payment", RAN_OUT)]
    await till.do("record_payment", order=order, amount_minor=2500)
    await till.work()
    assert (await till.now(order))["stage"] == "awaiting_fulfillment"


@pytest.mark.parametrize("stage", ["picked", "packed"])
async def test_the_hold_reaches_goods_that_are_picked_or_packed(till: Shop, stage: str) -> None:
    order = await authorized(till)
    fulfillment_order = await till.to_picked(order)
    parcel = await labeled(till, (await till.pack_all(order))[0]) if stage == "packed" else ""
    assert await a_week_goes_by(till) == ["expire_authorization"]
    await till.work()
    next_step = ("hand_over", {"parcel": parcel}) if parcel else ("pack", {"fulfillment_order": fulfillment_order})
    stopped = await till.ask(next_step[0], **next_step[1])
    assert isinstance(stopped, Refusal) and stopped.code == "OnHold"
    await said_yes(till)
    await till.do(next_step[0], **next_step[1])


async def test_what_was_taken_in_time_runs_out_no_more(till: Shop) -> None:
    order = await authorized(till)
    await till.do("hand_over", parcel=await labeled(till, await till.to_packed(order)))
    await till.work()
    (auth,) = await payments(till, "authorization", "done")
    assert auth["expires_at"] is not None
    await answered(till, "capture", "capture")
    (auth,) = await payments(till, "authorization", "done")
    assert auth["expires_at"] is None
    assert await a_week_goes_by(till) == []
    assert await expire(till, order) == 0
    assert (await till.now(order))["payment"] == "paid"


async def test_two_captures_answered_together_end_the_time_of_what_they_draw_on(till: Shop) -> None:
    order = await authorized(till)
    await till.do("want_capture", order=order, amount_minor=1000)
    await till.do("want_capture", order=order, amount_minor=1500)
    first, second = await payments(till, "capture", "wanted")
    bodies = [{"payment": one["payment"], "provider_ref": "cap"} for one in (first, second)]
    await till.ask_all("capture", bodies)
    (auth,) = await payments(till, "authorization", "done")
    assert auth["expires_at"] is None
    assert (await till.now(order))["payment"] == "paid"


async def test_of_an_order_sent_in_part_only_what_is_still_held_runs_out(till: Shop) -> None:
    order = await authorized(till)
    of = await till.to_picked(order)
    first = (await till.do("pack", fulfillment_order=of, lines=[{"line": 1, "quantity": 1}]))["parcel"]
    await till.do("hand_over", parcel=await labeled(till, first))
    await till.work()
    assert await a_week_goes_by(till) == []  # the provider was asked, and has not answered
    assert await expire(till, order) == 0
    assert await answered(till, "capture", "capture") == 1250
    assert await run_deadlines(till) == ["expire_authorization"]
    await till.work()
    now = await till.now(order)
    assert (now["held"], now["earned"], now["payment"]) == (0, 1250, "partially_paid")
    assert [p["amount_minor"] for p in await payments(till, "authorization", "wanted")] == [1250]
    assert await holds(till) == [("payment", RAN_OUT)]


async def test_a_capture_that_is_refused_leaves_money_that_runs_out(till: Shop) -> None:
    order = await authorized(till)
    await till.do("want_capture", order=order, amount_minor=1000)
    assert await a_week_goes_by(till) == []
    (asked,) = await payments(till, "capture", "wanted")
    await till.do("decline", payment=asked["payment"], reason="expired")
    assert await run_deadlines(till) == ["expire_authorization"]
    assert (await till.now(order))["held"] == 0


async def test_of_goods_that_all_left_the_providers_word_stands(till: Shop) -> None:
    order = await authorized(till)
    await till.do("hand_over", parcel=await labeled(till, await till.to_packed(order)))
    await till.work()
    (asked,) = await payments(till, "capture", "wanted")
    await till.do("decline", payment=asked["payment"], reason="try again")
    assert await a_week_goes_by(till) == []
    assert await expire(till, order) == 0
    assert (await till.do("want_capture", order=order))["amount_minor"] == 2500


async def test_of_two_authorizations_one_runs_out(till: Shop) -> None:
    in_the_channel = [{"kind": "authorized", "amount_minor": 1000}]
    order = await till.place(("MUG", 2), payment_token="tok_ok", tenders=in_the_channel)
    await till.work()
    await said_yes(till)
    assert (await till.now(order))["held"] == 2500
    assert await a_week_goes_by(till) == ["expire_authorization"]
    now = await till.now(order)
    assert (now["held"], now["payment"], now["auths_expired"]) == (1000, "pending", 1)
    await till.work()
    assert [p["amount_minor"] for p in await payments(till, "authorization", "wanted")] == [1500]
    assert await holds(till) == [("payment", "the money is not here yet")]


async def test_money_let_go_by_hand_at_the_same_moment_goes_once(till: Shop) -> None:
    order = await authorized(till)
    await till.do("record_payment", order=order, amount_minor=2500)
    await till.do("want_release_of_funds", order=order)
    assert await a_week_goes_by(till) == []
    assert await expire(till, order) == 0
    assert await answered(till, "release", "release_funds") == 2500
    (auth,) = await payments(till, "authorization", "done")
    assert auth["expires_at"] is None
    assert (await till.now(order))["held"] == 0
    again = await authorized(till)
    await till.do("record_payment", order=again, amount_minor=2500)
    await a_week_goes_by(till)
    refused = await till.ask("want_release_of_funds", order=again)
    assert isinstance(refused, Refusal) and refused.code == "NothingHeld"
    now = await till.now(again)
    assert (now["payment"], now["held"], now["holds_open"]) == ("paid", 0, 0)


async def test_asked_twice_at_once_it_runs_out_once(till: Shop) -> None:
    order = await authorized(till)
    till.at += HELD_FOR
    answers = await till.ask_all("expire_authorization", [{"order": order}, {"order": order}])
    assert [answer["amount_minor"] for answer in answers if isinstance(answer, dict)] == [2500, 0]
    assert (await till.now(order))["auths_expired"] == 1


async def test_canceled_orders_and_those_of_others_are_left_alone(till: Shop, other_shop: Shop) -> None:
    canceled, open_one = await authorized(till), await authorized(till)
    await till.do("cancel", order=canceled)
    other_shop.at = till.at + HELD_FOR
    await other_shop.refuses("expire_authorization", NotFound, order=open_one)
    assert await run_deadlines(other_shop) == []
    assert await a_week_goes_by(till) == ["expire_authorization"]
    assert await expire(till, canceled) == 0
    assert (await till.now(canceled))["payment"] == "voided"
    await till.work()
    assert await answered(till, "release", "release_funds") == 2500


async def test_what_is_not_waited_for_is_not_held_up(till: Shop) -> None:
    order = await till.place(("MUG", 2), payment_token="tok_ok", payment_term="on_shipment")
    await till.do("want_authorization", order=order)
    await said_yes(till)
    assert await a_week_goes_by(till) == ["expire_authorization"]
    await till.work()
    now = await till.now(order)
    assert (now["payment"], now["holds_open"], now["stage"]) == ("auth_expired", 0, "awaiting_fulfillment")


async def test_the_providers_own_time_is_kept_and_it_is_asked_again_when_that_has_passed(
    shop: Shop, tmp_path: Path
) -> None:
    with Outside("--speed", "0", "--seed", "4") as outside:
        await shop.connect("payments", "simpay", "pay", base_url=outside.url)
        await shop.stock("MUG", 2)
        connections = Connections(shop.db, keyring(tmp_path))
        world = World(shop.db, connections.carrier, connections.payments, None, now=lambda: shop.at)
        order = await shop.place(("MUG", 2), payment_token="tok_short")
        await shop.work("ask_authorization", world=world)
        assert (await shop.now(order))["payment"] == "authorized"
        assert await run_deadlines(shop) == []
        outside.control("advance", hours=2)
        shop.at += timedelta(hours=2)
        assert await run_deadlines(shop) == ["expire_authorization"]
        assert (await shop.now(order))["payment"] == "auth_expired"
        await shop.work("ask_authorization", world=world)
        assert (await shop.now(order))["payment"] == "authorized"
        assert outside.state()["payments"]["by_status"] == {"expired": 1, "authorized": 1}
        await shop.pick_all(order)
