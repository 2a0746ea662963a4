"""Orders that happened elsewhere, in full: their parcels, payments and stages, what contradicts, what is corrected."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from doorstep.doors.reads.floor import FloorQuery, fulfillment_orders, parcel
from doorstep.doors.reads.order import order as whole_order
from doorstep.journey.cash.invoice import AlreadyInvoiced
from doorstep.journey.fulfillment.pick_list import pick_list
from doorstep.journey.tracking.deliver import NotHandedOver
from doorstep.kit.refusals import Invalid, NotFound
from doorstep.spine.parcels import HandedOver, PackedElsewhere
from doorstep.spine.status import PARCEL_COUNTER
from doorstep.spine.tenant import tenant_tx
from tests.shop import Shop

PLACED = datetime(2025, 11, 3, 9, 30, tzinfo=UTC)
SENT, CAME = PLACED + timedelta(days=2), PLACED + timedelta(days=6)
PROMISED = date(2025, 11, 10)
NOTE = {"note": "told again"}  # what makes it another telling and changes nothing else


def line(sku: str, quantity: int, price: str = "12.50", **more: Any) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity, "unit_price": price, **more}


def paid(*amounts: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"kind": "paid", "amount_minor": amount, "method": "card", "reference": str(number), **more}
        for number, amount in enumerate(amounts, start=1)
    ]


def box(shop: Shop, site: str, *lines: int, **more: Any) -> dict[str, Any]:
    return {"reference": site, "site": shop.site(site), "lines": list(lines), **more}


def told(shop: Shop, *lines: tuple[str, int] | dict[str, Any], site: str = "", **more: Any) -> dict[str, Any]:
    """A telling of the order 7. What is about the order stands in `more`, the rest happened to it."""
    about = {name: more.pop(name) for name in list(more) if name in ABOUT}
    order = shop.order(*lines, external_id="7", placed_at=PLACED, **about)
    return {"order": order, "happened": more, "site": shop.site(site) if site else ""}


ABOUT = (
    "tenders", "shipping_minor", "discount_minor", "total_minor", "tax_minor", "note", "currency", "buyer", "ship_to",
    "tags", "fees", "number", "payment_term", "shipping_method", "bill_to",
)  # fmt: skip


async def tell(shop: Shop, *lines: tuple[str, int] | dict[str, Any], **more: Any) -> dict[str, Any]:
    return await shop.do("import_history", **told(shop, *lines, **more))


async def parcels(shop: Shop) -> list[dict[str, Any]]:
    rows = await shop.rows(
        "select p.reference, split_part(t.code, '-', 1) as site, p.state, p.packed_at, p.handed_over_at,"
        " p.delivered_at, (select jsonb_object_agg(l.line_no, l.quantity) from parcel_line l where l.merchant_id ="
        " p.merchant_id and l.parcel_id = p.parcel_id and l.quantity > 0)::text as inside"
        " from parcel p join site t on t.site_id = p.site_id where p.merchant_id = $1 order by p.parcel_id",
        shop.merchant,
    )
    return [{**row, "inside": msgspec.json.decode(row["inside"]) if row["inside"] else {}} for row in rows]


async def counted(shop: Shop, order: str) -> dict[str, int]:
    now = await shop.now(order)
    return {counter: now[counter] for counter in dict.fromkeys(PARCEL_COUNTER.values()) if now[counter]}


async def happenings(shop: Shop) -> list[tuple[str, datetime]]:
    rows = await shop.rows(
        "select coalesce(data ->> 'what', verb) as what, happened_at from event"
        " where merchant_id = $1 and kind = 'order' order by id, seq",
        shop.merchant,
    )
    return [(row["what"], row["happened_at"]) for row in rows]


async def units(shop: Shop, order: str) -> list[dict[str, int]]:
    """Of each line, the stages that hold something."""
    stages = ("wanted", "shipped", "delivered", "taken_back", "lost", "canceled")
    rows = await shop.rows(
        f"select {', '.join(stages)} from order_line where merchant_id = $1 and order_id = $2 order by line_no",
        shop.merchant, int(order[4:]),
    )  # fmt: skip
    return [{stage: row[stage] for stage in stages if row[stage]} for row in rows]


async def exceptions(shop: Shop) -> list[dict[str, Any]]:
    rows = await shop.rows(
        "select kind, reason, next_action, why, resolved_by from attention where merchant_id = $1"
        " order by attention_id",
        shop.merchant,
    )
    return [{**row, "why": msgspec.json.decode(row["why"])} for row in rows]


async def open_kinds(shop: Shop) -> list[str]:
    return sorted(each["kind"] for each in await exceptions(shop) if each["resolved_by"] is None)


async def stock_moves(shop: Shop) -> list[tuple[str, str, str, int, datetime]]:
    rows = await shop.rows(
        "select m.verb, s.code, m.source, m.quantity, m.happened_at from move m join sku s"
        " on s.merchant_id = m.merchant_id and s.sku_id = m.sku_id where m.merchant_id = $1 and m.what = 'stock'"
        " and m.kind = 'order' order by m.id, m.seq, s.code",
        shop.merchant,
    )
    return [tuple(row.values()) for row in rows]


# Parcels of somebody else


async def test_each_site_of_an_order_has_its_parcel_and_it_moves_on_as_more_is_told(shop: Shop) -> None:
    lines = (("MUG", 2), ("CUP", 1))
    first = await tell(shop, *lines, promised_on=PROMISED, parcels=[box(shop, "NJ", 1), box(shop, "PL", 2)])
    planned = {"state": "planned", "packed_at": None, "handed_over_at": None, "delivered_at": None}
    assert await parcels(shop) == [
        {"reference": "NJ", "site": "NJ", "inside": {"1": 2}, **planned},
        {"reference": "PL", "site": "PL", "inside": {"2": 1}, **planned},
    ]
    assert await counted(shop, first["order"]) == {}
    assert (await shop.now(first["order"]))["delivery"] == "none"

    await tell(
        shop, *lines, promised_on=PROMISED,
        parcels=[box(shop, "NJ", 1, handed_over_at=SENT, delivered_at=CAME), box(shop, "PL", 2, handed_over_at=SENT)],
    )  # fmt: skip
    nj, pl = await parcels(shop)
    assert (nj["state"], nj["packed_at"], nj["handed_over_at"], nj["delivered_at"]) == ("delivered", SENT, SENT, CAME)
    assert (pl["state"], pl["handed_over_at"], pl["delivered_at"]) == ("in_transit", SENT, None)
    assert await counted(shop, first["order"]) == {"parcels_delivered": 1, "parcels_in_transit": 1}
    assert await units(shop, first["order"]) == [{"delivered": 2}, {"shipped": 1}]
    assert await happenings(shop) == [
        ("placed", PLACED), ("opened for history", PLACED), ("fulfilled", SENT), ("delivered", CAME), ("parcels", CAME),
    ]  # fmt: skip

    rows = await shop.rows(
        "select deliver_by, created_at, released_at from fulfillment_order where merchant_id = $1", shop.merchant
    )
    assert [tuple(row.values()) for row in rows] == [(PROMISED, PLACED, SENT)] * 2


async def test_parcels_are_told_in_any_order_and_a_repeat_is_none(shop: Shop) -> None:
    boxes = [box(shop, "NJ", 1, handed_over_at=SENT), box(shop, "PL", 2)]
    await tell(shop, ("MUG", 2), ("CUP", 1), parcels=boxes)
    shuffled = [box(shop, "PL", 1), box(shop, "NJ", 2, handed_over_at=SENT)]
    again = await tell(shop, ("CUP", 1), ("MUG", 2), parcels=shuffled)
    assert (again["existing"], again.get("changed")) == (True, None)
    more = await tell(shop, ("CUP", 1), ("MUG", 2), parcels=shuffled, **NOTE)
    assert more["changed"] is True
    assert [(each["reference"], each["inside"]) for each in await parcels(shop)] == [
        ("NJ", {"1": 2}), ("PL", {"2": 1}),
    ]  # fmt: skip
    assert [what for what, _ in await happenings(shop)] == [
        "placed", "opened for history", "fulfilled", "changed",
    ]  # fmt: skip


async def test_a_parcel_that_has_nothing_says_nothing_of_when_the_first_left(shop: Shop) -> None:
    """Two claim the line: it is the first one's, told again or not."""
    empty = box(shop, "NJ", 1) | {"reference": "empty", "handed_over_at": PLACED - timedelta(days=1)}
    both = [box(shop, "NJ", 1, handed_over_at=SENT), empty]
    for more in ({}, NOTE):
        await tell(shop, ("MUG", 1), parcels=both, **more)
        assert [row["released_at"] for row in await shop.rows("select released_at from fulfillment_order")] == [SENT]


