"""What is refused, at the counter and behind it: by name, with the reason; the books stay as they were."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from doorstep.journey.cash.books import HeldElsewhere, NothingHeld
from doorstep.journey.fulfillment.release import NotChecked
from doorstep.journey.intake.again import ExternalIdTaken
from doorstep.journey.intake.confirm import NotADraft
from doorstep.journey.intake.place import TendersExceedTotal, TotalDoesNotAddUp, UnknownSku
from doorstep.journey.processing.promise import NotConfirmed
from doorstep.journey.shipping.label import EmptyParcel, LabelAnswered
from doorstep.kit.refusals import KeyReused, NotFound, Refusal, Short, WrongStage
from doorstep.setup.channels import UnknownChannel
from doorstep.spine import jobs
from doorstep.spine.amounts import DiscountTooLarge, TaxBelowLines
from doorstep.spine.outcome import Ask, Cash, Claimed, Demand, Event, Fact, Move, Outcome, Result, Stock, Update
from doorstep.spine.parcels import HandedOver
from doorstep.spine.runner import run
from doorstep.spine.tenant import Db, Tx, tenant_tx
from doorstep.spine.verbs import VERBS
from doorstep.spine.walls import LeaseLost, NotInThatPlace, NotThatMuchMoney
from tests.shop import BUYER, Shop, a_pick, open_shop

# receive


async def test_what_is_not_exact_is_refused_at_the_counter(shop: Shop) -> None:
    mugs = ("MUG", 2)
    unknown = await shop.refuses("place", UnknownSku, order=shop.order(mugs, ("VASE", 1)))
    assert unknown.why == {"sku": "VASE", "pointer": "/lines/1/sku"}
    await shop.refuses("place", UnknownChannel, order=shop.order(mugs, channel="bazaar"))
    total = await shop.refuses("place", TotalDoesNotAddUp, order=shop.order(mugs, total_minor=2499))
    assert total.why == {"total_minor": 2499, "adds_up_to": 2500}
    paid = [{"kind": "paid", "amount_minor": 2000}, {"kind": "authorized", "amount_minor": 501}]
    await shop.refuses("place", TendersExceedTotal, order=shop.order(mugs, tenders=paid))
    await shop.refuses("place", DiscountTooLarge, order=shop.order(mugs, discount_minor=2501))
    taxed = {"sku": "MUG", "quantity": 1, "unit_price": "12.50", "tax_minor": 200}
    await shop.refuses("place", TaxBelowLines, order=shop.order(taxed, tax_minor=199))


async def test_an_external_id_brings_its_order_once_and_no_other(shop: Shop) -> None:
    order = await shop.place(("MUG", 2), external_id="#1001")
    again = await shop.do("place", order=shop.order(("MUG", 2), external_id="#1001"))
    assert (again["order"], again["existing"]) == (order, True)
    taken = await shop.refuses("place", ExternalIdTaken, order=shop.order(("MUG", 3), external_id="#1001"))
    assert taken.why["order"] == order


async def test_a_key_answers_once_and_not_for_another_order(shop: Shop) -> None:
    first, second = ({"order": shop.order(("MUG", units))} for units in (1, 2))
    asks = [
        Ask(shop.merchant, msgspec.convert(body, VERBS["place"].body, strict=False), shop.at, key=b"k", digest=digest)
        for body, digest in ((first, b"one"), (first, b"one"), (second, b"two"))
    ]
    placed, repeated, other = await run(shop.db, "place", asks)
    assert placed == repeated
    assert isinstance(other, KeyReused)
    assert len(await shop.rows("select 1 from orders where merchant_id = $1", shop.merchant)) == 1


async def test_a_problem_that_a_channel_tells_stops_the_line_or_the_order(shop: Shop) -> None:
    told = {"reason": "looks odd", "hold": "amounts", "line": 7}
    order = (await shop.do("place", order=shop.order(("MUG", 2)), problems=[told]))["order"]
    holds = await shop.rows(
        "select type, line_no, reason from hold where merchant_id = $1 and order_id = $2",
        shop.merchant, int(order[4:]),
    )  # fmt: skip
    assert holds == [{"type": "amounts", "line_no": None, "reason": "looks odd"}]
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value"):
        await shop.ask("place", order=shop.order(("MUG", 2)), problems=[told | {"hold": "nobody knows"}])


async def test_a_merchant_without_backorders_refuses_what_is_not_there(db: Db) -> None:
    shop = await open_shop(db, when_short="refuse")
    await shop.stock("MUG", 1)
    short = await shop.refuses("place", Short, order=shop.order(("MUG", 2), reserve="now"))
    assert short.why["missing"] == 1
    await shop.audit()


async def test_a_draft_is_no_order_until_it_is_confirmed_and_then_no_draft(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await shop.place(("MUG", 2), draft=True, payment_term="on_account")
    await shop.refuses("promise", NotConfirmed, order=order)
    await shop.do("confirm", order=order)
    await shop.work()
    assert await shop.stage(order) == "awaiting_fulfillment"
    refused = await shop.refuses("confirm", NotADraft, order=order)
    assert refused.why["stage"] == "awaiting_fulfillment"
    await shop.refuses("confirm", NotFound, order="ord_1")


async def test_a_channel_mends_a_name_by_itself_and_leaves_quantities_to_people(shop: Shop) -> None:
    order = await shop.place(("MUG", 2), payment_term="on_account", external_id="#7")
    renamed = shop.order(("MUG", 2), payment_term="on_account", external_id="#7", buyer=BUYER | {"name": "Ada B."})
    assert (await shop.do("amend", order=order, content=renamed))["applied"] == ["buyer"]
    before = await shop.books()
    assert (await shop.do("amend", order=order, content=renamed))["changed"] is False
    assert (await shop.books())["event"] == before["event"]
    more = await shop.do("amend", order=order, content=renamed | shop.order(("MUG", 5)) | {"buyer": renamed["buyer"]})
    assert "lines/1" in more["different"]
    now = await shop.now(order)
    assert (now["ordered"], now["holds_open"]) == (2, 1)
    await shop.refuses("amend", NotFound, order="ord_1", content=renamed)


async def test_an_order_that_happened_elsewhere_is_written_down_and_is_nobodys_work(shop: Shop) -> None:
    placed = shop.at - timedelta(days=30)
    told = shop.order(
        ("MUG", 2), external_id="#9", placed_at=placed, tenders=[{"kind": "paid", "amount_minor": 2500}]
    )  # fmt: skip
    happened = {"fulfilled_at": placed + timedelta(days=1), "delivered_at": placed + timedelta(days=4)}
    body = {"order": told, "happened": happened, "site": shop.site("NJ")}
    order = (await shop.do("import_history", **body))["order"]
    now = await shop.now(order)
    assert (now["stage"], now["delivered"], now["earned"]) == ("completed", 2, 2500)
    assert await shop.jobs() == []
    assert (await shop.do("import_history", **body))["existing"] is True
    assert len(await shop.rows("select 1 from orders where merchant_id = $1", shop.merchant)) == 1
    await shop.refuses("import_history", NotFound, **body | {"order": told | {"external_id": "#10"}, "site": "MOON"})
    await shop.refuses("import_history", UnknownChannel, order=told | {"channel": "bazaar"})


# fulfill


async def test_nothing_goes_to_the_floor_before_it_was_checked(shop: Shop) -> None:
    await shop.stock("MUG", 4)
    reserved = await shop.place(("MUG", 2), reserve="now", payment_term="on_account")
    (ful,) = await fulfillment_orders(shop, reserved)
    await shop.refuses("release", NotChecked, fulfillment_order=ful)
    await shop.do("check", order=reserved)
    await shop.do("release", fulfillment_order=ful)


async def fulfillment_orders(shop: Shop, order: str) -> list[str]:
    rows = await shop.rows(
        "select 'ful_' || fulfillment_order_id as ful from fulfillment_order where merchant_id = $1 and order_id = $2",
        shop.merchant, int(order[4:]),
    )  # fmt: skip
    return [row["ful"] for row in rows]


# ship


async def packed(shop: Shop, units: int = 2, **more: Any) -> tuple[str, str]:
    await shop.stock("MUG", units)
    order = await shop.place(("MUG", units), **{"payment_term": "on_account"} | more)
    return order, await shop.to_packed(order)


async def test_an_empty_parcel_gets_no_label_and_leaves_with_nobody(shop: Shop) -> None:
    order, parcel = await packed(shop)
    await shop.do("unpack", parcel=parcel)
    await shop.refuses("want_label", EmptyParcel, parcel=parcel)
    await shop.do("keep_label", parcel=parcel, carrier="card", tracking_number="T1")
    await shop.refuses("hand_over", EmptyParcel, parcel=parcel)
    assert (await shop.now(order))["picked"] == 2


async def test_the_carriers_void_is_kept_once_and_only_when_it_was_asked_for(shop: Shop) -> None:
    _, parcel = await packed(shop)
    await shop.do("keep_label", parcel=parcel, carrier="card", tracking_number="T1", label_ref="L1")
    await shop.refuses("keep_void", LabelAnswered, parcel=parcel)
    await shop.do("want_void", parcel=parcel)
    await shop.refuses("keep_void", LabelAnswered, parcel=parcel, label_key="another")
    assert (await shop.do("keep_void", parcel=parcel))["label"] == "void"
    await shop.refuses("keep_void", LabelAnswered, parcel=parcel)
    await shop.do("keep_label", parcel=parcel, carrier="card", tracking_number="T2")


# cash


async def test_money_that_the_channel_holds_is_taken_there_and_recorded_here(shop: Shop) -> None:
    tenders = [{"kind": "authorized", "amount_minor": 2500}]
    order = await shop.place(("MUG", 2), tenders=tenders)
    await shop.refuses("want_capture", HeldElsewhere, order=order)
    await shop.refuses("want_release_of_funds", HeldElsewhere, order=order)
    assert (await shop.do("capture", order=order, amount_minor=1000))["amount_minor"] == 1000
    await shop.do("capture", order=order)
    assert (await shop.now(order))["payment"] == "paid"
    await shop.refuses("capture", NothingHeld, order=order)


# behind the counter: what a rule overlooked stops at the last wall


def careless(
    monkeypatch: pytest.MonkeyPatch, verb: str, *moves: Move, order: str = "", facts: tuple[Fact, ...] = ()
) -> None:
    """A rule of this verb that moves without having looked."""

    async def without_looking(tx: Tx, asks: list[Ask[Any]]) -> list[Result]:
        return [
            Outcome(ask.merchant, ("order", int((order or ask.body.order)[4:])), [Event(verb, list(moves))],
                facts=list(facts))
            for ask in asks
        ]  # fmt: skip

    monkeypatch.setitem(VERBS, verb, replace(VERBS[verb], run=without_looking))


async def test_units_that_a_line_does_not_have_are_not_moved(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order = await shop.place(("MUG", 2))
    careless(monkeypatch, "cancel", Demand(1, 3, "wanted", "canceled"))
    await shop.refuses("cancel", WrongStage, order=order)


async def test_money_that_an_order_does_not_have_is_not_moved(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order = await shop.place(("MUG", 2))
    careless(monkeypatch, "cancel", Cash(2501, "owed", "world"))
    await shop.refuses("cancel", NotThatMuchMoney, order=order)


async def test_goods_that_are_not_there_are_not_moved(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.receive("MUG", 2, damaged=1)
    order = await shop.place(("MUG", 2))
    (goods,) = await shop.rows("select sku_id, site_id from availability where merchant_id = $1", shop.merchant)
    sku, site = goods["sku_id"], goods["site_id"]
    careless(monkeypatch, "cancel", Stock(sku, site, 1, "reserved", "", "free", ""))
    await shop.refuses("cancel", Short, order=order)
    careless(monkeypatch, "import_history", Stock(sku, site, 1, "free", "Z-9", "world", ""))
    monkeypatch.setitem(VERBS, "cancel", replace(VERBS["import_history"], body=VERBS["cancel"].body))
    await shop.refuses("cancel", NotInThatPlace, order=order)


async def in_two_parcels(shop: Shop) -> tuple[str, list[dict[str, Any]]]:
    """Three of a line are packed, one in the first parcel and two in the second."""
    await shop.stock("MUG", 3)
    order = await shop.place(("MUG", 3), payment_term="on_account")
    ful = await shop.to_released(order)
    for units in (1, 2):
        await shop.do("pick", **a_pick(ful, quantity=units))
        await shop.do("pack", fulfillment_order=ful)
    found = await shop.rows(
        "select p.parcel_id, p.fulfillment_order_id as ful, p.site_id as site, l.sku_id as sku, l.quantity"
        " from parcel p join parcel_line l using (merchant_id, parcel_id) where merchant_id = $1 order by 1",
        shop.merchant,
    )
    assert [row["quantity"] for row in found] == [1, 2]
    return order, found


async def test_more_than_lies_in_a_parcel_is_not_taken_out_of_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the line has as many packed, in another parcel."""
    order, (parcel, _) = await in_two_parcels(shop)
    before = await shop.places("MUG")
    place = f"parcel:{parcel['parcel_id']}"
    inside = {"parcel_id": parcel["parcel_id"], "line_no": 1, "lot": ""}
    careless(
        monkeypatch, "cancel", Demand(1, 2, "packed", "canceled", parcel["ful"]),
        Stock(parcel["sku"], parcel["site"], 2, "packed", place, "quarantine", "QUARANTINE"),
        facts=(Update("parcel_line", inside, {"quantity": 1 - 2}),),
    )  # fmt: skip
    await shop.refuses("cancel", NotInThatPlace, order=order)
    assert await shop.places("MUG") == before


