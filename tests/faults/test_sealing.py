"""The audit of what came in since the last seal: bounded, behind nobody, past nothing that nobody was told of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
from structlog.testing import capture_logs

from doorstep.doors.worker.schedule import seal_what_came_in
from doorstep.kit.embedded import Urls
from doorstep.spine.audit import audit
from doorstep.spine.sealing import Turn, audit_since, behind, one_turn
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.world import World
from tests.doors.web import settled
from tests.shop import Shop, open_shop


@dataclass
class Sealed:
    """A shop with goods and an order on its way, all of it sealed, and the owner's way past the books."""

    shop: Shop
    owner: asyncpg.Connection[asyncpg.Record]
    order: str

    async def since(self, at_once: int = 5000, *, wait: bool = True) -> Turn:
        """Sealed once all that happened can be; without waiting, so much of it as can be now."""
        if wait:
            await settled(self.shop)
        return await audit_since(self.shop.db, [self.shop.merchant], at_once=at_once)

    async def behind(self) -> int:
        """At how many merchants, this one alone: 0 or 1."""
        return (await behind(self.shop.db, [self.shop.merchant])).merchants

    async def damage(self, sql: str) -> None:
        await self.owner.execute(sql.format(m=self.shop.merchant, order=self.order[4:]))

    async def open_exceptions(self) -> list[str]:
        rows = await self.shop.rows(
            "select reason from attention where merchant_id = $1 and kind = 'books_broken' and resolved_at is null",
            self.shop.merchant,
        )
        return [row["reason"] for row in rows]


@pytest.fixture
async def sealed(urls: Urls, shop: Shop) -> AsyncIterator[Sealed]:
    owner = await asyncpg.connect(urls.owner)
    await owner.execute(f"set app.merchants = '{shop.merchant}'")
    await shop.stock("MUG", 20)
    await shop.stock("CUP", 20)
    order = await shop.place(("MUG", 2), payment_term="on_account")
    await shop.to_packed(order)
    opened = Sealed(shop, owner, order)
    assert (await opened.since()).ok
    yield opened
    await owner.close()


async def test_a_seal_covers_everything_once(sealed: Sealed) -> None:
    assert await sealed.behind() == 0
    assert await one_turn(sealed.shop.db, [sealed.shop.merchant]) is None
    await sealed.shop.place(("CUP", 1), payment_term="on_account")
    assert await sealed.behind() == 1
    turn = await sealed.since()
    assert turn.ok and turn.streams == 1
    assert await sealed.behind() == 0


async def test_a_seal_that_is_far_behind_comes_in_small_steps_to_the_same_end(sealed: Sealed) -> None:
    at_once = "select stage, place, quantity from sealed_stock where merchant_id = $1 order by 1, 2, 3"
    before = await sealed.shop.rows(at_once, sealed.shop.merchant)
    await sealed.damage("delete from seal; delete from sealed_stock")
    await settled(sealed.shop)
    step = await one_turn(sealed.shop.db, [sealed.shop.merchant], at_once=3)
    assert step and step.events == 3 and not step.places
    assert await sealed.behind() == 1
    rest = await sealed.since(at_once=3)
    assert rest.ok and rest.places
    assert await sealed.shop.rows(at_once, sealed.shop.merchant) == before


async def test_a_parcel_that_left_leaves_nothing_in_the_seal(sealed: Sealed) -> None:
    places = "select distinct place from sealed_stock where merchant_id = $1 and place like 'parcel:%'"
    (parcel,) = await sealed.shop.rows(places, sealed.shop.merchant)
    await sealed.shop.do(
        "keep_label", parcel=f"par_{parcel['place'][7:]}", carrier="post", tracking_number=f"T{sealed.order}"
    )
    await sealed.shop.do("hand_over", parcel=f"par_{parcel['place'][7:]}")
    assert (await sealed.since()).ok
    assert await sealed.shop.rows(places, sealed.shop.merchant) == []


async def test_a_parcel_that_holds_what_nobody_put_into_it_is_found_when_its_order_is_touched(sealed: Sealed) -> None:
    """Though nothing of its goods moved."""
    which = "where merchant_id = {m} and parcel_id in (select parcel_id from parcel where order_id = {order})"
    await sealed.damage(f"update parcel_line set quantity = quantity + 1 {which}")
    try:
        await sealed.shop.do("note", order=sealed.order, text="is it heavy?")
        (found,) = (await sealed.since()).found
        assert found[0].name == "places" and (found[1].expected, found[1].found) == ("2", "3")
    finally:
        await sealed.damage(f"update parcel_line set quantity = quantity - 1 {which}")
        await sealed.damage(
            "update attention set resolved_at = now() where merchant_id = {m} and kind = 'books_broken'"
        )