async def test_a_planned_parcel_is_nobodys_work_and_can_be_seen(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 2), promised_on=PROMISED, parcels=[box(shop, "NJ", 1)])
    await shop.stock("MUG", 5)
    await shop.work()
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        assert (await fulfillment_orders(tx, shop.merchant, FloorQuery())).fulfillment_orders == []
        assert await pick_list(tx, shop.site("NJ")) == []
        seen = await whole_order(tx, [shop.merchant], answer["order"])
        (row,) = seen.parcels
        assert (row.state, row.packed_at, row.handed_over_at, seen.deliver_by) == ("planned", None, None, PROMISED)
        inside = (await parcel(tx, shop.merchant, row.id)).lines
        assert [(each.sku, each.quantity) for each in inside] == [("MUG", 2)]
    for verb in ("want_label", "want_void", "hand_over", "unpack"):
        await shop.refuses(verb, PackedElsewhere, parcel=row.id)
    await shop.refuses("keep_label", PackedElsewhere, parcel=row.id, carrier="post", tracking_number="1Z")
    await shop.refuses("deliver", NotHandedOver, parcel=row.id)
    assert await shop.jobs() == []


async def test_a_parcel_that_left_elsewhere_may_be_delivered_and_taken_back_by_hand(shop: Shop) -> None:
    boxes = [box(shop, "NJ", 1, handed_over_at=SENT), box(shop, "PL", 2, state="out_for_delivery")]
    answer = await tell(shop, ("MUG", 2), ("CUP", 1), parcels=boxes)
    assert await counted(shop, answer["order"]) == {"parcels_in_transit": 1, "parcels_out_for_delivery": 1}
    assert await units(shop, answer["order"]) == [{"shipped": 2}, {"shipped": 1}]
    rows = await shop.rows("select parcel_id from parcel where merchant_id = $1 order by 1", shop.merchant)
    one, other = (f"par_{row['parcel_id']}" for row in rows)
    await shop.refuses("hand_over", HandedOver, parcel=one)
    await shop.refuses("hand_over", PackedElsewhere, parcel=other)
    for each in (one, other):
        await shop.do("deliver", parcel=each)
    await shop.do("take_back", order=answer["order"], site=shop.site("PL"), parcel=other)
    assert await units(shop, answer["order"]) == [{"delivered": 2}, {"taken_back": 1}]


async def test_a_parcel_that_gets_its_tracking_number_is_still_the_same(shop: Shop) -> None:
    await tell(shop, ("MUG", 2), parcels=[box(shop, "NJ", 1)])
    named = {"reference": "1Z999", "site": shop.site("NJ"), "lines": [1], "tracking_number": "1Z999", "carrier": "ups"}
    await tell(shop, ("MUG", 2), parcels=[named | {"handed_over_at": SENT}])
    assert [(each["reference"], each["state"]) for each in await parcels(shop)] == [("1Z999", "in_transit")]
    assert await exceptions(shop) == []


async def test_a_parcel_never_goes_backwards_silently(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 2), parcels=[box(shop, "NJ", 1, handed_over_at=SENT, delivered_at=CAME)])
    await tell(shop, ("MUG", 2), parcels=[box(shop, "NJ", 1, handed_over_at=SENT)])
    (row,) = await parcels(shop)
    assert (row["state"], row["delivered_at"]) == ("delivered", CAME)
    assert await units(shop, answer["order"]) == [{"delivered": 2}]
    (one,) = await exceptions(shop)
    assert (one["kind"], one["reason"]) == (
        "parcel_went_back", "the parcel NJ is said to be in transit, and was delivered before",
    )  # fmt: skip
    await tell(shop, ("MUG", 2), parcels=[box(shop, "PL", 1)])
    assert [(each["reference"], each["inside"]) for each in await parcels(shop)] == [("NJ", {"1": 2})]
    assert [(each["kind"], each["reason"]) for each in await exceptions(shop)] == [
        ("parcel_went_back", "the parcel NJ is not told any more"),
        ("stage_went_back", "line 1: told to be less far than before"),
    ]  # fmt: skip
    await tell(shop, ("MUG", 2), parcels=[box(shop, "PL", 1, handed_over_at=SENT, delivered_at=CAME)])
    assert [(each["reference"], each["state"], each["inside"]) for each in await parcels(shop)] == [
        ("NJ", "delivered", {}), ("PL", "delivered", {"1": 2}),
    ]  # fmt: skip
    assert await open_kinds(shop) == []


async def test_a_parcel_that_comes_back_after_it_arrived_moves_on(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 2), stages=["delivered"], parcels=[box(shop, "NJ", 1, state="delivered")])
    back = box(shop, "NJ", 1, state="returned_to_sender")
    await tell(shop, ("MUG", 2), stages=["taken_back"], parcels=[back])
    assert await counted(shop, answer["order"]) == {"parcels_returned": 1}
    assert await units(shop, answer["order"]) == [{"taken_back": 2}]
    assert await exceptions(shop) == []


