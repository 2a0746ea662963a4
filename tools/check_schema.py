"""check_schema: the tenant wall and its keys, read from the database's own catalog; a finding says how to mend it.

    python tools/check_schema.py postgresql://…      (any role of that database may look)

A table is merchant-owned when it has a merchant_id, unless it is listed here as a reference table with the reason.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import asyncpg

APP, ROUTER = "doorstep_app", "doorstep_router"

# Tables that every merchant shares, and why that is right.
REFERENCE_TABLES = {
    "migration": "which migrations this database has",
    "route": "finds the merchant before one is known; only hashes, read by the router's role alone",
    "site": "the operator's places, shared by all its merchants",
    "rule_list": "lists of customs rules by kind and day: every merchant's goods are under the same law",
    "rule_row": "what such a list says, row by row",
    "site_queue": "how many orders wait at a site, whoever's they are; it names none",
    "person": "people of the operator and of merchants; the console asks for one by its e-mail",
    "order_view": "what people look for in the order list, under a name; it names no order",
    "standing": "every way that an order can stand: four statuses and the types of its holds; it names no order",
    "taste": "how people like the pages, language and light; it names nothing of a merchant's",
    "session": "sign-in links and sessions, by hash, before a merchant is known",
    "recovery_code": "of people, as hashes",
    "attempt": "tries to sign in are counted before it is known whose they are; only hashes",
    "log_entry": "what people did about people, keys and settings; owners and operators alone read it",
}
# Unique keys and indexes of merchant-owned tables that need not begin with merchant_id, and why.
EXEMPT_INDEXES: dict[str, str] = {
    "request_age": "sums up pages by age, to forget old requests; it is no key and tells nobody anything",
}
# Functions that run with their owner's rights, and why that is safe.
DEFINER_FUNCTIONS: dict[str, str] = {}
# The wall hides rows by this setting; a policy that does not read it is a hole.
SETTING = "app.merchants"


@dataclass(frozen=True, slots=True)
class Rule:
    """`sql` answers one row (`wrong`) per break."""

    sql: str
    mend: str


def _names(names: Iterable[str]) -> str:
    return f"array[{', '.join(repr(name) for name in names)}]::text[]"


_SHARED, _INDEXES, _DEFINERS = _names(REFERENCE_TABLES), _names(EXEMPT_INDEXES), _names(DEFINER_FUNCTIONS)

TABLES = f"""
with tables as (
  select c.oid, c.relname::text as name, c.relrowsecurity, c.relforcerowsecurity, c.relname = any({_SHARED}) as shared,
      exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'merchant_id' and a.attnum > 0
        and not a.attisdropped) as has_merchant
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition),
owned as (select * from tables where has_merchant and not shared)
"""

NO_MERCHANT = f"""{TABLES}
select 'table ' || name || ' has no merchant_id' as wrong from tables
  where not has_merchant and not shared order by 1"""
MERCHANT_IS_NO_KEY = f"""{TABLES}
select 'the merchant_id of ' || o.name || ' is ' || format_type(a.atttypid, a.atttypmod)
    || case when a.attnotnull then '' else ' and may be null' end as wrong
  from owned o join pg_attribute a on a.attrelid = o.oid and a.attname = 'merchant_id'
  where (a.atttypid <> 'bigint'::regtype or not a.attnotnull) order by 1"""
NO_PRIMARY_KEY = f"""{TABLES}
select 'table ' || name || ' has no primary key' as wrong from tables t
  where not exists (select from pg_index i where i.indrelid = t.oid and i.indisprimary) order by 1"""
INDEX_WITHOUT_MERCHANT = f"""{TABLES}
select case when i.indisprimary then 'the primary key ' when i.indisunique then 'the unique key ' else 'the index ' end
    || x.relname || ' of ' || o.name || ' begins with ' || pg_get_indexdef(i.indexrelid, 1, true) as wrong
  from owned o join pg_index i on i.indrelid = o.oid join pg_class x on x.oid = i.indexrelid
  where pg_get_indexdef(i.indexrelid, 1, true) <> 'merchant_id' and x.relname <> all({_INDEXES}) order by 1"""
FOREIGN_KEY_WITHOUT_MERCHANT = f"""{TABLES}
select 'the foreign key ' || f.conname || ' of ' || o.name || ' points to ' || p.name || ' without the merchant'
    as wrong
  from owned o join pg_constraint f on f.conrelid = o.oid and f.contype = 'f' join owned p on p.oid = f.confrelid
  where not exists (
    select from unnest(f.conkey, f.confkey) k(here, there)
      join pg_attribute h on h.attrelid = f.conrelid and h.attnum = k.here and h.attname = 'merchant_id'
      join pg_attribute t on t.attrelid = f.confrelid and t.attnum = k.there and t.attname = 'merchant_id')
  order by 1"""
NO_WALL = f"""{TABLES}
select 'table ' || o.name || w.missing as wrong
  from owned o cross join lateral (values
    (not o.relrowsecurity, ' has no row-level security'),
    (not o.relforcerowsecurity, ' does not force row-level security on its owner'),
    (not exists (select from pg_policy p where p.polrelid = o.oid and p.polcmd = '*' and p.polpermissive),
      ' has no policy for all commands')) w(is_missing, missing)
  where w.is_missing order by 1"""
HOLE_IN_THE_WALL = f"""{TABLES}
select 'the policy ' || p.polname || ' of ' || o.name || ' does not read the merchants of the transaction' as wrong
  from owned o join pg_policy p on p.polrelid = o.oid
  where p.polpermissive and (
    coalesce(pg_get_expr(p.polqual, p.polrelid), '{SETTING} merchant_id') not like '%merchant_id%{SETTING}%'
      and coalesce(pg_get_expr(p.polqual, p.polrelid), '{SETTING} merchant_id') not like '%{SETTING}%merchant_id%'
    or pg_get_expr(p.polwithcheck, p.polrelid) is not null
      and pg_get_expr(p.polwithcheck, p.polrelid) not like '%merchant_id%{SETTING}%') order by 1"""
VIEW_AS_OWNER = """
select 'the view ' || c.relname || ' reads with its owner''s rights' as wrong from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
    and not coalesce('security_invoker=true' = any(c.reloptions) or 'security_invoker=on' = any(c.reloptions), false)
  order by 1"""
MATERIALIZED_VIEW = """
select 'the materialized view ' || c.relname || ' keeps rows of all merchants' as wrong from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'm' order by 1"""
DEFINER_FUNCTION = f"""
select 'the function ' || p.proname || ' runs with its owner''s rights' as wrong from pg_proc p
  where p.pronamespace = 'public'::regnamespace and p.prosecdef and p.proname <> all({_DEFINERS}) order by 1"""
SMALL_ID = """
select 'the id ' || c.relname || '.' || a.attname || ' is ' || format_type(a.atttypid, a.atttypmod) as wrong
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
    and (a.attname = 'id' or a.attname like '%\\_id' or a.attidentity <> '' or a.atthasdef and
      (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d where d.adrelid = c.oid and d.adnum = a.attnum)
        like 'nextval(%')
    and a.atttypid in ('smallint'::regtype, 'integer'::regtype) order by 1"""
POWERFUL_ROLE = f"""
select 'the role ' || r.rolname || ' ' || w.power as wrong
  from pg_roles r cross join lateral (values
    (r.rolsuper, 'is a superuser'),
    (r.rolbypassrls, 'bypasses row-level security'),
    (exists (select from pg_class c where c.relowner = r.oid and c.relnamespace = 'public'::regnamespace),
      'owns tables'),
    (exists (select from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and c.relowner <> r.oid and pg_has_role(r.oid, c.relowner, 'member')), 'is a member of the tables'' owner'),
    (has_schema_privilege(r.oid, 'public', 'create'), 'may create tables'),
    (exists (select from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and has_table_privilege(r.oid, c.oid, 'truncate')), 'may truncate tables')) w(has, power)
  where r.rolname in ('{APP}', '{ROUTER}') and w.has order by 1"""
TOO_MUCH_GRANTED = f"""
select 'the role ' || g.role || ' may ' || g.privilege || ' ' || g.name as wrong
  from (values ('{APP}', 'event', 'update'), ('{APP}', 'event', 'delete'), ('{APP}', 'route', 'select'),
    ('{APP}', 'route', 'update'), ('{APP}', 'migration', 'update'), ('{APP}', 'migration', 'delete'),
    ('{APP}', 'migration', 'insert')) g(role, name, privilege)
  where to_regclass(g.name) is not null and (has_table_privilege(g.role, g.name, g.privilege)
      or g.privilege <> 'delete' and has_any_column_privilege(g.role, g.name, g.privilege))
