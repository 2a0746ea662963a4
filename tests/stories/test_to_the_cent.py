"""To the cent: orders that were paid in part, changed on the way, or billed before they were changed."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from doorstep.kit.refusals import Invalid, Refusal
from doorstep.setup.merchants import NewSku, add_skus
from tests.shop import HOME, Shop
from tests.stories.test_rate_shopping import Seller, world_of


class Collecting(Seller):
    """It collects cash at the door."""

    def __init__(self, code: str, **prices: int) -> None:
        super().__init__(code, **prices)
        self.can |= {"cod"}


@pytest.fixture
async def till(shop: Shop) -> Shop:
    """A shop with a payment provider, and enough on its shelves."""
    await shop.connect("payments", "simpay", "sim")
    await shop.stock("MUG", 50)
    await shop.stock("CUP", 50)
    await add_skus(shop.db, shop.merchant, [NewSku("GIFT", name="A gift card", stocked=False)])
    return shop


async def labeled(shop: Shop, parcel: str, number: str = "T1") -> str:
    await shop.do("keep_label", parcel=parcel, carrier="c", tracking_number=number)
    return parcel


async def sent(shop: Shop, order: str) -> list[str]:
    """All of it picked, packed and handed over."""
    await shop.to_picked(order)
    parcels = await shop.pack_all(order)
    for parcel in parcels:
        await shop.do("hand_over", parcel=await labeled(shop, parcel, f"T{parcel}"))
    await shop.work()
    return parcels


async def answered(shop: Shop, kind: str, verb: str) -> int:
    """The provider says yes to whatever of this kind it was asked: how much that is."""
    rows = await shop.rows(
        "select 'pay_' || payment_id as payment, amount_minor from payment"
        " where merchant_id = $1 and kind = $2 and state = 'wanted' order by payment_id",
        shop.merchant, kind,
    )  # fmt: skip
    for row in rows:
        await shop.do(verb, payment=row["payment"], **({} if verb == "release_funds" else {"provider_ref": "r"}))
    await shop.work()
    return sum(row["amount_minor"] for row in rows)


async def test_of_an_order_paid_in_part_all_the_rest_that_is_held_is_taken(till: Shop) -> None:
    paid = [{"kind": "paid", "amount_minor": 200}]
    order = await till.place(("MUG", 2), shipping_minor=500, payment_token="tok_ok", tenders=paid)
    await till.work()
    assert await answered(till, "authorization", "authorize") == 2800
    await sent(till, order)
    await answered(till, "capture", "capture")
    now = await till.now(order)
    assert (now["held"], now["earned"]) == (0, 3000)


async def test_services_canceled_one_by_one_take_the_shipping_with_them_once(till: Shop) -> None:
    order = await till.place(("MUG", 1), ("GIFT", 3), shipping_minor=500, payment_term="on_account")
    now = await till.now(order)
    assert now["owed"] == 1250 * 4 + 500
    await till.do("cancel", order=order, lines=[{"line": 1, "quantity": 1}])
    assert (await till.now(order))["owed"] == 3750
    await till.do("cancel", order=order, lines=[{"line": 2, "quantity": 1}])
    assert (await till.now(order))["owed"] == 2500


async def test_what_is_captured_while_the_order_is_canceled_goes_back(till: Shop) -> None:
    order = await till.place(("MUG", 2), payment_token="tok_ok")
    await till.work()
    await answered(till, "authorization", "authorize")
    await till.do("want_capture", order=order)
    await till.do("cancel", order=order)
    await till.work()
    await answered(till, "capture", "capture")
    assert await answered(till, "refund", "refund") == 2500
    now = await till.now(order)
    assert (now["earned"], now["refunded"], now["held"]) == (0, 2500, 0)


async def test_money_that_is_held_only_after_the_goods_left_is_taken_too(till: Shop) -> None:
    order = await till.place(("MUG", 2), payment_term="on_shipment", payment_token="tok_ok")
    await till.work()
    await till.do("want_authorization", order=order)
    await sent(till, order)
    await answered(till, "authorization", "authorize")
    assert await answered(till, "capture", "capture") == 2500


async def test_an_order_of_services_alone_is_paid_too(till: Shop) -> None:
    order = await till.place(("GIFT", 2), payment_token="tok_ok")
    await till.work()
    assert await answered(till, "authorization", "authorize") == 2500
    assert await answered(till, "capture", "capture") == 2500
    await till.do("check", order=order)
    await till.work()
    now = await till.now(order)
    assert (now["stage"], now["payment"]) == ("completed", "paid")


async def test_what_was_billed_and_then_canceled_is_credited_and_not_paid_back_twice(till: Shop) -> None:
    order = await till.place(("MUG", 2), ("CUP", 3), payment_term="on_account")
    await till.work()
    await till.do("record_payment", order=order, amount_minor=6250)
    await till.do("issue_invoice", order=order)
    await till.do("cancel", order=order, lines=[{"line": 1, "quantity": 2}])
    await till.work()
    assert await answered(till, "refund", "refund") == 2500
    assert await credits(till) == [2500]
    now = await till.now(order)
    assert (now["owed"], now["earned"], now["invoiced"], now["credited"]) == (3750, 3750, 6250, 2500)
    # What comes back of what was sent is owed less.
    await till.do("issue_credit", order=order, lines=[{"line": 2, "quantity": 1}])
    await till.work()
    assert await answered(till, "refund", "refund") == 1250
    assert (await till.now(order))["owed"] == 2500


async def credits(shop: Shop) -> list[int]:
    """What each credit note is about, in the order of their numbers."""
    papers = await shop.rows(
        "select total_minor from invoice where merchant_id = $1 and kind = 'credit_note' order by number", shop.merchant
    )
    return [paper["total_minor"] for paper in papers]


async def test_a_billed_order_that_is_canceled_whole_is_credited_with_its_shipping_and_fees(till: Shop) -> None:
    fees = [{"name": "Gift wrap", "amount_minor": 199}]
    order = await till.place(("MUG", 2), payment_term="on_account", shipping_minor=500, fees=fees, tax_minor=77)
    await till.work()
    await till.do("issue_invoice", order=order)
    await till.do("cancel", order=order, lines=[{"line": 1, "quantity": 1}], reason="one is enough " * 35)
    await till.do("cancel", order=order)
    await till.work()
    now = await till.now(order)
    assert (now["owed"], now["credited"], now["invoicing"]) == (0, 3276, "credited")
    assert sum(await credits(till)) == 3276
    assert await till.jobs() == [job for job in await till.jobs() if job[0] == "notify"]


async def test_of_an_order_that_was_not_billed_a_cancellation_needs_no_paper(till: Shop) -> None:
    order = await till.place(("MUG", 2), payment_term="on_account")
    await till.work()
    await till.do("cancel", order=order, lines=[{"line": 1, "quantity": 1}])
    assert "issue_credit" not in [verb for verb, _ in await till.jobs()]
    nothing = await till.do("issue_credit", order=order, canceled=True)
    assert (nothing["number"], nothing["total_minor"]) == ("", 0)


async def test_units_that_nobody_billed_yet_go_without_a_credit_note(till: Shop) -> None:
    order = await till.place(("MUG", 3), payment_term="on_account", shipping_minor=500)
    ful = await till.to_picked(order)
    one = [{"line": 1, "quantity": 1}]
    parcel = (await till.do("pack", fulfillment_order=ful, lines=one))["parcel"]
    await till.do("hand_over", parcel=await labeled(till, parcel))
    await till.work()
    await till.do("cancel", order=order, lines=[{"line": 1, "quantity": 2}])
    came = await till.work()
    assert not [answer for _, answer in came if isinstance(answer, Refusal)]
    now = await till.now(order)
    assert (now["invoiced"], now["credited"], now["owed"], now["invoicing"]) == (1750, 0, 1750, "invoiced")


async def test_what_was_credited_by_amount_before_is_not_credited_again(till: Shop) -> None:
    order = await till.place(("MUG", 2), payment_term="on_account")
    await till.work()
    await till.do("issue_invoice", order=order)
    await till.do("issue_credit", order=order, amount_minor=700, reason="scratched")
    await till.do("cancel", order=order)
    await till.work()
    now = await till.now(order)
    assert (now["owed"], now["invoiced"], now["credited"]) == (0, 2500, 2500)
    assert await credits(till) == [700, 1800]


async def test_billed_before_it_ran_out_an_unpaid_order_is_credited(till: Shop) -> None:
    order = await till.place(("MUG", 2), reserve="now")
    await till.work()
    await till.do("issue_invoice", order=order)
    till.at += timedelta(days=30)
    assert (await till.do("expire", order=order))["expired"] is True
    await till.work()
    assert (await till.now(order))["invoicing"] == "credited"


async def test_what_was_canceled_says_by_itself_how_much_is_credited(till: Shop) -> None:
    order = await till.place(("MUG", 2), payment_term="on_account")
    await till.do("issue_invoice", order=order)
    await till.refuses("issue_credit", Invalid, order=order, canceled=True, amount_minor=5)


@pytest.mark.parametrize("included", [False, True])
async def test_however_a_billed_order_is_canceled_bill_and_debt_are_the_same(till: Shop, included: bool) -> None:
    chance = random.Random(7)
    for n in range(6):
        penny = {"sku": "MUG", "quantity": 7, "unit_price": "0.34", "discount_minor": n}
        order = await till.place(
            penny, ("CUP", 3), ("GIFT", 2), payment_term="on_account", shipping_minor=501, discount_minor=33,
            tax_minor=20, tax_included=included, fees=[{"name": "Wrap", "amount_minor": n}],
        )  # fmt: skip
        await till.work()
        await till.do("issue_invoice", order=order)
        while (await till.now(order))["stage"] != "canceled":
            line = chance.choice((1, 1, 2, 3))
            await till.ask("cancel", order=order, lines=[{"line": line, "quantity": chance.randint(1, 3)}])
            if chance.random() < 0.5:
                await till.work()
        await till.work()
        now = await till.now(order)
        assert now["invoiced"] - now["credited"] == now["owed"] == 0
        assert now["invoicing"] == "credited"


async def test_an_order_of_services_alone_is_billed_once_it_is_paid(till: Shop) -> None:
    order = await till.place(("GIFT", 2), fees=[{"name": "Card", "amount_minor": 100}])
    await till.work()
    assert (await till.now(order))["invoicing"] == "not_invoiced"
    await till.do("record_payment", order=order, amount_minor=2600)
    await till.do("check", order=order)
    came = await till.work()
    assert not [answer for _, answer in came if isinstance(answer, Refusal)]
    now = await till.now(order)
    assert (now["invoiced"], now["invoicing"], now["stage"]) == (2600, "invoiced", "completed")
    await till.do("check", order=order)
    await till.work()
    assert (await till.now(order))["invoiced"] == 2600


async def test_services_that_are_left_when_all_goods_are_canceled_are_billed(till: Shop) -> None:
    order = await till.place(("MUG", 1), ("GIFT", 1), payment_term="on_account", shipping_minor=500)
    await till.work()
    assert (await till.now(order))["invoiced"] == 0
    await till.do("cancel", order=order, lines=[{"line": 1, "quantity": 1}])
    await till.work()
    now = await till.now(order)
    assert (now["invoiced"], now["owed"]) == (1250, 1250)


async def test_a_service_for_nothing_is_not_billed(till: Shop) -> None:
    order = await till.place({"sku": "GIFT", "quantity": 1, "unit_price": "0"})
    came = await till.work()
    assert "issue_invoice" not in [verb for verb, _ in came]
    assert (await till.now(order))["stage"] == "completed"


async def test_the_included_taxes_of_all_invoices_are_the_orders(till: Shop) -> None:
    order = await till.place(
        {"sku": "MUG", "quantity": 3, "unit_price": "3.33"}, payment_term="on_account", tax_included=True, tax_minor=167
    )
    ful = await till.to_picked(order)
    for n in range(3):
        parcel = (await till.do("pack", fulfillment_order=ful, lines=[{"line": 1, "quantity": 1}]))["parcel"]
        await till.do("hand_over", parcel=await labeled(till, parcel, f"N{n}"))
        await till.work()
    papers = await till.rows("select total_minor, tax_minor from invoice where merchant_id = $1", till.merchant)
    assert len(papers) == 3
    assert sum(p["total_minor"] for p in papers) == 999
    assert sum(p["tax_minor"] for p in papers) == 167


async def test_an_order_of_very_many_and_dear_units_is_captured_and_billed(till: Shop) -> None:
    await till.stock("MUG", 999_000)
    order = await till.place({"sku": "MUG", "quantity": 999_000, "unit_price": "900000.00"}, payment_token="tok_ok")
    await till.work()
    await answered(till, "authorization", "authorize")
    await sent(till, order)
    assert await answered(till, "capture", "capture") == 999_000 * 900000_00


async def test_a_new_address_is_taken_over_though_a_gift_card_was_delivered_at_once(till: Shop) -> None:
    order = await till.place(("MUG", 1), ("GIFT", 1))
    there = till.order(("MUG", 1), ("GIFT", 1)) | {"ship_to": HOME | {"line1": "13 Grafton Street"}}
    answer = await till.do("amend", order=order, content=there)
    assert (answer["applied"], answer["different"]) == (["ship_to"], [])


async def test_at_the_door_all_that_was_not_paid_before_is_collected(till: Shop) -> None:
    paid = [{"kind": "paid", "amount_minor": 200}]
    order = await till.place(("MUG", 2), shipping_minor=500, payment_term="cod", tenders=paid)
    (parcel,) = await sent(till, order)
    await till.do("deliver", parcel=parcel)
    assert (await till.now(order))["collected"] == 2800
    await till.do("remit", order=order, amount_minor=2800)
    assert (await till.now(order))["payment"] == "paid"


async def test_of_two_parcels_each_collects_what_its_label_says_whichever_comes_first(till: Shop) -> None:
    """The first, with the shipping, is refused at the door: the carrier collected the second's goods alone."""
    await till.connect("carrier", "simcarrier", "alpha")
    order = await till.place(("MUG", 2), shipping_minor=500, payment_term="cod")
    fulfillment_order = await till.to_picked(order)
    one = [{"line": 1, "quantity": 1}]
    first = (await till.do("pack", fulfillment_order=fulfillment_order, lines=one, label="none"))["parcel"]
    second = (await till.do("pack", fulfillment_order=fulfillment_order, label="none"))["parcel"]
    for parcel in (first, second):
        await till.do("want_label", parcel=parcel)
    await till.work("buy_label", world=world_of(till, Collecting("alpha", ground=100)))
    for parcel in (first, second):
        await till.do("hand_over", parcel=parcel)
    await till.do("track", parcel=first, events=[{"happened_at": till.at.isoformat(), "state": "refused"}])
    await till.do("take_back", order=order, parcel=first, site=till.site("NJ"))
    await till.do("deliver", parcel=second)
    assert (await till.now(order))["collected"] == 1250
    assert (await till.do("remit", order=order))["left_minor"] == 0


