"""Migrations: each once, in order, by the owner; what was applied is never changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import asyncpg
import pytest

from doorstep.kit import migrate as migrations
from doorstep.kit.embedded import Urls
from doorstep.kit.migrate import Migration, in_order, migrate, packaged, pending
from doorstep.spine.audit import audit
from doorstep.spine.tenant import Db, tenant_tx
from tests.database import drop_database, make_database
from tests.shop import open_shop

FIRST = Migration("9001_pre_mug.sql", "create table mug (merchant_id bigint primary key);")
SECOND = Migration("9002_post_handle.sql", "alter table mug drop column if exists handle;")
THIRD = Migration("9003_pre_saucer.sql", "create table saucer (n int); select distribute('saucer');")


def known(*more: Migration) -> list[Migration]:
    return [*packaged(), *more]


@pytest.fixture
async def owner(own_urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(own_urls.owner)
    yield connection
    await connection.close()


async def test_each_file_is_applied_once_and_in_order(own_urls: Urls) -> None:
    assert await migrate(own_urls.owner, known(FIRST, SECOND)) == [FIRST.name, SECOND.name]
    assert await migrate(own_urls.owner, known(FIRST, SECOND)) == []
    assert await migrate(own_urls.owner, known(FIRST, SECOND, THIRD)) == [THIRD.name]


async def test_a_changed_file_is_refused_by_name(own_urls: Urls) -> None:
    await migrate(own_urls.owner, known(FIRST))
    with pytest.raises(migrations.MigrationChanged) as refused:
        await migrate(own_urls.owner, known(Migration(FIRST.name, FIRST.sql + "-- a word more")))
    assert refused.value.why == {"file": FIRST.name}


async def test_line_ends_are_no_change() -> None:
    [unix] = in_order([(FIRST.name, "select 1;\nselect 2;\n")])
    [windows] = in_order([(FIRST.name, "select 1;\r\nselect 2;\r\n")])
    assert unix.checksum == windows.checksum


async def test_a_database_of_a_newer_doorstep_is_refused(own_urls: Urls) -> None:
    await migrate(own_urls.owner, known(FIRST))
    with pytest.raises(migrations.DatabaseIsNewer) as refused:
        await pending(own_urls.owner)
    assert refused.value.why == {"migration": FIRST.name}


async def test_only_pre_stops_before_the_first_that_takes_away(own_urls: Urls) -> None:
    assert await migrate(own_urls.owner, known(FIRST, SECOND, THIRD), only_pre=True) == [FIRST.name]
    assert await migrate(own_urls.owner, known(FIRST, SECOND, THIRD)) == [SECOND.name, THIRD.name]


async def test_a_file_that_fails_leaves_nothing_of_itself(own_urls: Urls, owner: asyncpg.Connection) -> None:
    broken = Migration("9001_pre_broken.sql", "create table half (n int); create table half (n int);")
    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(own_urls.owner, known(broken))
    assert await owner.fetchval("select to_regclass('half') is null")
    assert await migrate(own_urls.owner, known(FIRST)) == [FIRST.name]


async def test_many_at_once_apply_each_file_once(own_urls: Urls) -> None:
    answers = await asyncio.gather(*(migrate(own_urls.owner, known(FIRST, THIRD)) for _ in range(6)))
    assert sorted(map(len, answers)) == [0, 0, 0, 0, 0, 2]


async def test_a_table_somebody_sits_on_is_waited_for_briefly_then_refused(
    own_urls: Urls, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "LOCK_TRIES", 1)
    monkeypatch.setattr(migrations, "LOCK_S", 0.2)
    await migrate(own_urls.owner, known(FIRST))
    widen = Migration("9004_pre_color.sql", "alter table mug add column color text;")
    async with owner.transaction():
        await owner.fetch("select merchant_id from mug")
        with pytest.raises(migrations.DatabaseInUse) as refused:
            await migrate(own_urls.owner, known(FIRST, widen))
    assert refused.value.why == {"migration": widen.name}
    assert await migrate(own_urls.owner, known(FIRST, widen)) == [widen.name]


async def test_who_is_ended_for_a_deadlock_tries_again(own_urls: Urls, owner: asyncpg.Connection) -> None:
    # Which of two that wait for each other PostgreSQL ends depends on its timers: this one is ended for certain. A
    # sequence remembers what is rolled back.
    await migrate(own_urls.owner, known(FIRST))
    await owner.execute("create sequence try")
    ended_once = """
        create table cup (n int);
        do $$ begin
            if nextval('try') = 1 then raise exception 'ended' using errcode = 'deadlock_detected'; end if;
        end $$;
    """
    crossed = Migration("9004_pre_crossed.sql", ended_once)
    assert await migrate(own_urls.owner, known(FIRST, crossed)) == [crossed.name]
    assert await owner.fetchval("select last_value from try") == 2


async def test_the_app_may_use_the_tables_and_not_change_them(own_urls: Urls) -> None:
    await migrate(own_urls.owner, known(FIRST))
    app = await asyncpg.connect(own_urls.app)
    try:
        await app.execute("insert into mug values (1)")
        assert await app.fetchval("select merchant_id from mug") == 1
        for statement in (
            "drop table mug",
            "create table mine (n int)",
            "delete from migration",
            "select distribute('mug')",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement)
    finally:
        await app.close()


async def test_the_router_reads_no_table_that_is_not_given_to_it(own_urls: Urls) -> None:
    await migrate(own_urls.owner, known(FIRST))
    router = await asyncpg.connect(own_urls.router)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await router.fetch("select merchant_id from mug")
    finally:
        await router.close()


async def test_what_no_label_cost_is_unknown_for_every_merchant(own_urls: Urls, owner: asyncpg.Connection) -> None:
    db = await Db.open(own_urls.app, own_urls.router, size=2)
    shops = [await open_shop(db) for _ in range(2)]
    for shop in shops:
        await shop.stock("MUG", 5)
        await shop.to_packed(await shop.place(("MUG", 1), payment_term="on_account"))
        async with tenant_tx(db, [shop.merchant]) as tx:
            await tx.run("update parcel set label_cost_minor = 0 where merchant_id = $1", shop.merchant)
    (name,) = [migration.name for migration in packaged() if migration.name.endswith("_label_costs.sql")]
    await owner.execute("delete from migration where name = $1", name)
    await owner.execute("drop index parcel_on_manifest")
    assert await migrate(own_urls.owner) == [name]
    for shop in shops:
        rows = await shop.rows("select label_cost_minor from parcel where merchant_id = $1", shop.merchant)
        assert [row["label_cost_minor"] for row in rows] == [None]
    await db.close()


async def test_no_stock_is_kept_of_a_parcel_that_was_packed_before(own_urls: Urls, owner: asyncpg.Connection) -> None:
    db = await Db.open(own_urls.app, own_urls.router, size=2)
    shops = [await open_shop(db) for _ in range(2)]
    for shop in shops:
        await shop.stock("MUG", 5)
        parcel = await shop.to_packed(await shop.place(("MUG", 2), payment_term="on_account"))
        async with tenant_tx(db, [shop.merchant]) as tx:
            packed = (
                "insert into bin_stock (merchant_id, sku_id, site_id, place, quantity)"
                " select merchant_id, sku_id, site_id, $2, packed from availability where merchant_id = $1"
            )
            await tx.run(packed, shop.merchant, f"parcel:{parcel[4:]}")
    assert not (await audit(db)).ok, "told twice"
    (name,) = [migration.name for migration in packaged() if migration.name.endswith("_parcels_tell.sql")]
    await owner.execute("delete from migration where name = $1", name)
    await owner.execute(
        "drop view place_stock; drop index parcel_here;"
        " create index parcel_to_leave on parcel (merchant_id, site_id);"
        " alter table parcel_line rename constraint parcel_short to parcel_line_quantity_check"
    )
    assert await migrate(own_urls.owner) == [name]
    for shop in shops:
        assert {place[:7]: units for place, units in (await shop.places("MUG")).items()} == {"A-1": 3, "parcel:": 2}
    assert (await audit(db)).ok
    await db.close()


async def test_of_old_authorizations_only_those_that_hold_money_can_run_out(
    own_urls: Urls, owner: asyncpg.Connection
) -> None:
    db = await Db.open(own_urls.app, own_urls.router, size=2)
    shops = [await open_shop(db) for _ in range(2)]
    until = "2030-01-01T00:00:00Z"
    for shop in shops:
        await shop.connect("payments", "simpay", "sim")
        for taken_minor in (2500, 1000):
            order = await shop.place(("MUG", 2), payment_token="tok_ok")
            payment = (await shop.do("want_authorization", order=order))["payment"]
            await shop.do("authorize", payment=payment, provider_ref="auth", expires_at=until)
            await shop.do("want_capture", order=order, amount_minor=taken_minor)
        for asked in await shop.rows(
            "select 'pay_' || payment_id as payment from payment where merchant_id = $1 and kind = 'capture'",
            shop.merchant,
        ):
            await shop.do("capture", **asked, provider_ref="cap")
        async with tenant_tx(db, [shop.merchant]) as tx:
            whole = "update payment set expires_at = $2 where merchant_id = $1 and kind = 'authorization'"
            await tx.run(whole, shop.merchant, datetime.fromisoformat(until))
    (name,) = [migration.name for migration in packaged() if migration.name.endswith("_authorizations_run_out.sql")]
    await owner.execute("delete from migration where name = $1", name)
    await owner.execute("drop index payment_expiring")
    assert await migrate(own_urls.owner) == [name]
    for shop in shops:
        rows = await shop.rows(
            "select expires_at is not null as may from payment where merchant_id = $1 and kind = 'authorization'"
            " order by payment_id",
            shop.merchant,
        )
        assert [row["may"] for row in rows] == [False, True]
    await db.close()


async def test_of_old_unpaid_orders_those_that_keep_goods_still_run_out(
    own_urls: Urls, owner: asyncpg.Connection
) -> None:
    """Also those that the old code takes in while the new one is there already; who pays meanwhile does not."""
    db = await Db.open(own_urls.app, own_urls.router, size=2)
    shops = [await open_shop(db) for _ in range(2)]
    await owner.execute("alter table fulfillment_order add column expires_at timestamptz")
    await owner.execute("create index fulfillment_order_expiring on fulfillment_order (merchant_id, expires_at)")
    until = datetime.fromisoformat("2030-01-01T00:00:00Z")
    first, late, paid = [], [], []
    for shop in shops:
        await shop.stock("MUG", 8)
        kept, canceled, meanwhile, paying = [await shop.place(("MUG", 2), reserve="now") for _ in range(4)]
        await shop.do("cancel", order=canceled)
        first, late, paid = [*first, kept], [*late, meanwhile], [*paid, paying]
        async with tenant_tx(db, [shop.merchant]) as tx:
            await tx.run("update fulfillment_order set expires_at = $2 where merchant_id = $1", shop.merchant, until)
    pre, post = [migration.name for migration in packaged() if migration.name.endswith("_orders_run_out.sql")]
    await owner.execute("delete from migration where name = any($1)", [pre, post])
    await owner.execute("alter table orders drop column expires_at")
    assert await migrate(own_urls.owner, only_pre=True) == [pre]
    for shop, meanwhile, paying in zip(shops, late, paid, strict=True):
        async with tenant_tx(db, [shop.merchant]) as tx:
            unknown = "update orders set expires_at = null where merchant_id = $1 and order_id = $2"
            await tx.run(unknown, shop.merchant, int(meanwhile[4:]))
        await shop.do("record_payment", order=paying, amount_minor=2500)
        await shop.do("check", order=paying)
    assert await migrate(own_urls.owner) == [post]
    for shop, kept, meanwhile in zip(shops, first, late, strict=True):
        query = "select 'ord_' || order_id as order, expires_at from orders where merchant_id = $1"
        found = {row["order"]: row["expires_at"] for row in await shop.rows(query, shop.merchant)}
        assert {order: at for order, at in found.items() if at} == {kept: until, meanwhile: until}
    await db.close()


def test_names_that_break_the_pattern_and_numbers_given_twice_are_mistakes() -> None:
    with pytest.raises(ValueError, match="call it NNNN"):
        in_order([("1_mug.sql", "")])
    with pytest.raises(ValueError, match="next free one"):
        in_order([("0001_pre_mug.sql", ""), ("0001_post_cup.sql", "")])


def test_the_package_carries_its_migrations() -> None:
    assert [migration.name for migration in packaged()][:1] == ["0001_pre_wall.sql"]


async def test_databases_of_two_workers_do_not_see_each_other() -> None:
    one = await asyncio.to_thread(make_database, "of_one")
    other = await asyncio.to_thread(make_database, "of_other")
    try:
        await migrate(one.owner, known(FIRST))
        connection = await asyncpg.connect(other.owner)
        assert await connection.fetchval("select to_regclass('mug') is null")
        await connection.close()
    finally:
        for name in ("of_one", "of_other"):
            await asyncio.to_thread(drop_database, name)
