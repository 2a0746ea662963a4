"""Order to cash: held at order, taken at hand-over, billed, given back; never a cent more than there is."""

from __future__ import annotations

from typing import Any

import pytest

from doorstep.journey.cash.invoice import NothingToBill
from doorstep.kit.refusals import Refusal
from doorstep.setup.merchants import NewSku, add_skus
from tests.shop import Shop


def code(answer: Any) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.code


@pytest.fixture
async def till(shop: Shop) -> Shop:
    """A shop with a payment provider."""
    await shop.connect("payments", "simpay", "sim")
    return shop


async def authorized(till: Shop, *lines: tuple[str, int], **more: Any) -> tuple[str, str]:
    """An order whose money is held: its id, and the authorization's."""
    order = await till.place(*(lines or (("MUG", 2),)), payment_token="tok_ok", **more)
    payment = (await till.do("want_authorization", order=order))["payment"]
    await till.do("authorize", payment=payment, provider_ref="auth_1")
    return order, payment


async def payments(till: Shop, kind: str) -> list[dict[str, Any]]:
    return await till.rows(
        "select 'pay_' || payment_id as payment, state, amount_minor, provider from payment"
        " where merchant_id = $1 and kind = $2 order by payment_id",
        till.merchant,
        kind,
    )


async def test_money_is_asked_for_once_and_held(till: Shop) -> None:
    order = await till.place(("MUG", 2), payment_token="tok_ok")
    wanted = await till.do("want_authorization", order=order)
    assert wanted["amount_minor"] == 2500
    assert (await till.now(order))["payment"] == "pending"
    assert code(await till.ask("want_authorization", order=order)) == "NothingOwed"
    await till.do("authorize", payment=wanted["payment"], provider_ref="auth_1")
    assert (await till.now(order))["payment"] == "authorized"
    assert code(await till.ask("authorize", payment=wanted["payment"], provider_ref="auth_1")) == "PaymentSettled"


async def test_an_order_without_a_token_has_nobody_to_ask(till: Shop) -> None:
    order = await till.place(("MUG", 1))
    assert code(await till.ask("want_authorization", order=order)) == "NoPaymentToken"


async def test_a_merchant_without_a_provider_is_told_so(shop: Shop) -> None:
    order = await shop.place(("MUG", 1), payment_token="tok_ok")
    assert code(await shop.ask("want_authorization", order=order)) == "NoProvider"


async def test_a_declined_authorization_fails_the_payment_and_may_be_tried_again(till: Shop) -> None:
    order = await till.place(("MUG", 2), payment_token="tok_ok")
    payment = (await till.do("want_authorization", order=order))["payment"]
    await till.do("decline", payment=payment, reason="insufficient_funds")
    assert (await till.now(order))["payment"] == "failed"
    assert (await till.do("want_authorization", order=order))["amount_minor"] == 2500


async def test_held_money_is_taken_and_never_more_than_held(till: Shop) -> None:
    order, _ = await authorized(till)
    assert (await till.do("want_capture", order=order, amount_minor=1000))["amount_minor"] == 1000
    assert (await till.do("want_capture", order=order, amount_minor=9000))["amount_minor"] == 1500
    assert code(await till.ask("want_capture", order=order)) == "NothingHeld"
    for capture in await payments(till, "capture"):
        await till.do("capture", payment=capture["payment"], provider_ref="cap")
    now = await till.now(order)
    assert (now["held"], now["earned"], now["payment"]) == (0, 2500, "paid")


async def test_a_capture_answered_twice_is_kept_once(till: Shop) -> None:
    order, _ = await authorized(till)
    await till.do("want_capture", order=order)
    (capture,) = await payments(till, "capture")
    await till.do("capture", payment=capture["payment"], provider_ref="cap")
    assert code(await till.ask("capture", payment=capture["payment"], provider_ref="cap")) == "PaymentSettled"
    assert (await till.now(order))["earned"] == 2500


async def test_a_refused_capture_waits_for_somebody(till: Shop) -> None:
    order, _ = await authorized(till)
    await till.do("want_capture", order=order)
    (capture,) = await payments(till, "capture")
    await till.do("decline", payment=capture["payment"], reason="expired")
    raised = await till.rows("select kind, reason from attention where merchant_id = $1", till.merchant)
    assert raised == [{"kind": "capture_declined", "reason": "the provider refused: expired"}]
    assert (await till.do("want_capture", order=order))["amount_minor"] == 2500


