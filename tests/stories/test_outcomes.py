"""What a rule expects of its outcome is what the books say after it; streams change together or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import msgspec
import pytest

from doorstep.spine.after import after
from doorstep.spine.facts import OrderFacts, order_facts
from doorstep.spine.outcome import Ask, Delete, Demand, Event, Outcome, Update
from doorstep.spine.record import NotOnTheTable, record
from doorstep.spine.statement import RowsMissing
from doorstep.spine.tenant import Db, Tx, tenant_tx
from doorstep.spine.verbs import VERBS
from tests.shop import Shop, open_shop


async def facts(tx: Tx, order: str) -> OrderFacts:
    return (await order_facts(tx, [int(order[4:])]))[int(order[4:])]


async def expected_and_found(shop: Shop, verb: str, order: str, **body: Any) -> tuple[OrderFacts, OrderFacts]:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        ask = Ask(shop.merchant, msgspec.convert({"order": order, **body}, VERBS[verb].body), shop.at)
        before = await facts(tx, order)
        (outcome,) = await VERBS[verb].run(tx, [ask])
        assert isinstance(outcome, Outcome)
        await record(tx, [(ask, outcome)])
        return after(before, outcome), await facts(tx, order)


async def test_an_order_after_an_outcome_is_what_the_rule_says_it_will_be(shop: Shop) -> None:
    await shop.stock("MUG", 2, "NJ")
    await shop.stock("LAMP", 1, "NJ")
    order = await shop.place(("MUG", 3), ("LAMP", 1), payment_term="on_account")
    steps: list[tuple[str, dict[str, Any]]] = [
        ("check", {}),
        ("promise", {}),
        ("hold", {"type": "operator", "reason": "wait", "line": 1}),
        ("unpromise", {"line": 1, "quantity": 1}),
        ("cancel", {"lines": [{"line": 1, "quantity": 2}]}),
        ("cancel", {}),
    ]
    for verb, body in steps:
        expected, found = await expected_and_found(shop, verb, order, **body)
        assert expected.lines == found.lines, verb
        assert expected.allocations == found.allocations, verb
        assert [hold.hold_id for hold in expected.holds] == [hold.hold_id for hold in found.holds], verb
        assert expected.row == found.row, verb
    assert found.row["stage"] == "canceled"


def canceling(order: str, merchant: int, units: int) -> Outcome:
    move = Demand(1, units, "wanted", "canceled")
    return Outcome(merchant, ("order", int(order[4:])), [Event("cancel", [move])])


async def test_outcomes_that_belong_together_are_written_together_or_not_at_all(shop: Shop) -> None:
    first, second = await shop.place(("MUG", 2)), await shop.place(("MUG", 2))
    ask: Ask[Any] = Ask(shop.merchant, None, shop.at)
    for units, worked in ((9, False), (2, True)):
        outcome = canceling(first, shop.merchant, 2)
        outcome.more.append(canceling(second, shop.merchant, units))
        if worked:
            async with tenant_tx(shop.db, [shop.merchant]) as tx:
                await record(tx, [(ask, outcome)])
        else:
            with pytest.raises(asyncpg.CheckViolationError):
                async with tenant_tx(shop.db, [shop.merchant]) as tx:
                    await record(tx, [(ask, outcome)])
        assert [(await shop.now(order))["canceled"] for order in (first, second)] == [2 * worked, 2 * worked]


async def test_only_what_a_corrected_paper_says_no_more_may_go(shop: Shop) -> None:
    """Holds, papers and payments stay for ever; a row that was to go must be there."""
    ask: Ask[Any] = Ask(shop.merchant, None, shop.at)
    gone = Outcome(shop.merchant, ("correction", 1), [], facts=[Delete("hold", {"hold_id": 1})])
    with pytest.raises(NotOnTheTable, match="rows of hold stay"):
        async with tenant_tx(shop.db, [shop.merchant]) as tx:
            await record(tx, [(ask, gone)])
    gone.facts = [Delete("correction_line", {"correction_id": 1, "line_no": 1})]
    with pytest.raises(RowsMissing, match="correction_line: 1 rows were to change, 0 did"):
        async with tenant_tx(shop.db, [shop.merchant]) as tx:
            await record(tx, [(ask, gone)])


async def test_what_is_to_be_packed_is_moved_and_never_set(shop: Shop) -> None:
    ask: Ask[Any] = Ask(shop.merchant, None, shop.at)
    where, set_by_hand = {"fulfillment_order_id": 1}, {"to_pack": 0}
    facts: list[Any] = [Update("fulfillment_order", where, set_by_hand)]
    with pytest.raises(NotOnTheTable, match="fulfillment_order is not a table of facts, or has balances too"):
        async with tenant_tx(shop.db, [shop.merchant]) as tx:
            await record(tx, [(ask, Outcome(shop.merchant, ("order", 1), [], facts=facts))])


async def test_an_outcome_never_carries_another_merchants() -> None:
    outcome = canceling("ord_1", 1, 1)
    outcome.more.append(canceling("ord_2", 2, 1))
    with pytest.raises(ValueError, match="merchant 2"):
        list(outcome.whole())


async def test_tasks_that_draw_ids_at_once_never_draw_the_same(shop: Shop) -> None:
    async def draw() -> list[int]:
        async with tenant_tx(shop.db, [shop.merchant]) as tx:
            return [number for _ in range(3) for number in await tx.fresh_ids(200)]

    drawn = [number for numbers in await asyncio.gather(*(draw() for _ in range(6))) for number in numbers]
    assert len(set(drawn)) == len(drawn) == 3600


async def test_questions_that_are_asked_together_have_their_own_answers(shop: Shop) -> None:
    order = await shop.place(("MUG", 2), ("LAMP", 1))
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        lines = "select line_no, unit_price from order_line where merchant_id = any($1) and order_id = any($2)"
        none = "select hold_id from hold where merchant_id = any($1) and order_id = any($2) and line_no = 99"
        tags = "select tags, placed_at from orders where merchant_id = any($1) and order_id = any($2)"
        at = ([shop.merchant], [int(order[4:])])
        found = await tx.together((f"{lines} order by line_no desc", none, tags), *at)
        assert found[:2] == [[tuple(row) for row in await tx.rows(f"{lines} order by line_no desc", *at)], []]
        assert found[2] == [tuple(row) for row in await tx.rows(tags, *at)]


async def test_facts_that_were_not_asked_for_are_no_empty_list(shop: Shop) -> None:
    order = await shop.place(("MUG", 2))
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        (one,) = (await order_facts(tx, [int(order[4:])], reads=("ordered",))).values()
        assert one.row["ordered"] == 2 and not one.row.keys() & {"currency", "buyer", "owed", "stage"}
        for read in (
            lambda: one.line(1), lambda: list(one.lines), lambda: list(one.allocations), lambda: bool(one.lines),
            lambda: one.stopped("pick"),
        ):  # fmt: skip
            with pytest.raises(AssertionError, match="were not read"):
                read()
        with pytest.raises(ValueError, match="an order has no"):
            await order_facts(tx, [int(order[4:])], reads=("weight",))


async def test_what_is_read_of_an_order_is_as_it_is_under_its_lock(shop: Shop) -> None:
    """Whoever waited for the lock is shown what the one before did."""
    order = await shop.place(("MUG", 2))
    number, of = int(order[4:]), "where merchant_id = $1 and order_id = $2"
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await order_facts(tx, [number], reads=())
        waiting = asyncio.create_task(_read(shop, number))
        await asyncio.sleep(0.1)
        await tx.run(f"update order_now set drafts = 1 {of}", shop.merchant, number)
        await tx.run(f"update orders set tags = array['gift'] {of}", shop.merchant, number)
        assert not waiting.done()
    read = await waiting
    assert (read.row["drafts"], read.row["stage"], read.row["tags"]) == (1, "draft", ["gift"])
    await shop.rows(f"update order_now set drafts = 0 {of}", shop.merchant, number)


async def _read(shop: Shop, order: int) -> OrderFacts:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        return (await order_facts(tx, [order], reads=("drafts", "stage", "tags")))[order]


HARD_WORDS = ('Mug, "large"', "O'Neil \\ Söhne", "{NULL}", "null", "𝒜 $1 茶", "")
# What tells one order from another: left out where rows are compared.
ROWS = """
select 'line ' || jsonb_build_object('line', l.line_no, 'title', l.title, 'price', l.unit_price, 'code', l.code,
    'ordered', l.ordered, 'promised', l.promised, 'picked', l.picked, 'packed', l.packed, 'shipped', l.shipped)::text
    as row
  from order_line l where l.merchant_id = $1 and l.order_id = $2
