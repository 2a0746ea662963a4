"""What users of other systems complain about most, each as a story that must come out right here.

The numbers are those of the survey behind doorstep's design.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import msgspec
import pytest

from doorstep.kit.refusals import OnHold, Refusal, Short
from doorstep.setup.merchants import NewSku, add_skus
from doorstep.spine.outcome import Actor, Ask
from doorstep.spine.runner import run
from doorstep.spine.verbs import VERBS
from tests.shop import HOME, Shop, open_shop

EACH = 1250
_buyers = itertools.count(1)


async def paid(shop: Shop, *lines: tuple[str, int], **more: Any) -> str:
    """A paid order of somebody new, as far as the worker gets with it."""
    n = next(_buyers)
    buyer, ship_to = {"name": "Somebody", "email": f"q{n}@example.com"}, HOME | {"line1": f"{n} Grafton Street"}
    tenders = [{"kind": "paid", "amount_minor": sum(quantity * EACH for _, quantity in lines)}]
    order = await shop.place(*lines, **{"buyer": buyer, "ship_to": ship_to, "tenders": tenders, **more})
    await shop.work()
    return order


async def sent(shop: Shop, parcel: str, carrier: str = "post") -> None:
    await shop.do("keep_label", parcel=parcel, carrier=carrier, tracking_number=f"{carrier}-{parcel}")
    await shop.do("hand_over", parcel=parcel)


async def units(shop: Shop, order: str, line_no: int = 1) -> dict[str, int]:
    (row,) = await shop.rows(
        "select wanted, promised, shipped, delivered, taken_back, canceled from order_line"
        " where merchant_id = $1 and order_id = $2 and line_no = $3", shop.merchant, int(order[4:]), line_no,
    )  # fmt: skip
    return {name: units for name, units in row.items() if units}


async def test_1_the_last_mug_is_sold_once_however_many_want_it_at_the_same_moment(db: Any) -> None:
    shop = await open_shop(db, when_short="refuse")
    await shop.stock("MUG", 3)
    wanting = [shop.ask("place", order=shop.order(("MUG", 1), reserve="now")) for _ in range(12)]
    answers = await asyncio.gather(*wanting)
    assert sum(isinstance(answer, dict) for answer in answers) == 3
    assert all(isinstance(answer, dict | Short) for answer in answers)
    assert (await shop.availability("MUG"))["free"] == 0
    await shop.audit()


async def test_1_two_orders_in_one_batch_never_get_the_same_last_mug(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    first, second = [await shop.place(("MUG", 1), payment_term="on_account") for _ in range(2)]
    answers = await shop.ask_all("promise", [{"order": first}, {"order": second}])
    assert [answer["promised"] for answer in answers] == [1, 0]  # type: ignore[index]


async def test_2_reserved_stock_never_drifts_from_what_orders_are_promised(shop: Shop) -> None:
    await shop.stock("MUG", 6)
    first, second, third = await paid(shop, ("MUG", 2)), await paid(shop, ("MUG", 3)), await paid(shop, ("MUG", 4))
    ful = await shop.to_released(first)
    await shop.do("short", fulfillment_order=ful, line=1, quantity=1, bin="A-1")
    await shop.do("cancel", order=second, lines=[{"line": 1, "quantity": 2}])
    await shop.do("unpromise", order=third)
    await shop.work()
    promised = [(await units(shop, order)).get("promised", 0) for order in (first, second, third)]
    assert (await shop.availability("MUG"))["reserved"] == sum(promised) == 5


async def test_3_what_no_single_site_has_is_promised_from_the_sites_that_have_it(shop: Shop) -> None:
    await shop.stock("MUG", 2, "NJ")
    await shop.stock("MUG", 2, "PL")
    order = await paid(shop, ("MUG", 3))
    at = {site: (await shop.availability("MUG", site))["reserved"] for site in ("NJ", "PL")}
    assert (sum(at.values()), max(at.values())) == (3, 2)
    assert await shop.stage(order) == "awaiting_fulfillment"


async def test_4_goods_leave_the_site_that_promised_them(shop: Shop) -> None:
    await shop.stock("MUG", 5, "NJ")
    await shop.stock("MUG", 1, "PL")
    order = await paid(shop, ("MUG", 1))
    await sent(shop, await shop.to_packed(order))
    at = {site: await shop.availability("MUG", site) for site in ("NJ", "PL")}
    assert (at["NJ"]["free"], at["NJ"]["reserved"], sum(at["PL"].values())) == (5, 0, 0)


async def test_5_what_was_promised_can_be_sent_when_nothing_else_is_left(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await paid(shop, ("MUG", 1))
    assert await shop.free("MUG") == 0
    await sent(shop, await shop.to_packed(order))
    assert await units(shop, order) == {"shipped": 1}


async def test_6_and_7_a_split_order_goes_in_parts_and_its_payment_does_not_notice(shop: Shop) -> None:
    await shop.stock("MUG", 1, "NJ")
    await shop.stock("CUP", 1, "PL")
    order = await paid(shop, ("MUG", 1), ("CUP", 1))
    await shop.to_picked(order)
    first, second = await shop.pack_all(order)
    seen = []
    for parcel in (first, second):
        await sent(shop, parcel)
        now = await shop.now(order)
        seen.append((now["fulfillment"], now["payment"], now["owed"]))
    assert seen == [("partially_fulfilled", "paid", 2 * EACH), ("fulfilled", "paid", 2 * EACH)]


async def test_7_a_backordered_part_stays_wanted_while_the_rest_leaves(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await paid(shop, ("MUG", 3))
    await sent(shop, await shop.to_packed(order))
    now = await shop.now(order)
    assert await units(shop, order) == {"wanted": 2, "shipped": 1}
    assert (now["stage"], now["payment"]) == ("in_fulfillment", "paid")
    await shop.stock("MUG", 2)
    await sent(shop, await shop.to_packed(order))
    assert (await shop.now(order))["stage"] == "fulfilled"


async def test_8_every_parcel_has_its_own_carrier_and_tracking_number(shop: Shop) -> None:
    await shop.stock("MUG", 1, "NJ")
    await shop.stock("CUP", 1, "PL")
    order = await paid(shop, ("MUG", 1), ("CUP", 1))
    await shop.to_picked(order)
    first, second = await shop.pack_all(order)
    await sent(shop, first, "post")
    await sent(shop, second, "courier")
    rows = await shop.rows(
        "select carrier, tracking_number from parcel where merchant_id = $1 order by parcel_id", shop.merchant
    )
    assert [tuple(row.values()) for row in rows] == [("post", f"post-{first}"), ("courier", f"courier-{second}")]


async def test_9_backorders_wait_in_line_and_a_merchant_may_refuse_them(shop: Shop, db: Any) -> None:
    order = await paid(shop, ("MUG", 2))
    assert await units(shop, order) == {"wanted": 2}
    await shop.stock("MUG", 2)
    await shop.work()
    assert await units(shop, order) == {"promised": 2}
    strict = await open_shop(db, when_short="refuse")
    assert isinstance(await strict.ask("place", order=strict.order(("MUG", 1), reserve="now")), Short)


async def test_12_a_shipped_line_is_refunded_by_units_to_the_cent_and_never_twice(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    order = await paid(shop, ("MUG", 3), tenders=[{"kind": "paid", "amount_minor": 3650}], discount_minor=100)
    parcel = await shop.to_packed(order)
    await sent(shop, parcel)
    await shop.do("deliver", parcel=parcel)
    await shop.do("issue_invoice", order=order, parcel=parcel)
    back = []
    for _ in range(3):
        site = shop.site("NJ")
        await shop.do("take_back", order=order, site=site, lines=[{"line": 1, "quantity": 1}])
        credit = await shop.do("issue_credit", order=order, lines=[{"line": 1, "quantity": 1}], refund=False)
        assert credit["order"] == order
        back.append((await shop.do("want_refund", order=order))["amount_minor"])
    assert sum(back) == 3650
    more = await shop.ask("issue_credit", order=order, lines=[{"line": 1, "quantity": 1}])
    assert isinstance(more, Refusal)
    assert isinstance(await shop.ask("want_refund", order=order), Refusal)


async def test_10_and_13_a_canceled_line_gives_back_what_it_cost_or_nothing_when_asked(shop: Shop) -> None:
    order = await paid(shop, ("MUG", 2), ("CUP", 1))
    await shop.do("cancel", order=order, lines=[{"line": 2, "quantity": 1}])
    refunds = [body for verb, body in await shop.jobs() if verb == "want_refund"]
    assert [refund["amount_minor"] for refund in refunds] == [EACH]
    kept = await paid(shop, ("MUG", 2))
    await shop.do("cancel", order=kept, refund=False)
    assert (await shop.now(kept))["payment"] == "overpaid"
    assert "want_refund" not in [verb for verb, _ in await shop.jobs()]


async def test_14_a_return_changes_its_own_axis_and_no_other(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await paid(shop, ("MUG", 2))
    parcel = await shop.to_packed(order)
    await sent(shop, parcel)
    await shop.do("deliver", parcel=parcel)
    before = await shop.now(order)
    await shop.do("take_back", order=order, site=shop.site("NJ"), lines=[{"line": 1, "quantity": 1}])
    now = await shop.now(order)
    same = ("stage", "payment", "delivery", "fulfillment")
    assert [now[axis] for axis in same] == [before[axis] for axis in same]
    assert now["taken_back"] == 1


async def test_15_delivered_and_paid_is_completed(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await paid(shop, ("MUG", 1))
    parcel = await shop.to_packed(order)
    await sent(shop, parcel)
    assert await shop.stage(order) == "fulfilled"
    await shop.do("deliver", parcel=parcel)
    assert await shop.stage(order) == "completed"


async def test_16_a_retried_request_changes_nothing(shop: Shop) -> None:
    key = b"k" * 16
    body = shop.order(("MUG", 1))
    first, second = await shop.ask("place", order=body, key=key), await shop.ask("place", order=body, key=key)
    assert first == second
    assert len(await shop.rows("select 1 from orders where merchant_id = $1", shop.merchant)) == 1
    order = str(first["order"])  # type: ignore[index]
    key = b"c" * 16
    answers = [await shop.ask("cancel", order=order, key=key) for _ in range(2)]
    assert answers[0] == answers[1]


async def test_17_what_the_checks_hold_and_lift_leaves_a_persons_hold_alone(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await shop.place(("MUG", 1))
    await shop.work()
    await shop.do("hold", order=order, type="payment", reason="the bank called: wait for my word")
    await shop.do("record_payment", order=order, amount_minor=EACH)
    await shop.work()
    rows = await shop.rows(
        "select placed_by, lifted_by from hold where merchant_id = $1 order by hold_id", shop.merchant
    )
    assert [tuple(row.values()) for row in rows] == [("check", "check"), ("system", None)]
    assert isinstance(await shop.ask("promise", order=order), OnHold)


async def test_20_customs_data_are_asked_for_before_anything_is_packed(shop: Shop) -> None:
    await add_skus(shop.db, shop.merchant, [NewSku("VASE", name="A vase", weight_g=700)])
    await shop.stock("VASE", 1, "NJ")
    order = await paid(shop, ("VASE", 1))
    (hold,) = await shop.rows("select reason, why from hold where merchant_id = $1", shop.merchant)
    assert hold["reason"] == "VASE crosses a border to IE without hs_code, origin, customs_text"
    assert await units(shop, order) == {"wanted": 1}


async def test_23_the_timeline_tells_who_changed_what_and_how_it_was_before(shop: Shop) -> None:
    order = await paid(shop, ("MUG", 1))
    ann = Actor("ann@example.com", frozenset({"merchant"}))
    body = {"order": order, "ship_to": HOME | {"line1": "1 New Street"}}
    ask = Ask(shop.merchant, msgspec.convert(body, VERBS["fix_address"].body), shop.at, ann)
    await run(shop.db, "fix_address", [ask])
    (event,) = await shop.rows(
        "select actor, data from event where merchant_id = $1 and verb = 'fix_address'", shop.merchant
    )
    data = msgspec.json.decode(event["data"])
    assert event["actor"] == "ann@example.com"
    assert data["before"]["ship_to"]["line1"] != data["after"]["ship_to"]["line1"] == "1 New Street"


@pytest.mark.parametrize("verb", ["check", "promise", "unpromise", "expire", "cancel", "note", "hold"])
async def test_25_another_merchants_order_is_not_there(shop: Shop, db: Any, verb: str) -> None:
    theirs = await paid(await open_shop(db), ("MUG", 1))
    more = {"note": {"text": "x"}, "hold": {"type": "operator", "reason": "x"}}.get(verb, {})
    refused = await shop.ask(verb, order=theirs, **more)
    assert isinstance(refused, Refusal)
    assert refused.code == "NotFound"


async def test_2_many_hands_at_once_leave_the_books_straight(shop: Shop) -> None:
    await shop.stock("MUG", 8)
    await shop.stock("CUP", 8)
    orders = [await paid(shop, *([("MUG", 1), ("CUP", 1)][:: 1 if n % 2 else -1])) for n in range(12)]
    rows = await shop.rows("select sku_id from sku where merchant_id = $1 and code in ('MUG', 'CUP')", shop.merchant)
    asks = [shop.ask("fill", sku=f"sku_{row['sku_id']}") for row in rows for _ in range(4)]
    for n, order in enumerate(orders):
        asks.append(shop.ask(("cancel", "unpromise", "promise")[n % 3], order=order))
        asks.append(shop.ask("promise", order=order))
    await asyncio.gather(*asks)
    await shop.work()
    promised = [await units(shop, order, line_no) for order in orders for line_no in (1, 2)]
    reserved = [(await shop.availability(sku))["reserved"] for sku in ("MUG", "CUP")]
    assert sum(line.get("promised", 0) for line in promised) == sum(reserved) == 16
    assert sum(line.get("canceled", 0) for line in promised) == 8