async def test_a_promised_day_may_change_and_is_kept_with_the_order_too(shop: Shop) -> None:
    await tell(shop, ("MUG", 2), promised_on=PROMISED, approved_at=PLACED, parcels=[box(shop, "NJ", 1)])
    later = PROMISED + timedelta(days=3)
    await tell(shop, ("MUG", 2), promised_on=later, approved_at=PLACED, parcels=[box(shop, "NJ", 1)])
    (row,) = await shop.rows("select deliver_by from fulfillment_order where merchant_id = $1", shop.merchant)
    assert row["deliver_by"] == later
    (kept,) = await shop.rows(
        "select details ->> 'promised_on' as day, details ->> 'approved_at' as at from orders where merchant_id = $1",
        shop.merchant,
    )
    assert (kept["day"], kept["at"]) == (str(later), PLACED.isoformat())


async def test_a_parcel_from_a_site_nobody_knows_is_not_taken(shop: Shop) -> None:
    boxes = [{"reference": "1", "site": "NOWHERE", "lines": [1]}]
    await shop.refuses("import_history", NotFound, **told(shop, ("MUG", 1), parcels=boxes))
    await tell(shop, ("MUG", 1))
    await shop.refuses("import_history", NotFound, **told(shop, ("MUG", 1), parcels=boxes))


async def test_items_that_nobody_knows_are_in_their_parcel_too(shop: Shop) -> None:
    unknown = {"title": "A thing", "quantity": 3, "unit_price": "1.00"}
    answer = await tell(shop, unknown, parcels=[box(shop, "NJ", 1, handed_over_at=SENT)])
    assert await counted(shop, answer["order"]) == {"parcels_in_transit": 1}
    (row,) = await parcels(shop)
    assert row["inside"] == {"1": 3}
    assert await stock_moves(shop) == []


async def test_a_word_that_is_no_state_of_a_parcel_is_told(shop: Shop) -> None:
    await tell(shop, ("MUG", 1), parcels=[box(shop, "NJ", 1, state="teleported", handed_over_at=SENT)])
    (row,) = await parcels(shop)
    assert row["state"] == "in_transit"
    assert await open_kinds(shop) == ["contradictory_status"]


async def test_an_order_that_arrived_without_a_hand_over_is_delivered_all_the_same(shop: Shop) -> None:
    answer = await tell(
        shop, ("MUG", 2), ("CUP", 1), delivered_at=CAME, parcels=[box(shop, "NJ", 1, delivered_at=CAME)]
    )
    assert await units(shop, answer["order"]) == [{"delivered": 2}, {"delivered": 1}]
    assert await happenings(shop) == [
        ("placed", PLACED), ("opened for history", PLACED), ("fulfilled", CAME), ("delivered", CAME),
    ]  # fmt: skip
    (row,) = await parcels(shop)
    assert (row["state"], row["packed_at"], row["delivered_at"]) == ("delivered", None, CAME)


async def test_lines_in_no_parcel_follow_the_times_of_the_order(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 2), ("CUP", 1), fulfilled_at=SENT, parcels=[box(shop, "NJ", 1)])
    assert await units(shop, answer["order"]) == [{"wanted": 2}, {"shipped": 1}]


@pytest.mark.parametrize(
    ("happened", "stage"),
    [
        ({"delivered": True}, "delivered"),
        ({"delivered": True, "times_told": True}, "wanted"),
        ({"delivered": True, "times_told": True, "fulfilled_at": SENT}, "shipped"),
        ({"canceled": True}, "canceled"),
        ({"fulfilled": [0]}, "wanted"),
    ],
)
async def test_what_is_told_without_a_time_is_taken_from_those_who_name_none(
    shop: Shop, happened: dict[str, Any], stage: str
) -> None:
    answer = await tell(shop, ("MUG", 2), **happened)
    assert await units(shop, answer["order"]) == [{stage: 2}]


# Where the units of each line are


@pytest.mark.parametrize(
    ("stage", "owed", "events"),
    [
        ("wanted", 3000, ["placed"]),
        ("shipped", 3000, ["placed", "fulfilled"]),
        ("delivered", 3000, ["placed", "fulfilled", "delivered"]),
        ("taken_back", 3000, ["placed", "fulfilled", "came back"]),
        ("lost", 3000, ["placed", "fulfilled", "lost"]),
        ("canceled", 500, ["placed", "canceled"]),
    ],
)
async def test_a_stage_told_for_a_line_is_reached_on_its_legal_way(
    shop: Shop, stage: str, owed: int, events: list[str]
) -> None:
    gift = {"title": "A card", "quantity": 1, "unit_price": "5.00", "ships": False}
    answer = await tell(shop, ("MUG", 2), gift, stages=[stage, ""])
    assert await units(shop, answer["order"]) == [{stage: 2}, {"delivered": 1}]
    now = await shop.now(answer["order"])
    assert (now["owed"], now["services"]) == (owed, 1)
    assert [what for what, _ in await happenings(shop)] == events


async def test_a_line_moves_on_from_stage_to_stage(shop: Shop) -> None:
    answers = [await tell(shop, ("MUG", 2), stages=[stage]) for stage in ("wanted", "shipped", "lost", "delivered")]
    assert [answer.get("changed") for answer in answers] == [None, True, True, True]
    assert await units(shop, answers[0]["order"]) == [{"delivered": 2}]
    assert await exceptions(shop) == []


@pytest.mark.parametrize(("first", "then"), [("delivered", "shipped"), ("shipped", "canceled"), ("canceled", "wanted")])
async def test_a_line_that_is_told_to_be_less_far_stays_where_it_is(shop: Shop, first: str, then: str) -> None:
    answer = await tell(shop, ("MUG", 2), stages=[first])
    await tell(shop, ("MUG", 2), stages=[then])
    assert await units(shop, answer["order"]) == [{first: 2}]
    assert await open_kinds(shop) == ["stage_went_back"]
    await tell(shop, ("MUG", 2), stages=[first])
    assert await open_kinds(shop) == []


async def test_units_that_were_canceled_before_are_not_sent(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 2), stages=["canceled"])
    await tell(shop, ("MUG", 2), fulfilled_at=SENT)
    assert await units(shop, answer["order"]) == [{"canceled": 2}]
    (one,) = await exceptions(shop)
    assert (one["kind"], one["reason"]) == (
        "fulfilled_after_cancel", "line 1: fulfilled, though it was canceled before",
    )  # fmt: skip


async def test_fulfilled_less_than_before_is_told(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 3), fulfilled=[3], fulfilled_at=SENT)
    await tell(shop, ("MUG", 3), fulfilled=[1], fulfilled_at=SENT)
    assert await units(shop, answer["order"]) == [{"shipped": 3}]
    assert await open_kinds(shop) == ["stage_went_back"]


# Payments, each