async def test_a_parcel_that_left_does_not_leave_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the line has as many packed, in another parcel; and nothing is taken out of it."""
    order, (parcel, other) = await in_two_parcels(shop)
    name = f"par_{parcel['parcel_id']}"
    await shop.do("keep_label", parcel=name, carrier="post", tracking_number="T1")
    await shop.do("hand_over", parcel=name)
    before = await shop.places("MUG")
    assert before == {f"parcel:{other['parcel_id']}": 2}
    goods, place = (parcel["sku"], parcel["site"], 1), f"parcel:{parcel['parcel_id']}"
    for verb, to, target, where, fact in (
        ("hand_over", "shipped", "world", "", {"handed_over_at": shop.at}),
        ("unpack", "picked", "picked", "tote:T1", {"weight_g": 0}),
    ):
        careless(
            monkeypatch, verb, Demand(1, 1, "packed", to, parcel["ful"]),
            Stock(*goods, "packed", place, target, where), order=order,
            facts=(Update("parcel", {"parcel_id": parcel["parcel_id"]}, fact, unless="handed_over_at"),),
        )  # fmt: skip
        await shop.refuses(verb, HandedOver, parcel=name)
    assert await shop.places("MUG") == before


async def test_one_careless_ask_fails_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = [await shop.place(("MUG", units)) for units in (3, 2, 4)]
    careless(monkeypatch, "cancel", Demand(1, 3, "wanted", "canceled"))
    answers = await shop.ask_all("cancel", [{"order": order} for order in orders])
    assert [isinstance(answer, WrongStage) for answer in answers] == [False, True, False]
    assert [(await shop.now(order))["canceled"] for order in orders] == [3, 0, 3]


async def test_work_that_another_worker_has_now_is_not_done_twice(shop: Shop) -> None:
    order = await shop.place(("MUG", 1), payment_term="on_account")
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        (slow,) = await jobs.claim(tx, shop.merchant, "check", shop.at, 1)
        (fast,) = await jobs.claim(tx, shop.merchant, "check", shop.at + 2 * jobs.LEASE, 1)
    before = await shop.books()
    ask = Ask(shop.merchant, VERBS["check"].body(order=order), shop.at)
    (late,) = await run(shop.db, "check", [ask], [Claimed(slow.job_id, slow.fence)])
    assert isinstance(late, LeaseLost)
    assert await shop.books() == before
    (done,) = await run(shop.db, "check", [ask], [Claimed(fast.job_id, fast.fence)])
    assert not isinstance(done, Refusal)