union all
select 'allocation ' || jsonb_build_object('line', a.line_no, 'site', a.site_id, 'sku', a.sku_id, 'lot', a.lot,
    'promised', a.promised, 'picked', a.picked, 'packed', a.packed, 'shipped', a.shipped)::text
  from allocation a where a.merchant_id = $1 and a.order_id = $2
union all
select 'order ' || jsonb_build_object('buyer', o.buyer, 'to', o.ship_to, 'note', o.note, 'tags', o.tags,
    'total', o.total_minor, 'placed', o.placed_at, 'included', o.tax_included)::text
  from orders o where o.merchant_id = $1 and o.order_id = $2
union all
select 'event ' || e.seq || e.verb || e.happened_at from event e where e.merchant_id = $1 and e.id = $2
union all
select 'now ' || (to_jsonb(n) - 'order_id')::text from order_now n where n.merchant_id = $1 and n.order_id = $2
order by 1
"""


@pytest.mark.parametrize("lines", [1, 3, 9])
async def test_an_order_that_goes_alone_and_orders_that_go_in_a_list_leave_the_same_rows(db: Db, lines: int) -> None:
    """Alone, what it writes is spelled out value by value; in a list it travels as arrays."""
    shop = await open_shop(db, hold_duplicates=False)
    await shop.stock("MUG", 100, "NJ")
    told = [
        {"sku": "MUG", "quantity": 1, "unit_price": "12.50", "title": HARD_WORDS[n % len(HARD_WORDS)] or "Mug"}
        for n in range(lines)
    ]
    body = {"order": shop.order(*told, note="\n".join(HARD_WORDS), tags=list(HARD_WORDS[:-1]), reserve="now")}
    answers = [*await shop.ask_all("place", [body]), *await shop.ask_all("place", [body, body])]
    single, first, second = (str(answer["order"]) for answer in answers if isinstance(answer, dict))
    await shop.do("check", order=single)
    await shop.ask_all("check", [{"order": first}, {"order": second}])
    left = [await shop.rows(ROWS, shop.merchant, int(order[4:])) for order in (single, first, second)]
    assert len(left[0]) > 2 * lines
    assert left[0] == left[1] == left[2]
    assert "𝒜" in str(left[0])
    await shop.audit()
