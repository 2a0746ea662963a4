"""Whatever a channel tells of an order, and in whatever order: the books hold, and told again nothing changes.

Where the later telling knows more, or corrects what was wrong, the books end as if only the last had ever been told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorstep.kit.embedded import Urls
from doorstep.spine.tenant import Db
from tests.shop import Shop, open_shop

PLACED = datetime(2025, 11, 3, 9, 30, tzinfo=UTC)
TIMES = [PLACED + timedelta(days=day) for day in range(-1, 8)]
STAGES = ("", "wanted", "shipped", "delivered", "taken_back", "lost", "canceled")
STATES = (
    "",
    "planned",
    "pre_transit",
    "in_transit",
    "exception",
    "lost",
    "delivered",
    "returning",
    "returned_to_sender",
)

items = st.tuples(
    st.sampled_from(("MUG", "CUP", "LAMP", "")), st.integers(0, 3), st.sampled_from(("12.50", "0.335")), st.booleans()
)
moments = st.sampled_from([None, *TIMES])


@st.composite
def tellings(draw: st.DrawFn) -> dict[str, Any]:
    """Anything that a channel may say, whether it can be true or not."""
    goods = draw(st.lists(items, max_size=3))
    numbers = range(1, len(goods) + 1)
    happened: dict[str, Any] = {}
    for name in ("approved_at", "fulfilled_at", "delivered_at", "canceled_at"):
        happened[name] = draw(moments)
    for name in ("canceled", "delivered", "came_back", "payments_told", "times_told"):
        happened[name] = draw(st.sampled_from((False, False, False, True)))
    happened["refunded_minor"] = draw(st.sampled_from((0, 0, 700, 99_999)))
    if draw(st.booleans()):
        happened["stages"] = [draw(st.sampled_from(STAGES)) for _ in goods]
    elif draw(st.booleans()):
        happened["fulfilled"] = [draw(st.integers(0, 3)) for _ in goods]
    if goods and draw(st.booleans()):
        happened["parcels"] = [
            {
                "reference": reference, "site": draw(st.sampled_from(("NJ", "PL"))),
                "lines": draw(st.lists(st.sampled_from(numbers), min_size=1, max_size=3)),
                "handed_over_at": draw(moments), "delivered_at": draw(moments), "state": draw(st.sampled_from(STATES)),
            }
            for reference in draw(st.lists(st.sampled_from("AB"), max_size=2, unique=True))
        ]  # fmt: skip
    amounts = draw(st.lists(st.sampled_from((0, 700, 1250)), max_size=3))
    kinds = st.sampled_from(("paid", "paid", "authorized"))
    about = {
        "tenders": [{"kind": draw(kinds), "amount_minor": amount, "method": "card"} for amount in amounts],
        "shipping_minor": draw(st.sampled_from((0, 500))), "tax_minor": draw(st.sampled_from((0, 77))),
        "currency": draw(st.sampled_from(("USD", "USD", "USD", "EUR"))),
    }  # fmt: skip
    return {"goods": goods, "about": about, "happened": happened, "site": draw(st.sampled_from(("", "NJ")))}


@st.composite
def growing(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Tellings of one channel that knows more each time, and corrects what it said of goods and amounts."""
    way = draw(st.sampled_from(("order", "stages", "parcels")))
    levels = sorted(draw(st.lists(st.integers(0, 2), min_size=2, max_size=4)))
    told: list[dict[str, Any]] = []
    refunded = 0
    for level in levels:
        goods = draw(st.lists(items, max_size=3, unique_by=lambda item: item[0]))
        times = {"handed_over_at": TIMES[2] if level else None, "delivered_at": TIMES[5] if level == 2 else None}
        happened: dict[str, Any] = {}
        if way == "stages":
            happened["stages"] = [("wanted", "shipped", "delivered")[level]] * len(goods)
        elif way == "parcels":
            at = {"NJ": [], "PL": []}  # type: dict[str, list[int]]
            for number, (sku, quantity, _, ships) in enumerate(goods, start=1):
                if quantity and ships:
                    at["PL" if sku == "CUP" else "NJ"].append(number)
            happened["parcels"] = [
                {"reference": site, "site": site, "lines": lines, **times} for site, lines in at.items() if lines
            ]
        else:
            happened |= {"fulfilled_at": times["handed_over_at"], "delivered_at": times["delivered_at"]}
        about = {
            "tenders": [{"kind": "paid", "amount_minor": 100 * n, "reference": str(n)} for n in range(level + 1)],
            "shipping_minor": draw(st.sampled_from((0, 500))), "discount_minor": 0,
        }  # fmt: skip
        paid = sum(tender["amount_minor"] for tender in about["tenders"])
        refunded = max(refunded, draw(st.sampled_from((0, 0, paid // 3, paid))))
        happened["refunded_minor"] = refunded
        told.append({"goods": goods, "about": about, "happened": happened, "site": "NJ" if way != "parcels" else ""})
    return told


def body_of(shop: Shop, told: dict[str, Any], external_id: str, **more: Any) -> dict[str, Any]:
    lines = [
        {"sku": sku, "title": "" if sku else "A thing", "quantity": quantity, "unit_price": price, "ships": ships}
        for sku, quantity, price, ships in told["goods"]
    ]
    happened = dict(told["happened"])
    if "parcels" in happened:
        happened["parcels"] = [each | {"site": shop.site(each["site"])} for each in happened["parcels"]]
    order = shop.order(*lines, external_id=external_id, placed_at=PLACED, **told["about"], **more)
    return {"order": order, "happened": happened, "site": shop.site(told["site"]) if told["site"] else ""}


Story = Callable[[Shop], Awaitable[None]]


@pytest.fixture(scope="module")
def in_a_shop(urls: Urls) -> Iterator[Callable[[Story], None]]:
    """Plays a story in a shop of its own, whose books hold at the end."""
    loop = asyncio.new_event_loop()
    db = loop.run_until_complete(Db.open(urls.app, urls.router, size=1))

    async def played(story: Story) -> None:
        shop = await open_shop(db)
        await story(shop)
        await shop.audit()

    yield lambda story: loop.run_until_complete(played(story))
    loop.run_until_complete(db.close())
    loop.close()


# What a note on the order changes; everything else must stay.
NOTED = ("orders", "event", "order_now")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(told=st.lists(tellings(), min_size=1, max_size=4))
def test_whatever_is_told_the_books_hold_and_told_again_nothing_changes(
    in_a_shop: Callable[[Story], None], told: list[dict[str, Any]]
) -> None:
    async def story(shop: Shop) -> None:
        for each in told:
            await shop.do("import_history", **body_of(shop, each, "7"))
            await shop.audit()
        before = await shop.books()
        again = await shop.do("import_history", **body_of(shop, told[-1], "7"))
        assert again.get("changed") is None
        assert await shop.books() == before
        # With a note it is another telling: all of it is looked at anew.
        noted = await shop.do("import_history", **body_of(shop, told[-1], "7", note="told again"))
        assert noted["changed"] is True
        after = await shop.books()
        assert {name: rows for name, rows in after.items() if name not in NOTED} == {
            name: rows for name, rows in before.items() if name not in NOTED
        }
        new = [event for event in after["event"] if event not in before["event"]]
        assert [(event["moves"], event["data"]) for event in new] == [([], {"what": "changed", "applied": ["note"]})]

    in_a_shop(story)


async def standing(shop: Shop, external_id: str) -> dict[str, Any]:
    """What an order is in the end, without how it came to it."""
    (row,) = await shop.rows(
        "select o.order_id, o.total_minor, o.lines_minor, o.shipping_minor, n.stage, n.payment, n.fulfillment,"
        " n.delivery, n.owed, n.earned, n.refunded, n.services, n.invoiced - n.credited as billed"
        " from orders o join order_now n using (merchant_id, order_id)"
        " where merchant_id = $1 and external_id = $2",
        shop.merchant, external_id,
    )  # fmt: skip
    order = row.pop("order_id")
    lines = await shop.rows(
        "select code, title, unit_price::text as price, total_minor, worth_minor, ordered, wanted, shipped, delivered"
        " from order_line where merchant_id = $1 and order_id = $2 and ordered > 0",
        shop.merchant, order,
    )  # fmt: skip
    parcels = await shop.rows(
        "select p.reference, p.state, p.handed_over_at, p.delivered_at, sum(l.quantity)::int as units from parcel p"
        " join parcel_line l using (merchant_id, parcel_id) where merchant_id = $1 and p.order_id = $2"
        " group by p.parcel_id, p.reference, p.state, p.handed_over_at, p.delivered_at having sum(l.quantity) > 0",
        shop.merchant, order,
    )  # fmt: skip
    left = await shop.rows(
        "select s.code, m.site_id, m.happened_at, sum(case when m.target = 'world' then m.quantity else -m.quantity"
        " end)::int as units from move m join sku s on s.merchant_id = m.merchant_id and s.sku_id = m.sku_id"
        " where m.merchant_id = $1 and m.kind = 'order' and m.id = $2 and m.verb = 'import_history'"
        " and m.what = 'stock' group by 1, 2, 3",
        shop.merchant, order,
    )  # fmt: skip
    payments = await shop.rows(
        "select amount_minor, provider_ref from payment where merchant_id = $1 and order_id = $2 and kind <> 'refund'",
        shop.merchant, order,
    )  # fmt: skip
    return {
        "order": row, "lines": _sorted(lines), "parcels": _sorted(parcels), "payments": _sorted(payments),
        "left": _sorted([each for each in left if each["units"]]),
    }  # fmt: skip


def _sorted(rows: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(tuple(map(str, row.values())) for row in rows)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(told=growing())
def test_a_channel_that_knows_more_each_time_ends_as_if_only_the_last_was_told(
    in_a_shop: Callable[[Story], None], told: list[dict[str, Any]]
) -> None:
    async def story(shop: Shop) -> None:
        for each in told:
            answer = await shop.do("import_history", **body_of(shop, each, "step by step"))
        at_once = await shop.do("import_history", **body_of(shop, told[-1], "at once"))
        assert answer.get("contradictions", []) == at_once["contradictions"] == []
        assert await standing(shop, "step by step") == await standing(shop, "at once")

    in_a_shop(story)