async def test_no_invoice_or_credit_has_a_discount_below_nothing(till: Shop) -> None:
    penny = {"sku": "MUG", "quantity": 3, "unit_price": "0.34", "discount_minor": 2}
    order = await till.place(penny, payment_term="on_account", tax_minor=20)
    fulfillment_order = await till.to_picked(order)
    for n in range(3):
        one = [{"line": 1, "quantity": 1}]
        parcel = (await till.do("pack", fulfillment_order=fulfillment_order, lines=one))["parcel"]
        await till.do("hand_over", parcel=await labeled(till, parcel, f"N{n}"))
        await till.work()
    for _ in range(3):
        await till.do("issue_credit", order=order, lines=[{"line": 1, "quantity": 1}])
    for kind in ("invoice", "credit_note"):
        papers = await till.rows(
            "select total_minor, tax_minor, (content ->> 'subtotal_minor')::int as subtotal,"
            " (content ->> 'discount_minor')::int as discount from invoice where merchant_id = $1 and kind = $2",
            till.merchant, kind,
        )  # fmt: skip
        assert all(0 <= paper["discount"] <= 1 for paper in papers)
        sums = {name: sum(paper[name] for paper in papers) for name in papers[0]}
        assert (sums["total_minor"], sums["tax_minor"], sums["subtotal"] - sums["discount"]) == (120, 20, 100)