async def test_every_payment_is_kept_with_its_method_reference_and_time(shop: Shop) -> None:
    tenders = [
        {"kind": "paid", "amount_minor": 2000, "method": "card", "reference": "1", "paid_at": SENT},
        {"kind": "paid", "amount_minor": 500, "method": "voucher", "reference": "2"},
        {"kind": "paid", "amount_minor": 0, "method": "voucher", "reference": "3"},
    ]
    answer = await tell(shop, ("MUG", 2), tenders=tenders)
    kept = "select kind, amount_minor, method, provider_ref, done_at from payment where merchant_id = $1 order by 4"
    assert [tuple(row.values()) for row in await shop.rows(kept, shop.merchant)] == [
        ("payment", 2000, "card", "1", SENT), ("payment", 500, "voucher", "2", PLACED),
        ("payment", 0, "voucher", "3", PLACED),
    ]  # fmt: skip
    assert await happenings(shop) == [("placed", PLACED), ("paid", PLACED), ("paid", SENT)]
    assert (await shop.now(answer["order"]))["payment"] == "paid"


async def test_a_later_telling_adds_the_payment_that_is_new_and_no_other(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 3), tenders=paid(1250, 0, 1250))
    await tell(shop, ("MUG", 3), tenders=[*reversed(paid(1250, 0, 1250, 700))])
    await tell(shop, ("MUG", 3), tenders=paid(1250, 0, 1250, 700), **NOTE)
    amounts = await shop.rows(
        "select amount_minor from payment where merchant_id = $1 order by payment_id", shop.merchant
    )
    assert [row["amount_minor"] for row in amounts] == [1250, 0, 1250, 700]
    assert (await shop.now(answer["order"]))["earned"] == 3200


async def test_more_than_it_costs_stays_overpaid_however_many_paid_it(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 1), tenders=paid(*[50] * 29), payments_told=True)
    now = await shop.now(answer["order"])
    assert (now["earned"], now["owed"], now["payment"]) == (1450, 1250, "overpaid")
    assert len(await shop.rows("select 1 from payment where merchant_id = $1", shop.merchant)) == 29
    assert await open_kinds(shop) == ["payment_mismatch"]


async def test_a_sum_that_grew_adds_what_is_missing_of_it(shop: Shop) -> None:
    await tell(shop, ("MUG", 2), tenders=paid(1000))
    answer = await tell(shop, ("MUG", 2), tenders=paid(2500))
    amounts = await shop.rows(
        "select amount_minor from payment where merchant_id = $1 order by payment_id", shop.merchant
    )
    assert [row["amount_minor"] for row in amounts] == [1000, 1500]
    assert (await shop.now(answer["order"]))["payment"] == "paid"


async def test_money_that_was_held_there_is_taken_when_it_is_said_to_be_paid(shop: Shop) -> None:
    held = [{"kind": "authorized", "amount_minor": 2500, "method": "card", "reference": "1"}]
    await tell(shop, ("MUG", 2), tenders=held)
    answer = await tell(shop, ("MUG", 2), tenders=paid(2500))
    await tell(shop, ("MUG", 2), tenders=paid(2500), **NOTE)
    kinds = await shop.rows(
        "select kind, amount_minor from payment where merchant_id = $1 order by payment_id", shop.merchant
    )
    assert [tuple(row.values()) for row in kinds] == [("authorization", 2500), ("capture", 2500)]
    now = await shop.now(answer["order"])
    assert (now["held"], now["earned"], now["payment"]) == (0, 2500, "paid")


async def test_less_paid_and_less_refunded_than_before_are_told_and_nothing_is_taken_back(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 2), tenders=paid(2500), fulfilled_at=SENT, refunded_minor=700)
    await tell(shop, ("MUG", 2), tenders=paid(2000), fulfilled_at=SENT, refunded_minor=600)
    assert await open_kinds(shop) == ["less_paid_than_before", "less_refunded_than_before"]
    now = await shop.now(answer["order"])
    assert (now["earned"], now["refunded"], now["owed"]) == (1800, 700, 1800)


# Orders that know nothing of their items


async def test_an_order_without_items_is_received_and_its_money_kept(shop: Shop) -> None:
    answer = await tell(shop, tenders=paid(3000), payments_told=True)
    now = await shop.now(answer["order"])
    assert (now["stage"], now["fulfillment"], now["payment"], now["ordered"]) == (
        "received",
        "unfulfilled",
        "overpaid",
        0,
    )
    (one,) = await exceptions(shop)
    assert (one["kind"], one["reason"]) == ("paid_no_items", "30.00 USD was paid, and it has no items")
    assert one["why"] == {"by": "import_history", "total_minor": 0, "paid_minor": 3000, "payments": 1}


async def test_an_order_without_items_is_canceled_when_the_channel_says_so(shop: Shop) -> None:
    answer = await tell(shop, tenders=paid(3000))
    later = await tell(shop, tenders=paid(3000), canceled=True)
    await tell(shop, tenders=paid(3000), canceled=True, **NOTE)
    assert (answer["order"], later["changed"]) == (later["order"], True)
    now = await shop.now(answer["order"])
    assert (now["stage"], now["fulfillment"], now["cancellations"]) == ("canceled", "canceled", 1)
    assert [what for what, _ in await happenings(shop)] == ["placed", "paid", "canceled", "changed"]


async def test_many_orders_without_items_come_in_at_once(shop: Shop) -> None:
    bodies = [{"order": shop.order(external_id=str(n), placed_at=PLACED)} for n in range(3)]
    answers = await shop.ask_all("import_history", bodies)
    assert [isinstance(answer, dict) for answer in answers] == [True] * 3


async def test_an_order_of_today_has_items(shop: Shop) -> None:
    with pytest.raises(msgspec.ValidationError, match="length >= 1"):
        await shop.ask("place", order=shop.order())
    with pytest.raises(msgspec.ValidationError, match=">= 1"):
        await shop.ask("place", order=shop.order(("MUG", 0)))


async def test_a_line_of_no_units_is_a_line_all_the_same(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 0), ("CUP", 2), stages=["canceled", "shipped"])
    assert await units(shop, answer["order"]) == [{}, {"shipped": 2}]
    assert (await shop.now(answer["order"]))["owed"] == 2500
    empty = shop.order(("MUG", 0), external_id="8", placed_at=PLACED)
    alone = await shop.do("import_history", order=empty, happened={"stages": ["canceled"]})
    assert (await shop.now(alone["order"]))["stage"] == "canceled"


async def test_items_that_become_known_fill_an_order_that_had_none(shop: Shop) -> None:
    answer = await tell(shop, tenders=paid(2500), payments_told=True)
    await tell(shop, ("MUG", 2), tenders=paid(2500), payments_told=True, fulfilled_at=SENT)
    now = await shop.now(answer["order"])
    assert (now["stage"], now["ordered"], now["owed"], now["payment"]) == ("fulfilled", 2, 2500, "paid")
    assert await open_kinds(shop) == []


# What cannot be true together