union all
select 'the role {ROUTER} may look into ' || c.relname from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v') and c.relname <> 'route'
    and has_table_privilege('{ROUTER}', c.oid, 'select')
order by 1"""
LISTED_AND_GONE = f"""
select 'the exemption ' || name || ' names nothing' as wrong from unnest({_SHARED} || {_INDEXES} || {_DEFINERS}) name
  where to_regclass(name) is null and not exists (select from pg_proc where proname = name) order by 1"""

RULES = (
    Rule(
        NO_MERCHANT,
        "give it `merchant_id bigint not null`, first in its primary key, and `select wall(…)`; or, if all merchants "
        "share it, list it in REFERENCE_TABLES of tools/check_schema.py with the reason",
    ),
    Rule(MERCHANT_IS_NO_KEY, "make it `merchant_id bigint not null`"),
    Rule(NO_PRIMARY_KEY, "give it one; merchant_id first where a merchant owns its rows"),
    Rule(
        INDEX_WITHOUT_MERCHANT,
        "put merchant_id first: without it the key does not shard, and a unique one tells one merchant what another "
        "has; or list it in EXEMPT_INDEXES of tools/check_schema.py with the reason",
    ),
    Rule(
        FOREIGN_KEY_WITHOUT_MERCHANT,
        "let both sides begin with merchant_id: `foreign key (merchant_id, …) references … (merchant_id, …)`",
    ),
    Rule(NO_WALL, "call `select wall('…'::regclass)` in the migration that makes the table"),
    Rule(HOLE_IN_THE_WALL, "drop it; `wall()` writes the one policy there is"),
    Rule(VIEW_AS_OWNER, "make it `with (security_invoker = true)`, or it shows every merchant's rows to everyone"),
    Rule(MATERIALIZED_VIEW, "make it a table that a verb keeps, behind the wall; a materialized view has none"),
    Rule(
        DEFINER_FUNCTION,
        "make it `security invoker`; or list it in DEFINER_FUNCTIONS of tools/check_schema.py with the reason, and let "
        "it take the merchant as an argument",
    ),
    Rule(SMALL_ID, "make it bigint: two thousand million are too few"),
    Rule(
        POWERFUL_ROLE,
        "take it away from the role (alter role …, reassign owned, revoke …): whoever has it stands above the wall",
    ),
    Rule(TOO_MUCH_GRANTED, "revoke it in the migration that makes the table"),
    Rule(LISTED_AND_GONE, "take it off its list in tools/check_schema.py"),
)


async def findings(connection: asyncpg.Connection[asyncpg.Record]) -> list[str]:
    """What is wrong with the schema, each with its mending; nothing when all is well."""
    found = []
    for rule in RULES:
        rows = await connection.fetch(rule.sql)
        found += [f"{row['wrong']}. To mend: {rule.mend}." for row in rows]
    return found


async def _looked(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return await findings(connection)
    finally:
        await connection.close()


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    found = asyncio.run(_looked(sys.argv[1]))
    for line in found:
        print(line)
    print(f"Schema: {'kept' if not found else 'broken, see above'}.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
