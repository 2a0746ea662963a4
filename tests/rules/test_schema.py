"""The schema keeps the tenant wall and its keys; broken on purpose, each break is named with its mending."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from doorstep.kit.embedded import Urls
from tools.check_schema import EXEMPT_INDEXES, REFERENCE_TABLES, findings

GOOD = (
    "create table mug (merchant_id bigint not null, mug_id bigint not null, name text,"
    " primary key (merchant_id, mug_id)); select wall('mug');"
)


@pytest.fixture
async def owner(urls: Urls) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """The owner of the tables, in a transaction that is rolled back."""
    connection = await asyncpg.connect(urls.owner)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def test_the_schema_keeps_every_rule(owner: asyncpg.Connection[asyncpg.Record]) -> None:
    assert await findings(owner) == []


async def test_the_app_may_look_too(urls: Urls) -> None:
    app = await asyncpg.connect(urls.app)
    assert await findings(app) == []
    await app.close()


async def test_a_table_behind_the_wall_is_no_finding(owner: asyncpg.Connection[asyncpg.Record]) -> None:
    await owner.execute(GOOD)
    assert await findings(owner) == []


@pytest.mark.parametrize(
    ("ddl", "wrong", "mending"),
    [
        (
            "create table mug (mug_id bigint primary key)",
            "table mug has no merchant_id",
            "list it in REFERENCE_TABLES",
        ),
        (
            "create table mug (merchant_id integer, mug_id bigint primary key)",
            "the merchant_id of mug is integer and may be null",
            "bigint not null",
        ),
        (GOOD + "alter table mug drop constraint mug_pkey", "table mug has no primary key", "give it one"),
        (
            GOOD + "alter table mug drop constraint mug_pkey, add primary key (mug_id, merchant_id)",
            "the primary key mug_pkey of mug begins with mug_id",
            "put merchant_id first",
        ),
        (
            GOOD + "alter table mug add unique (name)",
            "the unique key mug_name_key of mug begins with name",
            "tells one merchant what another has",
        ),
        (
            GOOD + "create unique index mug_lower on mug (lower(name))",
            "the unique key mug_lower of mug begins with lower(name)",
            "put merchant_id first",
        ),
        (GOOD + "create index mug_name on mug (name)", "the index mug_name of mug begins with name", "put merchant_id"),
        (
            GOOD + "alter table mug add unique (merchant_id, mug_id, name), add parent bigint, add also text;"
            "create table saucer (merchant_id bigint, mug_id bigint, primary key (merchant_id, mug_id));"
            "select wall('saucer'); create unique index mug_alone on mug (mug_id);"
            "alter table saucer add constraint saucer_mug foreign key (mug_id) references mug (mug_id)",
            "the foreign key saucer_mug of saucer points to mug without the merchant",
            "references … (merchant_id, …)",
        ),
        (GOOD + "alter table mug disable row level security", "table mug has no row-level security", "select wall("),
        (
            GOOD + "alter table mug no force row level security",
            "table mug does not force row-level security on its owner",
            "select wall(",
        ),
        (GOOD + "drop policy tenant on mug", "table mug has no policy for all commands", "select wall("),
        (
            GOOD + "create policy everyone on mug using (true)",
            "the policy everyone of mug does not read the merchants of the transaction",
            "drop it",
        ),
        (
            GOOD + "drop policy tenant on mug; create policy tenant on mug using (merchant_id ="
            " any(string_to_array(current_setting('app.merchants'), ',')::bigint[])) with check (true)",
            "the policy tenant of mug does not read the merchants of the transaction",
            "drop it",
        ),
        ("create view mugs as select * from orders", "the view mugs reads with its owner's rights", "security_invoker"),
        (
            "create materialized view mugs as select 1 as one",
            "the materialized view mugs keeps rows of all merchants",
            "make it a table",
        ),
        (
            "create function peek() returns bigint language sql security definer as 'select 1::bigint'",
            "the function peek runs with its owner's rights",
            "DEFINER_FUNCTIONS",
        ),
        (
            "create table mug (merchant_id bigint, mug_id integer, primary key (merchant_id, mug_id));"
            "select wall('mug')",
            "the id mug.mug_id is integer",
            "make it bigint",
        ),
        (
            GOOD + "alter table mug add counted integer generated always as identity",
            "the id mug.counted is integer",
            "make it bigint",
        ),
        (GOOD + "alter table mug add counted serial", "the id mug.counted is integer", "make it bigint"),
        ("grant create on schema public to doorstep_app", "the role doorstep_app may create tables", "revoke"),
        ("grant truncate on sku to doorstep_app", "the role doorstep_app may truncate tables", "revoke"),
        ("grant update on event to doorstep_app", "the role doorstep_app may update event", "revoke it"),
        ("grant update (actor) on event to doorstep_app", "the role doorstep_app may update event", "revoke it"),
        ("grant delete on event to public", "the role doorstep_app may delete event", "revoke it"),
        ("grant select on route to doorstep_app", "the role doorstep_app may select route", "revoke it"),
        ("grant select on orders to doorstep_router", "the role doorstep_router may look into orders", "revoke it"),
        ("drop table session", "the exemption session names nothing", "take it off its list"),
    ],
)
async def test_a_break_is_found_with_its_mending(
    owner: asyncpg.Connection[asyncpg.Record], ddl: str, wrong: str, mending: str
) -> None:
    await owner.execute(ddl)
    found = await findings(owner)
    assert any(line.startswith(f"{wrong}. To mend: ") and mending in line for line in found), found


async def test_the_owner_itself_would_be_told_to_step_down(
    owner: asyncpg.Connection[asyncpg.Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    import tools.check_schema as linter

    name = await owner.fetchval("select current_user::text")
    rules = tuple(linter.Rule(rule.sql.replace(linter.APP, name), rule.mend) for rule in linter.RULES)
    monkeypatch.setattr(linter, "RULES", rules)
    found = await findings(owner)
    assert any(line.startswith(f"the role {name} owns tables. To mend: ") for line in found)


def test_every_exemption_has_its_reason() -> None:
    assert all(reason for reason in (*REFERENCE_TABLES.values(), *EXEMPT_INDEXES.values()))