@pytest.mark.parametrize(
    ("kind", "about", "happened", "reason"),
    [
        ("payment_mismatch", {"tenders": paid(1000, 1497)}, {"payments_told": True},
         "it costs 25.00 USD, and 24.97 USD was paid for it"),
        ("payment_mismatch", {}, {"payments_told": True}, "it costs 25.00 USD, and 0.00 USD was paid for it"),
        ("handed_over_before_approval", {}, {"approved_at": SENT + timedelta(hours=1), "fulfilled_at": SENT},
         "it was handed over on 2025-11-05 09:30 UTC and approved on 2025-11-05 10:30 UTC"),
        ("delivered_before_carrier", {}, {"fulfilled_at": CAME, "delivered_at": SENT},
         "it was delivered on 2025-11-05 09:30 UTC and handed over on 2025-11-09 09:30 UTC"),
        ("delivered_no_date", {}, {"fulfilled_at": SENT, "delivered": True, "times_told": True},
         "it is said to be delivered, without a time"),
        ("canceled_but_delivered", {}, {"fulfilled_at": SENT, "delivered_at": CAME, "canceled": True},
         "it is canceled, and was delivered on 2025-11-09 09:30 UTC"),
        ("canceled_but_fulfilled", {}, {"fulfilled_at": SENT, "canceled_at": CAME},
         "it is canceled, though it was fulfilled"),
        ("happened_before_placed", {}, {"fulfilled_at": PLACED - timedelta(days=1)},
         "it was fulfilled on 2025-11-02 09:30 UTC, and placed on 2025-11-03 09:30 UTC"),
        ("total_mismatch", {"total_minor": 2600}, {},
         "the total is said to be 26.00 USD, and its parts add up to 25.00 USD"),
        ("contradictory_status", {}, {"contradictions": [{"kind": "contradictory_status", "reason": "odd: A, B"}]},
         "odd: A, B"),
    ],
)  # fmt: skip
async def test_each_contradiction_is_an_exception_of_its_kind_with_its_figures(
    shop: Shop, kind: str, about: dict[str, Any], happened: dict[str, Any], reason: str
) -> None:
    answer = await tell(shop, ("MUG", 2), **about, **happened)
    assert answer["contradictions"] == [kind]
    (one,) = await exceptions(shop)
    assert (one["kind"], one["reason"]) == (kind, reason)
    assert len(one["next_action"]) > 20


@pytest.mark.parametrize(
    "more",
    [
        {"tenders": paid(2498), "payments_told": True},
        {"tenders": paid(2502), "payments_told": True},
        {"tenders": paid(1), "payments_told": False},
        {"approved_at": SENT, "fulfilled_at": SENT, "delivered_at": SENT},
        {"delivered": True, "times_told": True, "delivered_at": CAME, "fulfilled_at": SENT},
        {"canceled": True},
    ],
)
async def test_what_can_be_true_is_no_exception(shop: Shop, more: dict[str, Any]) -> None:
    assert (await tell(shop, ("MUG", 2), **more))["contradictions"] == []


async def test_a_parcel_under_way_may_be_canceled(shop: Shop) -> None:
    boxes = [box(shop, "NJ", 1, handed_over_at=SENT), box(shop, "PL", 2)]
    answer = await tell(shop, ("MUG", 2), ("CUP", 1), canceled=True, parcels=boxes, tenders=paid(3750))
    assert answer["contradictions"] == []
    assert await units(shop, answer["order"]) == [{"shipped": 2}, {"canceled": 1}]
    assert [each["state"] for each in await parcels(shop)] == ["in_transit", "planned"]


async def test_one_kind_is_open_once_however_often_it_is_told_and_ends_when_it_is_gone(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 2), tenders=paid(1000), payments_told=True)
    await tell(shop, ("MUG", 2), tenders=paid(1000), payments_told=True, **NOTE)
    await tell(shop, ("MUG", 2), tenders=paid(1000, 500), payments_told=True)
    (one,) = await exceptions(shop)
    assert (one["reason"], one["why"]["paid_minor"]) == ("it costs 25.00 USD, and 15.00 USD was paid for it", 1500)
    await tell(shop, ("MUG", 2), tenders=paid(1000, 500, 1000), payments_told=True)
    (one,) = await exceptions(shop)
    assert one["resolved_by"] == "system"
    assert [what for what, _ in await happenings(shop)][-2:] == ["paid", "resolved"]
    assert (await shop.now(answer["order"]))["payment"] == "paid"


async def test_what_somebody_has_settled_is_raised_again_only_when_it_says_something_else(shop: Shop) -> None:
    await tell(shop, ("MUG", 2), tenders=paid(1000), payments_told=True)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await tx.run(
            "update attention set resolved_at = raised_at, resolved_by = 'ada' where merchant_id = $1", shop.merchant
        )
    await tell(shop, ("MUG", 2), tenders=paid(1000), payments_told=True, **NOTE)
    assert await open_kinds(shop) == []
    await tell(shop, ("MUG", 2), tenders=paid(1000, 100), payments_told=True)
    assert await open_kinds(shop) == ["payment_mismatch"]


async def test_a_contradiction_that_comes_later_is_an_event_of_its_own(shop: Shop) -> None:
    await tell(shop, ("MUG", 2))
    answer = await tell(shop, ("MUG", 2), payments_told=True)
    assert (answer["changed"], answer["contradictions"]) == (True, ["payment_mismatch"])
    assert [what for what, _ in await happenings(shop)] == ["placed", "contradicts"]


async def test_several_of_a_kind_are_one_that_names_them_all(shop: Shop) -> None:
    found = [{"kind": "odd_status", "reason": f"odd {n}"} for n in range(3)]
    answer = await tell(shop, ("MUG", 2), contradictions=found)
    assert answer["contradictions"] == ["odd_status"]
    (one,) = await exceptions(shop)
    assert one["reason"] == "odd 0; odd 1; odd 2"


# A corrected file applies only what changed


async def corrections(shop: Shop) -> list[list[str]]:
    """The fields of each correction."""
    rows = await shop.rows(
        "select data from event where merchant_id = $1 and data ->> 'what' = 'corrected'"
        " and data ->> 'applied' is not null"
        " order by id, seq",
        shop.merchant,
    )
    return [[each["field"] for each in msgspec.json.decode(row["data"])["applied"]] for row in rows]


async def books_of(shop: Shop, order: str) -> tuple[Any, ...]:
    now = await shop.now(order)
    (row,) = await shop.rows(
        "select total_minor, shipping_minor, discount_minor, tax_minor, lines_minor from orders where merchant_id = $1",
        shop.merchant,
    )
    return now["ordered"], now["owed"], *row.values()


