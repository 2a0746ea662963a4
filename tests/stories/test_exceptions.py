"""Exceptions: whatever stage raised it, it is in one list, says what to do, and ends once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import doorstep
from doorstep.doors.reads.exceptions import (
    COUNTED,
    HOW_MANY,
    SUMMARY,
    ExceptionQuery,
    ExceptionRow,
    exceptions,
    summary,
)
from doorstep.doors.resolving import Resolution, Resolved, resolve, resolve_kind
from doorstep.kit.embedded import Urls
from doorstep.kit.ids import NotAnId
from doorstep.kit.refusals import NotFound
from doorstep.plug.states import TROUBLE_STATES
from doorstep.spine import jobs
from doorstep.spine.exceptions import MEANS, NEXT_ACTION, means, next_action
from doorstep.spine.holds import TYPES
from doorstep.spine.outcome import Actor
from doorstep.spine.tenant import tenant_tx
from tests.plans import forgotten, rows_read
from tests.shop import Shop

ADA = Actor("ada", frozenset({"operator"}))


async def counted(shop: Shop) -> dict[str, int]:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return await summary(tx, shop.merchant)


async def listed(shop: Shop, **query: Any) -> list[ExceptionRow]:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return (await exceptions(tx, shop.merchant, ExceptionQuery(**query))).exceptions


async def end(shop: Shop, *ids: str, **how: Any) -> Resolved:
    return await resolve(shop.db, shop.merchant, ids, Resolution(ADA, shop.at, **how))


async def end_kind(shop: Shop, kind: str, **how: Any) -> Resolved:
    return await resolve_kind(shop.db, shop.merchant, kind, Resolution(ADA, shop.at, **how))


async def stopped_job(shop: Shop, verb: str, body: dict[str, Any], error: str) -> str:
    """A job of that verb that failed too often."""
    (job,) = await shop.db.ids.draw(shop.db.pool, 1)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await tx.run(
            "insert into job (merchant_id, job_id, verb, body, due_at) values ($1, $2, $3, $4::jsonb, $5)",
            shop.merchant, job, verb, msgspec.json.encode(body).decode(), shop.at,
        )  # fmt: skip
        claimed = await jobs.claim(tx, shop.merchant, verb, shop.at, 10)
        await jobs.again(tx, [(one, error) for one in claimed if one.job_id == job], shop.at, tries=1)
    return f"job_{job}"


@pytest.fixture
async def busy(shop: Shop) -> Shop:
    """The floor, an import, somebody at the desk and the worker each had trouble."""
    await shop.stock("MUG", 5)
    order = await shop.place(("MUG", 2), payment_term="on_account", number="#1")
    ful = await shop.to_released(order)
    await shop.do("short", fulfillment_order=ful, line=1, quantity=1, bin="A-1")
    held = await shop.place(("MUG", 1), payment_term="on_account", number="#2")
    for _ in range(2):
        await shop.do("hold", order=held, type="fraud", reason="looks odd")
    canceled = shop.order(("CUP", 1), external_id="7", number="#3", placed_at=shop.at - timedelta(days=9))
    happened = {"fulfilled_at": shop.at - timedelta(days=8), "canceled_at": shop.at - timedelta(days=7)}
    await shop.do("import_history", order=canceled, happened=happened)
    await stopped_job(shop, "notify", {"order": held, "kind": "delayed"}, "the mail server is away")
    return shop


# One list


async def test_exceptions_of_every_stage_are_counted_by_kind(busy: Shop) -> None:
    assert await counted(busy) == {"hold:fraud": 2, "canceled_but_fulfilled": 1, "job:notify": 1, "short_pick": 1}


async def test_nothing_is_an_exception_in_a_shop_without_trouble(shop: Shop) -> None:
    assert await counted(shop) == {}
    assert await listed(shop) == []


async def test_each_says_whose_it_is_why_and_what_to_do_next(busy: Shop) -> None:
    (short,) = await listed(busy, kind="short_pick")
    (order,) = await busy.rows("select order_id from orders where merchant_id = $1 and number = '#1'", busy.merchant)
    assert short.id.startswith("att_")
    assert (short.order, short.number) == (f"ord_{order['order_id']}", "#1")
    assert short.reason == f"1 MUG missing from bin A-1 at {busy.site('NJ')}"
    assert (short.next_action, short.why["bin"], short.since) == ("count bin A-1", "A-1", busy.at)
    hold, _ = await listed(busy, kind="hold:fraud")
    assert hold.id.startswith("hld_")
    assert (hold.number, hold.reason, hold.next_action) == ("#2", "looks odd", "somebody should look at it")
    (job,) = await listed(busy, kind="job:notify")
    assert job.id.startswith("job_")
    assert (job.number, job.reason, job.why["kind"]) == ("#2", "the mail server is away", "delayed")
    assert job.next_action == "mend what the error names, then try the job again; or drop it"


async def test_a_job_about_a_parcel_is_about_its_order(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await shop.place(("MUG", 1), payment_term="on_account")
    parcel = await shop.to_packed(order)
    job = await stopped_job(shop, "buy_label", {"parcel": parcel}, "the carrier is away")
    (found,) = await listed(shop, order=order, kind="job:buy_label")
    assert (found.id, found.order, found.parcel) == (job, order, parcel)


async def test_pages_show_every_one_once_newest_first(busy: Shop) -> None:
    everything = [row.id for row in await listed(busy)]
    assert len(everything) == 5
    assert [int(word[4:]) for word in everything] == sorted((int(word[4:]) for word in everything), reverse=True)
    seen, cursor = [], None
    async with tenant_tx(busy.db, [busy.merchant], readonly=True) as tx:
        while True:
            page = await exceptions(tx, busy.merchant, ExceptionQuery(limit=2, cursor=cursor))
            seen += [row.id for row in page.exceptions]
            cursor = page.next
            if cursor is None:
                break
    assert seen == everything


async def test_the_list_is_narrowed_to_an_order(busy: Shop) -> None:
    (held,) = await busy.rows("select order_id from orders where merchant_id = $1 and number = '#2'", busy.merchant)
    found = await listed(busy, order=f"ord_{held['order_id']}")
    assert sorted(row.kind for row in found) == ["hold:fraud", "hold:fraud", "job:notify"]


# An end


async def test_an_attention_item_ends_once_and_keeps_who_when_and_why(busy: Shop) -> None:
    (short,) = await listed(busy, kind="short_pick")
    assert await end(busy, short.id, note="recounted: 4") == Resolved(resolved=1, before=[], refused=[])
    assert "short_pick" not in await counted(busy)
    again = await end(busy, short.id, note="another word")
    assert again.resolved == 0
    assert [(one.id, one.at, one.by) for one in again.before] == [(short.id, busy.at, "ada")]
    assert await listed(busy, kind="short_pick") == []
    (ended,) = await listed(busy, kind="short_pick", resolved=True)
    assert (ended.resolved_at, ended.resolved_by, ended.note) == (busy.at, "ada", "recounted: 4")


async def test_a_hold_ends_by_the_verb_and_the_note_stands_in_the_timeline(busy: Shop) -> None:
    first, second = await listed(busy, kind="hold:fraud")
    assert (await end(busy, first.id, note="called the buyer")).resolved == 1
    order = str(first.order)
    assert (await busy.timeline(order))[-2:] == ["lift", "note"]
    assert (await busy.now(order))["holds_open"] == 1
    assert (await counted(busy))["hold:fraud"] == 1
    again = await end(busy, first.id, second.id)
    assert (again.resolved, [one.id for one in again.before]) == (1, [first.id])
    assert "hold:fraud" not in await counted(busy)


async def test_a_hold_that_must_not_be_lifted_so_stays_open(shop: Shop) -> None:
    unknown = {"sku": "GHOST", "title": "A ghost", "quantity": 1, "unit_price": "1.00"}
    await shop.do("place", order=shop.order(unknown, channel="file", external_id="9"), generous=True)
    (hold,) = await listed(shop, kind="hold:unknown_item")
    came = await end(shop, hold.id)
    assert (came.resolved, [(one.id, one.code) for one in came.refused]) == (0, [(hold.id, "SkuUnknown")])
    assert await counted(shop) == {"hold:unknown_item": 1}


async def test_a_stopped_job_is_tried_again(busy: Shop) -> None:
    (job,) = await listed(busy, kind="job:notify")
    assert (await end(busy, job.id)).resolved == 1
    assert [verb for verb, _ in await busy.jobs()].count("notify") >= 1
    assert "job:notify" not in await counted(busy)
    again = await end(busy, job.id)
    assert (again.resolved, [one.id for one in again.before]) == (0, [job.id])


async def test_a_job_that_was_dropped_is_not_done_and_not_forgotten(busy: Shop) -> None:
    (job,) = await listed(busy, kind="job:notify")
    assert (await end(busy, job.id, drop=True, note="they know")).resolved == 1
    assert (
        await busy.rows("select 1 from job where merchant_id = $1 and job_id = $2", busy.merchant, int(job.id[4:]))
        == []
    )
    again = await end(busy, job.id)
    assert (again.resolved, [(one.id, one.by) for one in again.before]) == (0, [(job.id, "ada")])
    (kept,) = await listed(busy, kind="job:notify", resolved=True)
    assert (kept.reason, kept.note, kept.resolved_by) == ("the mail server is away", "they know", "ada")


@pytest.mark.parametrize("is_chosen", [False, True])
async def test_a_label_whose_job_was_dropped_is_not_waited_for_any_more(shop: Shop, is_chosen: bool) -> None:
    await shop.stock("MUG", 2)
    order = await shop.place(("MUG", 1), payment_term="on_account")
    parcel = await shop.to_packed(order)
    await shop.do("want_label", parcel=parcel)
    body: dict[str, Any] = {"parcel": parcel, "label_key": f"{parcel}.1"}
    if is_chosen:
        await shop.do("choose_label", **body, carrier="card", service="ground")
        older = await stopped_job(shop, "buy_label", body, "the carrier is away")
        assert (await end(shop, older, drop=True)).resolved == 1
        await shop.work()
        assert await listed(shop, kind="label_refused") == []  # the choice has a job of its own
        body["nth"] = 1
    job = await stopped_job(shop, "buy_label", body, "the carrier is away")
    assert (await end(shop, job, drop=True)).resolved == 1
    await shop.work()
    (row,) = await shop.rows("select label_state from parcel where merchant_id = $1", shop.merchant)
    assert row["label_state"] == "refused"
    (raised,) = await listed(shop, kind="label_refused")
    assert (raised.next_action == "ask the carrier") == is_chosen
    await shop.do("want_label", parcel=parcel)


async def test_a_label_for_the_way_back_whose_job_was_dropped_can_be_asked_for_again(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    parcel = await shop.to_packed(await shop.place(("MUG", 1), payment_term="on_account"))
    await shop.do("keep_label", parcel=parcel, carrier="card", tracking_number="T1")
    await shop.do("hand_over", parcel=parcel)
    name = (await shop.do("want_return_label", parcel=parcel))["return_label"]
    job = await stopped_job(shop, "buy_return_label", {"return_label": name, "parcel": parcel}, "the carrier is away")
    assert (await end(shop, job, drop=True)).resolved == 1
    await shop.work()
    assert (await shop.do("want_return_label", parcel=parcel))["return_label"] != name


async def test_all_of_a_kind_end_at_once(busy: Shop) -> None:
    assert (await end_kind(busy, "hold:fraud")).resolved == 2
    assert (await end_kind(busy, "canceled_but_fulfilled", note="they were sent back")).resolved == 1
    assert (await end_kind(busy, "job:notify", drop=True)).resolved == 1
    assert await counted(busy) == {"short_pick": 1}
    assert (await end_kind(busy, "canceled_but_fulfilled")).resolved == 0


async def test_another_merchants_exception_is_not_there_and_nothing_is_done(busy: Shop, other_shop: Shop) -> None:
    await other_shop.do("import_history", order=other_shop.order(("MUG", 1)), happened={"canceled": True})
    theirs = [row.id for row in await listed(busy)]
    (ours,) = await busy.rows(
        "select 'att_' || attention_id as id from attention where merchant_id = $1 and kind = 'short_pick'",
        busy.merchant,
    )
    for word in theirs:
        with pytest.raises(NotFound):
            await end(other_shop, word)
    with pytest.raises(NotFound):
        await end(busy, ours["id"], "att_999999999")
    assert (await counted(busy))["short_pick"] == 1
    with pytest.raises(NotAnId):
        await end(busy, "ord_1")


# What each kind means


def raised_kinds() -> Iterator[str]:
    """The kinds that the code raises by name: `{"attention_id": …, "kind": "short_pick", …}`."""
    for file in Path(doorstep.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Dict):
                given = {key.value: value for key, value in zip(node.keys, node.values, strict=True)
                         if isinstance(key, ast.Constant)}  # fmt: skip
                kind = given.get("kind")
                if "attention_id" in given and isinstance(kind, ast.Constant):
                    yield str(kind.value)


def test_every_kind_says_what_it_means_and_the_one_next_action() -> None:
    kinds = {*raised_kinds(), *(f"delivery_{state}" for state in {*TROUBLE_STATES, "returned_to_sender"})}
    assert {"short_pick", "put_back", "order_changed", "delivery_customs_hold"} <= kinds
    assert kinds - MEANS.keys() == set(), "say in spine/exceptions.py what they mean"
    assert MEANS.keys() == NEXT_ACTION.keys()
    assert next_action("hold:address") == TYPES["address"]
    assert means("hold:denied_party") == "an open hold (denied party) stops the order or a line of it"
    assert means("job:buy_label") == "what was to come next (buy label) was refused, or failed too often"
    assert (means("of_a_plugin"), next_action("of_a_plugin")) == ("of a plugin", "look at the reason")


MANY = """
insert into attention (merchant_id, attention_id, kind, reason, raised_at, resolved_at)
  select $1, $2 + n, (array['silence', 'short_pick', 'order_changed'])[1 + n * 3 / ($3 + 1)], 'too many', $4, $5
  from generate_series(1, $3) n
"""


async def test_among_a_hundred_thousand_open_ones_kinds_are_counted_no_further_than_is_shown(
    shop: Shop, urls: Urls
) -> None:
    """With the statistics that the database keeps by itself, and each kind behind all of the one before."""
    many, shown = 100_000, COUNTED + 1
    async with forgotten(urls, shop, "attention") as tx:
        for resolved_at in (shop.at, None):
            await tx.run(MANY, shop.merchant, next(await tx.fresh_ids(many + 1)), many, shop.at, resolved_at)
        await tx.run("analyze attention")
        exact, bounded = await summary(tx, shop.merchant), await summary(tx, shop.merchant, up_to=shown)
        read = await rows_read(tx, SUMMARY, [shop.merchant], shown), await rows_read(tx, HOW_MANY, [shop.merchant])
    assert sum(exact.values()) == many
    assert bounded == dict.fromkeys(sorted(exact), shown)
    assert max(read) < 4 * shown, read