async def test_what_is_broken_is_found_when_it_is_touched_and_told_once(sealed: Sealed) -> None:
    await sealed.damage("update order_now set owed = owed + 1 where merchant_id = {m} and order_id = {order}")
    try:
        assert (await sealed.since()).ok, "nothing touched it yet"
        await sealed.shop.do("note", order=sealed.order, text="where is it?")
        assert [broken.what for _, broken in (await sealed.since()).found] == [f"{sealed.order} owed"]
        assert await sealed.behind() == 0, "the seal moves past it"
        await sealed.shop.do("note", order=sealed.order, text="still not here")
        again = await sealed.since()
        assert not again.ok and not again.found and again.again == 1
        assert len(await sealed.open_exceptions()) == 1
    finally:
        await sealed.damage("update order_now set owed = owed - 1 where merchant_id = {m} and order_id = {order}")


async def test_the_worker_is_loud_about_what_is_broken(sealed: Sealed) -> None:
    async def nobody(merchant: int, code: str) -> None:
        raise AssertionError("the audit calls nobody")

    await sealed.damage("update order_now set owed = owed + 1 where merchant_id = {m} and order_id = {order}")
    try:
        await sealed.shop.do("note", order=sealed.order, text="where is it?")
        await settled(sealed.shop)
        with capture_logs() as logs:
            await seal_what_came_in(World(sealed.shop.db, nobody, nobody, None), sealed.shop.at)
        ours = [log for log in logs if log.get("merchant") == sealed.shop.key]
        assert [(log["log_level"], log["law"], log["what"]) for log in ours] == [
            ("error", "cash", f"{sealed.order} owed")
        ]
    finally:
        await sealed.damage("update order_now set owed = owed - 1 where merchant_id = {m} and order_id = {order}")


async def test_what_nobody_mended_is_told_again_when_its_exception_was_resolved(sealed: Sealed) -> None:
    await sealed.damage("update order_now set owed = owed + 1 where merchant_id = {m} and order_id = {order}")
    try:
        for _ in range(2):
            await sealed.shop.do("note", order=sealed.order, text="where is it?")
            assert len((await sealed.since()).found) == 1
            assert len(await sealed.open_exceptions()) == 1
            await sealed.damage("update attention set resolved_at = now() where merchant_id = {m}")
    finally:
        await sealed.damage("update order_now set owed = owed - 1 where merchant_id = {m} and order_id = {order}")


async def test_goods_are_compared_with_what_the_seal_has_added_up(sealed: Sealed) -> None:
    broken = "update availability a set free = a.free + {by} from sku s where s.code = 'CUP' and a.merchant_id = {m}"
    broken += " and s.merchant_id = a.merchant_id and s.sku_id = a.sku_id"
    await sealed.damage(broken.replace("{by}", "3"))
    try:
        await sealed.shop.stock("MUG", 1)
        assert (await sealed.since()).ok, "cups were not touched"
        await sealed.shop.stock("CUP", 1)
        found = (await sealed.since()).found
        assert [(law.name, broken.expected, broken.found) for law, broken in found] == [("stock", "21", "24")]
    finally:
        await sealed.damage(broken.replace("{by}", "(-3)"))


async def test_a_seal_waits_for_a_transaction_that_began_before(sealed: Sealed) -> None:
    """What commits later sorts later: the goods that it moved are in no sum yet, and nothing looks broken."""
    shop = sealed.shop
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await tx.value("select pg_current_xact_id()")
        await shop.stock("CUP", 5)
        order = await shop.place(("CUP", 1), payment_term="on_account")
        await shop.to_packed(order)
        assert (await sealed.since(wait=False)).ok
        assert await sealed.behind() == 1
    turn = await sealed.since()
    assert turn.ok and turn.events
    assert await sealed.behind() == 0


async def test_two_that_seal_at_once_seal_everything_once(sealed: Sealed) -> None:
    for _ in range(5):
        await sealed.shop.place(("CUP", 1), payment_term="on_account")
    turns = await asyncio.gather(*(sealed.since(at_once=2) for _ in range(3)))
    while await sealed.behind():
        turns.append(await sealed.since())
    assert all(turn.ok for turn in turns)
    assert sum(turn.events for turn in turns) == 5


async def test_one_merchants_seal_tells_nothing_of_anothers(urls: Urls, sealed: Sealed, other_shop: Shop) -> None:
    await other_shop.place(("MUG", 1))
    assert (await behind(other_shop.db, [other_shop.merchant])).merchants == 1
    assert (await sealed.since()).events == 0
    await settled(other_shop)
    both = await audit_since(other_shop.db, [sealed.shop.merchant, other_shop.merchant])
    assert both.ok and both.streams == 1


async def test_the_whole_audit_and_the_seal_agree_on_a_life(own_urls: Urls) -> None:
    """Sealed after every few events, orders of several kinds end as the whole audit sees them."""
    db = await Db.open(own_urls.app, own_urls.router, size=4)
    try:
        shop = await open_shop(db)
        await shop.stock("MUG", 50)
        for number in range(4):
            order = await shop.place(("MUG", 2), ("LAMP", 1), payment_term="on_account")
            await audit_since(db)
            if number % 2:
                await shop.work()
                await shop.do("cancel", order=order, reason="changed my mind")
            await shop.work()
            await shop.receive("LAMP", 1)
            turn = await audit_since(db, at_once=4)
            assert turn.ok, turn.told()
        whole = await audit(db)
        assert whole.ok, whole.told()
    finally:
        await db.close()