async def test_what_is_held_beyond_what_was_sent_is_let_go_when_the_rest_is_taken(till: Shop) -> None:
    order = await till.place(("MUG", 3), payment_token="tok_ok")
    await till.work()
    await answered(till, "authorization", "authorize")
    await till.do("cancel", order=order, lines=[{"line": 1, "quantity": 1}])
    await till.work()
    await sent(till, order)
    assert await answered(till, "capture", "capture") == 2500
    assert await answered(till, "release", "release_funds") == 1250
    assert (await till.now(order))["held"] == 0


async def test_so_it_is_when_the_provider_answers_for_two_parcels_at_once(till: Shop) -> None:
    order = await till.place(("MUG", 3), payment_token="tok_ok")
    await till.work()
    await answered(till, "authorization", "authorize")
    await till.do("cancel", order=order, lines=[{"line": 1, "quantity": 1}])
    await till.work()
    fulfillment_order = await till.to_picked(order)
    for number in ("N1", "N2"):
        one = [{"line": 1, "quantity": 1}]
        parcel = (await till.do("pack", fulfillment_order=fulfillment_order, lines=one))["parcel"]
        await till.do("hand_over", parcel=await labeled(till, parcel, number))
        await till.work()
    asked = await till.rows(
        "select 'pay_' || payment_id as payment from payment where merchant_id = $1 and kind = 'capture'", till.merchant
    )
    await till.ask_all("capture", [{"payment": row["payment"], "provider_ref": "c"} for row in asked])
    await till.work()
    assert await answered(till, "release", "release_funds") == 1250
    assert (await till.now(order))["held"] == 0