@pytest.mark.parametrize(
    ("lines", "about", "fields", "books"),
    [
        ([line("MUG", 3), line("CUP", 1)], {}, ["lines/1/quantity", "lines/1/total_minor", "lines/1/worth_minor",
          "lines_minor", "total_minor"], (4, 5000, 5000, 0, 0, 0, 5000)),
        ([line("MUG", 1), line("CUP", 1)], {}, ["lines/1/quantity", "lines/1/total_minor", "lines/1/worth_minor",
          "lines_minor", "total_minor"], (2, 2500, 2500, 0, 0, 0, 2500)),
        ([line("MUG", 2, "10"), line("CUP", 1)], {}, ["lines/1/unit_price", "lines/1/total_minor",
          "lines/1/worth_minor", "lines_minor", "total_minor"], (3, 3250, 3250, 0, 0, 0, 3250)),
        ([line("MUG", 2), line("CUP", 1), line("LAMP", 2, "5")], {}, ["lines/3", "lines_minor", "total_minor"],
         (5, 4750, 4750, 0, 0, 0, 4750)),
        ([line("CUP", 1)], {}, ["lines/1", "lines_minor", "total_minor"], (1, 1250, 1250, 0, 0, 0, 1250)),
        ([], {}, ["lines/1", "lines/2", "lines_minor", "total_minor"], (0, 0, 0, 0, 0, 0, 0)),
        ([line("MUG", 2), line("CUP", 1)], {"shipping_minor": 700, "discount_minor": 50, "tax_minor": 100},
         ["lines/1/worth_minor", "lines/2/worth_minor", "discount_minor", "shipping_minor", "tax_minor",
          "total_minor"], (3, 4500, 4500, 700, 50, 100, 3750)),
        ([line("MUG", 2, title="A red mug"), line("CUP", 1)], {}, ["lines/1/title"], (3, 3750, 3750, 0, 0, 0, 3750)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("happened", [{}, {"fulfilled_at": SENT, "delivered_at": CAME}])
async def test_what_changed_is_applied_and_nothing_else(
    shop: Shop, lines: list[dict[str, Any]], about: dict[str, Any], fields: list[str], books: tuple[int, ...],
    happened: dict[str, Any],
) -> None:  # fmt: skip
    answer = await tell(shop, ("MUG", 2), ("CUP", 1), site="NJ", **happened)
    changed = await tell(shop, *lines, site="NJ", **about, **happened)
    await tell(shop, *lines, site="NJ", **about, **happened, **NOTE)
    assert (changed["changed"], changed["contradictions"]) == (True, [])
    assert await corrections(shop) == [fields]
    assert await books_of(shop, answer["order"]) == books
    now = await shop.now(answer["order"])
    assert now["delivered" if happened else "wanted"] == books[0]


async def test_lines_that_are_told_in_another_order_are_no_change(shop: Shop) -> None:
    lines = [line("MUG", 1, external_id="a"), line("MUG", 1, external_id="b"), line("MUG", 2), line("CUP", 1, "3")]
    await tell(shop, *lines, stages=["shipped", "delivered", "lost", "canceled"])
    await tell(shop, *reversed(lines), stages=["canceled", "lost", "delivered", "shipped"], **NOTE)
    answer = await tell(shop, *lines[2:], *lines[:2], stages=["lost", "canceled", "shipped", "delivered"])
    assert await units(shop, answer["order"]) == [{"shipped": 1}, {"delivered": 1}, {"lost": 2}, {"canceled": 1}]
    assert await corrections(shop) == []
    assert await exceptions(shop) == []


async def test_a_line_that_went_and_comes_again_is_the_same_line(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 2), ("CUP", 1))
    await tell(shop, ("CUP", 1))
    await tell(shop, ("MUG", 3), ("CUP", 1))
    rows = await shop.rows(
        "select line_no, code, ordered, total_minor from order_line where merchant_id = $1 order by 1", shop.merchant
    )
    assert [tuple(row.values()) for row in rows] == [(1, "MUG", 3, 3750), (2, "CUP", 1, 1250)]
    assert (await shop.now(answer["order"]))["owed"] == 5000


async def test_a_correction_is_dated_when_the_order_was_placed(shop: Shop) -> None:
    await tell(shop, ("MUG", 3), site="NJ", fulfilled_at=SENT)
    await tell(shop, ("MUG", 2), site="NJ", fulfilled_at=SENT)
    assert await happenings(shop) == [
        ("placed", PLACED), ("opened for history", PLACED), ("fulfilled", SENT), ("corrected", PLACED),
        ("corrected", SENT),
    ]  # fmt: skip
    assert await stock_moves(shop) == [
        ("import_opening", "MUG", "world", 3, PLACED), ("import_history", "MUG", "free", 3, SENT),
        ("import_history", "MUG", "world", 1, SENT),
    ]  # fmt: skip
    assert await shop.places("MUG") == {"HISTORY": 1}


async def test_what_was_canceled_stays_not_owed_when_prices_are_corrected(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 2), ("CUP", 1), stages=["canceled", "wanted"], shipping_minor=500)
    assert (await shop.now(answer["order"]))["owed"] == 1750
    await tell(shop, line("MUG", 2, "20"), line("CUP", 1, "10"), stages=["canceled", "wanted"], shipping_minor=300)
    assert (await shop.now(answer["order"]))["owed"] == 1300
    await tell(shop, line("MUG", 2, "20"), line("CUP", 1, "10"), stages=["canceled", "canceled"], shipping_minor=300)
    assert (await shop.now(answer["order"]))["owed"] == 0


async def test_what_was_refunded_stays_not_owed_when_prices_are_corrected(shop: Shop) -> None:
    happened = {"fulfilled_at": SENT, "refunded_minor": 700}
    answer = await tell(shop, ("MUG", 2), tenders=paid(2500), **happened)
    await tell(shop, line("MUG", 2, "13"), tenders=paid(2500), **happened)
    assert (await shop.now(answer["order"]))["owed"] == 1900


# What was billed and is told otherwise


async def papers(shop: Shop) -> list[tuple[str, int, int, list[tuple[str, int]]]]:
    """Series, number, amount, and units by SKU of every paper."""
    rows = await shop.rows(
        "select series, number, total_minor, content -> 'lines' as lines from invoice where merchant_id = $1"
        " order by invoice_id",
        shop.merchant,
    )
    return [
        (
            row["series"], row["number"], row["total_minor"],
            [(each["sku"], each["quantity"]) for each in msgspec.json.decode(row["lines"])],
        )
        for row in rows
    ]  # fmt: skip


async def bill(shop: Shop, order: str) -> tuple[int, int, int]:
    """What is billed and not credited, what is owed, what was paid and not given back."""
    now = await shop.now(order)
    return now["invoiced"] - now["credited"], now["owed"], now["earned"]


async def test_a_billed_order_that_is_told_again_with_fewer_goods_is_credited_the_difference(shop: Shop) -> None:
    happened = {"fulfilled_at": SENT, "refunded_minor": 700}
    order = (await tell(shop, ("MUG", 2), ("CUP", 1), tenders=paid(3750), **happened))["order"]
    assert await bill(shop, order) == (3050, 3050, 3050)
    await tell(shop, ("MUG", 1), ("CUP", 1), tenders=paid(3750), **happened)
    assert await bill(shop, order) == (1800, 1800, 3050)
    assert await papers(shop) == [
        ("HIST-INV", 1, 3750, [("MUG", 2), ("CUP", 1)]), ("HIST-CN", 1, 700, []), ("HIST-CN", 2, 1250, [("MUG", 1)]),
    ]  # fmt: skip
    await tell(shop, ("MUG", 1), ("CUP", 1), tenders=paid(3750), **happened, **NOTE)
    assert len(await papers(shop)) == 3
    (said,) = await shop.rows(
        "select data ->> 'credit_note' as note from event where merchant_id = $1 and data ->> 'what' = 'corrected'",
        shop.merchant,
    )
    assert said["note"] == "HIST-CN-000002"


async def test_told_back_with_all_its_goods_it_is_billed_for_them_again(shop: Shop) -> None:
    happened = {"fulfilled_at": SENT, "refunded_minor": 700, "tenders": paid(2500)}
    order = (await tell(shop, ("MUG", 2), **happened))["order"]
    await tell(shop, ("MUG", 1), **happened)
    await tell(shop, ("MUG", 2), **happened)
    assert await bill(shop, order) == (1800, 1800, 1800)
    assert (await papers(shop))[2:] == [("HIST-CN", 2, 1250, [("MUG", 1)]), ("HIST-INV", 2, 1250, [("MUG", 1)])]
    # Nothing of it is left to be billed here.
    await shop.refuses("issue_invoice", AlreadyInvoiced, order=order)


async def test_a_refund_of_what_was_canceled_is_not_credited_again_when_that_is_told_no_more(shop: Shop) -> None:
    about = {"tenders": paid(2500), "refunded_minor": 1250}
    order = (await tell(shop, ("MUG", 1), ("CUP", 1), stages=["delivered", "canceled"], **about))["order"]
    assert await bill(shop, order) == (1250, 1250, 1250)
    await tell(shop, ("MUG", 1), stages=["delivered"], **about)
    assert await bill(shop, order) == (1250, 1250, 1250)
    assert [paper[:3] for paper in await papers(shop)] == [("HIST-INV", 1, 2500), ("HIST-CN", 1, 1250)]
    await tell(shop, ("MUG", 1), stages=["delivered"], tenders=paid(2500), refunded_minor=1300)
    assert await bill(shop, order) == (1200, 1200, 1200)


async def test_what_was_refunded_whole_has_nothing_left_to_credit(shop: Shop) -> None:
    happened = {"fulfilled_at": SENT, "refunded_minor": 2500, "tenders": paid(2500)}
    order = (await tell(shop, ("MUG", 2), **happened))["order"]
    await tell(shop, ("MUG", 1), **happened)
    assert await bill(shop, order) == (0, 0, 0)
    assert len(await papers(shop)) == 2
    await tell(shop, ("MUG", 3), **happened)
    assert await bill(shop, order) == (1250, 1250, 0)


async def test_a_refund_that_grows_after_a_correction_is_credited_by_what_it_grew(shop: Shop) -> None:
    order = (await tell(shop, ("MUG", 2), fulfilled_at=SENT, tenders=paid(2500), refunded_minor=500))["order"]
    await tell(shop, ("MUG", 1), fulfilled_at=SENT, tenders=paid(2500), refunded_minor=900)
    assert await bill(shop, order) == (350, 350, 1600)
    assert [paper[:3] for paper in (await papers(shop))[2:]] == [("HIST-CN", 2, 1250), ("HIST-CN", 3, 400)]


async def test_other_prices_and_taxes_are_credited_to_the_cent(shop: Shop) -> None:
    happened = {"fulfilled_at": SENT, "refunded_minor": 500, "tenders": paid(3000)}
    order = (await tell(shop, ("MUG", 2), tax_minor=500, **happened))["order"]
    await tell(shop, line("MUG", 2, "10"), tax_minor=400, **happened)
    assert (await bill(shop, order))[:2] == (1900, 1900)
    rows = await shop.rows(
        "select kind, total_minor, tax_minor from invoice where merchant_id = $1 order by invoice_id", shop.merchant
    )
    assert [tuple(row.values()) for row in rows] == [
        ("invoice", 3000, 500), ("credit_note", 500, 83), ("credit_note", 600, 101),
    ]  # fmt: skip
    # The tax that is left is the part of 4.00 that 19.00 of 24.00 are.
    assert 500 - 83 - 101 == 400 * 1900 // 2400


async def test_what_was_billed_here_is_credited_and_billed_by_the_difference_too(shop: Shop) -> None:
    order = (await tell(shop, ("MUG", 2), fulfilled_at=SENT))["order"]
    await shop.do("issue_invoice", order=order)
    await tell(shop, ("MUG", 1), fulfilled_at=SENT)
    assert (await bill(shop, order))[:2] == (1250, 1250)
    assert [paper[:3] for paper in await papers(shop)] == [("INV", 1, 2500), ("HIST-CN", 1, 1250)]
    await tell(shop, ("MUG", 1), ("CUP", 1), fulfilled_at=SENT)
    assert (await bill(shop, order))[:2] == (2500, 2500)
    assert (await papers(shop))[2:] == [("HIST-INV", 1, 1250, [("CUP", 1)])]


async def test_units_that_a_credit_took_back_stand_in_the_way_of_a_correction(shop: Shop) -> None:
    about = {"buyer": {"name": "Ada", "customer": "17850"}}
    answer = await tell(shop, ("MUG", 3), ("CUP", 1), fulfilled_at=SENT, **about)
    credit = {"sku": "MUG", "quantity": -2, "unit_price": "12.50"}
    await shop.do(
        "import_correction", kind="credit", external_id="C1", channel="api", happened_at=CAME, currency="USD",
        lines=[credit], buyer={"customer": "17850"},
    )  # fmt: skip
    refused = await tell(shop, ("MUG", 1), ("CUP", 2), fulfilled_at=SENT, **about)
    assert refused["contradictions"] == ["correction_not_applied"]
    assert await units(shop, answer["order"]) == [{"shipped": 1, "taken_back": 2}, {"shipped": 1}]
    (one,) = await exceptions(shop)
    assert one["reason"] == "what is told of lines/1 now cannot be taken over"
    assert {"field": "lines/1/quantity", "before": 3, "now": 1} in one["why"]["differences"]
    await tell(shop, ("MUG", 1), ("CUP", 2), fulfilled_at=SENT, **about, **NOTE)
    assert await open_kinds(shop) == ["correction_not_applied"]
    await tell(shop, ("MUG", 2), ("CUP", 2), fulfilled_at=SENT, **about)
    assert await open_kinds(shop) == []
    assert await units(shop, answer["order"]) == [{"taken_back": 2}, {"shipped": 2}]
    assert (await shop.now(answer["order"]))["owed"] == 2500


async def test_another_currency_cannot_be_taken_over(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 2))
    await tell(shop, ("MUG", 3), currency="EUR")
    assert (await shop.now(answer["order"]))["ordered"] == 2
    (one,) = await exceptions(shop)
    assert (one["kind"], one["reason"]) == (
        "correction_not_applied", "what is told of currency now cannot be taken over",
    )  # fmt: skip
    assert one["why"]["differences"][0] == {"field": "currency", "before": "USD", "now": "EUR"}