async def test_held_money_that_nobody_needs_goes_back(till: Shop) -> None:
    order, _ = await authorized(till)
    assert code(await till.ask("want_release_of_funds", order=order)) == "NeededYet"
    await till.do("record_payment", order=order, amount_minor=2500)
    assert (await till.do("want_release_of_funds", order=order))["amount_minor"] == 2500
    (release,) = await payments(till, "release")
    await till.do("release_funds", payment=release["payment"])
    now = await till.now(order)
    assert (now["held"], now["earned"], now["payment"]) == (0, 2500, "paid")
    assert code(await till.ask("want_release_of_funds", order=order)) == "NothingHeld"


async def test_money_that_came_by_transfer_pays_the_order(shop: Shop) -> None:
    order = await shop.place(("MUG", 2))
    await shop.do("record_payment", order=order, amount_minor=1000, method="transfer", reference="bank 17")
    assert (await shop.now(order))["payment"] == "partially_paid"
    await shop.do("record_payment", order=order, amount_minor=2000)
    assert (await shop.now(order))["payment"] == "overpaid"


async def test_what_was_overpaid_goes_back_once(shop: Shop) -> None:
    order = await shop.place(("MUG", 2))
    await shop.do("record_payment", order=order, amount_minor=3000)
    assert code(await shop.ask("want_refund", order=order, amount_minor=501)) == "NothingToRefund"
    wanted = await shop.do("want_refund", order=order)
    assert wanted["amount_minor"] == 500
    assert code(await shop.ask("want_refund", order=order)) == "NothingToRefund"
    (by_hand,) = wanted["by_hand"]
    await shop.do("refund", payment=by_hand, provider_ref="bank 18")
    assert code(await shop.ask("refund", payment=by_hand)) == "PaymentSettled"
    now = await shop.now(order)
    assert (now["earned"], now["refunded"], now["payment"]) == (2500, 500, "partially_refunded")


async def test_a_refund_takes_the_newest_payment_first_and_each_goes_where_it_came_from(till: Shop) -> None:
    order, _ = await authorized(till)
    await till.do("want_capture", order=order)
    (capture,) = await payments(till, "capture")
    await till.do("capture", payment=capture["payment"], provider_ref="cap")
    await till.do("record_payment", order=order, amount_minor=300)
    await till.do("issue_invoice", order=order)
    await till.do("issue_credit", order=order, amount_minor=500, reason="scratched", refund=False)
    wanted = await till.do("want_refund", order=order)
    assert wanted["amount_minor"] == 800
    refunds = await payments(till, "refund")
    assert [(refund["provider"], refund["amount_minor"]) for refund in refunds] == [("", 300), ("sim", 500)]
    assert ("ask_refund", {"payment": refunds[1]["payment"]}) in await till.jobs()


async def test_invoice_numbers_have_no_gap_even_when_one_is_refused(shop: Shop) -> None:
    orders = [await shop.place(("MUG", 1)) for _ in range(3)]
    bodies = [{"order": order} for order in (orders[0], orders[1], orders[0], orders[2])]
    answers = await shop.ask_all("issue_invoice", bodies)
    assert code(answers[2]) == "AlreadyInvoiced"
    told = {answer["number"] for answer in answers if not isinstance(answer, Refusal)}
    assert told == {"INV-000001", "INV-000002", "INV-000003"}


async def test_an_invoice_adds_up_with_shipping_discount_and_tax(shop: Shop) -> None:
    order = await shop.place(("MUG", 3), ("CUP", 1), shipping_minor=990, discount_minor=700, tax_minor=413)
    answer = await shop.do("issue_invoice", order=order)
    assert answer["total_minor"] == 5000 + 990 - 700 + 413
    assert (await shop.now(order))["invoicing"] == "invoiced"


