"""migrate: the numbered SQL files of the package, each applied once, in order, by the owner of the tables.

`NNNN_pre_words.sql` adds and may run while the old code runs; `NNNN_post_words.sql` takes away and runs when the
old code is gone. A table is made, then `select distribute('table')`, then its foreign keys: on Citus that spreads it
over the machines, on plain PostgreSQL it says that no merchant is planned for in particular (decision 46).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from doorstep.kit.refusals import Refusal

if TYPE_CHECKING:
    import asyncpg

NAME = re.compile(r"(\d{4})_(pre|post)_[a-z0-9_]+\.sql")
# Any number will do as long as no other program of this database takes the same.
LOCK = 7_305_826_140
LOCK_TRIES, LOCK_S = 5, 5.0
# Who is frozen in the middle keeps whole tables locked: the database ends it.
FROZEN_AFTER_S = 30.0
BASE = "0000_base"
BASE_ROLES = ("doorstep_app", "doorstep_router")

MISSING_ROLES = """
select wanted.name from unnest($1::text[]) as wanted (name)
where not exists (select from pg_roles where rolname = wanted.name)
"""

IS_NEW = "select to_regclass('public.migration') is null"

APPLIED = "select name, checksum from migration"

RECORD = """
insert into migration (name, checksum) values ($1, $2)
on conflict (name) do update set checksum = excluded.checksum, applied_at = now()
"""

BASE_SQL = """
create table if not exists migration (
    name text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
);
grant select on migration to doorstep_app;

-- Sharded where merchant_id leads the primary key, else a reference table that every node has.
create or replace function distribute(relation text) returns void language plpgsql as $$
declare
    first_key text := (
        select attname from pg_index join pg_attribute on attrelid = indrelid and attnum = indkey[0]
        where indrelid = relation::regclass and indisprimary
    );
begin
    if not exists (select from pg_extension where extname = 'citus') then
        if first_key = 'merchant_id' then
            execute format('alter table %s alter merchant_id set statistics 1', relation::regclass);
        end if;
        return;
    end if;
    if first_key = 'merchant_id' then
        execute format('select create_distributed_table(%L, %L)', relation, first_key);
    else
        execute format('select create_reference_table(%L)', relation);
    end if;
end $$;

revoke all on function distribute(text) from public;
alter default privileges grant select, insert, update, delete on tables to doorstep_app;
alter default privileges grant usage on sequences to doorstep_app;
"""


class MigrationChanged(Refusal):
    """A migration that this database already has was changed afterwards; put the file back and write a new one."""

    status = 503


class DatabaseIsNewer(Refusal):
    """This database was migrated by a newer doorstep than this one; use that one."""

    status = 503


class RoleMissing(Refusal):
    """The database lacks a role that doorstep needs; create it (login, neither superuser nor owner, no bypassrls)."""

    status = 503


class DatabaseInUse(Refusal):
    """A migration did not get its lock; something long is running in the database. Nothing is half done: try again."""

    status = 503


@dataclass(frozen=True, slots=True, order=True)
class Migration:
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def takes_away(self) -> bool:
        return "_post_" in self.name


def packaged() -> list[Migration]:
    """The migrations that come with this doorstep, in order."""
    folder = files("doorstep.migrations")
    return in_order((file.name, file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".sql"))


def in_order(found: Iterable[tuple[str, str]]) -> list[Migration]:
    """Sorted by number; a name that breaks the pattern, or a number given twice, is a mistake in the code."""
    migrations = sorted(Migration(name, sql.replace("\r\n", "\n")) for name, sql in found)
    numbers: dict[str, str] = {}
    for migration in migrations:
        match = NAME.fullmatch(migration.name)
        if match is None:
            raise ValueError(f"{migration.name}: call it NNNN_pre_words.sql or NNNN_post_words.sql")
        other = numbers.setdefault(match[1], migration.name)
        if other != migration.name:
            raise ValueError(f"{migration.name} has the number of {other}: give it the next free one")
    return migrations


async def migrate(owner_url: str, migrations: list[Migration] | None = None, *, only_pre: bool = False) -> list[str]:
    """Apply what is missing; answers the names of what was applied."""
    import asyncpg

    known = packaged() if migrations is None else migrations
    connection = await asyncpg.connect(owner_url)
    try:
        if not await _pending(connection, known, only_pre):
            return []
        # Without a timeout: whoever holds it is migrating, and then there is nothing left to do.
        await connection.execute(f"set lock_timeout = 0; select pg_advisory_lock({LOCK})")
        missing = await _pending(connection, known, only_pre)
        for migration in missing:
            await _apply(connection, migration)
        return [migration.name for migration in missing if migration.name != BASE]
    finally:
        await connection.close()


async def pending(owner_url: str) -> list[str]:
    """The names of what is still to be applied."""
    import asyncpg

    connection = await asyncpg.connect(owner_url)
    try:
        return [migration.name for migration in await _pending(connection, packaged(), False)]
    finally:
        await connection.close()


async def _pending(
    connection: asyncpg.Connection[asyncpg.Record], known: list[Migration], only_pre: bool
) -> list[Migration]:
    base = Migration(BASE, BASE_SQL)
    is_new = await connection.fetchval(IS_NEW)
    rows = [] if is_new else await connection.fetch(APPLIED)
    applied = {row["name"]: row["checksum"] for row in rows}
    _refuse_what_does_not_match(applied, {migration.name: migration for migration in known})
    missing = [base] if applied.get(BASE) != base.checksum else []
    for migration in known:
        if migration.name in applied:
            continue
        if only_pre and migration.takes_away:
            break
        missing.append(migration)
    return missing


def _refuse_what_does_not_match(applied: dict[str, str], known: dict[str, Migration]) -> None:
    for name, checksum in applied.items():
        if name == BASE:
            continue
        if name not in known:
            raise DatabaseIsNewer(migration=name)
        if known[name].checksum != checksum:
            raise MigrationChanged(file=name)


async def _apply(connection: asyncpg.Connection[asyncpg.Record], migration: Migration) -> None:
    """In one transaction that waits for no lock longer than LOCK_S, so that it never stands in everybody's way."""
    import asyncpg

    if migration.name == BASE:
        await _refuse_missing_roles(connection)
    for attempt in range(1, LOCK_TRIES + 1):
        try:
            async with connection.transaction():
                await connection.execute(
                    f"set local lock_timeout = '{LOCK_S * 1000:.0f}ms';"
                    f" set local idle_in_transaction_session_timeout = '{FROZEN_AFTER_S * 1000:.0f}ms'"
                )
                await connection.execute(migration.sql)
                await connection.execute(RECORD, migration.name, migration.checksum)
            return
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if attempt == LOCK_TRIES:
                raise DatabaseInUse(migration=migration.name) from error
            await asyncio.sleep(attempt)


async def _refuse_missing_roles(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    rows = await connection.fetch(MISSING_ROLES, list(BASE_ROLES))
    if rows:
        raise RoleMissing(role=rows[0]["name"])