async def test_parcels_follow_the_lines_that_were_corrected(shop: Shop) -> None:
    boxes = [box(shop, "NJ", 1, handed_over_at=SENT), box(shop, "PL", 2, handed_over_at=SENT)]
    answer = await tell(shop, ("MUG", 2), ("CUP", 1), parcels=boxes)
    await tell(shop, ("MUG", 5), ("LAMP", 1), parcels=[box(shop, "NJ", 1, 2, handed_over_at=SENT)])
    assert [(each["reference"], each["inside"]) for each in await parcels(shop)] == [
        ("NJ", {"1": 5, "3": 1}),
        ("PL", {}),
    ]
    assert await counted(shop, answer["order"]) == {"parcels_in_transit": 1}
    assert await exceptions(shop) == []


async def test_services_are_corrected_like_goods(shop: Shop) -> None:
    card = {"title": "A card", "quantity": 2, "unit_price": "1.00", "ships": False}
    answer = await tell(shop, ("MUG", 1), card)
    await tell(shop, ("MUG", 1), card | {"quantity": 1}, {**card, "title": "A ribbon"})
    now = await shop.now(answer["order"])
    assert (now["services"], now["delivered"], now["owed"]) == (3, 3, 1550)


async def test_who_bought_and_where_it_went_is_taken_over_whatever_left(shop: Shop) -> None:
    await tell(shop, ("MUG", 2), fulfilled_at=SENT)
    ship_to = {"name": "Bo", "line1": "1 Quay", "city": "Cork", "postcode": "T12", "country": "IE"}
    answer = await tell(
        shop, ("MUG", 2), fulfilled_at=SENT, buyer={"name": "Bo", "customer": "17850"}, ship_to=ship_to,
        number="#7-A", tags=["late"], note="n", payment_term="on_account", shipping_method="Express",
    )  # fmt: skip
    (row,) = await shop.rows(
        "select customer, email, ship_to ->> 'city' as city, number, tags, payment_term, shipping_method from orders"
        " where merchant_id = $1",
        shop.merchant,
    )
    assert tuple(row.values()) == ("17850", "", "Cork", "#7-A", ["late"], "on_account", "Express")
    assert (answer["changed"], answer["contradictions"]) == (True, [])