async def test_no_more_is_credited_than_was_billed(shop: Shop) -> None:
    order = await shop.place(("MUG", 3))
    assert code(await shop.ask("issue_credit", order=order, amount_minor=100)) == "NothingToCredit"
    await shop.do("issue_invoice", order=order)
    credit = await shop.do("issue_credit", order=order, lines=[{"line": 1, "quantity": 2}], reason="returned")
    assert (credit["number"], credit["total_minor"]) == ("CN-000001", 2500)
    too_many = [{"line": 1, "quantity": 1}, {"line": 1, "quantity": 1}]
    assert code(await shop.ask("issue_credit", order=order, lines=too_many)) == "NothingToCredit"
    await shop.do("issue_credit", order=order, lines=[{"line": 1, "quantity": 1}])
    now = await shop.now(order)
    assert (now["owed"], now["invoicing"]) == (0, "credited")


async def test_nothing_is_remitted_that_the_carrier_did_not_collect(shop: Shop) -> None:
    order = await shop.place(("MUG", 1), payment_term="cod")
    assert code(await shop.ask("remit", order=order)) == "NothingCollected"


async def test_another_merchants_order_and_payment_are_not_there(till: Shop, other_shop: Shop) -> None:
    order, payment = await authorized(till)
    assert code(await other_shop.ask("record_payment", order=order, amount_minor=1)) == "NotFound"
    assert code(await other_shop.ask("decline", payment=payment, reason="x")) == "NotFound"


async def test_a_service_is_never_waited_for(shop: Shop) -> None:
    await add_skus(shop.db, shop.merchant, [NewSku("WRAP", name="Gift wrapping", stocked=False)])
    await shop.stock("MUG", 1)
    order = await shop.place(("MUG", 1), ("WRAP", 1), payment_term="on_account")
    await shop.work()
    now = await shop.now(order)
    assert (now["stage"], now["promised"], now["delivered"]) == ("awaiting_fulfillment", 1, 1)
    canceled = await shop.do("cancel", order=order, reason="changed their mind")
    assert (canceled["units"], canceled["stage"]) == (2, "canceled")


async def parceled(shop: Shop, *lines: tuple[str, int], **more: Any) -> tuple[str, str]:
    """A packed order on account: its id, and its parcel."""
    order = await shop.place(*(lines or (("MUG", 2),)), **{"payment_term": "on_account"} | more)
    return order, await shop.to_packed(order)


async def test_an_invoice_and_a_capture_are_for_a_parcel_of_that_order(till: Shop) -> None:
    await till.stock("MUG", 9)
    _, strange = await parceled(till, ("MUG", 3))
    order, own = await parceled(till, payment_token="tok_ok")
    payment = (await till.do("want_authorization", order=order))["payment"]
    await till.do("authorize", payment=payment, provider_ref="auth_1")
    for verb in ("issue_invoice", "want_capture"):
        bodies = [{"order": order, "parcel": strange}, {"order": order, "parcel": own}]
        refused, answer = await till.ask_all(verb, bodies)
        assert code(refused) == "NotFound" and not isinstance(answer, Refusal)
    now = await till.now(order)
    assert (now["invoiced"], now["owed"]) == (2500, 2500)


async def test_what_was_billed_before_it_left_is_not_billed_again_with_its_parcel(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    order, parcel = await parceled(shop, ("MUG", 3), shipping_minor=501)
    assert (await shop.do("issue_invoice", order=order))["total_minor"] == 3 * 1250 + 501
    assert code(await shop.ask("issue_invoice", order=order, parcel=parcel)) == "AlreadyInvoiced"
    assert (await shop.now(order))["invoiced"] == 3 * 1250 + 501


async def test_what_was_canceled_is_not_billed_and_takes_its_shipping_with_it(shop: Shop) -> None:
    wrapping = {"title": "Gift wrapping", "quantity": 1, "unit_price": "3.00", "ships": False}
    mugs = {"sku": "MUG", "quantity": 2, "unit_price": "12.50"}
    whole, goods, half = [await shop.place(mugs, wrapping, shipping_minor=500) for _ in range(3)]
    await shop.do("cancel", order=whole)
    await shop.refuses("issue_invoice", NothingToBill, order=whole)
    await shop.do("cancel", order=goods, lines=[{"line": 1, "quantity": 2}])
    assert (await shop.do("issue_invoice", order=goods))["total_minor"] == 300
    await shop.do("cancel", order=half, lines=[{"line": 1, "quantity": 1}])
    assert (await shop.do("issue_invoice", order=half))["total_minor"] == 1250 + 300 + 500
    for order in (whole, goods, half):
        now = await shop.now(order)
        assert now["invoiced"] == now["owed"]