# Goods that left


async def test_goods_leave_where_their_parcel_stood_and_what_was_missing_there_is_opened(shop: Shop) -> None:
    boxes = [box(shop, "NJ", 1, handed_over_at=SENT), box(shop, "PL", 2)]
    await tell(shop, ("MUG", 2), ("CUP", 1), site="NJ", parcels=boxes)
    assert await stock_moves(shop) == [
        ("import_opening", "MUG", "world", 2, PLACED), ("import_history", "MUG", "free", 2, SENT),
    ]  # fmt: skip
    assert (await shop.free("MUG"), await shop.free("CUP", "PL")) == (0, 0)


async def test_what_was_opened_before_is_used_and_orders_of_one_batch_share_it(shop: Shop) -> None:
    goods = {"sku": "MUG", "site": shop.site("NJ"), "quantity": 5}
    await shop.do("import_opening", goods=goods, at=PLACED)
    await shop.stock("MUG", 9)
    bodies = [
        {
            "order": shop.order(("MUG", 3), external_id=str(n), placed_at=PLACED),
            "happened": {"fulfilled_at": SENT}, "site": shop.site("NJ"),
        }
        for n in range(2)
    ]  # fmt: skip
    await shop.ask_all("import_history", bodies)
    assert await stock_moves(shop) == [
        ("import_history", "MUG", "free", 3, SENT), ("import_opening", "MUG", "world", 1, PLACED),
        ("import_history", "MUG", "free", 3, SENT),
    ]  # fmt: skip
    assert await shop.places("MUG") == {"A-1": 9}


async def test_what_is_promised_to_somebody_never_leaves_for_the_past(shop: Shop) -> None:
    goods = {"sku": "MUG", "site": shop.site("NJ"), "quantity": 4}
    await shop.do("import_opening", goods=goods, at=PLACED)
    await shop.place(("MUG", 3), payment_term="on_account", reserve="now")
    await tell(shop, ("MUG", 4), site="NJ", fulfilled_at=SENT)
    assert await shop.availability("MUG") == {"free": 0, "reserved": 3, "picked": 0, "packed": 0, "quarantine": 0}


async def test_goods_that_came_back_are_there_again_if_they_had_left(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 3), site="NJ", stages=["delivered"])
    await tell(shop, ("MUG", 3), site="NJ", stages=["taken_back"], refunded_at=CAME)
    assert await units(shop, answer["order"]) == [{"taken_back": 3}]
    assert (await stock_moves(shop))[-1] == ("import_history", "MUG", "world", 3, CAME)
    assert await shop.places("MUG") == {"HISTORY": 3}
    other = shop.order(("CUP", 2), external_id="8", placed_at=PLACED)
    await shop.do("import_history", order=other, happened={"stages": ["taken_back"]}, site=shop.site("NJ"))
    assert await shop.places("CUP") == {}


async def test_what_was_restocked_there_left_and_came_back(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 2), site="NJ", fulfilled_at=SENT, came_back=True, refunded_at=CAME)
    assert await units(shop, answer["order"]) == [{"taken_back": 2}]
    assert [(verb, source, count) for verb, _, source, count, _ in await stock_moves(shop)] == [
        ("import_opening", "world", 2), ("import_history", "free", 2), ("import_history", "world", 2),
    ]  # fmt: skip


async def test_services_and_unknown_items_move_no_stock(shop: Shop) -> None:
    await tell(
        shop, {"title": "A thing", "quantity": 1, "unit_price": "1"},
        {"title": "A card", "quantity": 1, "unit_price": "1", "ships": False}, site="NJ", fulfilled_at=SENT,
    )  # fmt: skip
    assert await stock_moves(shop) == []


async def test_a_historic_order_that_a_plain_import_brings_again_moves_on_too(shop: Shop) -> None:
    answer = await tell(shop, ("MUG", 2))
    again = told(shop, ("MUG", 2), fulfilled_at=SENT, tenders=paid(2500))
    del again["site"]
    same = await shop.do("place", **again, generous=True)
    assert (same["order"], same["changed"]) == (answer["order"], True)
    assert await units(shop, answer["order"]) == [{"shipped": 2}]


async def test_what_is_no_price_is_refused_and_changes_nothing(shop: Shop) -> None:
    await tell(shop, ("MUG", 2))
    await shop.refuses("import_history", Invalid, **told(shop, line("MUG", 2, "-1")))
